"""Photographs that a customer sends of a parcel: stored sealed, shown to staff and to the owner alone."""

from collections.abc import Sequence

from api.dependencies import Services, actor
from api.idempotency import run_in_transaction
from api.replies import Reply
from api.services.after_sales.keyed_request import KeyedRequest
from api.services.after_sales.return_photographs import SEEN_BY
from api.services.files import file_store
from api.services.files.uploads import MAX_PHOTOGRAPHS, CheckedUpload
from domain.errors import Conflict, NotFound, RuleBroken
from domain.orders.status import Status
from infra.db.after_sales import order_photographs
from infra.db.after_sales.order_photographs import OrderPhotograph
from infra.db.engine import Connection
from infra.db.files.stored_files import FileContent
from infra.db.orders.state import timeline

__all__ = ["MAX_PHOTOGRAPHS", "SEEN_BY", "TAKEN_IN", "OrderPhotograph", "add", "every", "of_parcel", "one"]

# While there is a parcel that can be damaged or lost, and as long as somebody may still ask about it.
TAKEN_IN = (Status.SHIPPED, Status.DELIVERED, Status.COMPLETED)


async def add(
    services: Services, keyed: KeyedRequest, order_no: str, owner_id: str, uploads: Sequence[CheckedUpload]
) -> Reply:
    """Add photographs to an order of this customer; all of them or none.

    Raises RuleBroken `too_many_photographs`, Conflict `parcel_not_sent`.
    """
    name = actor(keyed.caller)

    async def work(conn: Connection) -> dict[str, object]:
        if await timeline.lock_order(conn, order_no) not in TAKEN_IN:
            raise Conflict("parcel_not_sent")
        if len(await order_photographs.of_parcel(conn, order_no)) + len(uploads) > MAX_PHOTOGRAPHS:
            raise RuleBroken("too_many_photographs")
        for upload in uploads:
            file_id = await file_store.keep_private(services, conn, upload.picture, owner_id, name)
            await order_photographs.add(conn, order_no, file_id, name)
        return {"order_no": order_no}

    return await run_in_transaction(services, keyed.claim, 201, work)


async def of_parcel(services: Services, order_no: str) -> list[OrderPhotograph]:
    """The photographs of the order's parcel; the caller may see the order."""
    async with services.database.begin() as conn:
        return await order_photographs.of_parcel(conn, order_no)


async def every(services: Services, order_no: str) -> list[OrderPhotograph]:
    """The same with those of the order's returns."""
    async with services.database.begin() as conn:
        return await order_photographs.every(conn, order_no)


async def one(services: Services, order_no: str, file_id: str, small: bool) -> FileContent:
    """One of them. Raises NotFound `picture_not_found`, also for a picture of another order and after erasure."""
    if all(found.file_id != file_id for found in await every(services, order_no)):
        raise NotFound("picture_not_found")
    return await file_store.any_picture(services, file_id, small)
