"""What only the sandbox's payment gateway can show: faults, pending and self-paid payments."""

from dataclasses import replace

import httpx
import pytest

from domain.gateways import ProviderRefused, ProviderUnavailable
from domain.payments.transactions import PaymentKind, PaymentStatus
from tests.contract.payment_bench import TIMEOUT_S, PaymentBench, lost

A, C = PaymentKind.AUTHORISE, PaymentKind.CAPTURE
pytestmark = pytest.mark.parametrize("bench", ["sandbox"], indirect=True, scope="module")


async def _fault(bench: PaymentBench, mode: str, kind: str, order_no: str) -> None:
    async with httpx.AsyncClient(base_url=bench.url) as outside:
        fault = {"target": "payments", "mode": mode, "count": 1, "match": {"order_no": order_no, "kind": kind}}
        (await outside.post("/faults", json=fault)).raise_for_status()


async def test_the_same_key_is_the_same_transaction(bench: PaymentBench) -> None:
    request = bench.request()
    assert await bench.gateway.authorise(request) == await bench.gateway.authorise(request)
    with pytest.raises(ProviderRefused) as caught:
        await bench.gateway.authorise(replace(request, amount_minor=999))
    assert caught.value.code == "idempotency_key_reused"


async def test_after_a_lost_answer_the_effect_is_found(bench: PaymentBench) -> None:
    request = bench.request()
    await _fault(bench, "timeout_after", "authorise", request.order_no)
    hasty = bench.at(bench.url, TIMEOUT_S)
    with pytest.raises(ProviderUnavailable) as caught:
        await hasty.authorise(request)
    assert caught.value.code == "timeout"
    await hasty.aclose()
    found = await bench.gateway.lookup(lost(request, A))
    assert found is not None and found.status is PaymentStatus.SUCCEEDED
    assert await bench.gateway.authorise(request) == found


async def test_after_a_lost_question_nothing_is_found(bench: PaymentBench) -> None:
    request = bench.request()
    await _fault(bench, "timeout_before", "authorise", request.order_no)
    hasty = bench.at(bench.url, TIMEOUT_S)
    with pytest.raises(ProviderUnavailable):
        await hasty.authorise(request)
    await hasty.aclose()
    assert await bench.gateway.lookup(lost(request, A)) is None


async def test_a_lookup_can_fail_too(bench: PaymentBench) -> None:
    request = bench.request()
    await bench.gateway.authorise(request)
    await _fault(bench, "error", "lookup", request.order_no)
    with pytest.raises(ProviderUnavailable) as caught:
        await bench.gateway.lookup(lost(request, A))
    assert caught.value.code == "http_500"


@pytest.mark.parametrize(
    ("token", "code"), [("tok_insufficient_funds", "insufficient_funds"), ("tok_x", "unknown_token")]
)
async def test_the_reason_of_a_decline(bench: PaymentBench, token: str, code: str) -> None:
    result = await bench.gateway.authorise(bench.request(token=token))
    assert (result.status, result.error_code) == (PaymentStatus.FAILED, code)


async def test_a_final_rejection_is_a_result(bench: PaymentBench) -> None:
    request = bench.request()
    ref = (await bench.gateway.authorise(request)).provider_ref
    await _fault(bench, "reject", "capture", request.order_no)
    result = await bench.gateway.capture(ref, bench.request(order=request.order_no))
    assert (result.status, result.error_code) == (PaymentStatus.FAILED, "rejected")


async def test_a_payment_to_look_at(bench: PaymentBench) -> None:
    result = await bench.gateway.authorise(bench.request(token="tok_review"))
    assert (result.status, result.risk) == (PaymentStatus.SUCCEEDED, "review")


async def test_a_customer_who_pays_directly(bench: PaymentBench) -> None:
    async with httpx.AsyncClient(base_url=bench.url) as outside:
        paid = {"order_no": "S2", "amount_minor": 77, "currency": "CNY", "reference": "R"}
        (await outside.post("/payments/pay", json=paid)).raise_for_status()
    notice, _ = await bench.notice(lambda notice: notice.order_no == "S2")
    assert (notice.kind, notice.status, notice.amount_minor, notice.parent_ref) == (
        C,
        PaymentStatus.SUCCEEDED,
        77,
        None,
    )


async def test_a_key_of_another_kind_is_refused(bench: PaymentBench) -> None:
    request = bench.request()
    await bench.gateway.authorise(request)
    with pytest.raises(ProviderRefused):
        await bench.gateway.lookup(lost(request, C))


async def test_an_authorisation_ends_when_its_token_says(bench: PaymentBench) -> None:
    lasting = await bench.gateway.authorise(bench.request())
    assert lasting.expires_at is None
    ended = await bench.gateway.authorise(request := bench.request(token="tok_ok@0"))
    assert ended.expires_at is not None
    with pytest.raises(ProviderRefused) as caught:
        await bench.gateway.capture(ended.provider_ref or "", bench.request(order=request.order_no, step="capture"))
    assert caught.value.code == "authorisation_expired"
    void = await bench.gateway.void(ended.provider_ref or "", bench.request(order=request.order_no, step="void"))
    assert void.status is PaymentStatus.SUCCEEDED
    assert await bench.gateway.lookup(lost(request, A)) == ended


@pytest.mark.parametrize("token", ["tok_ok@soon", "tok_ok@-1", "tok_nobody@60"])
async def test_a_lifetime_that_is_no_number_is_no_token(bench: PaymentBench, token: str) -> None:
    refused = await bench.gateway.authorise(bench.request(token=token))
    assert (refused.status, refused.error_code) == (PaymentStatus.FAILED, "unknown_token")
