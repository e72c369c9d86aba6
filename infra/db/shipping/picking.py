"""What is picked, packed and handed over: read with what decides about it, and written once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import NotFound
from domain.gateways import CarrierNotification
from domain.shipping.fulfilments import FulfilmentKind, FulfilmentStatus
from domain.shipping.picking import PickLine, Standing
from domain.shipping.shipments import ShipmentStatus
from infra.db.orders.state import timeline

_COLUMNS = """
    SELECT f.fulfilment_id, f.order_no, f.number, f.warehouse, f.status, f.kind, f.due_at,
           o.cancelling IS NOT NULL AS cancelling,
           f.status IN ('planned', 'reserved') AND EXISTS (SELECT FROM holds h WHERE h.order_no = f.order_no
                                                              AND h.closed_at IS NULL) AS held,
           (SELECT w.kind = 'supplier' FROM warehouses w WHERE w.code = f.warehouse) AS supplier,
           s.shipment_id, s.status AS parcel, s.carrier, s.carrier_ref, s.tracking_no,
           p.weight_g, p.box, p.packed_at, v.manifest_id, v.handed_at,
           (SELECT json_agg(json_build_object('line_no', n.line_no, 'sku', l.sku, 'name', l.name,
                     'barcode', g.barcode, 'quantity', n.quantity, 'picked', n.picked) ORDER BY n.line_no)
              FROM fulfilment_lines n JOIN order_lines l USING (order_no, line_no) JOIN products g USING (sku)
             WHERE n.order_no = f.order_no AND n.number = f.number) AS lines
      FROM fulfilments f JOIN orders o USING (order_no)
      LEFT JOIN LATERAL (SELECT x.* FROM shipments x WHERE x.order_no = f.order_no AND x.fulfilment_no = f.number
                            AND x.status <> 'cancelled' AND x.replaced_at IS NULL LIMIT 1) s ON true
      LEFT JOIN parcel_packings p ON p.shipment_id = s.shipment_id
      LEFT JOIN parcel_handovers v ON v.shipment_id = s.shipment_id
    """
_ORDER_OF = text("SELECT order_no FROM fulfilments WHERE fulfilment_id = :fulfilment_id")
_ONE = text(_COLUMNS + " WHERE f.fulfilment_id = :fulfilment_id")
_MANY = text(_COLUMNS + " WHERE f.fulfilment_id = ANY(CAST(:ids AS text[])) ORDER BY f.fulfilment_id")
# What somebody scans to name a parcel: its label, its packing slip, or the order with one parcel.
_BY_CODE = text(
    """
    SELECT f.fulfilment_id FROM fulfilments f WHERE f.fulfilment_id = :code
    UNION ALL
    SELECT f.fulfilment_id FROM shipments s JOIN fulfilments f ON f.order_no = s.order_no AND f.number = s.fulfilment_no
     WHERE s.tracking_no = :code OR s.shipment_id = :code
    UNION ALL
    SELECT f.fulfilment_id FROM fulfilments f WHERE f.order_no = :code AND f.status <> 'cancelled'
       AND NOT EXISTS (SELECT FROM fulfilments x WHERE x.order_no = f.order_no AND x.number <> f.number
                          AND x.status <> 'cancelled')
    LIMIT 1
    """
)
_PICK = text(
    """
    INSERT INTO picks (scan_id, order_no, number, line_no, quantity, location, picked_by)
    VALUES (:scan_id, :order_no, :number, :line_no, :quantity, :location, :picked_by)
    ON CONFLICT (scan_id) DO NOTHING RETURNING pick_id
    """
)
_SCANNED = text(
    """SELECT f.fulfilment_id, k.line_no FROM picks k JOIN fulfilments f USING (order_no, number)
        WHERE k.scan_id = :scan_id"""
)
_STATUS = text(
    """UPDATE fulfilments SET status = :status, updated_at = now()
        WHERE fulfilment_id = :fulfilment_id AND status <> :status"""
)
_PACK = text(
    """
    INSERT INTO parcel_packings (shipment_id, weight_g, box, packed_by)
    VALUES (:shipment_id, :weight_g, :box, :packed_by) ON CONFLICT DO NOTHING
    """
)
_HAND_OVER = text(
    """
    INSERT INTO parcel_handovers (shipment_id, manifest_id, handed_by) VALUES (:shipment_id, :manifest_id, :handed_by)
    ON CONFLICT DO NOTHING
    """
)
# A parcel that a person booked: the carrier's name for it is not known.
_NAME = text("UPDATE shipments SET carrier_ref = :ref WHERE shipment_id = :shipment_id AND carrier_ref IS NULL")
# By warehouse and status, of what is not over.
_COUNTS = text(
    """
    SELECT warehouse, status, count(*) AS fulfilments FROM fulfilments
     WHERE status NOT IN ('delivered', 'cancelled') GROUP BY warehouse, status
    """
)
# Cancelled, and some of it is picked.
_TO_PUT_BACK = text(
    """
    SELECT f.fulfilment_id FROM fulfilments f
     WHERE f.status = 'cancelled' AND EXISTS (
             SELECT FROM fulfilment_lines n WHERE n.order_no = f.order_no AND n.number = f.number AND n.picked > 0)
       AND f.updated_at > now() - interval '60 days' AND (CAST(:warehouse AS text) IS NULL OR f.warehouse = :warehouse)
     ORDER BY f.fulfilment_id LIMIT 50
    """
)
_MANIFEST = text(
    """
    SELECT f.fulfilment_id, s.order_no, s.shipment_id, s.warehouse, s.carrier, s.tracking_no, p.weight_g, p.box,
           v.handed_by, v.handed_at
      FROM parcel_handovers v JOIN shipments s USING (shipment_id)
      JOIN fulfilments f ON f.order_no = s.order_no AND f.number = s.fulfilment_no
      LEFT JOIN parcel_packings p USING (shipment_id)
     WHERE v.manifest_id = :manifest_id ORDER BY v.handed_at, s.shipment_id LIMIT 2000
    """
)


@dataclass(frozen=True, slots=True)
class ParcelOut:
    """The parcel that goes out now; `has_left`: the carrier has it."""

    shipment_id: str
    status: ShipmentStatus
    carrier: str
    carrier_ref: str | None
    tracking_no: str | None
    weight_g: int | None
    box: str | None
    packed_at: datetime | None
    manifest_id: str | None
    handed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Work:
    """A fulfilment as the warehouse works on it."""

    fulfilment_id: str
    order_no: str
    number: int
    warehouse: str
    standing: Standing
    lines: Sequence[PickLine]
    parcel: ParcelOut | None
    kind: FulfilmentKind = FulfilmentKind.PARCEL
    due_at: datetime | None = None

    @property
    def units(self) -> int:
        """All units."""
        return sum(line.quantity for line in self.lines)

    @property
    def picked(self) -> int:
        """Those that are picked."""
        return sum(line.picked for line in self.lines)


@dataclass(frozen=True, slots=True)
class Pick:
    """Units of a line that somebody took; negative ones were put back. `scan_id` makes it count once."""

    scan_id: str
    line_no: int
    quantity: int
    picked_by: str
    location: str | None = None


@dataclass(frozen=True, slots=True)
class ManifestParcel:
    """A parcel that was handed over with others."""

    fulfilment_id: str
    order_no: str
    shipment_id: str
    warehouse: str
    carrier: str
    tracking_no: str | None
    weight_g: int | None
    box: str | None
    handed_by: str
    handed_at: datetime


async def lock(conn: AsyncConnection, fulfilment_id: str) -> Work:
    """Lock its order and read it. Raises NotFound `fulfilment_not_found`."""
    order_no = (await conn.execute(_ORDER_OF, {"fulfilment_id": fulfilment_id})).scalar_one_or_none()
    if order_no is None:
        raise NotFound("fulfilment_not_found")
    await timeline.lock_order(conn, order_no)
    return _work((await conn.execute(_ONE, {"fulfilment_id": fulfilment_id})).mappings().one())


async def one(conn: AsyncConnection, fulfilment_id: str) -> Work:
    """A fulfilment that exists; its order is locked."""
    return _work((await conn.execute(_ONE, {"fulfilment_id": fulfilment_id})).mappings().one())


async def several(conn: AsyncConnection, ids: Sequence[str]) -> list[Work]:
    """Those of these ids that exist, the oldest orders first."""
    return [_work(row) for row in (await conn.execute(_MANY, {"ids": list(ids)})).mappings()]


async def named_by(conn: AsyncConnection, code: str) -> str | None:
    """The id of the fulfilment that a scanned label, packing slip or order number names."""
    found: str | None = (await conn.execute(_BY_CODE, {"code": code})).scalar_one_or_none()
    return found


async def add(conn: AsyncConnection, work: Work, pick: Pick) -> bool:
    """Write it; False where this scan was counted before. The database refuses more than the line has."""
    row = {"scan_id": pick.scan_id, "order_no": work.order_no, "number": work.number, "line_no": pick.line_no}
    row |= {"quantity": pick.quantity, "location": pick.location, "picked_by": pick.picked_by}
    return (await conn.execute(_PICK, row)).one_or_none() is not None


async def scanned(conn: AsyncConnection, scan_id: str) -> tuple[str, int] | None:
    """The fulfilment and line that this scan was counted for."""
    row = (await conn.execute(_SCANNED, {"scan_id": scan_id})).one_or_none()
    return (row.fulfilment_id, row.line_no) if row else None


async def set_status(conn: AsyncConnection, fulfilment_id: str, status: FulfilmentStatus) -> None:
    """What the warehouse did with it."""
    await conn.execute(_STATUS, {"fulfilment_id": fulfilment_id, "status": status.value})


async def pack(conn: AsyncConnection, shipment_id: str, weight_g: int | None, box: str | None, actor: str) -> None:
    """The parcel is packed; what was said first stands."""
    row = {"shipment_id": shipment_id, "weight_g": weight_g, "box": box, "packed_by": actor}
    await conn.execute(_PACK, row)


async def hand_over(
    conn: AsyncConnection, parcel: ParcelOut, manifest_id: str | None, actor: str
) -> CarrierNotification:
    """The parcel leaves; answers with the scan that its carrier may report, too: one fact, whoever says it first."""
    row = {"shipment_id": parcel.shipment_id, "manifest_id": manifest_id, "handed_by": actor}
    await conn.execute(_HAND_OVER, row)
    reference = parcel.carrier_ref or f"hand:{parcel.shipment_id}"
    await conn.execute(_NAME, {"shipment_id": parcel.shipment_id, "ref": reference})
    event_id, number = f"handover:{parcel.shipment_id}", parcel.tracking_no or ""
    return CarrierNotification(event_id, reference, number, None, ShipmentStatus.PICKED_UP, datetime.now(UTC), 0)


async def counts(conn: AsyncConnection) -> dict[tuple[str, str], int]:
    """{(warehouse, status): fulfilments} of what is not over."""
    return {(row.warehouse, row.status): row.fulfilments for row in await conn.execute(_COUNTS)}


async def to_put_back(conn: AsyncConnection, warehouse: str | None) -> list[Work]:
    """Cancelled fulfilments whose goods are out of their locations."""
    ids = list((await conn.execute(_TO_PUT_BACK, {"warehouse": warehouse})).scalars())
    return await several(conn, ids) if ids else []


async def manifest(conn: AsyncConnection, manifest_id: str) -> list[ManifestParcel]:
    """The parcels that were handed over together, at most 2,000."""
    rows = (await conn.execute(_MANIFEST, {"manifest_id": manifest_id})).mappings()
    return [ManifestParcel(**row) for row in rows]


def _work(row: RowMapping) -> Work:
    standing = Standing(FulfilmentStatus(row["status"]), row["cancelling"], row["held"], row["supplier"])
    lines = [PickLine(**line) for line in row["lines"] or ()]
    parcel = None if row["shipment_id"] is None else _parcel(row)
    place = row["fulfilment_id"], row["order_no"], row["number"], row["warehouse"]
    return Work(*place, standing, lines, parcel, FulfilmentKind(row["kind"]), row["due_at"])


def _parcel(row: RowMapping) -> ParcelOut:
    return ParcelOut(
        row["shipment_id"], ShipmentStatus(row["parcel"]), row["carrier"], row["carrier_ref"], row["tracking_no"],
        row["weight_g"], row["box"], row["packed_at"], row["manifest_id"], row["handed_at"],
    )  # fmt: skip
