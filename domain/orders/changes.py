"""Changing an order after it was placed: what may be changed, why not, and what it does to lines, money and stock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.errors import Conflict, RuleBroken
from domain.line_references import Named, meant
from domain.money import MAX_MINOR
from domain.orders.lines import Product, RequestedLine, price_lines
from domain.orders.status import TERMINAL, UNPAID, ChangeKind, Status, may_change
from domain.pricing import allocation
from domain.pricing.allocation import Frozen, Tax
from domain.problems import TOO_EXPENSIVE

# An order that is to be changed more often than this needs a conversation.
MAX_CHANGES = 50

NO_TAX = Tax()
WORDS: dict[ChangeKind, str] = {
    ChangeKind.ADDRESS: "address",
    ChangeKind.LINES: "lines",
    ChangeKind.NOTE: "note",
    ChangeKind.DELIVERY_SLOT: "delivery_slot",
}


@dataclass(frozen=True, slots=True)
class ChangeFacts:
    """As much of an order as decides what may be changed.

    `exchange` says that its goods are given for others; `parcel` is the live parcel's status or empty; `booking_parked`
    says that its booking failed and waits for support, so no carrier is being asked now; `paying` that money is in
    flight, taken, or in the inbox; `by_shipment` that its payment is authorised, and captured as it ships.
    """

    status: Status
    cancelling: bool
    parcel: str
    booking_parked: bool
    paying: bool
    exchange: bool = False
    by_shipment: bool = False

    @property
    def booked(self) -> bool:
        """True when a label exists, or may be being created."""
        return bool(self.parcel) and not (self.parcel == "booking" and self.booking_parked)


@dataclass(frozen=True, slots=True)
class ChangeableLine:
    """A line as it counts now: the units that are still wanted, and what is left of its shares with them.

    For `refunded_quantity` of these units money went back already: they stay wanted, others are taken off first.
    `sold` is a paid line as its refunds stand, with the tax that is frozen for all of its units.
    """

    line_no: int
    sku: str
    name: str
    quantity: int
    unit_price_minor: int
    discount_minor: int = 0
    shipping_minor: int = 0
    tax_minor: int = 0
    tax_added_minor: int = 0
    refunded_quantity: int = 0
    sold_tax_minor: int = 0
    sold: allocation.RefundableLine | None = None

    @property
    def goods_minor(self) -> int:
        """The price of its units, less discount, with added tax."""
        return self.quantity * self.unit_price_minor - self.discount_minor + self.tax_added_minor


@dataclass(frozen=True, slots=True)
class LineChange:
    """Units added as a line of their own, or taken off a line that is there, with what goes along with them."""

    line_no: int
    sku: str
    name: str
    delta: int
    unit_price_minor: int
    discount_minor: int = 0
    shipping_minor: int = 0
    tax_minor: int = 0
    tax_added_minor: int = 0

    @property
    def items_minor(self) -> int:
        return self.delta * self.unit_price_minor

    @property
    def amount_minor(self) -> int:
        """What the order costs more or less by it."""
        return self.items_minor - self.discount_minor + self.shipping_minor + self.tax_added_minor


def refusal(change: ChangeKind, facts: ChangeFacts) -> Conflict | None:
    """Why `change` is too late, and what else is possible; None when it may be made."""
    if facts.cancelling or facts.status in TERMINAL:
        what = "is being cancelled" if facts.cancelling else f"is {facts.status}"
        return Conflict("order_closed", f"the order {what}: nothing of it can be changed; place a new order")
    if change is ChangeKind.LINES and facts.exchange:
        # Its discount is the value of the returned items: removed units would take that money with them.
        return Conflict(
            "exchange_goods_stay",
            "these goods are given in exchange: cancel the order, and the return that it is for is refunded",
        )
    if change is ChangeKind.LINES and facts.by_shipment:
        return Conflict(
            "captured_by_shipment",
            "the payment is authorised and captured as the order ships: its lines stay; cancel the order and place a "
            "new one",
        )
    if may_change(change, facts.status, paying=facts.paying, parcel=facts.booked):
        return None
    if facts.status in UNPAID and not facts.booked:
        return Conflict(
            "payment_in_progress", "a payment is in flight or has come: change the lines when its outcome is known"
        )
    if facts.status in (Status.PAID, Status.PREPARING):
        return Conflict(
            "label_printed",
            f"the parcel is booked, or being booked: the {_message(change)}; cancel the order and place a new one",
        )
    return Conflict("parcel_on_its_way", f"the parcel has left: the {_message(change)}; return what is not wanted")


def _message(change: ChangeKind) -> str:
    return f"{WORDS[change].replace('_', ' ')} {'stay' if change is ChangeKind.LINES else 'stays'}"


def plan_lines(
    lines: Sequence[ChangeableLine],
    wanted: Mapping[str, int],
    catalogue: Mapping[str, Product],
    currency: str,
    last_line_no: int,
    tax: Tax = NO_TAX,
    named: Sequence[Named] = (),
) -> list[LineChange]:
    """What makes `wanted` ({sku: units}) and the `named` lines of the order's `lines`, in order of SKU.

    A SKU is what its lines that are not named have together: what is too much is taken off them in the order of their
    numbers. A SKU that the order has keeps its price, others cost what the catalogue says today; `tax` is on units that
    are added. Raises RuleBroken as `price_lines` does, `unknown_line`, `line_sku_mismatch`.
    """
    units = named_units(lines, named)
    has = _by_sku([line for line in lines if line.line_no not in units])
    groups = [(line.sku, [line], units[line.line_no]) for line in lines if line.line_no in units]
    groups += [(sku, has.get(sku, []), wanted.get(sku, 0)) for sku in {*has, *wanted}]
    changes: list[LineChange] = []
    for sku, mine, quantity in sorted(groups, key=lambda group: (group[0], [line.line_no for line in group[1]])):
        delta = quantity - sum(line.quantity for line in mine)
        if delta > 0:
            last_line_no += 1
            changes.append(_added(last_line_no, RequestedLine(sku, delta), mine, catalogue, currency, tax))
        elif delta < 0:
            changes += _taken_off(mine, -delta)
    return changes


def named_units(lines: Sequence[ChangeableLine], named: Sequence[Named]) -> dict[int, int]:
    """{line: units} of the lines that are named. Raises RuleBroken `unknown_line`, `line_sku_mismatch`."""
    units: dict[int, int] = {}
    for one in named:
        (line,) = meant(lines, one)
        units[line.line_no] = units.get(line.line_no, 0) + one.quantity
    return units


def require_payable(total_minor: int) -> None:
    """Raises RuleBroken `total_out_of_range`."""
    if total_minor > MAX_MINOR:
        raise RuleBroken("total_out_of_range", TOO_EXPENSIVE, most_minor=MAX_MINOR)


def _by_sku(lines: Sequence[ChangeableLine]) -> dict[str, list[ChangeableLine]]:
    found: dict[str, list[ChangeableLine]] = {}
    for line in sorted(lines, key=lambda each: each.line_no):
        found.setdefault(line.sku, []).append(line)
    return found


def _added(
    line_no: int,
    requested: RequestedLine,
    has: Sequence[ChangeableLine],
    catalogue: Mapping[str, Product],
    currency: str,
    tax: Tax,
) -> LineChange:
    (priced,) = price_lines([requested], catalogue, currency, may_name_price=False)
    price = has[-1].unit_price_minor if has else priced.unit_price_minor
    taxed = tax.of(price * requested.quantity)
    added = 0 if tax.included else taxed
    return LineChange(
        line_no, requested.sku, priced.name, requested.quantity, price, tax_minor=taxed, tax_added_minor=added
    )


def _taken_off(has: Sequence[ChangeableLine], units: int) -> list[LineChange]:
    changes: list[LineChange] = []
    for line in has:
        taken = min(units, line.quantity)
        if taken:
            changes.append(_less(line, taken))
            units -= taken
    return changes


def _less(line: ChangeableLine, units: int) -> LineChange:
    """Units keep their shares, as in a refund: after any sequence of changes a line adds up to the cent."""
    goods, shipping, tax = _shares_of(line, units)
    tax_added = tax if line.tax_added_minor else 0
    # Added tax is rounded separately, so the rest for the discount may be one minor unit outside its bounds.
    discount = min(max(units * line.unit_price_minor + tax_added - goods, 0), line.discount_minor)
    return LineChange(
        line.line_no, line.sku, line.name, -units, line.unit_price_minor, -discount, -shipping, -tax, -tax_added
    )


def _shares_of(line: ChangeableLine, units: int) -> tuple[int, int, int]:
    """(goods, shipping, tax) of so many units."""
    if line.sold is None or units > line.sold.units_left:
        # Units for which money went back stay wanted as long as others are there; only what they cost is kept then.
        remaining = line.quantity - units
        whole = (line.goods_minor, line.shipping_minor, line.tax_minor)
        goods, shipping, tax = (amount - Frozen(amount, line.quantity).worth(remaining) for amount in whole)
        return goods, shipping, tax
    goods, shipping = line.sold.goods.worth(units), line.sold.shipping.worth(units)
    removed, quantity = line.sold.goods.removed, line.sold.goods.quantity
    before = Frozen(line.sold_tax_minor, quantity).worth(removed)
    tax = Frozen(line.sold_tax_minor, quantity, removed, before).worth(units)
    return goods, min(shipping, line.shipping_minor), min(tax, line.tax_minor)


def stock_deltas(changes: Sequence[LineChange]) -> dict[str, int]:
    """{sku: units more (or, negative, fewer) that the order holds}, in order of SKU."""
    deltas: dict[str, int] = {}
    for change in changes:
        deltas[change.sku] = deltas.get(change.sku, 0) + change.delta
    return dict(sorted((sku, delta) for sku, delta in deltas.items() if delta))
