"""Changes of an order after placing, in the books: what they need to know, and writing them, all or nothing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict
from domain.orders.changes import NO_TAX, ChangeableLine, ChangeFacts, LineChange, stock_deltas
from domain.orders.delivery_slots import Slot, told
from domain.orders.lines import Product
from domain.orders.status import UNPAID, Status
from domain.pricing.allocation import PricingTerms, Rules, Tax
from infra.db.customers.profiles import KeyRing
from infra.db.orders import order_contacts, timeline
from infra.db.orders.priced_by import rules_kept
from infra.db.payments import refund_plans

# To be read after the order's row is locked: then nothing of it moves until the transaction ends.
_HERE = text(
    """
    SELECT o.status, o.cancelling, o.event_seq, o.currency, o.total_minor, o.tax_minor, o.tax_added_minor,
           o.type = 'exchange' AS exchange,
           o.ship_to_enc, o.note_enc, o.slot_from, o.slot_to, c.data_key,
           is_paying(o.order_no) AS paying,
           coalesce((SELECT s.status FROM shipments s WHERE s.order_no = o.order_no AND s.status <> 'cancelled'
                        AND s.replaced_at IS NULL), '')
             AS parcel,
           EXISTS (SELECT FROM parked_steps k WHERE k.order_no = o.order_no AND k.step = 'book'
                      AND k.resolved_at IS NULL) AS booking_parked,
           (SELECT a.warehouse FROM allocations a WHERE a.order_no = o.order_no AND a.state = 'reserved' LIMIT 1)
             AS warehouse,
           (SELECT count(*) FROM order_changes h WHERE h.order_no = o.order_no) AS changes,
           (SELECT max(l.line_no) FROM order_lines l WHERE l.order_no = o.order_no) AS last_line_no
      FROM orders o JOIN customers c USING (customer_id) WHERE o.order_no = :order_no
    """
)
# What is left of each line: a paid one keeps its own numbers, what was taken off is with its changes.
_LINES = text(
    """
    SELECT l.line_no, l.sku, l.name, l.quantity - l.cancelled_quantity AS quantity, l.unit_price_minor,
           l.discount_minor + off.discount_minor AS discount_minor, l.shipping_minor + off.shipping_minor
             AS shipping_minor, l.tax_minor + off.tax_minor AS tax_minor,
           l.tax_added_minor + off.tax_added_minor AS tax_added_minor,
           l.refunded_quantity - coalesce((SELECT sum(n.quantity) FROM refunds r JOIN refund_lines n USING (refund_id)
                                            WHERE r.order_no = l.order_no AND r.origin = 'amendment'
                                              AND n.line_no = l.line_no), 0)::bigint AS refunded_quantity,
           l.tax_minor AS sold_tax_minor
      FROM order_lines l, LATERAL (
             SELECT coalesce(sum(c.discount_minor), 0)::bigint AS discount_minor,
                    coalesce(sum(c.shipping_minor), 0)::bigint AS shipping_minor,
                    coalesce(sum(c.tax_minor), 0)::bigint AS tax_minor,
                    coalesce(sum(c.tax_added_minor), 0)::bigint AS tax_added_minor
               FROM order_change_lines c WHERE c.order_no = l.order_no AND c.line_no = l.line_no AND c.kept_line) off
     WHERE l.order_no = :order_no AND l.quantity > l.cancelled_quantity ORDER BY l.line_no
    """
)
# Every line that the order ever had, with the units that were placed on it; and what the order carried then.
_EVER = text(
    """
    SELECT l.line_no, l.sku, l.name, l.quantity - coalesce(sum(c.quantity_delta), 0)::bigint AS quantity,
           l.unit_price_minor
      FROM order_lines l LEFT JOIN order_change_lines c USING (order_no, line_no)
     WHERE l.order_no = :order_no GROUP BY l.order_no, l.line_no ORDER BY l.line_no
    """
)
_PLACED = text(
    """
    SELECT o.priced_by, o.items_minor - d.items AS items_minor, o.discount_minor - d.discount AS discount_minor,
           o.shipping_minor - d.shipping AS shipping_minor, o.tax_minor - d.tax AS tax_minor,
           o.tax_added_minor - d.tax_added AS tax_added_minor
      FROM orders o, LATERAL (
             SELECT coalesce(sum(c.items_minor), 0)::bigint AS items,
                    coalesce(sum(c.discount_minor), 0)::bigint AS discount,
                    coalesce(sum(c.shipping_minor), 0)::bigint AS shipping,
                    coalesce(sum(c.tax_minor), 0)::bigint AS tax,
                    coalesce(sum(c.tax_added_minor), 0)::bigint AS tax_added
               FROM order_change_lines c WHERE c.order_no = o.order_no) d
     WHERE o.order_no = :order_no
    """
)
_CATALOGUE = text(
    "SELECT sku, name, price_minor, currency, active FROM products WHERE sku = ANY(CAST(:skus AS text[]))"
)
_AVAILABLE = text(
    "SELECT sku, available FROM stock_levels WHERE warehouse = :warehouse AND sku = ANY(CAST(:skus AS text[]))"
)
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
_HOLD_MORE = text(
    """
    INSERT INTO allocations (order_no, sku, warehouse, quantity, state)
    VALUES (:order_no, :sku, :warehouse, :units, 'reserved')
    ON CONFLICT (order_no, sku, warehouse) DO UPDATE SET state = 'reserved', quantity =
      CASE allocations.state WHEN 'reserved' THEN allocations.quantity + excluded.quantity ELSE excluded.quantity END
    """
)
_HOLD_LESS = text(
    """
    UPDATE allocations SET quantity = CASE WHEN quantity = :units THEN quantity ELSE quantity - :units END,
                           state = CASE WHEN quantity = :units THEN 'released' ELSE state END
     WHERE order_no = :order_no AND sku = :sku AND warehouse = :warehouse AND state = 'reserved'
    """
)
_MOVE = text(
    """
    INSERT INTO stock_movements
      (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta, order_no, actor)
    VALUES (:key, :kind, :sku, :warehouse, :units, 0, :reserved_delta, :order_no, :actor)
    """
)
_WAKE = text(
    """
    INSERT INTO workflow_requests (kind, subject, name, payload, rank)
    SELECT 'signal_order', o.order_no, 'order_changed', CAST(:payload AS jsonb),
           extract(epoch FROM clock_timestamp()) - head_start_s(o.priority)
      FROM orders o WHERE o.order_no = :order_no
    """
)
_SEQ = text("SELECT event_seq FROM orders WHERE order_no = :order_no")


@dataclass(frozen=True, slots=True)
class ChangeContext:
    """An order as a change finds it. Address and note are opened, None where there is none or their key is gone."""

    order_no: str
    standing: ChangeFacts
    seq: int
    currency: str
    total_minor: int
    tax_minor: int
    tax_added_minor: int
    ship_to: dict[str, str] | None
    note: str | None
    slot: Slot | None
    data_key: bytes | None
    warehouse: str | None
    changes: int
    last_line_no: int
    lines: tuple[ChangeableLine, ...]

    def tax_of(self, today: Tax) -> Tax:
        """The tax on units that are added: today's rate, within or on top of prices as in the rest of the order."""
        return Tax(today.rate_bp, self.tax_added_minor == 0) if self.tax_minor else today


@dataclass(frozen=True, slots=True)
class NewChange:
    """A change to write. `ship_to` None leaves the address; `note` and `slot` only count where `what` names them."""

    what: tuple[str, ...]
    actor: str
    ship_to: Mapping[str, str] | None
    note: str | None
    lines: Sequence[LineChange]
    total_after_minor: int
    refund_id: str | None = None
    slot: Slot | None = None


async def load_context(conn: AsyncConnection, keys: KeyRing, order_no: str) -> ChangeContext:
    """Lock the order and read it. Raises NotFound `order_not_found`."""
    await timeline.lock_order(conn, order_no)
    row = (await conn.execute(_HERE, {"order_no": order_no})).one()
    lines = (await conn.execute(_LINES, {"order_no": order_no})).all()
    sold = {} if row.status in UNPAID else {line.line_no: line for line in await refund_plans.lines_of(conn, order_no)}
    standing = ChangeFacts(
        Status(row.status), row.cancelling is not None, row.parcel, row.booking_parked, row.paying, row.exchange
    )
    return ChangeContext(
        order_no=order_no,
        standing=standing,
        seq=row.event_seq,
        currency=row.currency,
        total_minor=row.total_minor,
        tax_minor=row.tax_minor,
        tax_added_minor=row.tax_added_minor,
        ship_to=keys.open_json(row.data_key, row.ship_to_enc, f"{order_no}:ship_to"),
        note=keys.open_json(row.data_key, row.note_enc, f"{order_no}:note"),
        slot=Slot(row.slot_from.astimezone(UTC), row.slot_to.astimezone(UTC)) if row.slot_from else None,
        data_key=row.data_key,
        warehouse=row.warehouse,
        changes=row.changes,
        last_line_no=row.last_line_no,
        lines=tuple(ChangeableLine(**line._mapping, sold=sold.get(line.line_no)) for line in lines),
    )


async def seq_of(conn: AsyncConnection, order_no: str) -> int:
    """The number of the order's newest event."""
    return int((await conn.execute(_SEQ, {"order_no": order_no})).scalar_one())


async def lines_ever(conn: AsyncConnection, order_no: str) -> list[ChangeableLine]:
    """Every line of an order that is not paid, with the units that were placed on it; none for one that came later."""
    return [ChangeableLine(**row._mapping) for row in await conn.execute(_EVER, {"order_no": order_no})]


async def rules_of(conn: AsyncConnection, order_no: str, today: PricingTerms) -> Rules:
    """The rules by which the order was priced when it was placed.

    They were not always kept: then what the order carried tells, and the shop's terms of today.
    """
    row = (await conn.execute(_PLACED, {"order_no": order_no})).one()
    if row.priced_by is not None:
        return rules_kept(row.priced_by)
    tax = Tax(today.tax.rate_bp, row.tax_added_minor == 0) if row.tax_minor else NO_TAX
    terms = replace(today, tax=tax)
    follows = terms.charges(row.items_minor, row.discount_minor).shipping_minor == row.shipping_minor
    return Rules(row.discount_minor, None if follows and today.fee_minor else row.shipping_minor, terms)


async def catalogue_of(conn: AsyncConnection, skus: Sequence[str]) -> dict[str, Product]:
    """What the catalogue says today of these SKUs."""
    rows = await conn.execute(_CATALOGUE, {"skus": list(skus)})
    return {row.sku: Product(*row) for row in rows}


async def require_stock(conn: AsyncConnection, warehouse: str, deltas: Mapping[str, int]) -> None:
    """Refuse what the warehouse that holds the order cannot add to it. Raises Conflict `stock_short`."""
    more = {sku: units for sku, units in deltas.items() if units > 0}
    rows = await conn.execute(_AVAILABLE, {"warehouse": warehouse, "skus": list(more)})
    there = {row.sku: row.available for row in rows}
    for sku, units in more.items():
        if there.get(sku, 0) < units:
            raise short(sku, there.get(sku, 0))


def short(sku: str, available: int = 0) -> Conflict:
    """The refusal of units that are not there."""
    return Conflict(
        "stock_short",
        "of {sku} {available} more are left where this order is sent from: take no more, or order the rest anew",
        sku=sku,
        available=max(available, 0),
    )


async def write(conn: AsyncConnection, keys: KeyRing, found: ChangeContext, change: NewChange) -> int:
    """Write the change, its event and what follows from it; answers with its number. The order is locked.

    Raises Conflict `stock_short`: then the transaction is over.
    """
    order_no, change_no = found.order_no, found.changes + 1
    data = {
        "change_no": change_no,
        "what": list(change.what),
        "total_before_minor": found.total_minor,
        "total_after_minor": change.total_after_minor,
    }
    await timeline.append(conn, order_no, "order_changed", change.actor, key=f"change:{change_no}", data=data)
    await _keep(conn, keys, found, change, change_no)
    await _write_lines(conn, order_no, change_no, change.lines)
    if found.warehouse is not None:
        await _move_stock(conn, found, change, change_no)
    await _write_texts(conn, keys, found, change)
    payload = json.dumps({"change_no": change_no, "what": list(change.what)})
    await conn.execute(_WAKE, {"order_no": order_no, "payload": payload})
    return change_no


async def _keep(conn: AsyncConnection, keys: KeyRing, found: ChangeContext, change: NewChange, change_no: int) -> None:
    sealed = sealed_texts(keys, found, change, change_no)
    row: dict[str, Any] = {"order_no": found.order_no, "change_no": change_no, "what": list(change.what)}
    row |= {"actor": change.actor, "refund_id": change.refund_id, "before": sealed[0], "after": sealed[1]}
    totals = {"total_before_minor": found.total_minor, "total_after_minor": change.total_after_minor}
    await conn.execute(_CHANGE, row | totals)


def sealed_texts(
    keys: KeyRing, found: ChangeContext, change: NewChange, change_no: int
) -> tuple[bytes | None, bytes | None]:
    """Address, note and slot before and after the change, as `order_changes` keeps them."""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    if "address" in change.what:
        before["ship_to"], after["ship_to"] = found.ship_to, dict(change.ship_to or {})
    if "note" in change.what:
        before["note"], after["note"] = found.note, change.note
    if "delivery_slot" in change.what:
        before["delivery_slot"], after["delivery_slot"] = told(found.slot), told(change.slot)
    key, place = found.data_key, f"{found.order_no}:change:{change_no}"
    if key is None or not before:
        return None, None
    return keys.seal_json(key, before, f"{place}:before"), keys.seal_json(key, after, f"{place}:after")


async def _write_lines(conn: AsyncConnection, order_no: str, change_no: int, lines: Sequence[LineChange]) -> None:
    for line in lines:
        shares = {
            "discount_minor": line.discount_minor,
            "shipping_minor": line.shipping_minor,
            "tax_minor": line.tax_minor,
            "tax_added_minor": line.tax_added_minor,
        }
        row = {"order_no": order_no, "line_no": line.line_no, "sku": line.sku}
        if line.delta > 0:
            new = {"name": line.name, "quantity": line.delta, "unit_price_minor": line.unit_price_minor}
            await conn.execute(_ADD_LINE, row | new | shares)
        more = {"change_no": change_no, "delta": line.delta, "items_minor": line.items_minor}
        await conn.execute(_CHANGE_LINE, row | more | shares)


async def _move_stock(conn: AsyncConnection, found: ChangeContext, change: NewChange, change_no: int) -> None:
    """In order of SKU, so that levels are locked in one order by every order."""
    for sku, delta in stock_deltas(change.lines).items():
        kind, units = ("reserve", delta) if delta > 0 else ("release", -delta)
        row: dict[str, Any] = {"order_no": found.order_no, "sku": sku, "warehouse": found.warehouse, "units": units}
        await conn.execute(_HOLD_MORE if delta > 0 else _HOLD_LESS, row)
        row |= {"kind": kind, "reserved_delta": delta, "actor": change.actor}
        key = f"{found.order_no}/change/{change_no}/{kind}/{sku}"
        try:
            await conn.execute(_MOVE, {**row, "key": key})
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == "OM001":
                raise short(sku) from None
            raise


async def _write_texts(conn: AsyncConnection, keys: KeyRing, found: ChangeContext, change: NewChange) -> None:
    """Address, note and slot; a carrier that was asked before the change is not believed any more."""
    order_no, key = found.order_no, found.data_key
    if "address" in change.what and change.ship_to is not None and key is not None:
        sealed = keys.seal_json(key, dict(change.ship_to), f"{order_no}:ship_to")
        place = {name: change.ship_to[name] for name in ("country", "province", "city")}
        await conn.execute(_ADDRESS, {"order_no": order_no, "sealed": sealed, **place})
        await order_contacts.readdress(conn, keys, order_no, change.ship_to)
    if "note" in change.what:
        note = keys.seal_json(key, change.note, f"{order_no}:note") if change.note and key else None
        await conn.execute(_NOTE, {"order_no": order_no, "sealed": note})
    if "delivery_slot" in change.what:
        await conn.execute(_SLOT, {"order_no": order_no, **ends(change.slot)})
    if {"address", "lines", "delivery_slot"} & set(change.what):
        await conn.execute(_REWORD, {"order_no": order_no})


def ends(slot: Slot | None) -> dict[str, datetime | None]:
    """The slot as the books' columns."""
    return {"slot_from": slot.start if slot else None, "slot_to": slot.end if slot else None}
