"""Every kind of misbehaviour, on the calls that were meant and on no other."""

import time
from typing import Any

import pytest

from tests.sandbox.harness import Receiver, Sandbox, authorisation, booking, message, move, until

CALLS: list[tuple[str, str, Any]] = [
    ("payments", "/payments/authorise", authorisation),
    ("carriers", "/shipments", booking),
    ("messages", "/messages", message),
]
DONE = {"payments": 200, "carriers": 201, "messages": 201}
LISTS = {"payments": "/payments", "carriers": "/shipments", "messages": "/messages"}
each_provider = pytest.mark.parametrize(("target", "path", "body"), CALLS)


def count_of(sandbox: Sandbox, target: str, order_no: str) -> int:
    return len(sandbox.items(LISTS[target], order_no=order_no))


@each_provider
def test_error_does_nothing_and_then_passes(sandbox: Sandbox, order_no: str, target: str, path: str, body: Any) -> None:
    sandbox.fault(target, "error", 2)
    for _ in range(2):
        sandbox.call(path, body(order_no), 500)
    assert count_of(sandbox, target, order_no) == 0
    sandbox.call(path, body(order_no), DONE[target])
    assert sandbox.items("/faults") == []


@each_provider
def test_timeout_before_does_nothing(sandbox: Sandbox, order_no: str, target: str, path: str, body: Any) -> None:
    sandbox.fault(target, "timeout_before")
    sandbox.unanswered(path, body(order_no))
    assert count_of(sandbox, target, order_no) == 0
    sandbox.call(path, body(order_no), DONE[target])


@each_provider
def test_timeout_after_is_done_and_found_again(
    sandbox: Sandbox, order_no: str, target: str, path: str, body: Any
) -> None:
    sandbox.fault(target, "timeout_after")
    sandbox.unanswered(path, body(order_no))
    assert count_of(sandbox, target, order_no) == 1
    sandbox.call(path, body(order_no), DONE[target])
    assert count_of(sandbox, target, order_no) == 1


@each_provider
def test_slow_answers_late(sandbox: Sandbox, order_no: str, target: str, path: str, body: Any) -> None:
    sandbox.fault(target, "slow")
    begun = time.monotonic()
    sandbox.call(path, body(order_no), DONE[target])
    assert time.monotonic() - begun >= 0.5
    assert count_of(sandbox, target, order_no) == 1


@each_provider
def test_down_refuses_everything_until_deleted(
    sandbox: Sandbox, order_no: str, target: str, path: str, body: Any
) -> None:
    sandbox.fault(target, "error", 1)
    sandbox.fault(target, "down", 1)
    for _ in range(3):
        assert sandbox.call(path, body(order_no), 503)["error_code"] == "unavailable"
    assert count_of(sandbox, target, order_no) == 0
    assert len(sandbox.items("/faults")) == 2
    assert sandbox.http.delete("/faults").json() == {"cleared": 2}
    sandbox.call(path, body(order_no), DONE[target])


@pytest.mark.parametrize(("target", "path", "body"), CALLS[1:])
def test_a_rejected_booking_or_message_is_final(
    sandbox: Sandbox, order_no: str, target: str, path: str, body: Any
) -> None:
    sandbox.fault(target, "reject")
    assert sandbox.call(path, body(order_no), 422)["error_code"] == "rejected"
    assert count_of(sandbox, target, order_no) == 0


def test_rejected_payments_are_failed_transactions(sandbox: Sandbox, order_no: str) -> None:
    sandbox.fault("payments", "reject", kind="authorise")
    rejected = sandbox.authorise(order_no)
    assert (rejected["status"], rejected["error_code"]) == ("failed", "rejected")
    assert sandbox.authorise(order_no) == rejected
    authorised = sandbox.authorise(order_no, idempotency_key=f"{order_no}:authorise:2")
    sandbox.fault("payments", "reject", kind="capture")
    assert sandbox.capture(authorised, 1000, f"{order_no}:capture:1")["error_code"] == "rejected"
    captured = sandbox.capture(authorised, 1000, f"{order_no}:capture:2")
    sandbox.fault("payments", "reject", kind="refund")
    assert sandbox.refund(captured, 1000, f"{order_no}:refund:1")["error_code"] == "rejected"
    assert sandbox.refund(captured, 1000, f"{order_no}:refund:2")["status"] == "succeeded"


def test_a_rejected_void_leaves_the_authorisation(sandbox: Sandbox, order_no: str) -> None:
    authorised = sandbox.authorise(order_no)
    sandbox.fault("payments", "reject", kind="void")
    assert sandbox.void(authorised, f"{order_no}:void:1")["error_code"] == "rejected"
    assert sandbox.capture(authorised, 1000, f"{order_no}:capture:1")["status"] == "succeeded"


def test_a_rejected_recall_leaves_the_parcel(sandbox: Sandbox, order_no: str) -> None:
    shipment = sandbox.book(order_no)
    sandbox.fault("carriers", "reject", kind="cancel")
    path, body = f"/shipments/{shipment['id']}/cancel", {"idempotency_key": f"{order_no}:recall:1"}
    assert sandbox.call(path, body, 422)["error_code"] == "rejected"
    assert sandbox.call(path, body)["status"] == "cancelled"


@pytest.mark.parametrize("target", ["payments", "carriers"])
def test_queries_are_hit_and_lists_are_not(sandbox: Sandbox, order_no: str, target: str) -> None:
    path = "/payments/lookup" if target == "payments" else "/shipments/lookup"
    key = (sandbox.authorise(order_no) if target == "payments" else sandbox.book(order_no))["idempotency_key"]
    for mode, status in (("error", 500), ("reject", 422), ("down", 503)):
        sandbox.fault(target, mode, kind="lookup")
        assert count_of(sandbox, target, order_no) == 1
        sandbox.get(path, status, idempotency_key=key)
        sandbox.http.delete("/faults")
    for mode in ("timeout_before", "timeout_after"):
        sandbox.fault(target, mode, order_no=order_no)
        sandbox.unanswered(f"{path}?idempotency_key={key}")
    assert sandbox.get(path, idempotency_key=key)["order_no"] == order_no


def test_an_outage_of_one_order_covers_questions_about_it(sandbox: Sandbox, order_no: str) -> None:
    sandbox.fault("payments", "down", order_no=order_no)
    query = {"idempotency_key": "never", "order_no": order_no}
    assert sandbox.get("/payments/lookup", 503, **query)["error_code"] == "unavailable"
    assert sandbox.get("/payments/lookup", 404, idempotency_key="never")["error_code"] == "not_found"


def test_a_match_names_the_order_and_the_kind(sandbox: Sandbox, order_no: str) -> None:
    fault = sandbox.fault("payments", "error", 2, order_no=order_no, kind="capture")
    assert sandbox.authorise(f"{order_no}-B")["status"] == "succeeded"
    authorised = sandbox.authorise(order_no)
    # A capture without the order's number is recognised by the transaction it names.
    body = move(authorised, 1000, f"{order_no}:capture:1")
    del body["order_no"]
    sandbox.call(f"/payments/{authorised['id']}/capture", body, 500)
    assert sandbox.items("/faults") == [{**fault, "count": 1}]
    sandbox.call(f"/payments/{authorised['id']}/capture", body, 500)
    assert sandbox.call(f"/payments/{authorised['id']}/capture", body)["status"] == "succeeded"


def test_faults_of_one_provider_leave_the_others_alone(sandbox: Sandbox, order_no: str) -> None:
    sandbox.fault("carriers", "down")
    assert sandbox.authorise(order_no)["status"] == "succeeded"
    sandbox.call("/messages", message(order_no), 201)
    sandbox.call("/shipments", booking(order_no), 503)


def test_an_unanswered_payment_is_reported_by_webhook(sandbox: Sandbox, receiver: Receiver, order_no: str) -> None:
    authorised = sandbox.authorise(order_no)
    sandbox.fault("payments", "timeout_after", kind="capture")
    sandbox.unanswered(f"/payments/{authorised['id']}/capture", move(authorised, 1000, f"{order_no}:capture:1"))
    (hook,) = until(lambda: receiver.about(order_no))
    assert (hook["type"], hook["data"]["kind"], hook["data"]["status"]) == ("payment.updated", "capture", "succeeded")
    assert hook["data"]["parent_id"] == authorised["id"]


@pytest.mark.parametrize("target", ["payments", "carriers"])
def test_duplicate_webhook_sends_the_next_ones_twice(
    sandbox: Sandbox, receiver: Receiver, order_no: str, target: str
) -> None:
    sandbox.fault(target, "duplicate_webhook", order_no=f"{order_no}-0")
    for number in range(2):
        for _ in range(2):
            post_message(sandbox, target, f"{order_no}-{number}")
    until(lambda: len(receiver.about(f"{order_no}-0")) >= 3 and len(receiver.about(f"{order_no}-1")) >= 2)
    ids = [hook["id"] for hook in receiver.about(f"{order_no}-0")]
    assert (len(ids), len(set(ids))) == (3, 2)
    assert len(receiver.about(f"{order_no}-1")) == 2
    assert sandbox.items("/faults") == []


def post_message(sandbox: Sandbox, target: str, order_no: str) -> None:
    if target == "payments":
        sandbox.call("/payments/pay", {"order_no": order_no, "amount_minor": 1, "currency": "CNY"})
    else:
        shipment = sandbox.book(order_no)
        status = "picked_up" if shipment["status"] == "booked" else "delivered"
        sandbox.call(f"/shipments/{shipment['id']}/advance", {"status": status})


def test_a_held_call_keeps_nobody_else_waiting(sandbox: Sandbox, order_no: str) -> None:
    sandbox.fault("payments", "timeout_before", order_no=order_no)
    sandbox.unanswered("/payments/authorise", authorisation(order_no))
    begun = time.monotonic()
    sandbox.authorise(f"{order_no}-B")
    assert time.monotonic() - begun < 60  # the held one is held for minutes


@pytest.mark.parametrize(
    "body",
    [
        {"mode": "error"},
        {"target": "banks", "mode": "error"},
        {"target": "payments", "mode": "explode"},
        {"target": "payments", "mode": "error", "count": 0},
        {"target": "payments", "mode": "error", "count": "2"},
        {"target": "payments", "mode": "error", "match": {"sku": "x"}},
        {"target": "payments", "mode": "error", "match": {"kind": "book"}},
        {"target": "payments", "mode": "error", "match": {"order_no": 1}},
        {"target": ["payments"], "mode": "error"},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(sandbox: Sandbox, body: dict[str, Any]) -> None:
    assert sandbox.call("/faults", body, 422)["error_code"] == "invalid_request"
    assert sandbox.items("/faults") == []


def test_a_pending_refund_takes_its_room_and_stays_pending_until_somebody_decides(
    sandbox: Sandbox, order_no: str
) -> None:
    captured = sandbox.capture(sandbox.authorise(order_no), 1000, f"{order_no}:capture:1")
    sandbox.fault("payments", "pending", kind="refund")
    pending = sandbox.refund(captured, 600, f"{order_no}:refund:1")
    assert pending["status"] == "pending"
    body = {"order_no": order_no, "amount_minor": 600, "currency": "CNY", "idempotency_key": f"{order_no}:refund:2"}
    refused = sandbox.call(f"/payments/{captured['id']}/refund", body, 409)
    assert refused["error_code"] == "refund_exceeds_captured"
    assert sandbox.call(f"/payments/{pending['id']}/decide", {"status": "failed"})["status"] == "failed"
    assert sandbox.refund(captured, 600, f"{order_no}:refund:3")["status"] == "succeeded"
    assert sandbox.call("/faults", {"target": "carriers", "mode": "pending"}, 422)
