"""A change of an order as the database keeps it: its texts are encrypted.

It is written when it is made, or, where it costs more, when its difference is paid.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.orders.changes import LineChange
from domain.orders.delivery_slots import TimeSlot
from infra.db.orders.state import timeline

_REWORD = text(
    """
    WITH fenced AS (
      UPDATE shipments SET tries = tries + 1, updated_at = now() WHERE order_no = :order_no AND status = 'booking'
    )
    UPDATE orders SET address_rev = address_rev + 1 WHERE order_no = :order_no
    """
)
_ADDRESS = text(
    """UPDATE orders SET ship_to_enc = :sealed, country = :country, province = :province, city = :city
        WHERE order_no = :order_no"""
)
_NOTE = text("UPDATE orders SET note_enc = CAST(:sealed AS bytea) WHERE order_no = :order_no")
_SLOT = text(
    """UPDATE orders SET slot_from = CAST(:slot_from AS timestamptz), slot_to = CAST(:slot_to AS timestamptz)
        WHERE order_no = :order_no"""
)
_CHANGE = text(
    """
    INSERT INTO order_changes (order_no, change_no, what, seq, actor, before_enc, after_enc, total_before_minor,
                               total_after_minor, refund_id)
    SELECT :order_no, :change_no, :what, o.event_seq, :actor, CAST(:before AS bytea), CAST(:after AS bytea),
           :total_before_minor, :total_after_minor, CAST(:refund_id AS text)
      FROM orders o WHERE o.order_no = :order_no
    """
)
_ADD_LINE = text(
    """
    INSERT INTO order_lines (order_no, line_no, sku, name, quantity, unit_price_minor, discount_minor, shipping_minor,
                             tax_minor, tax_added_minor)
    VALUES (:order_no, :line_no, :sku, :name, :quantity, :unit_price_minor, :discount_minor, :shipping_minor,
            :tax_minor, :tax_added_minor)
    """
)
_CHANGE_LINE = text(
    """
    INSERT INTO order_change_lines (order_no, change_no, line_no, sku, quantity_delta, items_minor, discount_minor,
                                    shipping_minor, tax_minor, tax_added_minor)
    VALUES (:order_no, :change_no, :line_no, :sku, :delta, :items_minor, :discount_minor, :shipping_minor, :tax_minor,
            :tax_added_minor)
    """
)
_HOLD_LESS = text(
    """
    UPDATE reservations SET quantity = CASE WHEN quantity = :units THEN quantity ELSE quantity - :units END,
                           state = CASE WHEN quantity = :units THEN 'released' ELSE state END
     WHERE order_no = :order_no AND sku = :sku AND warehouse = :warehouse AND fulfilment_no = :number
       AND state = 'reserved'
    """
)
_RELEASE = text(
    """
    INSERT INTO stock_movements
      (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta, order_no, actor)
    VALUES (:key, 'release', :sku, :warehouse, :units, 0, :reserved_delta, :order_no, :actor)
    """
)
_HOLD_MORE = text(
    """
    INSERT INTO reservations AS r (order_no, sku, warehouse, fulfilment_no, quantity, state)
    VALUES (:order_no, :sku, :warehouse, :number, :units, 'reserved')
    ON CONFLICT (order_no, sku, warehouse, fulfilment_no) DO UPDATE SET state = 'reserved', quantity =
      CASE r.state WHEN 'reserved' THEN r.quantity + excluded.quantity ELSE excluded.quantity END
    """
)
_RESERVE = text(
    """
    INSERT INTO stock_movements
      (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta, order_no, actor)
    VALUES (:key, 'reserve', :sku, :warehouse, :units, 0, :units, :order_no, :actor)
    """
)


@dataclass(frozen=True, slots=True)
class HeldAt:
    """Where a part of an order has its stock; the only part has number 1."""

    order_no: str
    warehouse: str
    number: int = 1


@dataclass(frozen=True, slots=True)
class SealedChange:
    """`before` and `after` are for the history; `ship_to`, `note` and `slot` count only where `what` names them.

    `place` is the part of the address that is not encrypted.
    """

    order_no: str
    change_no: int
    actor: str
    what: tuple[str, ...]
    lines: Sequence[LineChange]
    total_before_minor: int
    total_after_minor: int
    before: bytes | None
    after: bytes | None
    ship_to: bytes | None
    place: Mapping[str, str] | None
    note: bytes | None
    slot: TimeSlot | None
    refund_id: str | None = None


async def write(conn: AsyncConnection, change: SealedChange, more: Mapping[str, object] | None = None) -> None:
    """Write the change, its lines and texts, and its event with `more` in it. The order is locked.

    Its stock is moved by the caller.
    """
    data = {
        "change_no": change.change_no,
        "what": list(change.what),
        "total_before_minor": change.total_before_minor,
        "total_after_minor": change.total_after_minor,
        **(more or {}),
    }
    key = f"change:{change.change_no}"
    await timeline.append(conn, change.order_no, "order_changed", change.actor, key=key, data=data)
    await _keep(conn, change)
    for line in change.lines:
        await _write_line(conn, change, line)
    await _write_texts(conn, change)


async def move_units(conn: AsyncConnection, at: HeldAt, sku: str, delta: int, key: str, actor: str) -> None:
    """Reserve so many units more or, below zero, return them to stock. Raises what the database refuses."""
    row = {"order_no": at.order_no, "sku": sku, "warehouse": at.warehouse, "number": at.number, "units": abs(delta)}
    if delta > 0:
        await conn.execute(_HOLD_MORE, row)
        await conn.execute(_RESERVE, {**row, "actor": actor, "key": key})
        return
    await conn.execute(_HOLD_LESS, row)
    await conn.execute(_RELEASE, {**row, "reserved_delta": delta, "key": key, "actor": actor})


async def _keep(conn: AsyncConnection, change: SealedChange) -> None:
    row: dict[str, object] = {"order_no": change.order_no, "change_no": change.change_no, "what": list(change.what)}
    row |= {"actor": change.actor, "refund_id": change.refund_id, "before": change.before, "after": change.after}
    totals = {"total_before_minor": change.total_before_minor, "total_after_minor": change.total_after_minor}
    await conn.execute(_CHANGE, row | totals)


async def _write_line(conn: AsyncConnection, change: SealedChange, line: LineChange) -> None:
    shares = {
        "discount_minor": line.discount_minor,
        "shipping_minor": line.shipping_minor,
        "tax_minor": line.tax_minor,
        "tax_added_minor": line.tax_added_minor,
    }
    row = {"order_no": change.order_no, "line_no": line.line_no, "sku": line.sku}
    if line.delta > 0:
        new = {"name": line.name, "quantity": line.delta, "unit_price_minor": line.unit_price_minor}
        await conn.execute(_ADD_LINE, row | new | shares)
    more = {"change_no": change.change_no, "delta": line.delta, "items_minor": line.items_minor}
    await conn.execute(_CHANGE_LINE, row | more | shares)


async def _write_texts(conn: AsyncConnection, change: SealedChange) -> None:
    """Address, note and slot; what a carrier answered to an earlier version of the order no longer counts."""
    at = {"order_no": change.order_no}
    if change.ship_to is not None and change.place is not None:
        await conn.execute(_ADDRESS, {**at, "sealed": change.ship_to, **change.place})
    if "note" in change.what:
        await conn.execute(_NOTE, {**at, "sealed": change.note})
    if "delivery_slot" in change.what:
        await conn.execute(_SLOT, {**at, **slot_columns(change.slot)})
    if {"address", "lines", "delivery_slot"} & set(change.what):
        await conn.execute(_REWORD, at)


def slot_columns(slot: TimeSlot | None) -> dict[str, datetime | None]:
    """The slot as the database's columns."""
    return {"slot_from": slot.start if slot else None, "slot_to": slot.end if slot else None}
