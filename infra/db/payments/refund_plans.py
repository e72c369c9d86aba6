"""What a refund would be: what is left of lines and captures, and what is asked of them. Nothing is changed here."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import line_references
from domain.after_sales.returns import REFUNDED, UNSETTLED
from domain.errors import Conflict, NotFound, RuleBroken, amounts_in
from domain.orders.status import Status
from domain.payments.refunds import Origin
from domain.pricing import allocation
from domain.pricing.allocation import RefundableLine, Returned
from infra.db.approvals import approval_limits
from infra.db.approvals.approval_limits import Limits, Moved
from infra.db.literals import literals
from infra.provider_rules import amounts

_ORDER = text("SELECT status, cancelling, currency FROM orders WHERE order_no = :order_no")


# What of a paid line went over to lines that were added instead (order changes): what was taken off, less what of it
# was given back. Neither its units nor its money are the line's any more.
MOVED = """
    LATERAL (SELECT o.units - b.units AS units, o.goods - b.goods AS goods, o.shipping - b.shipping AS shipping,
                    b.worth - b.goods AS kept_worth, b.shipping_worth - b.shipping AS kept_shipping_worth,
                    CASE WHEN o.goods = 0 THEN 0 ELSE o.tax * (o.goods - b.goods) / o.goods END AS tax,
                    CASE WHEN o.goods = 0 THEN 0 ELSE o.tax_added * (o.goods - b.goods) / o.goods END AS tax_added
               FROM (SELECT coalesce(-sum(c.quantity_delta), 0)::bigint AS units,
                            coalesce(-sum(c.items_minor - c.discount_minor + c.tax_added_minor), 0)::bigint AS goods,
                            coalesce(-sum(c.shipping_minor), 0)::bigint AS shipping,
                            coalesce(-sum(c.tax_minor), 0)::bigint AS tax,
                            coalesce(-sum(c.tax_added_minor), 0)::bigint AS tax_added
                       FROM order_change_lines c
                      WHERE c.order_no = l.order_no AND c.line_no = l.line_no AND c.kept_line) o,
                    (SELECT coalesce(sum(n.quantity), 0)::bigint AS units,
                            coalesce(sum(n.amount_minor - n.shipping_minor), 0)::bigint AS goods,
                            coalesce(sum(n.shipping_minor), 0)::bigint AS shipping,
                            coalesce(sum(n.goods_worth_minor), 0)::bigint AS worth,
                            coalesce(sum(n.shipping_worth_minor), 0)::bigint AS shipping_worth
                       FROM refunds r JOIN refund_lines n USING (refund_id)
                      WHERE r.order_no = l.order_no AND r.origin = 'amendment' AND n.line_no = l.line_no) b) moved
"""
# Whether the share of a fulfilment is captured.
CAPTURED = """EXISTS (SELECT FROM payments p WHERE p.order_no = {order} AND p.fulfilment_no = {number}
    AND p.kind = 'capture' AND p.purpose = 'order' AND p.status = 'succeeded')"""
# What was captured of line `l` of an order that is captured as it ships; no row for any other order.
TAKEN = f"""LATERAL (SELECT coalesce(sum(c.quantity), 0)::bigint AS units,
                              coalesce(sum(c.goods_minor), 0)::bigint AS goods,
                              coalesce(sum(c.shipping_minor), 0)::bigint AS shipping
                         FROM capture_lines c
                        WHERE c.order_no = l.order_no AND c.line_no = l.line_no
                          AND {CAPTURED.format(order="c.order_no", number="c.fulfilment_no")}) taken
             ON EXISTS (SELECT FROM orders o WHERE o.order_no = l.order_no AND o.capture = 'shipment')"""  # noqa: S608
# What units that came back were worth is counted from the refunds that stand. Units that were exchanged have become
# other goods: they are not refunded by units a second time, while their money stands behind those goods.
# Of an order that is captured as it ships, a line has what was captured of it.
_LINES = text(
    f"""
    SELECT l.line_no, l.sku, coalesce(taken.units, l.quantity) - moved.units AS quantity,
           coalesce(taken.goods, l.paid_minor - l.shipping_minor) - moved.goods AS goods_minor,
           coalesce(taken.shipping, l.shipping_minor) - moved.shipping AS shipping_minor,
           l.refunded_quantity, l.refunded_minor - l.refunded_shipping_minor AS refunded_goods_minor,
           l.refunded_shipping_minor, coalesce(w.goods, 0)::bigint - moved.kept_worth AS goods_worth_minor,
           coalesce(w.shipping, 0)::bigint - moved.kept_shipping_worth AS shipping_worth_minor,
           coalesce(x.units, 0)::bigint AS exchanged_quantity, moved.units AS moved_quantity,
           moved.goods AS moved_goods_minor, moved.shipping AS moved_shipping_minor
      FROM order_lines l CROSS JOIN {MOVED}
      LEFT JOIN {TAKEN}
      LEFT JOIN (SELECT f.line_no, sum(f.quantity) AS units FROM exchanges e JOIN returns r USING (return_id)
                   JOIN return_inspections f USING (return_id)
                  WHERE e.order_no = :order_no AND e.status = 'placed' AND r.settled IS NOT NULL
                    AND f.stage = 'inspected' AND f.condition = ANY(CAST(:refunded AS text[]))
                  GROUP BY f.line_no) x USING (line_no)
      LEFT JOIN (SELECT n.line_no, sum(n.goods_worth_minor) AS goods, sum(n.shipping_worth_minor) AS shipping
                   FROM refunds r JOIN refund_lines n USING (refund_id)
                  WHERE r.order_no = :order_no AND r.status NOT IN ('refused', 'overtaken')
                  GROUP BY n.line_no) w USING (line_no)
     WHERE l.order_no = :order_no ORDER BY l.line_no
    """  # noqa: S608
)
# The newest capture first: a refund empties it before it goes back to an older one. What is owed on terms is lowered
# before money goes back.
_CAPTURES = text(
    """
    SELECT t.payment_id, p.provider,
           t.captured_minor - t.refunded_minor - t.promised_minor - t.disputed_minor - t.settled_minor AS left_minor
      FROM payments p JOIN payment_totals t USING (payment_id)
     WHERE p.order_no = :order_no AND p.kind = 'capture' AND p.purpose <> 'stray'
     ORDER BY p.provider = 'terms' DESC, t.payment_id DESC
    """
)
# Returns that still have something to bring: their pieces are spoken for.
_ON_RETURNS = text(
    f"""
    SELECT r.return_id, r.return_no, l.line_no, l.sku, l.quantity FROM returns r JOIN return_lines l USING (return_id)
     WHERE r.order_no = :order_no AND r.status IN ({literals(UNSETTLED)})
     ORDER BY r.return_no, l.line_no
    """  # noqa: S608
)


class _Capture(NamedTuple):
    """A capture of the order's money; `left_minor` is neither given back, promised nor disputed."""

    payment_id: int
    provider: str
    left_minor: int


@dataclass(frozen=True, slots=True)
class NewRefundLine:
    """Units of a line, or of a SKU: then of its lines in their order, as far as units are left.

    With a `percent` below 100 so much of their goods is given; the line is named then.
    """

    quantity: int
    line_no: int | None = None
    sku: str | None = None
    percent: int = 100


@dataclass(frozen=True, slots=True)
class NewRefund:
    """What is asked for: units of lines at their worth, an amount of the whole order, or both: the units for less.

    `of_lines` takes an amount from these lines alone, `of_capture` gives it back to this capture alone.

    With `limits` it waits for approval above them; None decides it at once. A refund `as_credit` is requested as store
    credit, and paid so when it is approved.

    With `spares_returns` pieces that an open return holds are refused; otherwise they are given, and it brings less.

    `exchanged` units are only planned: other goods are given for them.
    """

    refund_id: str
    order_no: str
    origin: Origin
    asked_by: str
    reason: str
    lines: tuple[NewRefundLine, ...] = ()
    amount_minor: int | None = None
    include_shipping: bool = False
    return_id: str | None = None
    of_lines: tuple[int, ...] = ()
    of_capture: int | None = None
    limits: Limits | None = None
    approval_lifetime_s: int = 3 * 86_400
    as_credit: bool = False
    exchanged: bool = False
    spares_returns: bool = False

    def covers(self, line: RefundableLine) -> bool:
        """Whether an amount may be taken from this line."""
        return not self.of_lines or line.line_no in self.of_lines


@dataclass(frozen=True, slots=True)
class OnReturn:
    """Pieces of a line that an open return holds and a refund would give as well."""

    return_id: str
    return_no: int
    line_no: int
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a refund would be: `left_minor` is what could be refunded after it, `parts` are (capture, amount),
    `given_minor` is what was given of the order before it."""

    currency: str
    lines: tuple[Returned, ...]
    parts: tuple[tuple[int, int], ...]
    left_minor: int
    needs_approval: bool
    given_minor: int
    on_returns: tuple["OnReturn", ...] = ()

    @property
    def amount_minor(self) -> int:
        return self.goods_minor + self.shipping_minor

    @property
    def goods_minor(self) -> int:
        return sum(line.goods_minor for line in self.lines)

    @property
    def shipping_minor(self) -> int:
        return sum(line.shipping_minor for line in self.lines)


async def planned(conn: AsyncConnection, new: NewRefund) -> Plan:
    """What the refund would be, changing nothing.

    Raises NotFound `order_not_found`; Conflict `order_closed`, `nothing_captured`, `refund_exceeds_captured`;
    RuleBroken `amount_or_lines`, `amount_invalid`, `unknown_line`, `line_sku_mismatch`, `amount_not_payable`.
    """
    order = (await conn.execute(_ORDER, {"order_no": new.order_no})).one_or_none()
    if order is None:
        raise NotFound("order_not_found")
    if order.cancelling is not None or order.status == Status.CANCELLED:
        raise Conflict("order_closed", "the order is cancelled, or about to be: all of its money goes back")
    known = await _captures_of(conn, new.order_no)
    captures = [capture for capture in known if new.of_capture in (None, capture.payment_id)]
    if not captures:
        raise Conflict("nothing_captured", "no money was taken for this order: there is nothing to refund")
    lines = await lines_of(conn, new.order_no)
    left_minor = sum(capture.left_minor for capture in captures)
    with amounts_in(order.currency):
        returned = _returned(lines, new, left_minor)
    if new.origin is Origin.RETURN:
        # Support may have given money for other goods before: what is left of all is the most that a return brings.
        returned = list(allocation.at_most(returned, left_minor))
    returned = _payable(returned, lines, new, captures, order.currency)
    total = sum(one.amount_minor for one in returned)
    if total <= 0:
        raise RuleBroken("amount_invalid", "nothing of these lines is left to refund")
    with amounts_in(order.currency):
        parts = allocation.allotted(
            total, [capture.left_minor for capture in captures], _steps(new, captures, order.currency)
        )
    named = tuple((capture.payment_id, part) for capture, part in zip(captures, parts, strict=True) if part)
    before = await approval_limits.given(conn, new.order_no)
    needs = await _needs_two(conn, new, Moved(total, total, order.currency))
    held = await _on_returns(conn, new, lines, returned)
    return Plan(order.currency, tuple(returned), named, left_minor - total, needs, before, held)


async def lines_of(conn: AsyncConnection, order_no: str) -> list[RefundableLine]:
    """The order's lines as their refunds stand."""
    rows = await conn.execute(_LINES, {"order_no": order_no, "refunded": list(REFUNDED)})
    return [RefundableLine(**row._mapping) for row in rows]


async def left_of(conn: AsyncConnection, order_no: str) -> int:
    """Minor units that could still be refunded."""
    return sum(capture.left_minor for capture in await _captures_of(conn, order_no))


async def _captures_of(conn: AsyncConnection, order_no: str) -> list[_Capture]:
    return [_Capture(**row) for row in (await conn.execute(_CAPTURES, {"order_no": order_no})).mappings()]


async def _on_returns(
    conn: AsyncConnection, new: NewRefund, lines: list[RefundableLine], returned: list[Returned]
) -> tuple[OnReturn, ...]:
    """Pieces that open returns hold and that these would give as well: those beyond what is free of each line."""
    if new.origin is not Origin.SUPPORT or not new.lines:
        return ()
    rows = (await conn.execute(_ON_RETURNS, {"order_no": new.order_no})).all()
    left = {line.line_no: line.units_left for line in lines}
    units = {one.line_no: one.quantity for one in returned}
    found: list[OnReturn] = []
    for line_no, requested in units.items():
        mine = [row for row in rows if row.line_no == line_no]
        over = requested - max(0, left[line_no] - sum(row.quantity for row in mine))
        for row in mine:
            if (units := min(over, row.quantity)) > 0:
                found.append(OnReturn(row.return_id, row.return_no, line_no, row.sku, units))
                over -= units
    return tuple(found)


async def _needs_two(conn: AsyncConnection, new: NewRefund, what: Moved) -> bool:
    """What support decides counts for its day, too; a return is settled by its rule."""
    by = new.asked_by if new.origin is Origin.SUPPORT else None
    return new.limits is not None and await approval_limits.needs_two(conn, new.limits, new.order_no, what, by)


def _returned(lines: list[RefundableLine], new: NewRefund, left_minor: int) -> list[Returned]:
    if not new.lines:
        if new.amount_minor is None:
            raise RuleBroken("amount_or_lines", "name an amount_minor or lines")
        if new.amount_minor <= 0:
            raise RuleBroken("amount_invalid", "an amount is at least 1 minor unit")
        if new.amount_minor > left_minor:
            raise allocation.exceeds(left_minor)
        return allocation.amount([line for line in lines if new.covers(line)], new.amount_minor)
    requested = _units_by_line(lines, new.lines)
    returned = [_of_line(line, requested[line.line_no], new) for line in lines if line.line_no in requested]
    return returned if new.amount_minor is None else allocation.reduced(returned, new.amount_minor)


def _of_line(line: RefundableLine, quantity: int, new: NewRefund) -> Returned:
    """Units of a line, of which those that come damaged bring their percentage."""

    def units(quantity: int) -> Returned:
        return allocation.units(line, quantity, include_shipping=new.include_shipping, exchanged=new.exchanged)

    reduced = [one for one in new.lines if one.line_no == line.line_no and one.percent < 100]
    whole = units(quantity)
    if not reduced:
        return whole
    sound = units(quantity - sum(one.quantity for one in reduced))
    return allocation.at_percent(whole, sound, line, reduced[0].percent)


def _payable(
    returned: list[Returned],
    lines: list[RefundableLine],
    new: NewRefund,
    captures: Sequence[_Capture],
    currency: str,
) -> list[Returned]:
    """As the providers of the captures can move it. What a person named is refused if they cannot; what units are worth
    is rounded, up while money for it is left."""
    step = math.lcm(*_steps(new, captures, currency))
    total, left_minor = sum(one.amount_minor for one in returned), sum(capture.left_minor for capture in captures)
    if total % step == 0:
        return returned
    if new.amount_minor is not None and new.origin in (Origin.SUPPORT, Origin.AMENDMENT):
        raise amounts.not_payable(total, currency, step, left_minor)
    up = total - total % step + step
    own = [line for line in lines if new.covers(line)]
    raised = allocation.topped_up(returned, own, up - total) if up <= left_minor else None
    return raised or list(allocation.at_most(returned, total - total % step))


def _steps(new: NewRefund, captures: Sequence[_Capture], currency: str) -> list[int]:
    """The smallest amount of which each capture gives back a multiple; where no provider is asked, and where nothing is
    left, that is any."""
    free = new.as_credit or new.exchanged or new.origin is Origin.PROVIDER
    return [
        1 if free or not capture.left_minor else amounts.step_minor(capture.provider, currency) or 1
        for capture in captures
    ]


def _units_by_line(lines: list[RefundableLine], requested: Sequence[NewRefundLine]) -> dict[int, int]:
    """{line_no: units}. What is too much is asked of the last line that is meant, which says how many are left."""
    left = {line.line_no: line.units_left for line in lines}
    by_line: dict[int, int] = {}
    for one in line_references.by_number_first(requested):
        mine = line_references.meant(lines, one)
        taken, rest = line_references.take(mine, left, one.quantity)
        if rest:
            taken[mine[-1].line_no] = taken.get(mine[-1].line_no, 0) + rest
        for line_no, units in taken.items():
            by_line[line_no] = by_line.get(line_no, 0) + units
            left[line_no] -= units
    return by_line
