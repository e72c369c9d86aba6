"""The carrier books once, prints a label, and moves parcels only forwards."""

import base64
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.harness import Receiver, Sandbox, booking, until

StartSandbox = Callable[..., Sandbox]


def advance(sandbox: Sandbox, shipment: dict[str, Any], status: str, expected: int = 200) -> dict[str, Any]:
    return sandbox.call(f"/shipments/{shipment['id']}/advance", {"status": status}, expected)


def cancel(sandbox: Sandbox, shipment: dict[str, Any], expected: int = 200) -> dict[str, Any]:
    body = {"idempotency_key": f"{shipment['order_no']}:recall:1"}
    return sandbox.call(f"/shipments/{shipment['id']}/cancel", body, expected)


def test_booking_gives_a_parcel_with_a_label(sandbox: Sandbox, order_no: str) -> None:
    shipment = sandbox.book(order_no)
    assert (shipment["order_no"], shipment["status"], shipment["currency"]) == (order_no, "booked", "CNY")
    assert shipment["cost_minor"] == 1400
    assert shipment["label"]["format"] == "PDF"
    pdf = base64.b64decode(shipment["label"]["content_base64"])
    assert order_no.encode() in pdf
    assert shipment["tracking_no"].encode() in pdf
    assert b"Whispering" not in pdf
    assert_is_a_pdf(pdf)


def assert_is_a_pdf(pdf: bytes) -> None:
    """Header, trailer, and a cross-reference table whose every offset meets its object."""
    assert pdf.startswith(b"%PDF-1.4\n")
    assert pdf.endswith(b"%%EOF\n")
    found = re.search(rb"startxref\n(\d+)\n", pdf)
    assert found
    table = pdf[int(found[1]) :]
    assert table.startswith(b"xref\n0 6\n")
    offsets = [int(entry) for entry in re.findall(rb"(\d{10}) 00000 n \n", table)]
    assert len(offsets) == 5
    for number, offset in enumerate(offsets, start=1):
        assert pdf[offset:].startswith(b"%d 0 obj\n" % number)
    stream = re.search(rb"/Length (\d+) >>\nstream\n(.*)\nendstream", pdf, re.DOTALL)
    assert stream
    assert int(stream[1]) == len(stream[2])


def test_a_label_escapes_what_pdf_would_read_as_syntax(sandbox: Sandbox, order_no: str) -> None:
    shipment = sandbox.book(f"{order_no})(\\\n订")
    pdf = base64.b64decode(shipment["label"]["content_base64"])
    assert rf"(Order {order_no}\)\(\\ ?) Tj".encode() in pdf
    assert_is_a_pdf(pdf)


def test_one_key_is_one_parcel(sandbox: Sandbox, order_no: str) -> None:
    first = sandbox.book(order_no)
    assert sandbox.book(order_no) == first
    assert sandbox.get("/shipments/lookup", idempotency_key=first["idempotency_key"]) == first
    assert sandbox.get(f"/shipments/{first['id']}") == first
    assert [row["id"] for row in sandbox.items("/shipments", order_no=order_no)] == [first["id"]]
    answer = sandbox.book(order_no, 422, parcels=[{"weight_g": 5}])
    assert answer["error_code"] == "idempotency_key_reused"


@pytest.mark.parametrize("to", [{"line1": "UNDELIVERABLE Street 1"}, {"postcode": "UNDELIVERABLE"}])
def test_an_address_can_be_refused_and_then_corrected(sandbox: Sandbox, order_no: str, to: dict[str, str]) -> None:
    assert sandbox.book(order_no, 422, to=to)["error_code"] == "address_refused"
    assert sandbox.items("/shipments", order_no=order_no) == []
    assert sandbox.get("/shipments/lookup", 404, idempotency_key=f"{order_no}:book:1")["error_code"] == "not_found"
    assert sandbox.book(order_no)["status"] == "booked"


@pytest.mark.parametrize(
    "change", [{"to": {}}, {"to": "x"}, {"parcels": []}, {"parcels": [{"weight_g": -1}]}, {"parcels": [7]}]
)
def test_nonsense_is_refused(sandbox: Sandbox, order_no: str, change: dict[str, Any]) -> None:
    answer = sandbox.call("/shipments", {**booking(order_no), **change}, 422)
    assert answer["error_code"] == "invalid_request"


def test_a_booked_parcel_is_called_back_once(sandbox: Sandbox, order_no: str) -> None:
    shipment = sandbox.book(order_no)
    cancelled = cancel(sandbox, shipment)
    assert cancelled["status"] == "cancelled"
    assert cancel(sandbox, shipment) == cancelled
    assert sandbox.get("/shipments/lookup", idempotency_key=f"{order_no}:recall:1") == cancelled


def test_advancing_a_cancelled_parcel_changes_nothing(sandbox: Sandbox, receiver: Receiver, order_no: str) -> None:
    shipment = sandbox.book(order_no)
    cancelled = cancel(sandbox, shipment)
    assert advance(sandbox, shipment, "delivered")["status"] == "cancelled"
    assert sandbox.get(f"/shipments/{shipment['id']}") == cancelled
    other = sandbox.book(f"{order_no}-B")
    advance(sandbox, other, "delivered")
    until(lambda: receiver.about(f"{order_no}-B"))
    assert receiver.about(order_no) == []


def test_a_parcel_that_left_cannot_be_called_back(sandbox: Sandbox, order_no: str) -> None:
    shipment = sandbox.book(order_no)
    advance(sandbox, shipment, "picked_up")
    assert cancel(sandbox, shipment, 409)["error_code"] == "already_picked_up"
    assert sandbox.get(f"/shipments/{shipment['id']}")["status"] == "picked_up"


def test_every_advance_is_reported_once(sandbox: Sandbox, receiver: Receiver, order_no: str) -> None:
    shipment = sandbox.book(order_no)
    for status in ("picked_up", "in_transit", "in_transit", "delivered", "picked_up"):
        advance(sandbox, shipment, status)
    until(lambda: len(receiver.about(order_no)) == 3)
    hooks = receiver.about(order_no)
    assert {hook["type"] for hook in hooks} == {"shipment.updated"}
    reported = sorted((hook["data"]["sequence"], hook["data"]["status"]) for hook in hooks)
    assert reported == [(1, "picked_up"), (2, "in_transit"), (3, "delivered")]
    assert {hook["data"]["tracking_no"] for hook in hooks} == {shipment["tracking_no"]}
    assert hooks[0]["data"].keys() == {"id", "order_no", "status", "tracking_no", "occurred_at", "sequence"}
    assert hooks[0]["data"]["occurred_at"].endswith("Z")


@pytest.mark.parametrize("status", ["delivered", "lost", "refused"])
def test_a_parcel_may_jump_to_its_end(sandbox: Sandbox, receiver: Receiver, order_no: str, status: str) -> None:
    assert advance(sandbox, sandbox.book(order_no), status)["status"] == status
    assert until(lambda: receiver.about(order_no))[0]["data"]["status"] == status


def test_a_lost_parcel_may_turn_up(sandbox: Sandbox, order_no: str) -> None:
    shipment = sandbox.book(order_no)
    advance(sandbox, shipment, "lost")
    assert advance(sandbox, shipment, "delivered")["status"] == "delivered"
    assert advance(sandbox, shipment, "lost")["status"] == "delivered"


def test_advance_refuses_what_it_does_not_know(sandbox: Sandbox, order_no: str) -> None:
    assert advance(sandbox, sandbox.book(order_no), "booked", 422)["error_code"] == "invalid_request"
    assert advance(sandbox, {"id": "shp_none"}, "lost", 404)["error_code"] == "not_found"
    assert sandbox.get("/shipments/shp_none", 404)["error_code"] == "not_found"


def test_parcels_move_to_the_door_by_themselves(own_sandbox: StartSandbox, receiver: Receiver, order_no: str) -> None:
    sandbox = own_sandbox(OMS_SANDBOX_CARRIER_STEP_S="0.05")
    parcels = [sandbox.book(f"{order_no}-{number}") for number in range(20)]
    cancel(sandbox, stopped := sandbox.book(f"{order_no}-C"))
    until(lambda: all(len(receiver.about(parcel["order_no"])) == 3 for parcel in parcels))
    reported = [hook["data"]["status"] for hook in sorted(receiver.about(f"{order_no}-7"), key=_sequence)]
    assert reported == ["picked_up", "in_transit", "delivered"]
    listed = {row["id"]: row["status"] for row in sandbox.items("/shipments")}
    assert listed == {**{parcel["id"]: "delivered" for parcel in parcels}, stopped["id"]: "cancelled"}


def _sequence(hook: dict[str, Any]) -> int:
    return int(hook["data"]["sequence"])


def test_transit_can_be_quiet(own_sandbox: StartSandbox, receiver: Receiver, order_no: str) -> None:
    sandbox = own_sandbox(OMS_SANDBOX_CARRIER_STEP_S="0.05", OMS_SANDBOX_QUIET_TRANSIT="1")
    sandbox.book(order_no)
    until(lambda: "delivered" in [hook["data"]["status"] for hook in receiver.about(order_no)])
    until(lambda: len(receiver.about(order_no)) == 2)
    assert {hook["data"]["status"] for hook in receiver.about(order_no)} == {"picked_up", "delivered"}


def test_a_manual_carrier_waits_for_a_person(own_sandbox: StartSandbox, receiver: Receiver, order_no: str) -> None:
    sandbox = own_sandbox(OMS_SANDBOX_CARRIER_STEP_S="0.01", OMS_SANDBOX_MANUAL_CARRIER="1")
    shipment = sandbox.book(order_no)
    paid = sandbox.authorise(order_no, "tok_pending")
    # The pending payment's second is a hundred times the carrier's step.
    until(lambda: sandbox.get("/payments/lookup", idempotency_key=paid["idempotency_key"])["status"] == "succeeded")
    assert sandbox.get(f"/shipments/{shipment['id']}")["status"] == "booked"
    assert advance(sandbox, shipment, "picked_up")["status"] == "picked_up"


def test_movement_survives_sigkill(own_sandbox: StartSandbox, receiver: Receiver, order_no: str) -> None:
    sandbox = own_sandbox(OMS_SANDBOX_CARRIER_STEP_S="0.4")
    shipment = sandbox.book(order_no)
    until(lambda: sandbox.get(f"/shipments/{shipment['id']}")["status"] == "picked_up")
    sandbox.kill()
    sandbox.start()
    until(lambda: sandbox.get(f"/shipments/{shipment['id']}")["status"] == "delivered")
    until(lambda: {hook["data"]["sequence"] for hook in receiver.about(order_no)} == {1, 2, 3})
