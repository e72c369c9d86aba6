"""The payment gateway keeps its word: one key, one transaction, and never more money out than in."""

from typing import Any

import pytest

from tests.sandbox.harness import Receiver, Sandbox, authorisation, move, until

FIELDS = {"id", "order_no", "kind", "amount_minor", "currency", "status", "idempotency_key"}


@pytest.mark.parametrize(
    ("token", "status", "error_code", "risk"),
    [
        ("tok_ok", "succeeded", None, None),
        ("tok_review", "succeeded", None, "review"),
        ("tok_pending", "pending", None, None),
        ("tok_decline", "failed", "declined", None),
        ("tok_insufficient_funds", "failed", "insufficient_funds", None),
        ("tok_never_seen", "failed", "unknown_token", None),
    ],
)
def test_each_token_has_its_outcome(
    sandbox: Sandbox, order_no: str, token: str, status: str, error_code: str | None, risk: str | None
) -> None:
    payment = sandbox.authorise(order_no, token)
    assert payment.keys() >= FIELDS
    assert (payment["status"], payment["error_code"], payment["risk"]) == (status, error_code, risk)
    assert (payment["kind"], payment["amount_minor"], payment["currency"]) == ("authorise", 1000, "CNY")
    listed = sandbox.items("/payments", order_no=order_no)
    assert [row["id"] for row in listed] == [payment["id"]]


@pytest.mark.parametrize("token", ["tok_ok", "tok_decline"])
def test_the_same_key_gives_the_same_transaction(sandbox: Sandbox, order_no: str, token: str) -> None:
    first = sandbox.authorise(order_no, token)
    assert sandbox.authorise(order_no, token) == first
    assert len(sandbox.items("/payments", order_no=order_no)) == 1


def test_repeated_captures_voids_and_refunds_happen_once(sandbox: Sandbox, order_no: str) -> None:
    authorised = sandbox.authorise(order_no)
    captured = [sandbox.capture(authorised, 1000, f"{order_no}:capture:1") for _ in range(2)]
    refunded = [sandbox.refund(captured[0], 400, f"{order_no}:refund:1") for _ in range(2)]
    other = sandbox.authorise(order_no, idempotency_key=f"{order_no}:authorise:2")
    voided = [sandbox.void(other, f"{order_no}:void:1") for _ in range(2)]
    assert captured[0] == captured[1]
    assert refunded[0] == refunded[1]
    assert voided[0] == voided[1]
    kinds = [row["kind"] for row in sandbox.items("/payments", order_no=order_no)]
    assert kinds == ["authorise", "capture", "refund", "authorise", "void"]


@pytest.mark.parametrize("change", [{"amount_minor": 1001}, {"currency": "EUR"}, {"order_no": "TEST-OTHER"}])
def test_a_key_cannot_be_used_for_something_else(sandbox: Sandbox, order_no: str, change: dict[str, Any]) -> None:
    sandbox.authorise(order_no)
    answer = sandbox.call("/payments/authorise", {**authorisation(order_no), **change}, 422)
    assert answer["error_code"] == "idempotency_key_reused"


def test_a_key_cannot_change_its_kind(sandbox: Sandbox, order_no: str) -> None:
    authorised = sandbox.authorise(order_no)
    answer = sandbox.capture(authorised, 1000, authorised["idempotency_key"], 422)
    assert answer["error_code"] == "idempotency_key_reused"


def test_captures_stay_within_the_authorisation(sandbox: Sandbox, order_no: str) -> None:
    authorised = sandbox.authorise(order_no)
    sandbox.capture(authorised, 600, f"{order_no}:capture:1")
    too_much = sandbox.capture(authorised, 401, f"{order_no}:capture:2", 409)
    assert too_much["error_code"] == "capture_exceeds_authorised"
    assert sandbox.capture(authorised, 400, f"{order_no}:capture:2")["status"] == "succeeded"


def test_refunds_stay_within_the_capture(sandbox: Sandbox, order_no: str) -> None:
    captured = sandbox.capture(sandbox.authorise(order_no), 1000, f"{order_no}:capture:1")
    sandbox.refund(captured, 999, f"{order_no}:refund:1")
    too_much = sandbox.refund(captured, 2, f"{order_no}:refund:2", 409)
    assert too_much["error_code"] == "refund_exceeds_captured"
    last = sandbox.refund(captured, 1, f"{order_no}:refund:3")
    assert (last["status"], last["parent_id"]) == ("succeeded", captured["id"])


def test_void_and_capture_exclude_each_other(sandbox: Sandbox, order_no: str) -> None:
    first = sandbox.authorise(order_no)
    sandbox.void(first, f"{order_no}:void:1")
    assert sandbox.capture(first, 1, f"{order_no}:capture:1", 409)["error_code"] == "authorisation_voided"
    assert sandbox.void(first, f"{order_no}:void:2", 409)["error_code"] == "authorisation_voided"
    second = sandbox.authorise(order_no, idempotency_key=f"{order_no}:authorise:2")
    sandbox.capture(second, second["amount_minor"], f"{order_no}:capture:2")
    assert sandbox.void(second, f"{order_no}:void:3", 409)["error_code"] == "already_captured"


@pytest.mark.parametrize("token", ["tok_decline", "tok_pending"])
def test_what_never_succeeded_cannot_be_captured(sandbox: Sandbox, order_no: str, token: str) -> None:
    payment = sandbox.authorise(order_no, token)
    answer = sandbox.capture(payment, 1000, f"{order_no}:capture:1", 409)
    assert answer["error_code"] == "authorisation_not_succeeded"


def test_only_the_right_kind_can_be_followed(sandbox: Sandbox, order_no: str) -> None:
    authorised = sandbox.authorise(order_no)
    captured = sandbox.capture(authorised, 500, f"{order_no}:capture:1")
    assert sandbox.refund(authorised, 1, f"{order_no}:refund:1", 409)["error_code"] == "not_a_capture"
    assert sandbox.capture(captured, 1, f"{order_no}:capture:2", 409)["error_code"] == "not_an_authorisation"
    assert sandbox.void(captured, f"{order_no}:void:1", 409)["error_code"] == "not_an_authorisation"
    declined = sandbox.authorise(order_no, "tok_decline", idempotency_key=f"{order_no}:authorise:2")
    assert sandbox.void(declined, f"{order_no}:void:2", 409)["error_code"] == "authorisation_not_succeeded"


def test_a_move_must_name_its_own_order_and_currency(sandbox: Sandbox, order_no: str) -> None:
    authorised = sandbox.authorise(order_no)
    path = f"/payments/{authorised['id']}/capture"
    foreign = {**move(authorised, 1, f"{order_no}:capture:1"), "order_no": "TEST-OTHER"}
    assert sandbox.call(path, foreign, 409)["error_code"] == "order_mismatch"
    dollars = {**move(authorised, 1, f"{order_no}:capture:1"), "currency": "USD"}
    assert sandbox.call(path, dollars, 409)["error_code"] == "currency_mismatch"


def test_an_unknown_transaction_is_404(sandbox: Sandbox) -> None:
    body = {"amount_minor": 1, "currency": "CNY", "idempotency_key": "k", "order_no": "o", "status": "failed"}
    for action in ("capture", "void", "refund", "decide"):
        assert sandbox.call(f"/payments/pay_none/{action}", body, 404)["error_code"] == "not_found"


def test_asking_by_key(sandbox: Sandbox, order_no: str) -> None:
    payment = sandbox.authorise(order_no)
    assert sandbox.get("/payments/lookup", idempotency_key=payment["idempotency_key"]) == payment
    assert sandbox.get("/payments/lookup", 404, idempotency_key="never")["error_code"] == "not_found"
    assert sandbox.get("/payments/lookup", 422)["error_code"] == "invalid_request"
    assert sandbox.items("/payments", idempotency_key=payment["idempotency_key"]) == [payment]
    assert sandbox.items("/payments", idempotency_key="never") == []


def test_a_pending_payment_is_decided_automatically(sandbox: Sandbox, receiver: Receiver, order_no: str) -> None:
    payment = sandbox.authorise(order_no, "tok_pending")
    (hook,) = until(lambda: receiver.about(order_no))
    assert hook["type"] == "payment.updated"
    assert hook["data"] == {
        "id": payment["id"],
        "order_no": order_no,
        "kind": "authorise",
        "amount_minor": 1000,
        "currency": "CNY",
        "status": "succeeded",
        "idempotency_key": payment["idempotency_key"],
        "error_code": None,
        "risk": None,
        "parent_id": None,
    }
    assert sandbox.capture(payment, 1000, f"{order_no}:capture:1")["status"] == "succeeded"


@pytest.mark.parametrize(("status", "error_code"), [("succeeded", None), ("failed", "declined")])
def test_a_pending_payment_can_be_decided(
    sandbox: Sandbox, receiver: Receiver, order_no: str, status: str, error_code: str | None
) -> None:
    payment = sandbox.authorise(order_no, "tok_pending")
    decided = sandbox.call(f"/payments/{payment['id']}/decide", {"status": status})
    assert (decided["status"], decided["error_code"]) == (status, error_code)
    (hook,) = until(lambda: receiver.about(order_no))
    assert (hook["data"]["status"], hook["data"]["error_code"]) == (status, error_code)
    assert sandbox.call(f"/payments/{payment['id']}/decide", {"status": status}) == decided
    other = "failed" if status == "succeeded" else "succeeded"
    answer = sandbox.call(f"/payments/{payment['id']}/decide", {"status": other}, 409)
    assert answer["error_code"] == "already_decided"
    assert sandbox.call(f"/payments/{payment['id']}/decide", {"status": "maybe"}, 422)


def test_voiding_a_pending_payment_ends_it(sandbox: Sandbox, receiver: Receiver, order_no: str) -> None:
    payment = sandbox.authorise(order_no, "tok_pending")
    assert sandbox.void(payment, f"{order_no}:void:1")["status"] == "succeeded"
    (hook,) = until(lambda: receiver.about(order_no))
    assert (hook["data"]["status"], hook["data"]["error_code"]) == ("failed", "voided")
    assert sandbox.capture(payment, 1, f"{order_no}:capture:1", 409)["error_code"] == "authorisation_voided"


def test_a_customer_pays_directly(sandbox: Sandbox, receiver: Receiver, order_no: str) -> None:
    body = {"order_no": order_no, "amount_minor": 700, "currency": "CNY", "reference": "QR"}
    paid = sandbox.call("/payments/pay", body)
    assert (paid["kind"], paid["status"], paid["parent_id"]) == ("capture", "succeeded", None)
    (hook,) = until(lambda: receiver.about(order_no))
    assert (hook["type"], hook["data"]["id"]) == ("payment.updated", paid["id"])
    assert sandbox.refund(paid, 700, f"{order_no}:refund:1")["status"] == "succeeded"


def test_an_answered_payment_needs_no_webhook(sandbox: Sandbox, receiver: Receiver, order_no: str) -> None:
    captured = sandbox.capture(sandbox.authorise(order_no), 1000, f"{order_no}:capture:1")
    sandbox.refund(captured, 1000, f"{order_no}:refund:1")
    later = sandbox.call("/payments/pay", {"order_no": f"{order_no}-B", "amount_minor": 1, "currency": "CNY"})
    until(lambda: receiver.about(later["order_no"]))
    assert receiver.about(order_no) == []


@pytest.mark.parametrize(
    "change",
    [
        {"amount_minor": 0},
        {"amount_minor": -1},
        {"amount_minor": 1.5},
        {"amount_minor": True},
        {"amount_minor": 10**30},
        {"amount_minor": "1"},
        {"currency": "yuan"},
        {"currency": None},
        {"order_no": ""},
        {"order_no": 7},
        {"idempotency_key": None},
        {"idempotency_key": "k" * 201},
        {"token": []},
    ],
)
def test_nonsense_is_refused_and_not_kept(sandbox: Sandbox, order_no: str, change: dict[str, Any]) -> None:
    answer = sandbox.call("/payments/authorise", {**authorisation(order_no), **change}, 422)
    assert answer["error_code"] == "invalid_request"
    assert sandbox.items("/payments", order_no=order_no) == []


@pytest.mark.parametrize("raw", [b"{", b"[]", b'"x"', b"\xff", b'{"order_no": "\\ud800"}'])
def test_a_body_must_be_a_json_object(sandbox: Sandbox, raw: bytes) -> None:
    response = sandbox.http.post("/payments/authorise", content=raw)
    assert (response.status_code, response.json()["error_code"]) == (400, "invalid_json")


def test_a_long_list_is_complete_and_in_order(sandbox: Sandbox, order_no: str) -> None:
    ids = [sandbox.authorise(order_no, idempotency_key=f"{order_no}:{number}")["id"] for number in range(1005)]
    assert [row["id"] for row in sandbox.items("/payments", order_no=order_no)] == ids
    assert {row["id"] for row in sandbox.items("/payments")} >= set(ids)


def test_an_authorisation_that_has_expired_is_neither_captured_nor_voided(sandbox: Sandbox, order_no: str) -> None:
    authorised = sandbox.authorise(order_no)
    expired = sandbox.call(f"/payments/{authorised['id']}/expire", {})
    assert expired["error_code"] == "authorisation_expired"
    assert sandbox.call(f"/payments/{authorised['id']}/expire", {}) == expired
    for kind, body in (("capture", {"amount_minor": 1000, "currency": "CNY"}), ("void", {})):
        payload = {"order_no": order_no, "idempotency_key": f"{order_no}:{kind}:1", **body}
        refused = sandbox.call(f"/payments/{authorised['id']}/{kind}", payload, 409)
        assert refused["error_code"] == "authorisation_expired"
