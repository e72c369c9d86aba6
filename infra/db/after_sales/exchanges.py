"""Exchanges in the database: the goods that the customer wants for the returned ones, and the new order."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.after_sales.exchanges import Exchanged, ExchangeStatus, at_worth
from domain.orders.lines import PricedLine, Product, RequestedLine, price_lines
from domain.orders.order_no import new_order_no
from domain.orders.status import Status
from domain.pricing.allocation import Frozen
from domain.times import rfc3339
from infra.db.after_sales.returns import Return
from infra.db.customers.profiles import KeyRing
from infra.db.orders.state import timeline
from infra.db.payments import refund_plans

# What units were really sold for: their price less their share of the order's discount. Of an exchange order that is
# what they were worth, though the customer paid with goods.
_SOLD = text(
    """SELECT l.sku, l.name, l.line_no, l.quantity,
              l.quantity * l.unit_price_minor - CASE o.type WHEN 'exchange' THEN 0 ELSE l.discount_minor END
                AS worth_minor
         FROM order_lines l JOIN orders o USING (order_no)
        WHERE l.order_no = :order_no AND l.quantity > 0 ORDER BY l.line_no"""
)
_PRODUCTS = text("SELECT sku, name, price_minor, currency, active FROM products WHERE sku = ANY(CAST(:skus AS text[]))")
_CURRENCY = text("SELECT currency FROM orders WHERE order_no = :order_no")
_MAKE = text(
    """INSERT INTO exchanges (return_id, order_no, advance) VALUES (:return_id, :order_no, :advance)
       ON CONFLICT (return_id) DO NOTHING"""
)
_MAKE_LINE = text(
    """INSERT INTO exchange_lines (return_id, line_no, sku, name, quantity, unit_price_minor)
       VALUES (:return_id, :line_no, :sku, :name, :quantity, :unit_price_minor)"""
)
_FIND = text("SELECT advance, status, new_order_no, used_minor FROM exchanges WHERE return_id = :return_id")
_WANTED = text(
    """SELECT sku, name, quantity, unit_price_minor FROM exchange_lines
        WHERE return_id = :return_id ORDER BY line_no"""
)
_OLD = text(
    """SELECT o.channel, o.customer_id, o.currency, o.country, o.province, o.city, o.ship_to_enc, o.priority,
              o.contact_id, o.contact_corrected, c.data_key
         FROM orders o JOIN customers c USING (customer_id) WHERE o.order_no = :order_no"""
)
_PLACE = text(
    """
    INSERT INTO orders (order_no, channel, type, customer_id, currency, items_minor, discount_minor, tax_minor,
                        tax_added_minor, total_minor, country, province, city, ship_to_enc, priority, placed_by,
                        exchange_of, exchange_return, contact_id, contact_corrected)
    VALUES (:new_order_no, :channel, 'exchange', :customer_id, :currency, :items_minor, :discount_minor, :tax_minor,
            :tax_added_minor, :total_minor, :country, :province, :city, :ship_to_enc, :priority, :actor,
            :order_no, :return_id, :contact_id, :contact_corrected)
    """
)
_PLACE_LINE = text(
    """
    INSERT INTO order_lines (order_no, line_no, sku, name, quantity, unit_price_minor, discount_minor, tax_minor,
                             tax_added_minor, exchanged_minor)
    VALUES (:order_no, :line_no, :sku, :name, :quantity, :unit_price_minor, :discount_minor, :tax_minor,
            :tax_added_minor, :exchanged_minor)
    """
)
_PLACED = text(
    """UPDATE exchanges SET status = 'placed', new_order_no = :new_order_no, used_minor = :used_minor
        WHERE return_id = :return_id AND status = 'wanted'"""
)
_SET_FALLEN_BACK = text(
    "UPDATE exchanges SET status = 'fell_back' WHERE return_id = :return_id AND status <> 'fell_back'"
)
_STATE = text(
    """SELECT e.status, o.status AS new_status FROM exchanges e LEFT JOIN orders o ON o.order_no = e.new_order_no
        WHERE e.return_id = :return_id"""
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A row of `exchanges`; `lines` are empty where the customer wants the same again."""

    advance: bool
    status: ExchangeStatus
    new_order_no: str | None
    used_minor: int
    lines: tuple[PricedLine, ...]


class _Sold(NamedTuple):
    """Units of a line, and what all of them were sold for."""

    quantity: int
    worth_minor: int


async def priced_lines(conn: AsyncConnection, order_no: str, wanted: Mapping[str, int]) -> list[PricedLine]:
    """The goods that are wanted, each SKU of the order at what it cost there, others as the catalogue says now.

    Raises RuleBroken `unknown_sku`, `product_inactive`, `currency_mismatch`, `total_out_of_range`.
    """
    currency = (await conn.execute(_CURRENCY, {"order_no": order_no})).scalar_one()
    sold: dict[str, _Sold] = {}
    for line in await conn.execute(_SOLD, {"order_no": order_no}):
        sold.setdefault(line.sku, _Sold(line.quantity, line.worth_minor))
    rows = await conn.execute(_PRODUCTS, {"skus": list(wanted)})
    catalogue = {row.sku: Product(**row._mapping) for row in rows}
    requested = [RequestedLine(sku, quantity) for sku, quantity in wanted.items()]
    lines = price_lines(requested, catalogue, currency, may_name_price=False)
    return [part for line in lines for part in _as_sold(line, sold.get(line.sku))]


def _as_sold(line: PricedLine, sold: _Sold | None) -> list[PricedLine]:
    if sold is None:
        return [line]
    return at_worth(line, sold.worth_minor * line.quantity // sold.quantity)


async def same_again(conn: AsyncConnection, order_no: str, units: Mapping[int, int]) -> list[PricedLine]:
    """`units` of the order's lines once more, at what they are worth."""
    exchanged_units = {line.line_no: line.exchanged_quantity for line in await refund_plans.lines_of(conn, order_no)}
    lines: list[PricedLine] = []
    for row in await conn.execute(_SOLD, {"order_no": order_no}):
        if count := units.get(row.line_no, 0):
            before = min(exchanged_units[row.line_no], row.quantity - count)
            worth = Frozen(row.worth_minor, row.quantity, exchanged=before).worth_exchanged(count)
            lines += at_worth(PricedLine(row.sku, row.name, count, 0), worth)
    return lines


async def save_request(
    conn: AsyncConnection, return_id: str, order_no: str, lines: Sequence[PricedLine], *, advance: bool
) -> None:
    """Keep what the customer wants; no lines: the same again."""
    await conn.execute(_MAKE, {"return_id": return_id, "order_no": order_no, "advance": advance})
    if lines:
        await conn.execute(
            _MAKE_LINE,
            [
                {"return_id": return_id, "line_no": number, "sku": line.sku, "name": line.name,
                 "quantity": line.quantity, "unit_price_minor": line.unit_price_minor}
                for number, line in enumerate(lines, 1)
            ],
        )  # fmt: skip


async def find(conn: AsyncConnection, order_return: Return) -> Exchange:
    """The return's exchange; one that named nothing wants the same again."""
    await conn.execute(
        _MAKE, {"return_id": order_return.return_id, "order_no": order_return.order_no, "advance": False}
    )
    row = (await conn.execute(_FIND, {"return_id": order_return.return_id})).one()
    wanted = await conn.execute(_WANTED, {"return_id": order_return.return_id})
    lines = tuple(PricedLine(line.sku, line.name, line.quantity, line.unit_price_minor) for line in wanted)
    return Exchange(row.advance, ExchangeStatus(row.status), row.new_order_no, row.used_minor or 0, lines)


async def place(
    conn: AsyncConnection,
    keys: KeyRing | None,
    order_return: Return,
    lines: Sequence[PricedLine],
    new: Exchanged,
    actor: str,
    pay_within_s: int,
) -> str | None:
    """Place the new order for the same customer and address; its number, None if the address is erased.

    Its workflow starts automatically. An order of 0 continues without payment; any other waits for it.
    """
    old = (await conn.execute(_OLD, {"order_no": order_return.order_no})).one()
    address = keys.open_json(old.data_key, old.ship_to_enc, f"{order_return.order_no}:ship_to") if keys else None
    if keys is None or address is None:
        return None
    new_no = new_order_no(time.time_ns() // 1_000_000)
    sealed = keys.seal_json(old.data_key, address, f"{new_no}:ship_to")
    sums = {name: getattr(new.sums, name) for name in _SUMS}
    same = {
        name: getattr(old, name) for name in ("channel", "customer_id", "currency", *_PLACE_OF, *_REACH, "priority")
    }
    of = {"order_no": order_return.order_no, "return_id": order_return.return_id}
    await conn.execute(_PLACE, {**same, **sums, **of, "new_order_no": new_no, "ship_to_enc": sealed, "actor": actor})
    await conn.execute(_PLACE_LINE, _lines(new_no, lines, new))
    placed = {"return_id": order_return.return_id, "new_order_no": new_no, "used_minor": new.used_minor}
    await conn.execute(_PLACED, placed)
    sent = {"order_no": new_no, "used_minor": new.used_minor, "to_pay_minor": new.to_pay_minor}
    until = {"until": rfc3339(timeline.deadline_in(pay_within_s))} if new.to_pay_minor else {}
    await timeline.append(
        conn, order_return.order_no, "exchange_sent", actor, data={**order_return.facts, **sent, **until}
    )
    return new_no


# The goods have left the warehouse.
_SENT = frozenset({Status.SHIPPED, Status.DELIVERED, Status.COMPLETED})
_SUMS = ("items_minor", "discount_minor", "tax_minor", "tax_added_minor", "total_minor")
_REACH = ("contact_id", "contact_corrected")
_PLACE_OF = ("country", "province", "city")


def _lines(order_no: str, lines: Sequence[PricedLine], new: Exchanged) -> list[dict[str, object]]:
    return [
        {
            "order_no": order_no, "line_no": number, "sku": line.sku, "name": line.name, "quantity": line.quantity,
            "unit_price_minor": line.unit_price_minor, "discount_minor": share.discount_minor,
            "tax_minor": share.tax_minor, "tax_added_minor": share.tax_added_minor, "exchanged_minor": part,
        }
        for number, (line, share, part) in enumerate(zip(lines, new.sums.shares, new.parts_minor, strict=True), 1)
    ]  # fmt: skip


async def mark_fallen_back(conn: AsyncConnection, order_return: Return, why: str) -> bool:
    """The customer gets money instead; False when that was written before."""
    if (await conn.execute(_SET_FALLEN_BACK, {"return_id": order_return.return_id})).rowcount == 0:
        return False
    await timeline.append(conn, order_return.order_no, "exchange_fell_back", data={**order_return.facts, "code": why})
    return True


async def is_through(conn: AsyncConnection, order_return: Return) -> bool:
    """True once the new goods are on their way, or will not come."""
    row = (await conn.execute(_STATE, {"return_id": order_return.return_id})).one_or_none()
    if row is None or row.status == ExchangeStatus.WANTED:
        return row is None
    return row.status == ExchangeStatus.FELL_BACK or row.new_status in _SENT
