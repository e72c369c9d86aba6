"""Parcels that are asked for, since their carrier reports nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# How long a claimed parcel is left to its process.
_LEASE_S = 60
# Claimed at once, so that several processes do not ask for the same parcel; one that a person booked gets the reference
# under which its facts are found.
_CLAIM = text(
    f"""
    WITH due AS (
      SELECT t.shipment_id FROM parcel_tracking t JOIN shipments s USING (shipment_id)
       WHERE t.next_at <= now() AND s.carrier = ANY(CAST(:carriers AS text[]))
       ORDER BY t.next_at LIMIT :limit FOR UPDATE OF t SKIP LOCKED
    ), claimed AS (
      UPDATE parcel_tracking t SET next_at = now() + interval '{_LEASE_S} s', updated_at = now()
        FROM due WHERE t.shipment_id = due.shipment_id RETURNING t.shipment_id, t.asked, t.unchanged
    ), named AS (
      UPDATE shipments s SET carrier_ref = s.tracking_no FROM claimed c
       WHERE s.shipment_id = c.shipment_id AND s.carrier_ref IS NULL AND s.status <> 'booking'
    )
    SELECT c.shipment_id, c.asked, c.unchanged, s.order_no, s.carrier, s.tracking_no, s.status,
           coalesce(s.carrier_ref, s.tracking_no) AS carrier_ref, o.ship_to_enc, k.data_key
      FROM claimed c JOIN shipments s USING (shipment_id) JOIN orders o USING (order_no)
      JOIN customers k USING (customer_id)
     ORDER BY c.shipment_id
    """  # noqa: S608
)
_ASKED = text(
    """UPDATE parcel_tracking SET asked = asked + 1, unchanged = CASE WHEN :changed THEN 0 ELSE unchanged + 1 END,
              last_error = :error, next_at = now() + CAST(:pause AS interval), updated_at = now()
        WHERE shipment_id = :shipment_id"""
)


@dataclass(frozen=True, slots=True)
class DueParcel:
    """A parcel to ask for: asked so often, and so often without news since the last."""

    shipment_id: str
    asked: int
    unchanged: int
    order_no: str
    carrier: str
    tracking_no: str
    status: str
    carrier_ref: str
    ship_to_enc: bytes = field(repr=False)
    data_key: bytes | None = field(repr=False)


async def claim(conn: AsyncConnection, carriers: Sequence[str], limit: int) -> list[DueParcel]:
    """Parcels of these carriers that are due, left to the caller for a minute."""
    rows = (await conn.execute(_CLAIM, {"carriers": list(carriers), "limit": limit})).mappings()
    return [DueParcel(**row) for row in rows]


async def asked(
    conn: AsyncConnection, parcel: DueParcel, *, changed: bool, pause: timedelta | None, error: str | None = None
) -> None:
    """Keep the outcome; without a `pause` the parcel is not asked for any more."""
    values = {"shipment_id": parcel.shipment_id, "changed": changed, "pause": pause, "error": error}
    await conn.execute(_ASKED, values)
