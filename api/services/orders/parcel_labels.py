"""The label of a parcel, for those who send it."""

from api.dependencies import Services
from domain.access import Role
from infra.db.shipping import labels

READ_BY = (Role.SUPPORT, Role.WAREHOUSE)


async def label(services: Services, order_no: str, shipment_id: str) -> tuple[str, bytes]:
    """Its format and its content. Raises NotFound `label_not_found`."""
    async with services.database.begin() as conn:
        return await labels.label_of(conn, services.keys, order_no, shipment_id)


async def labels_of_order(services: Services, order_no: str) -> list[tuple[str, bytes]]:
    """Format and content of the labels of the parcels that go out now, by fulfilment."""
    async with services.database.begin() as conn:
        parcels = await labels.shipments_of(conn, order_no)
        return [await labels.label_of(conn, services.keys, order_no, shipment_id) for shipment_id in parcels]
