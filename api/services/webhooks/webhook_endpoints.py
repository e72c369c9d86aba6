"""Acts on webhook endpoints: what the HTTP calls and the console's forms both do."""

import re
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from api.dependencies import Services, actor
from api.idempotency import in_books
from api.replies import Reply
from domain.access import Principal
from domain.errors import NotFound
from infra.db import idempotency
from infra.db.webhooks import deliveries

# So many are taken up by one statement well within its time.
REPLAYED_AT_ONCE = 20_000
_ID = re.compile(r"^whe_[0-9a-f]{32}$")


async def replay(
    parts: Services, caller: Principal, key: str, digest: bytes, endpoint_id: str, since: datetime | None
) -> Reply:
    """Switch the endpoint on and send again what was given up since. Raises NotFound `endpoint_not_found`."""
    require_id(endpoint_id)

    async def work(conn: AsyncConnection) -> dict[str, Any]:
        replayed = await deliveries.replay(conn, endpoint_id, since, REPLAYED_AT_ONCE)
        if replayed is None:
            raise NotFound("endpoint_not_found")
        return {"endpoint_id": endpoint_id, "active": True, "replayed": replayed}

    return await in_books(parts, idempotency.Request(actor(caller), key, digest, caller.origin), 200, work)


def require_id(endpoint_id: str) -> None:
    """Raises NotFound `endpoint_not_found` for what cannot be one."""
    if not _ID.match(endpoint_id):
        raise NotFound("endpoint_not_found")
