"""What every payment gateway does alike, on real servers: the sandbox, Stripe's adapter on localstripe, store credit in
the database.
"""

import json
import time
from dataclasses import replace

import httpx
import pytest

from domain.gateways import BadSignature, PaymentGateway, PaymentRequest, ProviderRefused, ProviderUnavailable
from domain.payments.transactions import PaymentKind, PaymentStatus
from tests.contract import faulty
from tests.contract.payment_bench import TIMEOUT_S, PaymentBench, lost
from tests.contract.processes import free_port
from tests.contract.receiver import Post

# What only a provider on the other side of a wire can do: tell, be silent, talk nonsense.
WIRED = pytest.mark.parametrize("bench", ["sandbox", "stripe"], indirect=True, scope="module")
A, C, V, R = PaymentKind.AUTHORISE, PaymentKind.CAPTURE, PaymentKind.VOID, PaymentKind.REFUND


async def test_money_is_reserved_taken_and_returned(bench: PaymentBench) -> None:
    request = bench.request(1000)
    authorised = await bench.gateway.authorise(request)
    assert (authorised.status, authorised.amount_minor, authorised.error_code) == (PaymentStatus.SUCCEEDED, 1000, None)
    captured = await bench.gateway.capture(authorised.provider_ref, bench.request(1000, order=request.order_no))
    assert (captured.status, captured.amount_minor) == (PaymentStatus.SUCCEEDED, 1000)
    refunds = [
        await bench.gateway.refund(captured.provider_ref, bench.request(amount, order=request.order_no))
        for amount in (300, 700)
    ]
    assert [(refund.status, refund.amount_minor) for refund in refunds] == [
        (PaymentStatus.SUCCEEDED, 300),
        (PaymentStatus.SUCCEEDED, 700),
    ]
    assert len({r.provider_ref for r in (authorised, captured, *refunds)}) == 4


@WIRED
@pytest.mark.parametrize(
    ("currency", "minor"),
    [("JPY", 1234), ("XOF", 10_000), ("ISK", 1234), ("UGX", 4321), ("MGA", 12_300), ("HUF", 12_345), ("KWD", 12_340)],
)
async def test_amounts_of_every_class_of_currencies_are_ours_on_the_way_there_and_back(
    bench: PaymentBench, currency: str, minor: int
) -> None:
    request = replace(bench.request(minor), currency=currency)
    authorised = await bench.gateway.authorise(request)
    takes = replace(bench.request(minor, order=request.order_no), currency=currency)
    captured = await bench.gateway.capture(authorised.provider_ref, takes)
    returns = replace(bench.request(minor, order=request.order_no, step="refund"), currency=currency)
    refunded = await bench.gateway.refund(captured.provider_ref, returns)
    found = await bench.gateway.lookup(lost(request))
    assert [one.amount_minor for one in (authorised, captured, refunded, found)] == [minor] * 4
    if bench.gateway.name == "stripe":  # the sandbox tells only of what nobody heard
        notice, _ = await bench.notice(lambda notice: notice.order_no == request.order_no)
        assert (notice.amount_minor, notice.currency) == (minor, currency)


# localstripe keeps no idempotency keys.
@pytest.mark.parametrize("bench", ["sandbox", "store_credit"], indirect=True, scope="module")
async def test_a_repeated_call_moves_money_once(bench: PaymentBench) -> None:
    request = bench.request(1000)
    takes, returns = (bench.request(1000, step=step, order=request.order_no) for step in ("capture", "refund"))
    authorised = [await bench.gateway.authorise(request) for _ in range(2)]
    captured = [await bench.gateway.capture(authorised[0].provider_ref, takes) for _ in range(2)]
    refunded = [await bench.gateway.refund(captured[0].provider_ref, returns) for _ in range(2)]
    for first, second in (authorised, captured, refunded):
        assert (first.status, first.provider_ref) == (second.status, second.provider_ref)


@pytest.mark.parametrize("bench", ["sandbox"], indirect=True, scope="module")
async def test_an_authorisation_is_captured_in_parts_and_its_rest_is_released(bench: PaymentBench) -> None:
    assert bench.gateway.captures_in_parts
    request = bench.request(1000)
    ref = (await bench.gateway.authorise(request)).provider_ref

    def takes(amount_minor: int) -> PaymentRequest:
        return replace(bench.request(amount_minor, step="capture", order=request.order_no), final=False)

    first, second = takes(300), takes(450)
    captures = [await bench.gateway.capture(ref, one) for one in (first, second, first)]
    assert [one.amount_minor for one in captures] == [300, 450, 300]
    assert captures[0].provider_ref == captures[2].provider_ref != captures[1].provider_ref
    assert await bench.gateway.lookup(lost(second, C, ref)) == captures[1]
    with pytest.raises(ProviderRefused):
        await bench.gateway.capture(ref, takes(251))
    released = await bench.gateway.void(ref, bench.request(250, step="void", order=request.order_no))
    assert (released.status, released.amount_minor) == (PaymentStatus.SUCCEEDED, 250)
    with pytest.raises(ProviderRefused):
        await bench.gateway.capture(ref, takes(1))
    refunded = await bench.gateway.refund(captures[1].provider_ref, bench.request(450, order=request.order_no))
    assert refunded.amount_minor == 450


@pytest.mark.parametrize("bench", ["stripe"], indirect=True, scope="module")
async def test_an_authorisation_that_is_taken_once_is_not_taken_again(bench: PaymentBench) -> None:
    assert not bench.gateway.captures_in_parts
    request = bench.request(1000)
    ref = (await bench.gateway.authorise(request)).provider_ref
    await bench.gateway.capture(ref, bench.request(700, step="capture", order=request.order_no))
    with pytest.raises(ProviderRefused):
        await bench.gateway.capture(ref, bench.request(100, step="capture", order=request.order_no))


async def test_a_decline_is_a_result(bench: PaymentBench) -> None:
    result = await bench.gateway.authorise(bench.request(token=bench.declined))
    assert (result.status, result.error_code) == (PaymentStatus.FAILED, bench.declines_with)


async def test_a_voided_authorisation_cannot_be_taken(bench: PaymentBench) -> None:
    request = bench.request()
    ref = (await bench.gateway.authorise(request)).provider_ref
    voided = await bench.gateway.void(ref, bench.request(order=request.order_no))
    assert voided.status is PaymentStatus.SUCCEEDED and voided.provider_ref != ref
    if bench.gateway.name != "stripe":  # localstripe captures what was cancelled; Stripe does not
        with pytest.raises(ProviderRefused):
            await bench.gateway.capture(ref, bench.request(order=request.order_no))


async def test_what_was_taken_cannot_be_voided(bench: PaymentBench) -> None:
    request, authorisation, _ = await bench.paid()
    with pytest.raises(ProviderRefused):
        await bench.gateway.void(authorisation, bench.request(order=request.order_no))


async def test_no_more_than_authorised_is_taken(bench: PaymentBench) -> None:
    request = bench.request(1000)
    ref = (await bench.gateway.authorise(request)).provider_ref
    with pytest.raises(ProviderRefused):
        await bench.gateway.capture(ref, bench.request(1001, order=request.order_no))


async def test_an_unknown_reference_is_refused(bench: PaymentBench) -> None:
    for action in (bench.gateway.capture, bench.gateway.void):
        with pytest.raises(ProviderRefused):
            await action("pi_unknown", bench.request())
    with pytest.raises(ProviderRefused):
        await bench.gateway.refund("ch_unknown", bench.request())


async def test_every_effect_is_found_by_its_key(bench: PaymentBench) -> None:
    first = bench.request(1000)
    takes = bench.request(1000, step="capture", order=first.order_no)
    returns = bench.request(400, step="refund", order=first.order_no)
    authorised = await bench.gateway.authorise(first)
    assert await bench.gateway.lookup(lost(takes, C, authorised.provider_ref)) is None
    captured = await bench.gateway.capture(authorised.provider_ref, takes)
    refunded = await bench.gateway.refund(captured.provider_ref, returns)
    made = (
        # Captured since: nothing is authorised any more that could end.
        (replace(lost(first), ref=authorised.provider_ref), replace(authorised, expires_at=None)),
        (lost(takes, C, authorised.provider_ref), captured),
        (lost(returns, R, captured.provider_ref), refunded),
    )
    for call, result in made:
        assert await bench.gateway.lookup(call) == result


async def test_a_void_is_found_by_its_key(bench: PaymentBench) -> None:
    request = bench.request()
    gives_up = bench.request(order=request.order_no, step="void")
    authorised = await bench.gateway.authorise(request)
    voided = await bench.gateway.void(authorised.provider_ref, gives_up)
    assert await bench.gateway.lookup(lost(gives_up, V, authorised.provider_ref)) == voided


async def test_a_decline_is_found_by_its_key(bench: PaymentBench) -> None:
    request = bench.request(token=bench.declined)
    await bench.gateway.authorise(request)
    found = await bench.gateway.lookup(lost(request))
    assert found is not None and (found.status, found.error_code) == (PaymentStatus.FAILED, bench.declines_with)


@pytest.mark.parametrize("kind", list(PaymentKind))
async def test_what_was_never_done_is_not_found(bench: PaymentBench, kind: PaymentKind) -> None:
    request, authorisation, capture = await bench.paid()
    if kind is A and bench.gateway.name == "stripe":
        return  # it is repeated: see the next test
    for order in ("unknown", request.order_no):
        call = lost(bench.request(order=order), kind, {C: authorisation, V: authorisation, R: capture}.get(kind))
        assert await bench.gateway.lookup(call) is None


# localstripe keeps no idempotency keys: what Stripe's adapter asks it is in test_stripe_payments.py.
@pytest.mark.parametrize("bench", ["sandbox", "store_credit"], indirect=True, scope="module")
@pytest.mark.parametrize("received", [True, False])
async def test_an_authorisation_that_is_looked_up_is_made_once_at_most(bench: PaymentBench, received: bool) -> None:
    """Whether the first call arrived or not: afterwards it is known, and comes no second time."""
    request = bench.request(1000)
    made = await bench.gateway.authorise(request) if received else None
    found = await bench.gateway.lookup(lost(request))
    assert not received or found == made
    assert found is None or await bench.gateway.authorise(request) == found


@WIRED
async def test_a_notification_tells_of_a_payment(bench: PaymentBench) -> None:
    if bench.gateway.name == "sandbox":
        request = bench.request(token="tok_pending")
        pending = await bench.gateway.authorise(request)
        assert pending.status is PaymentStatus.PENDING
        async with httpx.AsyncClient(base_url=bench.url) as outside:
            await outside.post(f"/payments/{pending.provider_ref}/decide", json={"status": "succeeded"})
        kind, ref = A, pending.provider_ref
    else:
        request, _, ref = await bench.paid()
        kind = C
    notice, _ = await bench.notice(lambda notice: notice.order_no == request.order_no and notice.kind is kind)
    assert (notice.status, notice.provider_ref) == (PaymentStatus.SUCCEEDED, ref)
    assert (notice.amount_minor, notice.currency) == (1000, bench.currency)
    assert notice.event_id and notice.idempotency_key


async def _authentic(bench: PaymentBench) -> Post:
    if bench.gateway.name == "sandbox":
        async with httpx.AsyncClient(base_url=bench.url) as outside:
            paid = {"order_no": "S1", "amount_minor": 5, "currency": "CNY", "reference": "R"}
            (await outside.post("/payments/pay", json=paid)).raise_for_status()
        return (await bench.notice(lambda notice: notice.order_no == "S1"))[1]
    request, _, _ = await bench.paid()
    return (await bench.notice(lambda notice: notice.order_no == request.order_no))[1]


@WIRED
async def test_a_notification_that_was_touched_is_refused(bench: PaymentBench) -> None:
    post = await _authentic(bench)
    for headers, body in (
        (post.headers, post.body.replace(b"amount", b"amounx", 1)),
        (post.headers, post.body + b" "),
        ({}, post.body),
        (dict.fromkeys(post.headers, "x"), post.body),
        ({name: value[:-3] + "AAA" for name, value in post.headers.items()}, post.body),
        (post.headers, b"\xff\xfe"),
    ):
        with pytest.raises(BadSignature) as caught:
            bench.gateway.parse_notification(headers, body)
        assert caught.value.code == "signature_invalid"


@WIRED
async def test_an_old_notification_is_refused(bench: PaymentBench) -> None:
    body = (await _authentic(bench)).body
    assert bench.gateway.parse_notification(bench.signed(body, time.time() - 290), body) is not None
    for at_s in (time.time() - 310, time.time() + 310):
        with pytest.raises(BadSignature) as caught:
            bench.gateway.parse_notification(bench.signed(body, at_s), body)
        assert caught.value.code == "signature_expired"


@WIRED
async def test_a_signed_notification_without_sense_is_refused(bench: PaymentBench) -> None:
    own = {"sandbox": b'{"type":"payment.updated","data":{}}', "stripe": b'{"type":"payment_intent.succeeded"}'}
    for body in (b"[]", b"{", b"null", own[bench.gateway.name]):
        with pytest.raises(BadSignature) as caught:
            bench.gateway.parse_notification(bench.signed(body, time.time()), body)
        assert caught.value.code == "payload_invalid"


@WIRED
async def test_other_news_is_no_payment(bench: PaymentBench) -> None:
    body = json.dumps({"id": "evt_1", "type": "customer.created", "data": {"object": {"id": "cus_1"}}}).encode()
    assert bench.gateway.parse_notification(bench.signed(body, time.time()), body) is None


def _operations(gateway: PaymentGateway, request: PaymentRequest):  # type: ignore[no-untyped-def]
    return [
        lambda: gateway.authorise(request),
        lambda: gateway.capture("pi_1", request),
        lambda: gateway.void("pi_1", request),
        lambda: gateway.refund("ch_1", request),
        lambda: gateway.lookup(lost(request)),
    ]


@WIRED
@pytest.mark.parametrize("server", [faulty.silent, faulty.dripping])
async def test_a_call_is_over_in_time(bench: PaymentBench, server) -> None:  # type: ignore[no-untyped-def]
    async with server() as url:
        gateway = bench.at(url, TIMEOUT_S)
        for action in _operations(gateway, bench.request()):
            started_s = time.monotonic()
            with pytest.raises(ProviderUnavailable) as caught:
                await action()
            assert caught.value.code == "timeout"
            assert TIMEOUT_S * 0.9 < time.monotonic() - started_s < TIMEOUT_S + 60
        await gateway.aclose()


@WIRED
async def test_nobody_there_is_unavailable(bench: PaymentBench) -> None:
    gateway = bench.at(f"http://127.0.0.1:{free_port()}")
    for action in _operations(gateway, bench.request()):
        with pytest.raises(ProviderUnavailable) as caught:
            await action()
        assert caught.value.code == "connection"
    await gateway.aclose()


@WIRED
@pytest.mark.parametrize("status", [401, 403, 408, 429, 500, 502, 503])
async def test_a_passing_failure_is_unavailable(bench: PaymentBench, status: int) -> None:
    body = json.dumps({"error": {"message": faulty.SECRET_MESSAGE}})
    async with faulty.answering(status, body, "retry-after: 7\r\n") as url:
        gateway = bench.at(url)
        for action in _operations(gateway, bench.request()):
            with pytest.raises(ProviderUnavailable) as caught:
                await action()
            assert (caught.value.code, caught.value.retry_after_s) == (f"http_{status}", 7)
            assert faulty.SECRET_MESSAGE not in repr(caught.value) + str(caught.value)
            assert caught.value.__cause__ is None
        await gateway.aclose()


@WIRED
async def test_nonsense_is_unavailable(bench: PaymentBench) -> None:
    for body in ("<html>", "[]"):
        async with faulty.answering(200, body) as url:
            gateway = bench.at(url)
            for action in _operations(gateway, bench.request())[:4]:
                with pytest.raises(ProviderUnavailable):
                    await action()
            await gateway.aclose()


@WIRED
async def test_a_refusal_names_a_code_and_no_message(bench: PaymentBench) -> None:
    error = {"type": "invalid_request_error", "code": "nope", "message": faulty.SECRET_MESSAGE}
    body = json.dumps({"error_code": "nope", "detail": faulty.SECRET_MESSAGE, "error": error})
    async with faulty.answering(400, body) as url:
        gateway = bench.at(url)
        for action in _operations(gateway, bench.request())[:4]:
            with pytest.raises(ProviderRefused) as caught:
                await action()
            assert caught.value.code == "nope"
            assert faulty.SECRET_MESSAGE not in repr(caught.value) + str(caught.value)
        await gateway.aclose()
