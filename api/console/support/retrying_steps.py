"""All steps that fail and are still being tried, in one list: the second kind of stuck."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from api.console.rendering import page
from api.console.session import CurrentStaff
from api.dependencies import require, services_of
from api.schemas.fields import Code, Reference
from api.services.support import retrying_queue
from domain.access import Role

router = APIRouter(prefix="/console/retrying")

PAGE_SIZE = 50


@router.get("")
async def retrying(
    request: Request,
    member: CurrentStaff,
    step: Code | None = None,
    error: Reference | None = None,
    provider: Code | None = None,
    cursor: Annotated[str | None, Query(max_length=300)] = None,
) -> Response:
    """Paused ones first, then the longest failing. The database answers; Temporal adds who is paused, if it can."""
    require(member.principal, Role.SUPPORT, Role.OPERATIONS)
    found = await retrying_queue.list_retrying(services_of(request), step, error, provider, cursor, PAGE_SIZE)
    context: dict[str, Any] = {
        "items": found.items,
        "asked": found.temporal_answered,
        "chosen": {"step": step, "error": error, "provider": provider},
        "next_cursor": found.next_cursor,
        "query": request.url.query,
    }
    template = "retrying_live.html" if request.headers.get("x-live") else "retrying.html"
    return page(request, template, member=member, **context)
