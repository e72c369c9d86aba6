"""Webhook endpoints: added, listed, removed, switched on again."""

import base64
import re
import secrets
from dataclasses import asdict
from datetime import datetime

from api.dependencies import Services, actor, derived_id
from api.idempotency import HOLD_S, request_of, run_in_transaction
from api.replies import Reply, as_sent
from api.schemas.webhooks import NewEndpoint
from api.services.webhooks.webhook_targets import require_public
from domain.access import Principal
from domain.errors import NotFound
from infra.db import idempotency
from infra.db.audit import actor_context
from infra.db.engine import Connection
from infra.db.idempotency import Answered
from infra.db.webhooks import deliveries, endpoints, level_deliveries
from infra.db.webhooks.endpoints import Endpoint, ListedEndpoint
from infra.security.network_addresses import Reach

# So many are taken up by one statement well within its time.
REPLAYED_AT_ONCE = 20_000
_SECRET_BYTES = 32
_ID = re.compile(r"^whe_[0-9a-f]{32}$")


async def add(services: Services, caller: Principal, key: str, digest: bytes, new: NewEndpoint) -> Reply:
    """Add an endpoint. Its signing secret is made here; this answer and its repeats are all that show it.

    Raises Problem `webhook_target_refused`.
    """
    await require_public(new.url, Reach.from_settings(services.settings))
    endpoint_id = f"whe_{derived_id(caller, key, 'webhook endpoint')}"
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    request = request_of(caller, key, digest)
    async with services.database.begin() as conn:
        claim = await idempotency.claim(conn, services.keys, request, HOLD_S, endpoint_id)
        if isinstance(claim, Answered):
            known = await endpoints.secret_of(conn, services.keys, endpoint_id)
            return Reply({**claim.response, "secret": known}, claim.status_code, replayed=True)
        wanted = Endpoint(endpoint_id, new.url, list(new.event_types), actor(caller), secret, list(new.stock_channels))
        fields = await endpoints.add(conn, services.keys, wanted)
        # The kept answer is without the secret, which stays encrypted.
        await idempotency.finish(conn, services.keys, claim, 201, as_sent(fields))
    return Reply({**asdict(fields), "secret": secret}, 201)


async def list_endpoints(services: Services) -> list[ListedEndpoint]:
    """All endpoints without their secrets, the oldest first."""
    async with services.database.begin() as conn:
        return await endpoints.every(conn)


async def remove(services: Services, caller: Principal, endpoint_id: str) -> None:
    """Send nothing there any more. Raises NotFound `endpoint_not_found`."""
    _require_id(endpoint_id)
    async with services.database.begin() as conn:
        await actor_context.set_actor(conn, actor(caller), caller.origin)
        if not await endpoints.remove(conn, endpoint_id):
            raise NotFound("endpoint_not_found")


async def replay(
    services: Services, caller: Principal, key: str, digest: bytes, endpoint_id: str, since: datetime | None
) -> Reply:
    """Switch the endpoint on and send again events and levels that were given up since.

    Raises NotFound `endpoint_not_found`.
    """
    _require_id(endpoint_id)

    async def work(conn: Connection) -> dict[str, object]:
        replayed = await deliveries.replay(conn, endpoint_id, since, REPLAYED_AT_ONCE)
        if replayed is None:
            raise NotFound("endpoint_not_found")
        replayed += await level_deliveries.replay(conn, endpoint_id, since, REPLAYED_AT_ONCE - replayed)
        return {"endpoint_id": endpoint_id, "active": True, "replayed": replayed}

    return await run_in_transaction(services, request_of(caller, key, digest), 200, work)


def replayed_by(reply: Reply) -> int:
    """How many events `replay` sends again."""
    return int(reply.content["replayed"])


def _require_id(endpoint_id: str) -> None:
    """Raises NotFound `endpoint_not_found` for what cannot be one."""
    if not _ID.match(endpoint_id):
        raise NotFound("endpoint_not_found")
