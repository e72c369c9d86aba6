"""What a request for approval asks for, by kind, and the JSON of it that the database keeps encrypted."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import ClassVar

from domain.json_types import JsonObject
from domain.orders.bulk_actions import BulkAction
from domain.orders.status import OrderEvent
from domain.support.steps import Action, Step


class ApprovalKind(StrEnum):
    """What an approval is for."""

    RESOLVE = "resolve"
    ADJUST = "adjust"
    BULK = "bulk"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class StepResolution:
    """An action on the parked step of one order; `value` has the shape that step and action ask for."""

    kind: ClassVar[ApprovalKind] = ApprovalKind.RESOLVE
    action: Action
    reason: str
    value: Mapping[str, object] | None = None

    @classmethod
    def from_json(cls, stored: JsonObject) -> "StepResolution":
        return cls(Action(stored["action"]), stored["reason"], stored.get("value"))

    def as_json(self) -> dict[str, object]:
        return {"action": self.action, "reason": self.reason, "value": self.value}


@dataclass(frozen=True, slots=True)
class ManualTransition:
    """An event of an order's lifecycle that a person reports; `value` has the shape that the event asks for.
    `fulfilment_id` is for parcels, of which none moves money: it is not kept with an approval."""

    kind: ClassVar[ApprovalKind] = ApprovalKind.ADJUST
    event: OrderEvent
    reason: str
    value: Mapping[str, object] | None = None
    fulfilment_id: str | None = None

    @classmethod
    def from_json(cls, stored: JsonObject) -> "ManualTransition":
        return cls(OrderEvent(stored["event"]), stored["reason"], stored.get("value"))

    def as_json(self) -> dict[str, object]:
        return {"event": self.event, "reason": self.reason, "value": self.value}


@dataclass(frozen=True, slots=True)
class ParkedFilter:
    """Which parked orders; None matches everything."""

    step: Step | None = None
    error: str | None = None
    provider: str | None = None

    @classmethod
    def from_json(cls, stored: JsonObject) -> "ParkedFilter":
        step = stored.get("step")
        return cls(Step(step) if step else None, stored.get("error"), stored.get("provider"))


@dataclass(frozen=True, slots=True)
class BulkResolution:
    """The same action on every parked order that the filter finds. `expected` is the number of orders that the caller
    named, `all` says that no filter is meant."""

    filter: ParkedFilter
    action: Action
    reason: str
    rate_per_s: float
    value: Mapping[str, object] | None = None
    all: bool = False
    expected: int | None = None

    @classmethod
    def from_json(cls, stored: JsonObject) -> "BulkResolution":
        return cls(
            filter=ParkedFilter.from_json(stored.get("filter") or {}),
            action=Action(stored["action"]),
            reason=stored["reason"],
            rate_per_s=float(stored["rate_per_s"]),
            value=stored.get("value"),
            all=stored.get("all", False),
            expected=stored.get("expected"),
        )


@dataclass(frozen=True, slots=True)
class BulkRequest:
    """The orders of a bulk resolution that need approval, each with its parked step and the amount that moves. Old
    requests name neither: then both are None."""

    kind: ClassVar[ApprovalKind] = ApprovalKind.BULK
    resolution: BulkResolution
    orders: Sequence[str]
    parks: Sequence[int | None]
    amounts: Sequence[int | None]

    @property
    def reason(self) -> str:
        return self.resolution.reason

    @property
    def value(self) -> Mapping[str, object] | None:
        return self.resolution.value

    @classmethod
    def from_json(cls, stored: JsonObject) -> "BulkRequest":
        orders = tuple(stored["orders"])
        parks, amounts = (tuple(stored.get(name) or [None] * len(orders)) for name in ("parks", "amounts"))
        return cls(BulkResolution.from_json(stored["wish"]), orders, parks, amounts)

    def as_json(self) -> dict[str, object]:
        each = {"orders": list(self.orders), "parks": list(self.parks), "amounts": list(self.amounts)}
        return {"wish": asdict(self.resolution), **each}


@dataclass(frozen=True, slots=True)
class OrderJobRequest:
    """An action on orders that were chosen in a list, with the money that it returns for each."""

    kind: ClassVar[ApprovalKind] = ApprovalKind.BULK
    action: BulkAction
    reason: str
    orders: Sequence[str]
    amounts: Sequence[int]

    @property
    def value(self) -> None:
        """An action that returns money has none."""

    @classmethod
    def from_json(cls, stored: JsonObject) -> "OrderJobRequest":
        job = stored["order_job"]
        return cls(BulkAction(job["action"]), job["reason"], tuple(job["orders"]), tuple(job["amounts"]))

    def as_json(self) -> dict[str, object]:
        job = {"action": self.action, "reason": self.reason}
        return {"order_job": {**job, "orders": list(self.orders), "amounts": list(self.amounts)}}


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """A refund that is open and waits."""

    kind: ClassVar[ApprovalKind] = ApprovalKind.REFUND
    refund_id: str
    reason: str

    @property
    def value(self) -> None:
        """A refund has none."""

    @classmethod
    def from_json(cls, stored: JsonObject) -> "RefundRequest":
        return cls(stored["refund_id"], stored["reason"])

    def as_json(self) -> dict[str, object]:
        return {"refund_id": self.refund_id, "reason": self.reason}


RequestedAction = StepResolution | ManualTransition | BulkRequest | OrderJobRequest | RefundRequest
_BY_KIND: dict[ApprovalKind, type[RequestedAction]] = {
    one.kind: one for one in (StepResolution, ManualTransition, BulkRequest, RefundRequest)
}


def request_from_json(kind: str, stored: JsonObject) -> RequestedAction:
    """What was asked for, as it is kept. Raises KeyError, ValueError for what this kind of request never was."""
    # Of the kind `bulk`, too: a version that does not know it shows the request and cannot approve it.
    if "order_job" in stored:
        return OrderJobRequest.from_json(stored)
    return _BY_KIND[ApprovalKind(kind)].from_json(stored)
