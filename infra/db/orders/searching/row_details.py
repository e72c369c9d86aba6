"""What a list shows beside the orders' own columns: customer, items, payment, parcel. One statement for a page."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.orders.payment_status import PaymentSums
from domain.shipping.fulfilment_status import parcel_of_parts
from domain.shipping.fulfilments import FulfilmentProgress, FulfilmentStatus, progress_of
from domain.shipping.shipments import ShipmentStatus
from infra.db.customers.profiles import KeyRing, profile_context
from infra.db.driver_types import DriverRow

NAMED_ITEMS = 3

# Each part follows an index by order number, so that the size of the shop does not matter.
_DETAILS = text(
    """
    SELECT o.order_no, o.customer_id, c.data_key,
           CASE WHEN o.contact_corrected THEN k.profile_enc ELSE coalesce(s.profile_enc, c.profile_enc) END
             AS profile_enc,
           lines.items, lines.names, money.authorised_minor, money.captured_minor, money.refunded_minor,
           money.disputed_minor, o.capture = 'shipment' AS by_shipment,
           o.type = 'b2b' AND EXISTS (SELECT FROM receivables v WHERE v.order_no = o.order_no AND v.owed_minor > 0
                                         AND v.due_at IS NOT NULL) AS owed,
           (SELECT p.status FROM shipments p
             WHERE p.order_no = o.order_no AND p.status <> 'cancelled' AND p.replaced_at IS NULL
             ORDER BY array_position('{lost,refused,booking,booked,picked_up,in_transit,delivered}', p.status)
             LIMIT 1) AS parcel,
           (SELECT json_agg(json_build_array(f.warehouse, f.status) ORDER BY f.number)
              FROM fulfilments f WHERE f.order_no = o.order_no) AS parts
      FROM orders o LEFT JOIN customers c USING (customer_id)
      LEFT JOIN customer_contacts s USING (customer_id, channel)
      LEFT JOIN order_contacts k ON o.contact_corrected AND k.customer_id = o.customer_id
            AND k.contact_id = o.contact_id,
           LATERAL (SELECT coalesce(sum(l.quantity - l.cancelled_quantity), 0)::bigint AS items,
                           array_agg(l.name ORDER BY l.line_no) AS names
                      FROM order_lines l
                     WHERE l.order_no = o.order_no AND l.quantity > l.cancelled_quantity) lines,
           LATERAL (SELECT coalesce(sum(authorised_left_minor(p.payment_id, p.amount_minor)) FILTER (
                             WHERE p.kind = 'authorise' AND p.status = 'succeeded'
                               AND NOT EXISTS (SELECT FROM payments n WHERE n.order_no = p.order_no
                                                  AND n.parent_id = p.payment_id AND n.kind IN ('capture', 'void')
                                                  AND n.fulfilment_no IS NULL AND n.status <> 'failed')), 0)::bigint
                             AS authorised_minor,
                           coalesce(sum(t.captured_minor), 0)::bigint AS captured_minor,
                           coalesce(sum(t.refunded_minor), 0)::bigint AS refunded_minor,
                           coalesce(sum(t.disputed_minor), 0)::bigint AS disputed_minor
                      FROM payments p LEFT JOIN payment_totals t USING (payment_id)
                     WHERE p.order_no = o.order_no AND p.purpose IN ('order', 'supplement')) money
     WHERE o.order_no = ANY(CAST(:order_nos AS text[]))
    """
)


@dataclass(frozen=True, slots=True)
class Profile:
    """A customer as an order names them; all None where nobody may read it, or where its key is gone."""

    name: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class PartOfRow:
    """A fulfilment of an order that has several."""

    warehouse: str
    status: FulfilmentStatus


@dataclass(frozen=True, slots=True)
class RowDetails:
    """The rest of a row: units that are left of the lines, the first names of products, the money, the parcel, and the
    parts where it has several: then `parcel` is that of the part that is least far."""

    customer: Profile
    items: int
    item_names: list[str]
    money: PaymentSums
    parcel: ShipmentStatus | None
    parts: tuple[PartOfRow, ...] = ()

    @property
    def progress(self) -> FulfilmentProgress | None:
        """How many parts have shipped; None for an order that ships in one."""
        return progress_of([part.status for part in self.parts]) if self.parts else None


async def details(
    conn: AsyncConnection, order_nos: Sequence[str], keys: KeyRing | None, named: int = NAMED_ITEMS
) -> dict[str, RowDetails]:
    """By order number. Without `keys` no personal field is opened."""
    if not order_nos:
        return {}
    rows = await conn.execute(_DETAILS, {"order_nos": list(order_nos)})
    return {row.order_no: _details(row, keys, named) for row in rows}


def _details(row: DriverRow, keys: KeyRing | None, named: int) -> RowDetails:
    opened = keys and keys.open_json(row.data_key, row.profile_enc, profile_context(row.customer_id))
    customer = Profile(*(opened.get(name) for name in ("name", "email", "phone"))) if opened else Profile()
    sums = PaymentSums(
        row.authorised_minor, row.captured_minor, row.refunded_minor, row.disputed_minor, row.by_shipment, row.owed
    )
    parts = tuple(PartOfRow(warehouse, FulfilmentStatus(status)) for warehouse, status in row.parts or ())
    names = (row.names or [])[:named]
    if len(parts) > 1:
        least_far = parcel_of_parts([part.status for part in parts])
        return RowDetails(customer, row.items, names, sums, least_far, parts)
    return RowDetails(customer, row.items, names, sums, ShipmentStatus(row.parcel) if row.parcel else None)
