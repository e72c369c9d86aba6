"""Photographs that a customer adds to a return: stored sealed, shown to staff and to the owner alone."""

from collections.abc import Sequence
from dataclasses import asdict

from api.dependencies import Services, actor
from api.idempotency import run_in_transaction
from api.replies import Reply
from api.services.after_sales.keyed_request import KeyedRequest
from api.services.files import file_store
from api.services.files.uploads import CheckedUpload
from domain.access import Role
from domain.after_sales.returns import OPEN
from domain.errors import Conflict, NotFound, RuleBroken
from infra.db.after_sales import return_photographs, returns
from infra.db.after_sales.return_photographs import MAX_PHOTOGRAPHS, ReturnPhotograph
from infra.db.engine import Connection
from infra.db.files.stored_files import FileContent

__all__ = ["ADDED_BY", "MAX_PHOTOGRAPHS", "SEEN_BY", "add", "every", "one"]

ADDED_BY = (Role.CUSTOMER, Role.CHANNEL, Role.SUPPORT)
# Who sees what customers have photographed: those who handle the return, and its owner.
SEEN_BY = (Role.CUSTOMER, Role.CHANNEL, Role.SUPPORT, Role.WAREHOUSE)


async def add(
    services: Services, keyed: KeyedRequest, return_id: str, owner_id: str, uploads: Sequence[CheckedUpload]
) -> Reply:
    """Add photographs to a return of this customer; all of them or none. The caller may see the return.

    Raises RuleBroken `too_many_photographs`, Conflict `return_closed`.
    """
    name = actor(keyed.caller)

    async def work(conn: Connection) -> dict[str, object]:
        if (await returns.lock(conn, return_id)).status not in OPEN:
            raise Conflict("return_closed", "the return is over; nothing can be added to it")
        if await return_photographs.count(conn, return_id) + len(uploads) > MAX_PHOTOGRAPHS:
            raise RuleBroken("too_many_photographs")
        for upload in uploads:
            file_id = await file_store.keep_private(services, conn, upload.picture, owner_id, name)
            await return_photographs.add(conn, return_id, file_id, name)
        return {"items": [asdict(one) for one in await return_photographs.every(conn, return_id)]}

    return await run_in_transaction(services, keyed.claim, 201, work)


async def every(services: Services, return_id: str) -> list[ReturnPhotograph]:
    """The photographs of a return that the caller may see."""
    async with services.database.begin() as conn:
        return await return_photographs.every(conn, return_id)


async def one(services: Services, return_id: str, file_id: str, small: bool) -> FileContent:
    """One of them. Raises NotFound `picture_not_found`, also for a picture of another return and after erasure."""
    if all(found.file_id != file_id for found in await every(services, return_id)):
        raise NotFound("picture_not_found")
    return await file_store.any_picture(services, file_id, small)
