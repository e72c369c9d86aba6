"""The labels of parcels. They carry the address, so they are sealed with the customer's key."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import NotFound
from infra.db.customers.profiles import KeyRing

_LABEL = text(
    """
    SELECT l.format, l.content_enc, c.data_key
      FROM shipment_labels l JOIN shipments s USING (shipment_id) JOIN orders o USING (order_no)
      JOIN customers c USING (customer_id)
     WHERE l.shipment_id = :shipment_id AND s.order_no = :order_no
    """
)
_LABELLED = text(
    """
    SELECT l.shipment_id FROM shipment_labels l JOIN shipments s USING (shipment_id) WHERE s.order_no = :order_no
    """
)

_LIVE = text(
    """
    SELECT s.shipment_id FROM shipments s JOIN shipment_labels USING (shipment_id)
     WHERE s.order_no = :order_no AND s.status <> 'cancelled' AND s.replaced_at IS NULL ORDER BY s.fulfilment_no
    """
)


async def label_of(conn: AsyncConnection, keys: KeyRing, order_no: str, shipment_id: str) -> tuple[str, bytes]:
    """Format and content of the label of one of the order's parcels. Raises NotFound `label_not_found`."""
    row = (await conn.execute(_LABEL, {"order_no": order_no, "shipment_id": shipment_id})).one_or_none()
    if row is None or row.data_key is None:
        raise NotFound("label_not_found")
    return row.format, keys.vault.open(keys.unwrap(row.data_key), bytes(row.content_enc), f"{shipment_id}:label")


async def shipments_of(conn: AsyncConnection, order_no: str) -> list[str]:
    """The parcels of the order that go out now, those that have a label."""
    return list((await conn.execute(_LIVE, {"order_no": order_no})).scalars())


async def labelled(conn: AsyncConnection, order_no: str) -> set[str]:
    """The order's parcels that have a label."""
    return set((await conn.execute(_LABELLED, {"order_no": order_no})).scalars())
