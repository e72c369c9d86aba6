"""Messages to customers: what the HTTP calls and the console's pages both show and do."""

import hashlib
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from api.dependencies import Services, actor
from api.idempotency import in_books
from api.replies import Reply
from domain.access import Principal
from infra.db import idempotency
from infra.db.notifications import messages

_SHOWN = (
    *("message_id", "fact", "channel", "template", "version", "language", "state", "tries", "error"),
    *("created_at", "sent_at", "to", "earlier_to"),
)


async def of_order(parts: Services, number: str) -> list[dict[str, Any]]:
    """What the customer was told of the order."""
    async with parts.database.begin() as conn:
        rows = await messages.of_order(conn, parts.keys, number)
    return [{name: row[name] for name in _SHOWN} for row in rows]


async def send_again(parts: Services, caller: Principal, key: str, number: str, message_id: str) -> Reply:
    """Have a failed message sent once more. Raises NotFound `message_not_found`, Conflict `message_not_failed`."""
    digest = hashlib.sha256(f"send again {number} {message_id}".encode()).digest()

    async def work(conn: AsyncConnection) -> dict[str, Any]:
        await messages.send_again(conn, number, message_id, actor(caller))
        return {"message_id": message_id, "state": "open"}

    return await in_books(parts, idempotency.Request(actor(caller), key, digest, caller.origin), 200, work)
