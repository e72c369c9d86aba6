"""The label of a parcel, for those who send it."""

from api.dependencies import Services
from domain.access import Role
from infra.db.shipping import labels

READ_BY = (Role.SUPPORT, Role.WAREHOUSE)


async def label(services: Services, order_no: str, shipment_id: str) -> tuple[str, bytes]:
    """Its format and its content. Raises NotFound `label_not_found`."""
    async with services.database.begin() as conn:
        return await labels.label_of(conn, services.keys, order_no, shipment_id)


async def label_of_order(services: Services, order_no: str) -> tuple[str, bytes] | None:
    """Format and content of the label of the parcel that goes out now; None where there is none."""
    async with services.database.begin() as conn:
        shipment_id = await labels.shipment_of(conn, order_no)
        return None if shipment_id is None else await labels.label_of(conn, services.keys, order_no, shipment_id)
