"""Labels of returns: intent before the carrier is called, the label and its number after it."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.after_sales.returns import COMING
from domain.errors import RuleBroken
from domain.gateways import Address, Booking
from infra.db.literals import literals
from infra.db.shipping.warehouse_addresses import warehouse_address

# One statement: the intent, and all data for the carrier. No row if the label is no longer wanted.
_OPEN = text(
    f"""
    WITH intent AS (
      UPDATE returns SET label_tries = label_tries + 1, carrier = :carrier
       WHERE return_id = :return_id AND label = 'wanted' AND status IN ({literals(COMING)})
      RETURNING return_id, order_no, return_no, label_tries, carrier, warehouse
    )
    SELECT i.return_id, i.order_no, i.return_no, i.label_tries, i.carrier, o.ship_to_enc, c.data_key,
           w.country, w.province, w.city, w.district, w.line1, w.postcode, w.contact_name, w.phone,
           w.name AS warehouse_name, g.skus, g.quantities, g.weight_g
      FROM intent i JOIN orders o USING (order_no) JOIN customers c USING (customer_id)
      JOIN warehouses w ON w.code = i.warehouse,
           LATERAL (SELECT array_agg(l.sku ORDER BY l.line_no) AS skus,
                           array_agg(l.quantity ORDER BY l.line_no) AS quantities,
                           sum(l.quantity * p.weight_g) AS weight_g
                      FROM return_lines l JOIN products p USING (sku) WHERE l.return_id = i.return_id) g
    """  # noqa: S608
)
_BOOKED = text(
    f"""
    UPDATE returns SET label = 'booked', carrier_ref = :carrier_ref, tracking_no = :tracking_no,
           cost_minor = CAST(:cost_minor AS bigint), cost_currency = :cost_currency, updated_at = now()
     WHERE return_id = :return_id AND label = 'wanted' AND status IN ({literals(COMING)}) RETURNING 1
    """  # noqa: S608
)
_KEEP = text("INSERT INTO return_labels (return_id, format, content_enc) VALUES (:return_id, :format, :content_enc)")
_GIVEN_BACK = text(
    """UPDATE returns SET label = CASE WHEN :recalled THEN 'none' ELSE label END,
              parcel = CASE WHEN :recalled THEN parcel ELSE coalesce(parcel, 'picked_up') END, updated_at = now()
        WHERE return_id = :return_id AND label IN ('booked', 'wanted')"""
)
_FAILED = text(
    """UPDATE returns SET label = 'failed', updated_at = now()
        WHERE return_id = :return_id AND label = 'wanted' RETURNING 1"""
)


@dataclass(frozen=True, slots=True)
class LabelBooking:
    """What a carrier must know; the address is still sealed. `warehouse` is where it comes back to."""

    return_id: str
    order_no: str
    key: str
    reference: str
    tries: int
    carrier: str
    ship_to_enc: bytes
    data_key: bytes
    warehouse: Address
    lines: tuple[tuple[str, int], ...]
    weight_g: int


async def open_booking(conn: AsyncConnection, return_id: str, carrier: str) -> LabelBooking | None:
    """Store the intent to book and count one more try; None when no label is wanted any more.

    Raises RuleBroken `address_unreadable`.
    """
    row = (await conn.execute(_OPEN, {"return_id": return_id, "carrier": carrier})).one_or_none()
    if row is None:
        return None
    if row.data_key is None:
        raise RuleBroken("address_unreadable", "the customer was erased: nobody knows where the parcel comes from")
    return LabelBooking(
        return_id=row.return_id,
        order_no=row.order_no,
        key=f"{row.order_no}/return/{row.return_no}",
        reference=f"{row.order_no}-R{row.return_no}",
        tries=row.label_tries,
        carrier=row.carrier,
        ship_to_enc=row.ship_to_enc,
        data_key=row.data_key,
        warehouse=warehouse_address(row._mapping),
        lines=tuple(zip(row.skus, row.quantities, strict=True)),
        weight_g=min(int(row.weight_g), 9_999_999),
    )


async def booked(conn: AsyncConnection, wanted: LabelBooking, booking: Booking, label_enc: bytes) -> bool:
    """Write the carrier's answer and keep the label; False when it is no longer wanted."""
    values = {
        "return_id": wanted.return_id,
        "carrier_ref": booking.shipment_ref,
        "tracking_no": booking.tracking_no,
        "cost_minor": booking.cost_minor,
        "cost_currency": booking.currency,
    }
    if (await conn.execute(_BOOKED, values)).first() is None:
        return False
    label = {"return_id": wanted.return_id, "format": booking.label_format, "content_enc": label_enc}
    await conn.execute(_KEEP, label)
    return True


async def failed(conn: AsyncConnection, return_id: str) -> bool:
    """No label can be had; False when none was wanted any more."""
    return (await conn.execute(_FAILED, {"return_id": return_id})).first() is not None


async def given_back(conn: AsyncConnection, return_id: str, *, recalled: bool) -> None:
    """The carrier has taken the label back, or has the parcel already."""
    await conn.execute(_GIVEN_BACK, {"return_id": return_id, "recalled": recalled})
