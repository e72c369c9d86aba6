"""What only Stripe's adapter does, on a server that answers as Stripe documents and writes down what it was asked."""

import json
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from domain.gateways import LostCall, PaymentRequest, ProviderRefused, ProviderUnavailable
from domain.payments.transactions import PaymentKind, PaymentStatus
from infra.gateways.payments.stripe_payments import KEY_LIFETIME_S, StripePayments
from tests.contract.payment_bench import PATIENT_S, SECRET, stripe_signed
from tests.infra.servers import serving

REQUEST = PaymentRequest("N1", 1000, "EUR", "N1/pay/1", "pm_card_visa")


def _intent(**changes: Any) -> dict[str, Any]:
    intent = {
        "id": "pi_1", "object": "payment_intent", "amount": 1000, "amount_received": 0, "currency": "eur",
        "status": "requires_capture", "latest_charge": "ch_1", "created": int(time.time()),
        "metadata": {"order_no": "N1", "idempotency_key": "N1/pay/1"},
    }  # fmt: skip
    return {**intent, **changes}


def _list(kind: str, *items: dict[str, Any]) -> dict[str, Any]:
    return {"object": kind, "data": list(items), "has_more": False, "url": "/v1/x"}


def _as_requested(answer: dict[str, Any], request: str) -> dict[str, Any]:
    """As Stripe does: the charge is an id unless the call wants it whole."""
    charge = answer.get("latest_charge")
    whole = "expand[0]=latest_charge" in unquote(request)
    return {**answer, "latest_charge": charge["id"]} if isinstance(charge, dict) and not whole else answer


@dataclass
class Stripe:
    """Answers by method and path; `asked` is (method, path, idempotency key, body)."""

    gateway: StripePayments | None = None
    answers: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    requests: list[tuple[str, str, str | None, str]] = field(default_factory=list)

    async def answer(self, request: Request) -> JSONResponse:
        body = (await request.body()).decode()
        self.requests.append((request.method, request.url.path, request.headers.get("idempotency-key"), body))
        status, answer = self.answers.get(f"{request.method} {request.url.path}", (404, {"error": {"message": "none"}}))
        return JSONResponse(_as_requested(answer, request.url.query + body), status)

    def calls(self) -> list[str]:
        return [f"{method} {path}" for method, path, _, _ in self.requests]


@pytest.fixture
async def stripe() -> AsyncIterator[Stripe]:
    server = Stripe()
    app = Starlette(routes=[Route("/{path:path}", server.answer, methods=["GET", "POST"])])
    async with serving(app) as url:
        server.gateway = StripePayments("sk_test_1", SECRET, PATIENT_S, url)
        yield server
        await server.gateway.aclose()


async def test_our_keys_are_stripe_s_keys(stripe: Stripe) -> None:
    stripe.answers = {
        "POST /v1/payment_intents": (200, _intent()),
        "POST /v1/payment_intents/pi_1": (200, _intent()),
        "POST /v1/payment_intents/pi_1/capture": (200, _intent(status="succeeded", amount_received=600)),
        "POST /v1/payment_intents/pi_1/cancel": (200, _intent(status="canceled")),
        "POST /v1/refunds": (
            200,
            {"id": "re_1", "object": "refund", "amount": 5, "currency": "eur", "status": "pending"},
        ),
        "GET /v1/refunds": (200, _list("list")),
    }
    await stripe.gateway.authorise(REQUEST)
    captured = await stripe.gateway.capture("pi_1", PaymentRequest("N1", 600, "EUR", "N1/capture/1"))
    await stripe.gateway.void("pi_1", PaymentRequest("N1", 1000, "EUR", "N1/void/1"))
    refunded = await stripe.gateway.refund("ch_1", PaymentRequest("N1", 5, "EUR", "N1/refund/1"))
    assert (captured.amount_minor, captured.provider_ref) == (600, "ch_1")
    assert refunded.status is PaymentStatus.PENDING
    keys = [key for method, _, key, _ in stripe.requests if method == "POST"]
    assert keys == ["N1/pay/1", "N1/capture/1:note", "N1/capture/1", "N1/void/1:note", "N1/void/1", "N1/refund/1"]
    assert "capture_method=manual" in stripe.requests[0][3] and "confirm=true" in stripe.requests[0][3]


async def test_a_refund_whose_key_stripe_has_forgotten_is_not_paid_again(stripe: Stripe) -> None:
    paid = {"id": "re_1", "object": "refund", "amount": 5, "currency": "eur", "status": "succeeded"}
    stripe.answers = {"GET /v1/refunds": (200, _list("list", {**paid, "metadata": {"idempotency_key": "N1/refund/1"}}))}
    found = await stripe.gateway.refund("ch_1", PaymentRequest("N1", 5, "EUR", "N1/refund/1"))
    assert (found.provider_ref, found.status) == ("re_1", PaymentStatus.SUCCEEDED)
    assert stripe.calls() == ["GET /v1/refunds"]


async def test_a_failure_is_not_repeated_behind_our_back(stripe: Stripe) -> None:
    stripe.answers = {"POST /v1/payment_intents": (500, {"error": {"message": "x"}})}
    with pytest.raises(ProviderUnavailable):
        await stripe.gateway.authorise(REQUEST)
    assert len(stripe.requests) == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"code": "card_declined", "decline_code": "insufficient_funds"}, "insufficient_funds"),
        ({"code": "card_declined", "decline_code": "generic_decline"}, "declined"),
        ({"code": "expired_card"}, "expired_card"),
    ],
)
async def test_the_reason_of_a_decline(stripe: Stripe, error: dict[str, str], code: str) -> None:
    body = {"error": {"type": "card_error", "message": "for Liu", "payment_intent": _intent(), **error}}
    stripe.answers = {"POST /v1/payment_intents": (402, body)}
    result = await stripe.gateway.authorise(REQUEST)
    assert (result.status, result.error_code, result.provider_ref) == (PaymentStatus.FAILED, code, "pi_1")


async def test_a_card_that_wants_its_owner_is_a_failure(stripe: Stripe) -> None:
    stripe.answers = {"POST /v1/payment_intents": (200, _intent(status="requires_action", latest_charge=None))}
    result = await stripe.gateway.authorise(REQUEST)
    assert (result.status, result.error_code) == (PaymentStatus.FAILED, "authentication_required")


_CHARGE = {"id": "ch_1", "object": "charge", "outcome": {"risk_level": "elevated"}}


async def test_a_risky_payment_is_to_be_looked_at(stripe: Stripe) -> None:
    """Stripe says the risk of the charge, and shows that only to who asks for it."""
    risky = _intent(latest_charge=_CHARGE)
    stripe.answers = {"POST /v1/payment_intents": (200, risky), "GET /v1/payment_intents/pi_1": (200, risky)}
    assert (await stripe.gateway.authorise(REQUEST)).risk == "review"
    found = await stripe.gateway.lookup(LostCall(PaymentKind.AUTHORISE, REQUEST, ref="pi_1"))
    assert found is not None and found.risk == "review"


async def test_a_payment_under_review_is_reported_so_by_its_notification(stripe: Stripe) -> None:
    content = {"type": "payment_intent.amount_capturable_updated", "data": {"object": _intent(review="prv_1")}}
    body = json.dumps({"id": "evt_1", **content}).encode()
    notice = stripe.gateway.parse_notification(stripe_signed(body, time.time()), body)
    assert notice is not None and notice.risk == "review"


async def test_a_key_in_use_is_passing_and_a_key_misused_is_final(stripe: Stripe) -> None:
    stripe.answers = {"POST /v1/payment_intents": (409, {"error": {"type": "idempotency_error", "message": "x"}})}
    with pytest.raises(ProviderUnavailable):
        await stripe.gateway.authorise(REQUEST)
    stripe.answers = {"POST /v1/payment_intents": (400, {"error": {"type": "idempotency_error", "message": "x"}})}
    with pytest.raises(ProviderRefused) as caught:
        await stripe.gateway.authorise(REQUEST)
    assert caught.value.code == "idempotency_key_reused"


_SEARCH = "GET /v1/payment_intents/search"


async def test_a_lost_authorisation_is_repeated_under_its_key_and_the_account_is_not_listed(stripe: Stripe) -> None:
    stripe.answers = {"POST /v1/payment_intents": (200, _intent())}
    for age_s in (0, KEY_LIFETIME_S - 1):
        found = await stripe.gateway.lookup(LostCall(PaymentKind.AUTHORISE, REQUEST, age_s=age_s))
        assert found is not None and found.provider_ref == "pi_1"
    assert [(call, key) for call, (_, _, key, _) in zip(stripe.calls(), stripe.requests, strict=True)] == [
        ("POST /v1/payment_intents", "N1/pay/1")
    ] * 2


@pytest.mark.parametrize(
    ("kind", "key", "path", "about"),
    [
        (PaymentKind.AUTHORISE, "N1/pay/1", "GET /v1/payment_intents/pi_1", {"ref": "pi_1"}),
        (PaymentKind.CAPTURE, "N1/capture/1", "GET /v1/payment_intents/pi_1", {"of": "pi_1"}),
        (PaymentKind.VOID, "N1/void/1", "GET /v1/payment_intents/pi_1", {"of": "pi_1"}),
        (PaymentKind.REFUND, "N1/refund/1", "GET /v1/refunds", {"of": "ch_1"}),
    ],
)
async def test_what_a_reference_is_known_of_is_read_by_it_and_never_repeated(
    stripe: Stripe, kind: PaymentKind, key: str, path: str, about: dict[str, str]
) -> None:
    refund = {"id": "re_1", "object": "refund", "amount": 5, "currency": "eur", "status": "succeeded"}
    ended = {PaymentKind.CAPTURE: "succeeded", PaymentKind.VOID: "canceled"}.get(kind, "requires_capture")
    marks = {"capture_key": "N1/capture/1", "void_key": "N1/void/1"}
    intent = _intent(status=ended, amount_received=1000, metadata={"idempotency_key": "N1/pay/1", **marks})
    stripe.answers = {
        "GET /v1/payment_intents/pi_1": (200, intent),
        "GET /v1/refunds": (200, _list("list", {**refund, "metadata": {"idempotency_key": "N1/refund/1"}})),
    }
    request = PaymentRequest("N1", 1000, "EUR", key, "pm_card_visa")
    for age_s in (0, KEY_LIFETIME_S * 5):
        found = await stripe.gateway.lookup(LostCall(kind, request, age_s=age_s, **about))
        assert found is not None and found.status is PaymentStatus.SUCCEEDED
    assert stripe.calls() == [path] * 2
    if kind is not PaymentKind.AUTHORISE:
        other = PaymentRequest("N1", 1000, "EUR", f"{key}0")
        assert await stripe.gateway.lookup(LostCall(kind, other, **about)) is None


@pytest.mark.parametrize("searches", [True, False])
async def test_an_authorisation_whose_key_is_forgotten_is_searched_for_and_never_repeated(
    stripe: Stripe, searches: bool
) -> None:
    old = _intent(created=int(time.time()) - 2 * 86_400)
    refused = (400, {"error": {"type": "invalid_request_error", "message": "x"}})
    stripe.answers = {
        _SEARCH: (200, _list("search_result", old)) if searches else refused,
        "GET /v1/payment_intents/pi_1": (200, old),
        "GET /v1/payment_intents": (200, _list("list", old)),
    }
    call = LostCall(PaymentKind.AUTHORISE, REQUEST, age_s=2 * 86_400)
    found = await stripe.gateway.lookup(call)
    assert found is not None and found.provider_ref == "pi_1"
    stripe.answers |= {_SEARCH: (200, _list("search_result")), "GET /v1/payment_intents": (200, _list("list"))}
    assert await stripe.gateway.lookup(call) is None
    assert "POST /v1/payment_intents" not in stripe.calls()


async def test_what_the_search_may_not_know_yet_is_not_taken_for_never_done(stripe: Stripe) -> None:
    """A key under which Stripe was asked in other words was used: what came of it is somewhere."""
    stripe.answers = {
        "POST /v1/payment_intents": (400, {"error": {"type": "idempotency_error", "message": "x"}}),
        _SEARCH: (200, _list("search_result")),
    }
    without_token = PaymentRequest("N1", 1000, "EUR", "N1/pay/1")
    for call in (
        LostCall(PaymentKind.AUTHORISE, REQUEST, age_s=3600),
        LostCall(PaymentKind.AUTHORISE, REQUEST, age_s=KEY_LIFETIME_S + 60),
        LostCall(PaymentKind.AUTHORISE, without_token, age_s=60),
    ):
        with pytest.raises(ProviderUnavailable) as caught:
            await stripe.gateway.lookup(call)
        assert caught.value.code == "not_found_yet"
    assert await stripe.gateway.lookup(LostCall(PaymentKind.AUTHORISE, without_token, age_s=3600)) is None


@pytest.mark.parametrize(
    ("event", "reported", "expected"),
    [
        ("payment_intent.amount_capturable_updated", _intent(),
         (PaymentKind.AUTHORISE, PaymentStatus.SUCCEEDED, "pi_1", None)),
        ("payment_intent.succeeded", _intent(status="succeeded", amount_received=1000),
         (PaymentKind.CAPTURE, PaymentStatus.SUCCEEDED, "ch_1", "pi_1")),
        ("payment_intent.canceled", _intent(status="canceled"),
         (PaymentKind.VOID, PaymentStatus.SUCCEEDED, "pi_1:void", "pi_1")),
        ("payment_intent.payment_failed", _intent(status="requires_payment_method"),
         (PaymentKind.AUTHORISE, PaymentStatus.FAILED, "pi_1", None)),
        ("refund.updated", {"id": "re_1", "amount": 1000, "currency": "eur", "status": "failed", "charge": "ch_1",
                            "failure_reason": "lost_or_stolen_card", "metadata": {"order_no": "N1"}},
         (PaymentKind.REFUND, PaymentStatus.FAILED, "re_1", "ch_1")),
    ],
)  # fmt: skip
async def test_events_in_our_words(
    stripe: Stripe, event: str, reported: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    body = json.dumps({"id": "evt_1", "type": event, "data": {"object": reported}}).encode()
    notice = stripe.gateway.parse_notification(stripe_signed(body, time.time()), body)
    assert notice is not None
    assert (notice.kind, notice.status, notice.provider_ref, notice.parent_ref) == expected
    assert (notice.event_id, notice.order_no, notice.amount_minor, notice.currency) == ("evt_1", "N1", 1000, "EUR")


async def test_a_payment_that_is_not_ours_is_no_news(stripe: Stripe) -> None:
    event = {"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": _intent(metadata={})}}
    body = json.dumps(event).encode()
    assert stripe.gateway.parse_notification(stripe_signed(body, time.time()), body) is None


_UNEXPECTED = (
    400,
    {"error": {"type": "invalid_request_error", "code": "payment_intent_unexpected_state", "message": ""}},
)


@pytest.mark.parametrize(("received", "done"), [(1000, True), (400, False)])
async def test_what_was_captured_in_the_dashboard_is_captured(stripe: Stripe, received: int, done: bool) -> None:
    stripe.answers = {
        "POST /v1/payment_intents/pi_1": (200, _intent()),
        "POST /v1/payment_intents/pi_1/capture": _UNEXPECTED,
        "GET /v1/payment_intents/pi_1": (200, _intent(status="succeeded", amount_received=received)),
    }
    if done:
        result = await stripe.gateway.capture("pi_1", REQUEST)
        assert (result.status, result.provider_ref, result.amount_minor) == (PaymentStatus.SUCCEEDED, "ch_1", 1000)
    else:
        with pytest.raises(ProviderRefused):
            await stripe.gateway.capture("pi_1", REQUEST)


async def test_what_was_given_up_in_the_dashboard_is_void_and_what_was_captured_is_not(stripe: Stripe) -> None:
    stripe.answers = {
        "POST /v1/payment_intents/pi_1": (200, _intent()),
        "POST /v1/payment_intents/pi_1/cancel": _UNEXPECTED,
        "GET /v1/payment_intents/pi_1": (200, _intent(status="canceled")),
    }
    assert (await stripe.gateway.void("pi_1", REQUEST)).status is PaymentStatus.SUCCEEDED
    stripe.answers["GET /v1/payment_intents/pi_1"] = (200, _intent(status="succeeded"))
    with pytest.raises(ProviderRefused):
        await stripe.gateway.void("pi_1", REQUEST)


_DISPUTE = {"id": "dp_1", "amount": 1000, "currency": "eur", "charge": "ch_1", "reason": "fraudulent", "metadata": {}}


@pytest.mark.parametrize(
    ("status", "outcome"), [("needs_response", ""), ("under_review", ""), ("won", "won"), ("lost", "lost")]
)
async def test_a_dispute_names_its_charge_and_how_it_ended(stripe: Stripe, status: str, outcome: str) -> None:
    event = {"id": "evt_1", "type": "charge.dispute.updated", "data": {"object": {**_DISPUTE, "status": status}}}
    body = json.dumps(event).encode()
    notice = stripe.gateway.parse_notification(stripe_signed(body, time.time()), body)
    assert notice is not None
    assert (notice.kind, notice.parent_ref, notice.order_no) == (PaymentKind.DISPUTE, "ch_1", "")
    assert (notice.outcome, notice.error_code, notice.amount_minor) == (outcome, "fraudulent", 1000)


async def test_an_inquiry_takes_no_money_and_is_no_dispute(stripe: Stripe) -> None:
    content = {**_DISPUTE, "status": "warning_needs_response"}
    body = json.dumps({"id": "evt_1", "type": "charge.dispute.created", "data": {"object": content}}).encode()
    assert stripe.gateway.parse_notification(stripe_signed(body, time.time()), body) is None


# Our minor units, and the number that Stripe has for them.
CLASSES = [
    ("JPY", 1000, 1000), ("XOF", 1000, 1000), ("ISK", 1000, 100_000), ("UGX", 1000, 100_000), ("MGA", 1000, 10),
    ("EUR", 1000, 1000), ("HUF", 1000, 1000), ("KWD", 1230, 1230), ("BHD", 10, 10),
]  # fmt: skip


@pytest.mark.parametrize(("currency", "minor", "theirs"), CLASSES)
async def test_stripe_s_number_for_an_amount_in_both_directions(
    stripe: Stripe, currency: str, minor: int, theirs: int
) -> None:
    content = {"amount": theirs, "currency": currency.lower()}
    intent = _intent(**content, status="succeeded", amount_received=theirs)
    stripe.answers = {
        "POST /v1/payment_intents": (200, _intent(**content)),
        "POST /v1/payment_intents/pi_1": (200, _intent(**content)),
        "POST /v1/payment_intents/pi_1/capture": (200, intent),
        "POST /v1/refunds": (200, {"id": "re_1", "object": "refund", "status": "succeeded", **content}),
        "GET /v1/refunds": (200, _list("list")),
    }
    gateway = stripe.gateway
    request = PaymentRequest("N1", minor, currency, "N1/x/1", "pm_card_visa")
    answers = [
        await gateway.authorise(request),
        await gateway.capture("pi_1", request),
        await gateway.refund("ch_1", request),
    ]
    assert [one.amount_minor for one in answers] == [minor] * 3
    sent = [
        re.search(r"(?:^|&)amount(?:_to_capture)?=([0-9]+)", body)[1]
        for _, _, _, body in stripe.requests
        if "amount" in body
    ]
    assert sent == [str(theirs)] * 3
    for event, about in (
        ("payment_intent.succeeded", intent),
        ("refund.updated", {"id": "re_1", "status": "succeeded", "charge": "ch_1", **content}),
        ("charge.dispute.created", {**_DISPUTE, **content, "status": "needs_response"}),
    ):
        body = json.dumps({"id": "evt_1", "type": event, "data": {"object": about}}).encode()
        notice = gateway.parse_notification(stripe_signed(body, time.time()), body)
        assert notice is not None and (notice.amount_minor, notice.currency) == (minor, currency)


@pytest.mark.parametrize(
    ("currency", "minor", "code"),
    [("KWD", 12_345, "amount_not_payable"), ("MGA", 150, "amount_not_payable"), ("CLF", 10_000, "currency_not_taken"),
     ("UYW", 1, "currency_not_taken")],
)  # fmt: skip
async def test_what_stripe_cannot_move_is_refused_before_it_is_asked(
    stripe: Stripe, currency: str, minor: int, code: str
) -> None:
    request = PaymentRequest("N1", minor, currency, "N1/x/1", "pm_card_visa")
    for call in (stripe.gateway.authorise(request), stripe.gateway.refund("ch_1", request)):
        with pytest.raises(ProviderRefused) as refused:
            await call
        assert refused.value.code == code
    assert stripe.requests == []


def _card(**details: Any) -> dict[str, Any]:
    return {"id": "ch_1", "object": "charge", "created": 1_900_000_000, "payment_method_details": {"card": details}}


@pytest.mark.parametrize(
    ("charge", "until"),
    [
        (_card(brand="visa", capture_before=1_900_432_000), "2030-03-22T17:46:40+00:00"),  # five days, as Visa has it
        (_card(brand="visa"), "2030-03-24T17:46:40+00:00"),  # seven days after it was authorised
        ("ch_1", "2030-03-24T17:46:40+00:00"),
    ],
)
async def test_an_authorisation_says_until_when_it_can_be_captured(stripe: Stripe, charge: Any, until: str) -> None:
    stripe.answers = {"POST /v1/payment_intents": (200, _intent(latest_charge=charge, created=1_900_000_000))}
    authorised = await stripe.gateway.authorise(REQUEST)
    assert authorised.expires_at == until
    event = {
        "id": "evt_1", "type": "payment_intent.amount_capturable_updated", "livemode": False,
        "data": {"object": _intent(latest_charge=charge, created=1_900_000_000)},
    }  # fmt: skip
    body = json.dumps(event).encode()
    notice = stripe.gateway.parse_notification(stripe_signed(body, time.time()), body)
    assert notice is not None and notice.expires_at == until


@pytest.mark.parametrize("status", ["succeeded", "canceled", "processing"])
async def test_what_is_no_longer_or_not_yet_authorised_has_no_end(stripe: Stripe, status: str) -> None:
    charge = _card(capture_before=1_900_432_000)
    stripe.answers = {"POST /v1/payment_intents": (200, _intent(status=status, latest_charge=charge))}
    assert (await stripe.gateway.authorise(REQUEST)).expires_at is None


async def test_a_saved_card_is_charged_for_its_customer_while_they_are_away(stripe: Stripe) -> None:
    stripe.answers = {"POST /v1/payment_intents": (200, _intent())}
    saved = PaymentRequest("N1", 1000, "EUR", "N1/pay/1", "cus_1:pm_1")
    await stripe.gateway.authorise(saved)
    await stripe.gateway.lookup(LostCall(PaymentKind.AUTHORISE, saved))
    bodies = [unquote(body) for _, _, _, body in stripe.requests]
    assert all("customer=cus_1&off_session=true" in body and "payment_method=pm_1&" in body for body in bodies)
    assert bodies[0] == bodies[1]  # Stripe refuses another body under the same key
    await stripe.gateway.authorise(REQUEST)
    assert "customer" not in stripe.requests[-1][3]
