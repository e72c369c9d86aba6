"""Parcels in the database: intent before the carrier is called, label and tracking number after it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.gateways import Address, Booking
from domain.orders.delivery_slots import TimeSlot
from domain.orders.status import Status
from domain.shipping.progress import OrderPosition
from domain.shipping.shipments import ShipmentStatus, is_progress
from infra.db.orders.divided import DIVIDED
from infra.db.shipping.warehouse_addresses import warehouse_address

# One statement: the intent, and all that the carrier must know. No row when the fulfilment is not to be booked any
# more: a shipped order has stock reserved only for a parcel that is sent again. An order in preparation has a booking;
# further ones are for its other fulfilments.
_OPEN = text(
    """
    WITH intent AS (
      INSERT INTO shipments (shipment_id, order_no, fulfilment_no, warehouse, carrier, status, idempotency_key,
                             address_rev, tries)
      SELECT o.order_no || p.name || '-S' || n.n, o.order_no, :number, h.warehouse,
             CASE WHEN EXISTS (SELECT FROM warehouses w WHERE w.code = h.warehouse AND w.kind = 'supplier')
                  THEN 'supplier' ELSE :carrier END, 'booking',
             o.order_no || p.key || n.n, o.address_rev, 1
        FROM orders o,
             LATERAL (SELECT a.warehouse FROM reservations a WHERE a.order_no = o.order_no AND a.state = 'reserved'
                         AND a.fulfilment_no = :number LIMIT 1) h,
             LATERAL (SELECT count(*) + 1 AS n FROM shipments s
                       WHERE s.order_no = o.order_no AND s.fulfilment_no = :number
                         AND (s.status = 'cancelled' OR s.replaced_at IS NOT NULL)) n,
             (SELECT CASE WHEN :number = 1 THEN '' ELSE '-F' || CAST(:number AS integer) END AS name,
                     CASE WHEN :number = 1 THEN '/book/' ELSE '/book/F' || CAST(:number AS integer) || '/' END AS key) p
       WHERE o.order_no = :order_no AND o.cancelling IS NULL
         AND (o.status IN ('paid', 'shipped') OR (o.status = 'preparing' AND CAST(:several AS boolean)))
      ON CONFLICT (idempotency_key) DO UPDATE SET tries = shipments.tries + 1, updated_at = now()
      RETURNING shipment_id, status, carrier, carrier_ref, idempotency_key, tries, address_rev, warehouse, order_no,
                fulfilment_no
    )
    SELECT i.shipment_id, i.status, i.carrier, i.carrier_ref, i.idempotency_key, i.tries, i.address_rev, i.warehouse,
           i.fulfilment_no, o.ship_to_enc, o.address_rev AS rev_now, c.data_key, o.slot_from, o.slot_to,
           w.country, w.province, w.city, w.district, w.line1, w.postcode, w.contact_name, w.phone,
           w.name AS warehouse_name, g.skus, g.quantities, g.weight_g
      FROM intent i JOIN orders o USING (order_no) JOIN customers c USING (customer_id)
      JOIN warehouses w ON w.code = i.warehouse,
           LATERAL (SELECT array_agg(l.sku ORDER BY l.sku) AS skus, array_agg(l.quantity ORDER BY l.sku) AS quantities,
                           sum(l.quantity * p.weight_g) AS weight_g
                      FROM reservations l JOIN products p USING (sku)
                     WHERE l.order_no = i.order_no AND l.state = 'reserved' AND l.fulfilment_no = :number) g
    """
)
# One statement: the carrier's answer, the label, and the event unless the carrier's own news came first.
_BOOKED = text(
    """
    WITH booked AS (
      UPDATE shipments SET status = CASE status WHEN 'booking' THEN 'booked' ELSE status END,
             carrier_ref = :carrier_ref, tracking_no = :tracking_no, cost_minor = CAST(:cost_minor AS bigint),
             cost_currency = :cost_currency, updated_at = now()
       WHERE shipment_id = :shipment_id AND tries = :tries AND status <> 'cancelled'
      RETURNING order_no, shipment_id
    ), label AS (
      INSERT INTO shipment_labels (shipment_id, format, content_enc)
      SELECT shipment_id, :format, CAST(:content_enc AS bytea) FROM booked ON CONFLICT DO NOTHING
    ), told AS (
      INSERT INTO order_events (order_no, type, from_status, to_status, data, actor)
      SELECT o.order_no, CASE o.status WHEN 'paid' THEN 'shipment_booked' ELSE 'replacement_booked' END,
             CASE o.status WHEN 'paid' THEN 'paid' END, CASE o.status WHEN 'paid' THEN 'preparing' END,
             CAST(:data AS jsonb), 'system'
        FROM booked JOIN orders o USING (order_no)
       WHERE o.status = 'paid' OR (o.status = 'shipped' AND EXISTS (
               SELECT FROM reservations a WHERE a.order_no = o.order_no AND a.state = 'reserved'))
    )
    SELECT shipment_id FROM booked
    """
)
# The same without the event: an order with several fulfilments is locked, and its status follows from all of them.
_BOOKED_PART = text(
    """
    WITH booked AS (
      UPDATE shipments SET status = CASE status WHEN 'booking' THEN 'booked' ELSE status END,
             carrier_ref = :carrier_ref, tracking_no = :tracking_no, cost_minor = CAST(:cost_minor AS bigint),
             cost_currency = :cost_currency, updated_at = now()
       WHERE shipment_id = :shipment_id AND tries = :tries AND status <> 'cancelled'
      RETURNING shipment_id
    ), label AS (
      INSERT INTO shipment_labels (shipment_id, format, content_enc)
      SELECT shipment_id, :format, CAST(:content_enc AS bytea) FROM booked ON CONFLICT DO NOTHING
    )
    SELECT shipment_id FROM booked
    """
)
_ORDER_OF = text("SELECT order_no FROM shipments WHERE shipment_id = :shipment_id")
# A supplier is asked to ship: nothing is known of its parcel yet.
_ASKED = text(
    """
    UPDATE shipments SET status = 'booked', updated_at = now()
     WHERE shipment_id = :shipment_id AND tries = :tries AND status = 'booking' RETURNING 1
    """
)
# Only while nobody has said so before.
_SHIPPED_BY_SUPPLIER = text(
    """
    UPDATE shipments SET carrier = :carrier, tracking_no = :tracking_no, updated_at = now()
     WHERE shipment_id = :shipment_id AND status = 'booked' AND carrier = 'supplier' RETURNING 1
    """
)
_LIVE = text(
    """SELECT shipment_id, status, carrier, carrier_ref, idempotency_key, tries, address_rev, warehouse, fulfilment_no
         FROM shipments
        WHERE order_no = :order_no AND fulfilment_no = :number AND status <> 'cancelled' AND replaced_at IS NULL"""
)
_SET = text("UPDATE shipments SET status = :status, updated_at = now() WHERE shipment_id = :shipment_id")
_CANCEL = text(
    """UPDATE shipments SET status = 'cancelled', tries = tries + 1, updated_at = now()
        WHERE shipment_id = :shipment_id AND status IN ('booking', 'booked', 'lost', 'refused') RETURNING 1"""
)

_SEVERAL = DIVIDED.format(order_no="o.order_no") + " AS several"
# Only where the fact is news: `older` are the states that it carries further. A parcel whose booking has not answered
# has no reference yet: it is meant where no other parcel of the order can be.
_PARCEL_MOVES = text(
    f"""
    WITH moved AS (
      SELECT shipment_id, status AS before FROM shipments
       WHERE order_no = :order_no AND carrier = :carrier AND status = ANY(CAST(:older AS text[]))
         AND (carrier_ref = :ref OR (carrier_ref IS NULL AND status = 'booking' AND NOT EXISTS (
               SELECT FROM shipments x WHERE x.carrier = :carrier AND x.carrier_ref = :ref)
               AND (SELECT count(*) FROM shipments x WHERE x.order_no = :order_no AND x.status = 'booking'
                       AND x.carrier_ref IS NULL) = 1))
       ORDER BY carrier_ref IS NULL LIMIT 1
    )
    UPDATE shipments s SET status = :status, carrier_ref = coalesce(carrier_ref, :ref),
           tracking_no = coalesce(tracking_no, :tracking_no), updated_at = now()
      FROM moved, orders o
     WHERE s.shipment_id = moved.shipment_id AND o.order_no = s.order_no
    RETURNING o.status, o.cancelling, s.shipment_id, s.replaced_at IS NOT NULL AS replaced, s.fulfilment_no,
              moved.before, {_SEVERAL},
              EXISTS (SELECT FROM shipments x WHERE x.order_no = o.order_no AND x.replaced_at IS NOT NULL) AS earlier
    """  # noqa: S608
)
# A fact about a parcel whose booking has not answered, of an order with several such: it waits for the answer.
_AMBIGUOUS = text(
    """SELECT count(*) > 1 AND NOT EXISTS (SELECT FROM shipments x WHERE x.carrier = :carrier AND x.carrier_ref = :ref)
         FROM shipments WHERE order_no = :order_no AND carrier = :carrier AND status = 'booking'
          AND carrier_ref IS NULL"""
)
_ORDER = text(
    """SELECT o.status, o.cancelling,
              EXISTS (SELECT FROM shipments x WHERE x.order_no = o.order_no AND x.replaced_at IS NOT NULL) AS earlier
         FROM orders o WHERE o.order_no = :order_no"""
)
_RECORD = text(
    """
    INSERT INTO shipments (shipment_id, order_no, fulfilment_no, warehouse, carrier, status, idempotency_key,
                           tracking_no)
    VALUES (:order_no || '-M' || :tag, :order_no, :number, :warehouse, :carrier, 'booked',
            :order_no || '/manual/' || :tag, :tracking_no)
    ON CONFLICT DO NOTHING
    """
)


@dataclass(frozen=True, slots=True)
class PartRef:
    """A fulfilment of an order; `several`: it is not the only one, or no parcel from stock."""

    order_no: str
    number: int = 1
    several: bool = False


# In the place of a carrier, while a supplier has not said who carries its parcel.
SUPPLIER = "supplier"


@dataclass(frozen=True, slots=True)
class Shipment:
    """A live row of `shipments`; `tries` is the fence for its outcome."""

    shipment_id: str
    status: ShipmentStatus
    carrier: str
    carrier_ref: str | None
    key: str
    tries: int
    address_rev: int
    warehouse: str
    number: int

    @property
    def awaits_supplier(self) -> bool:
        """True while a supplier is to ship it."""
        return self.carrier == SUPPLIER and self.status in (ShipmentStatus.BOOKING, ShipmentStatus.BOOKED)


@dataclass(frozen=True, slots=True)
class Tracked:
    """How a carrier names a parcel of an order."""

    order_no: str
    carrier: str
    carrier_ref: str
    tracking_no: str | None


@dataclass(frozen=True, slots=True)
class ToShip:
    """What a carrier must know; the address is still sealed."""

    ship_to_enc: bytes
    data_key: bytes
    address_rev: int
    origin: Address
    lines: tuple[tuple[str, int], ...]
    weight_g: int
    slot: TimeSlot | None


@dataclass(frozen=True, slots=True)
class MovedParcel:
    """A parcel whose status has changed, and where its order stands; `replaced`: another is sent instead of it.
    `number` is its fulfilment's, `several`: the order has others."""

    shipment_id: str
    replaced: bool
    position: OrderPosition
    number: int
    several: bool
    before: ShipmentStatus


def _shipment(row: RowMapping) -> Shipment:
    return Shipment(
        row["shipment_id"],
        ShipmentStatus(row["status"]),
        row["carrier"],
        row["carrier_ref"],
        row["idempotency_key"],
        row["tries"],
        row["address_rev"],
        row["warehouse"],
        row["fulfilment_no"],
    )


async def open_booking(conn: AsyncConnection, part: PartRef, carrier: str) -> tuple[Shipment, ToShip] | None:
    """Store the intent to book, or find it and count one more try; None when the part is not to be booked."""
    values = {"order_no": part.order_no, "number": part.number, "several": part.several, "carrier": carrier}
    row = (await conn.execute(_OPEN, values)).mappings().one_or_none()
    return (_shipment(row), _to_ship(row)) if row else None


async def live_shipment(conn: AsyncConnection, order_no: str, number: int = 1) -> Shipment | None:
    """The fulfilment's parcel that is neither cancelled nor replaced by another."""
    row = (await conn.execute(_LIVE, {"order_no": order_no, "number": number})).mappings().one_or_none()
    return _shipment(row) if row else None


def _to_ship(row: RowMapping) -> ToShip:
    begin, end = row["slot_from"], row["slot_to"]
    return ToShip(
        row["ship_to_enc"],
        row["data_key"],
        row["rev_now"],
        warehouse_address(row),
        tuple(zip(row["skus"], row["quantities"], strict=True)),
        # No carrier takes a parcel of more than seven digits of grams; the sum is bounded by what one order may hold.
        min(int(row["weight_g"]), 9_999_999),
        # A slot that is over is nobody's order any more: the parcel comes as soon as it can.
        TimeSlot(begin, end) if end and end > datetime.now(UTC) else None,
    )


async def booked(
    conn: AsyncConnection, shipment: Shipment, booking: Booking, label_enc: bytes, data: Mapping[str, object]
) -> bool:
    """Write the carrier's answer, keep the label, tell the timeline `data`; False when this try was fenced off."""
    values = {**_answer(shipment, booking, label_enc), "data": json.dumps(data)}
    return (await conn.execute(_BOOKED, values)).first() is not None


async def order_of(conn: AsyncConnection, shipment: Shipment) -> str:
    """The order of the parcel."""
    order_no: str = (await conn.execute(_ORDER_OF, {"shipment_id": shipment.shipment_id})).scalar_one()
    return order_no


async def asked(conn: AsyncConnection, shipment: Shipment) -> bool:
    """The supplier is asked for the parcel; False when this try was fenced off, or it was asked before."""
    values = {"shipment_id": shipment.shipment_id, "tries": shipment.tries}
    return (await conn.execute(_ASKED, values)).first() is not None


async def shipped_by_supplier(conn: AsyncConnection, shipment_id: str, carrier: str, tracking_no: str) -> bool:
    """Who carries the supplier's parcel; False where that was said before, or the supplier is asked no more."""
    values = {"shipment_id": shipment_id, "carrier": carrier, "tracking_no": tracking_no}
    return (await conn.execute(_SHIPPED_BY_SUPPLIER, values)).first() is not None


async def part_booked(conn: AsyncConnection, shipment: Shipment, booking: Booking, label_enc: bytes) -> bool:
    """The same for one of several fulfilments, whose order is locked; nothing is put on the timeline."""
    return (await conn.execute(_BOOKED_PART, _answer(shipment, booking, label_enc))).first() is not None


def _answer(shipment: Shipment, booking: Booking, label_enc: bytes) -> dict[str, object]:
    return {
        "shipment_id": shipment.shipment_id,
        "tries": shipment.tries,
        "carrier_ref": booking.shipment_ref,
        "tracking_no": booking.tracking_no,
        "cost_minor": booking.cost_minor,
        "cost_currency": booking.currency,
        "format": booking.label_format,
        "content_enc": label_enc,
    }


async def cancelled(conn: AsyncConnection, shipment: Shipment) -> bool:
    """Mark the parcel as called back and fence off every try before; False when it is past that."""
    return (await conn.execute(_CANCEL, {"shipment_id": shipment.shipment_id})).first() is not None


async def set_status(conn: AsyncConnection, shipment: Shipment, status: ShipmentStatus) -> None:
    """Set the parcel's state manually or by a carrier's answer."""
    await conn.execute(_SET, {"shipment_id": shipment.shipment_id, "status": status})


async def apply_tracking(conn: AsyncConnection, parcel: Tracked, status: ShipmentStatus) -> MovedParcel | None:
    """Set what the carrier reports, unless the parcel is further already; None where it is no parcel of the order, or
    nothing new."""
    values = {
        "order_no": parcel.order_no,
        "carrier": parcel.carrier,
        "older": [older for older in ShipmentStatus if is_progress(older, status)],
        "status": status,
        "ref": parcel.carrier_ref,
        "tracking_no": parcel.tracking_no,
    }
    row = (await conn.execute(_PARCEL_MOVES, values)).mappings().one_or_none()
    if row is None:
        return None
    before = ShipmentStatus(row["before"])
    return MovedParcel(
        row["shipment_id"], row["replaced"], _position(row), row["fulfilment_no"], row["several"], before
    )


async def is_ambiguous(conn: AsyncConnection, parcel: Tracked) -> bool:
    """True for a fact that may be about any of several parcels, whose bookings have not answered."""
    values = {"order_no": parcel.order_no, "carrier": parcel.carrier, "ref": parcel.carrier_ref}
    return bool((await conn.execute(_AMBIGUOUS, values)).scalar_one())


async def position_of(conn: AsyncConnection, order_no: str) -> OrderPosition:
    """Where the order stands, as the progress of its parcels depends on it."""
    return _position((await conn.execute(_ORDER, {"order_no": order_no})).mappings().one())


def _position(row: RowMapping) -> OrderPosition:
    return OrderPosition(Status(row["status"]), row["cancelling"] is not None, row["earlier"])


async def record_manually(
    conn: AsyncConnection, part: PartRef, tag: str, warehouse: str | None, carrier: str, tracking_no: str
) -> None:
    """Keep a parcel that a person booked; `tag` makes its id."""
    parcel = {"order_no": part.order_no, "number": part.number, "tag": tag, "warehouse": warehouse}
    parcel |= {"carrier": carrier, "tracking_no": tracking_no}
    await conn.execute(_RECORD, parcel)
