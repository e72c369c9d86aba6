"""What a request for approval asks for keeps its JSON: what was stored before is read, and written the same."""

from typing import Any

import pytest

from api.schemas.support.manual_transitions import Adjust
from api.schemas.support.parked_steps import BulkResolve, Resolve
from domain.approvals import (
    ApprovalKind,
    BulkRequest,
    BulkResolution,
    ManualTransition,
    ParkedFilter,
    RefundRequest,
    RequestedAction,
    StepResolution,
    request_from_json,
)
from domain.orders.status import OrderEvent
from domain.support.steps import Action, Step

SKIP: dict[str, Any] = {"action": "skip", "reason": "seen at the bank", "value": {"reference": "bank 1"}}
ADJUST: dict[str, Any] = {"event": "payment_recorded", "reason": "seen", "value": {"reference": "bank 1"}}
BULK: dict[str, Any] = {
    "filter": {"step": "capture", "error": None, "provider": "sandbox"},
    "all": False,
    "expected": 2,
    "action": "compensate",
    "reason": "the provider is gone",
    "value": None,
    "rate_per_s": 20.0,
}
RESOLUTION = BulkResolution(
    ParkedFilter(Step.CAPTURE, None, "sandbox"), Action.COMPENSATE, "the provider is gone", 20.0, expected=2
)
STORED: dict[ApprovalKind, tuple[dict[str, Any], RequestedAction]] = {
    ApprovalKind.RESOLVE: (SKIP, StepResolution(Action.SKIP, SKIP["reason"], SKIP["value"])),
    ApprovalKind.ADJUST: (ADJUST, ManualTransition(OrderEvent.PAYMENT_RECORDED, "seen", ADJUST["value"])),
    ApprovalKind.BULK: (
        {"wish": BULK, "orders": ["A", "B"], "parks": [1, 2], "amounts": [500, 700]},
        BulkRequest(RESOLUTION, ("A", "B"), (1, 2), (500, 700)),
    ),
    ApprovalKind.REFUND: ({"refund_id": "rf_1", "reason": "late"}, RefundRequest("rf_1", "late")),
}


@pytest.mark.parametrize("kind", list(ApprovalKind))
def test_a_request_is_stored_as_before_and_read_again(kind: ApprovalKind) -> None:
    stored, request = STORED[kind]
    assert request_from_json(kind, stored) == request
    assert (request.kind, request.as_json()) == (kind, stored)


def test_the_stored_json_is_the_body_of_the_call() -> None:
    assert Resolve.model_validate(SKIP | {"park_no": 3}).model_dump(mode="json", exclude={"park_no"}) == SKIP
    assert Adjust.model_validate(ADJUST).model_dump(mode="json", exclude={"fulfilment_id"}) == ADJUST
    assert BulkResolve.model_validate(BULK).model_dump(mode="json") == BULK


def test_an_old_bulk_request_names_no_steps_and_no_amounts() -> None:
    old = {name: BULK[name] for name in ("action", "reason", "rate_per_s")}
    read = request_from_json("bulk", {"wish": old, "orders": ["A", "B"]})
    assert isinstance(read, BulkRequest)
    assert (read.parks, read.amounts) == ((None, None), (None, None))
    assert read.resolution == BulkResolution(ParkedFilter(), Action.COMPENSATE, "the provider is gone", 20.0)


@pytest.mark.parametrize(("kind", "stored"), [("resolve", {}), ("resolve", SKIP | {"action": "x"}), ("x", SKIP)])
def test_what_never_was_a_request_is_refused(kind: str, stored: dict[str, Any]) -> None:
    with pytest.raises((KeyError, ValueError)):
        request_from_json(kind, stored)
