"""What a change of an order does, or would do: the answer of the call, and what the pages show before it is made."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

from domain.orders import delivery_slots
from domain.orders.changes import WORDS, stock_deltas
from domain.orders.status import ChangeKind
from infra.db.orders.changing.changes import ChangePlan


@dataclass(frozen=True, slots=True)
class UnitsChange:
    """Units of a SKU before and after, of those that were sold at one price."""

    sku: str
    before: int
    after: int
    unit_price_minor: int


@dataclass(frozen=True, slots=True)
class LinesChange:
    """The lines that have more or fewer units."""

    what: str
    lines: list[UnitsChange]


@dataclass(frozen=True, slots=True)
class SlotChange:
    """The delivery slot before and after: {from, to}."""

    what: str
    before: dict[str, str] | None
    after: dict[str, str] | None


@dataclass(frozen=True, slots=True)
class TextChange:
    """The address or the note has another text."""

    what: str


@dataclass(frozen=True, slots=True)
class StockDelta:
    """Units that the order reserves more, or (negative) fewer."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class ChangeConsequence:
    """All that a change does. It waits in `awaiting_payment` while the difference of a paid order is to be paid."""

    order_no: str
    status: str
    changes: list[LinesChange | SlotChange | TextChange]
    total_before_minor: int
    total_after_minor: int
    refund_minor: int
    to_pay_minor: int
    currency: str
    stock: list[StockDelta]
    refund_id: str | None
    state: Literal["applied", "awaiting_payment"]

    @property
    def awaits_payment(self) -> bool:
        """True while the difference is to be paid first."""
        return self.state == "awaiting_payment"


def consequence_of(plan: ChangePlan) -> ChangeConsequence:
    """What the plan does with the order as it is now."""
    context = plan.context
    reserved = stock_deltas(plan.lines) if context.warehouse is not None else {}
    return ChangeConsequence(
        order_no=context.order_no,
        status=context.standing.status.value,
        changes=[_change_of(plan, what) for what in plan.what],
        total_before_minor=context.total_minor,
        total_after_minor=plan.total_after_minor,
        refund_minor=plan.refund_minor,
        to_pay_minor=plan.to_pay_minor,
        currency=context.currency,
        stock=[StockDelta(sku, delta) for sku, delta in reserved.items()],
        refund_id=None,
        state="awaiting_payment" if plan.difference_minor else "applied",
    )


def _change_of(plan: ChangePlan, what: ChangeKind) -> LinesChange | SlotChange | TextChange:
    if what is ChangeKind.DELIVERY_SLOT:
        before, after = (delivery_slots.as_json(slot) for slot in (plan.context.slot, plan.slot))
        return SlotChange(WORDS[what], before, after)
    return LinesChange(WORDS[what], _units(plan)) if what is ChangeKind.LINES else TextChange(WORDS[what])


def _units(plan: ChangePlan) -> list[UnitsChange]:
    """Lines of one SKU are one row, unless they were sold at different prices."""
    before: dict[tuple[str, int], int] = defaultdict(int)
    for line in plan.context.lines:
        before[line.sku, line.unit_price_minor] += line.quantity
    deltas: dict[tuple[str, int], int] = defaultdict(int)
    for change in plan.lines:
        deltas[change.sku, change.unit_price_minor] += change.delta
    return [
        UnitsChange(sku, before[sku, price], before[sku, price] + delta, price)
        for (sku, price), delta in sorted(deltas.items())
        if delta
    ]
