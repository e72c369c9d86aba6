"""Changes of an order after placement: reading what they need, and writing them, all or nothing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict
from domain.orders.addresses import ShippingAddress
from domain.orders.changes import NO_TAX, WORDS, ChangeableLine, ChangeFacts, LineChange, stock_deltas
from domain.orders.delivery_slots import TimeSlot, as_json
from domain.orders.lines import Product
from domain.orders.shared_changes import PartChange, SharedPart, divided
from domain.orders.status import UNPAID, ChangeKind, Status
from domain.pricing.allocation import PricingTerms, Rules, Tax
from infra.db.customers.profiles import KeyRing
from infra.db.orders import order_contacts
from infra.db.orders.changing import part_changes, sealed_changes
from infra.db.orders.changing.sealed_changes import HeldAt, SealedChange
from infra.db.orders.placing.priced_by import stored_rules
from infra.db.orders.state import timeline
from infra.db.payments import refund_plans

# Read after the row of the order is locked: nothing of it changes until the transaction ends.
_CONTEXT = text(
    """
    SELECT o.status, o.cancelling, o.event_seq, o.currency, o.total_minor, o.tax_minor, o.tax_added_minor,
           o.type = 'exchange' AS exchange,
           o.ship_to_enc, o.note_enc, o.slot_from, o.slot_to, c.data_key,
           is_paying(o.order_no) AS paying,
           coalesce((SELECT s.status FROM shipments s WHERE s.order_no = o.order_no AND s.status <> 'cancelled'
                        AND s.replaced_at IS NULL ORDER BY s.status = 'booking' LIMIT 1), '')
             AS parcel,
           NOT is_booked(o.order_no) AND EXISTS (SELECT FROM parked_steps k WHERE k.order_no = o.order_no
                      AND k.step = 'book' AND k.resolved_at IS NULL) AS booking_parked,
           EXISTS (SELECT FROM fulfilments f WHERE f.order_no = o.order_no AND f.number > 1) AS split,
           o.capture = 'shipment' AS by_shipment,
           (SELECT a.warehouse FROM reservations a WHERE a.order_no = o.order_no AND a.state = 'reserved' LIMIT 1)
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
    """SELECT l.sku, l.available FROM stock_levels l JOIN warehouses w ON w.code = l.warehouse AND w.active
        WHERE l.warehouse = :warehouse AND l.sku = ANY(CAST(:skus AS text[]))"""
)
_SIGNAL = text(
    """
    INSERT INTO workflow_requests (kind, subject, name, payload, rank)
    SELECT 'signal_order', o.order_no, 'order_changed', CAST(:payload AS jsonb),
           extract(epoch FROM clock_timestamp()) - priority_head_start_s(o.priority)
      FROM orders o WHERE o.order_no = :order_no
    """
)
_SEQ = text("SELECT event_seq FROM orders WHERE order_no = :order_no")


@dataclass(frozen=True, slots=True)
class ChangeContext:
    """An order as a change finds it. Address and note are opened, None where there is none or their key is gone.

    `parts` are those of an order that ships in several."""

    order_no: str
    standing: ChangeFacts
    seq: int
    currency: str
    total_minor: int
    tax_minor: int
    tax_added_minor: int
    ship_to: ShippingAddress | None
    note: str | None
    slot: TimeSlot | None
    data_key: bytes | None
    warehouse: str | None
    changes: int
    last_line_no: int
    lines: tuple[ChangeableLine, ...]
    parts: tuple[SharedPart, ...] = ()

    def tax_of(self, today: Tax) -> Tax:
        """The tax on units that are added: today's rate, within or on top of prices as in the rest of the order."""
        return Tax(today.rate_bp, self.tax_added_minor == 0) if self.tax_minor else today


@dataclass(frozen=True, slots=True)
class ChangePlan:
    """A change of the order as it is now. `ship_to` None leaves the address; `note` and `slot` count only where `what`
    names them. `parts` says which parts have more or fewer units, where the order ships in several."""

    context: ChangeContext
    what: tuple[ChangeKind, ...]
    ship_to: ShippingAddress | None = None
    note: str | None = None
    lines: tuple[LineChange, ...] = ()
    slot: TimeSlot | None = None
    parts: tuple[PartChange, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """What is changed, as the API and the database name it."""
        return tuple(WORDS[what] for what in self.what)

    @property
    def paid(self) -> bool:
        return self.context.standing.status not in UNPAID

    @property
    def total_after_minor(self) -> int:
        return self.context.total_minor + sum(line.amount_minor for line in self.lines)

    @property
    def refund_minor(self) -> int:
        return max(self.context.total_minor - self.total_after_minor, 0) if self.paid else 0

    @property
    def difference_minor(self) -> int:
        """What a paid order costs more: the change waits until it is paid."""
        return max(self.total_after_minor - self.context.total_minor, 0) if self.paid else 0

    @property
    def to_pay_minor(self) -> int:
        if self.paid:
            return self.difference_minor
        return 0 if self.context.standing.paying else self.total_after_minor


async def load_context(conn: AsyncConnection, keys: KeyRing, order_no: str) -> ChangeContext:
    """Lock the order and read it. Raises NotFound `order_not_found`."""
    await timeline.lock_order(conn, order_no)
    row = (await conn.execute(_CONTEXT, {"order_no": order_no})).one()
    lines = (await conn.execute(_LINES, {"order_no": order_no})).all()
    sold = {} if row.status in UNPAID else {line.line_no: line for line in await refund_plans.lines_of(conn, order_no)}
    standing = ChangeFacts(
        Status(row.status),
        row.cancelling is not None,
        row.parcel,
        row.booking_parked,
        row.paying,
        row.exchange,
        row.by_shipment,
    )
    return ChangeContext(
        order_no=order_no,
        standing=standing,
        seq=row.event_seq,
        currency=row.currency,
        total_minor=row.total_minor,
        tax_minor=row.tax_minor,
        tax_added_minor=row.tax_added_minor,
        ship_to=order_contacts.address_of(keys.open_json(row.data_key, row.ship_to_enc, f"{order_no}:ship_to")),
        note=keys.open_json(row.data_key, row.note_enc, f"{order_no}:note"),
        slot=TimeSlot(row.slot_from.astimezone(UTC), row.slot_to.astimezone(UTC)) if row.slot_from else None,
        data_key=row.data_key,
        warehouse=row.warehouse,
        changes=row.changes,
        last_line_no=row.last_line_no,
        lines=tuple(ChangeableLine(**line._mapping, sold=sold.get(line.line_no)) for line in lines),
        parts=await part_changes.parts_of(conn, order_no) if row.split else (),
    )


async def seq_of(conn: AsyncConnection, order_no: str) -> int:
    """The number of the order's newest event."""
    return int((await conn.execute(_SEQ, {"order_no": order_no})).scalar_one())


async def lines_ever(conn: AsyncConnection, order_no: str) -> list[ChangeableLine]:
    """Every line of an order that is not paid, with the units that were placed on it; none for one that came later."""
    return [ChangeableLine(**row._mapping) for row in await conn.execute(_EVER, {"order_no": order_no})]


async def rules_of(conn: AsyncConnection, order_no: str, today: PricingTerms) -> Rules:
    """The rules by which the order was priced when it was placed.

    Older orders have none stored: then they follow from the order and from the terms of today.
    """
    row = (await conn.execute(_PLACED, {"order_no": order_no})).one()
    if row.priced_by is not None:
        return stored_rules(row.priced_by)
    tax = Tax(today.tax.rate_bp, row.tax_added_minor == 0) if row.tax_minor else NO_TAX
    terms = replace(today, tax=tax)
    follows = terms.charges(row.items_minor, row.discount_minor).shipping_minor == row.shipping_minor
    return Rules(row.discount_minor, None if follows and today.fee_minor else row.shipping_minor, terms)


async def catalogue_of(conn: AsyncConnection, skus: Sequence[str]) -> dict[str, Product]:
    """These SKUs in the catalogue of today."""
    rows = await conn.execute(_CATALOGUE, {"skus": list(skus)})
    return {row.sku: Product(**row._mapping) for row in rows}


async def divide(conn: AsyncConnection, plan: ChangePlan) -> ChangePlan:
    """Which parts have more or fewer units. Raises Conflict `line_booked`, `stock_short`."""
    warehouses = sorted({part.warehouse for part in plan.context.parts})
    skus = sorted({line.sku for line in plan.lines if line.delta > 0})
    available = await part_changes.available_at(conn, warehouses, skus)
    return replace(plan, parts=tuple(divided(plan.lines, plan.context.parts, available)))


async def require_stock(conn: AsyncConnection, warehouse: str, deltas: Mapping[str, int]) -> None:
    """Refuse what the warehouse that holds the order cannot add to it. Raises Conflict `stock_short`."""
    more = {sku: units for sku, units in deltas.items() if units > 0}
    rows = await conn.execute(_AVAILABLE, {"warehouse": warehouse, "skus": list(more)})
    there = {row.sku: row.available for row in rows}
    for sku, units in more.items():
        if there.get(sku, 0) < units:
            raise short(sku, there.get(sku, 0))


def require_no_more(lines: Sequence[LineChange]) -> None:
    """No stock serves the order: nothing is added to what is made for it, or has no parcel. Raises Conflict
    `stock_short`."""
    if more := next((line for line in lines if line.delta > 0), None):
        raise short(more.sku)


def short(sku: str, available: int = 0) -> Conflict:
    """The refusal of units that are not in stock."""
    return Conflict(
        "stock_short",
        "the warehouse of this order has {available} more of {sku}: add no more, or place a second order for the rest",
        sku=sku,
        available=max(available, 0),
    )


async def write(
    conn: AsyncConnection, keys: KeyRing, plan: ChangePlan, actor: str, refund_id: str | None = None
) -> int:
    """Write the change, its event and what follows from it; answers with its number. The order is locked.

    Raises Conflict `stock_short`, which ends the transaction.
    """
    order_no, warehouse = plan.context.order_no, plan.context.warehouse
    sealed = seal(keys, plan, actor, refund_id)
    await sealed_changes.write(conn, sealed)
    if plan.context.parts:
        await _move_parts(conn, plan, sealed)
    elif warehouse is not None:
        await _move_stock(conn, sealed, warehouse)
    if sealed.ship_to is not None and plan.ship_to is not None:
        await order_contacts.readdress(conn, keys, order_no, plan.ship_to)
    payload = json.dumps({"change_no": sealed.change_no, "what": list(sealed.what)})
    await conn.execute(_SIGNAL, {"order_no": order_no, "payload": payload})
    return sealed.change_no


def seal(keys: KeyRing, plan: ChangePlan, actor: str, refund_id: str | None = None) -> SealedChange:
    """The change with its texts encrypted under the customer's key; an erased customer has none."""
    found, change_no = plan.context, plan.context.changes + 1
    before, after = _sealed_texts(keys, plan, change_no)
    key, order_no = found.data_key, found.order_no
    ship_to = plan.ship_to if ChangeKind.ADDRESS in plan.what and key is not None else None
    return SealedChange(
        order_no=order_no,
        change_no=change_no,
        actor=actor,
        what=plan.words,
        lines=plan.lines,
        total_before_minor=found.total_minor,
        total_after_minor=plan.total_after_minor,
        before=before,
        after=after,
        ship_to=keys.seal_json(key, ship_to.as_json(), f"{order_no}:ship_to") if ship_to and key else None,
        place={name: getattr(ship_to, name) for name in ("country", "province", "city")} if ship_to else None,
        note=keys.seal_json(key, plan.note, f"{order_no}:note") if plan.note and key else None,
        slot=plan.slot,
        refund_id=refund_id,
    )


def _sealed_texts(keys: KeyRing, plan: ChangePlan, change_no: int) -> tuple[bytes | None, bytes | None]:
    """Address, note and slot before and after the change, as `order_changes` keeps them."""
    found = plan.context
    before: dict[str, object] = {}
    after: dict[str, object] = {}
    if ChangeKind.ADDRESS in plan.what:
        before["ship_to"] = found.ship_to.as_json() if found.ship_to else None
        after["ship_to"] = plan.ship_to.as_json() if plan.ship_to else {}
    if ChangeKind.NOTE in plan.what:
        before["note"], after["note"] = found.note, plan.note
    if ChangeKind.DELIVERY_SLOT in plan.what:
        before["delivery_slot"], after["delivery_slot"] = as_json(found.slot), as_json(plan.slot)
    key, place = found.data_key, f"{found.order_no}:change:{change_no}"
    if key is None or not before:
        return None, None
    return keys.seal_json(key, before, f"{place}:before"), keys.seal_json(key, after, f"{place}:after")


async def _move_stock(conn: AsyncConnection, change: SealedChange, warehouse: str) -> None:
    """In order of SKU, so that every order locks the levels in the same order."""
    at = HeldAt(change.order_no, warehouse)
    for sku, delta in stock_deltas(change.lines).items():
        key = f"{change.order_no}/change/{change.change_no}/{'reserve' if delta > 0 else 'release'}/{sku}"
        try:
            await sealed_changes.move_units(conn, at, sku, delta, key, change.actor)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == "OM001":
                raise short(sku) from None
            raise


async def _move_parts(conn: AsyncConnection, plan: ChangePlan, change: SealedChange) -> None:
    key = f"{change.order_no}/change/{change.change_no}"
    gone = await part_changes.write(conn, change.order_no, plan.parts, key, change.actor)
    if gone is not None:
        raise short(gone)
