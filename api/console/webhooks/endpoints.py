"""Webhook endpoints: their state, and the replay of events that they missed."""

import hashlib
import secrets
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.console.forms import key_of
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import require, services_of
from api.services.webhooks import webhook_endpoints
from domain.access import Role

router = APIRouter(prefix="/console/webhooks")


@router.get("")
async def overview(request: Request, member: CurrentStaff) -> Response:
    """All endpoints, those that were switched off too."""
    require(member.principal, Role.OPERATIONS)
    return await _page(request, member)


@router.post("/{endpoint_id}/replay")
async def replay(request: Request, member: CurrentStaff, endpoint_id: str) -> Response:
    """Switch it on, and send again what was not delivered."""
    require(member.principal, Role.OPERATIONS)
    fields = await posted(request, member)
    key = key_of(fields)
    digest = hashlib.sha256(f"replay {endpoint_id}".encode()).digest()
    answer = await webhook_endpoints.replay(services_of(request), member.principal, key, digest, endpoint_id, None)
    return await _page(request, member, replayed=webhook_endpoints.replayed_by(answer))


async def _page(request: Request, member: StaffMember, **outcome: Any) -> Response:
    found = await webhook_endpoints.list_endpoints(services_of(request))
    context: dict[str, Any] = {"replayed": None, **outcome, "endpoints": found, "key": secrets.token_hex(16)}
    return page(request, "webhooks.html", member=member, **context)
