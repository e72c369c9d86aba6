"""Fulfilments: the parts in which orders ship."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from api.dependencies import Caller, json_response, require_staff, services_of
from api.http.openapi import Answer, operation
from api.schemas.fields import Code
from api.schemas.fulfilments import FulfilmentPage
from api.services.shipping import fulfilment_queries
from domain.shipping.fulfilments import FulfilmentStatus
from domain.shipping.lateness import Lateness

Late = Lateness | Literal["any"]
router = APIRouter(prefix="/v1/fulfilments", tags=["fulfilments"])


@router.get("", **operation("list_fulfilments", Answer(200, FulfilmentPage)))
async def list_fulfilments(
    request: Request,
    caller: Caller,
    warehouse: Code | None = None,
    status: FulfilmentStatus | None = None,
    late: Late | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> Response:
    """The parts in which orders ship, those of the oldest orders first; for the staff. Without a status, those that
    are neither delivered nor cancelled. `late` finds those whose promised time has passed, or was moved."""
    require_staff(caller)
    items, following = await fulfilment_queries.page(services_of(request), warehouse, status, limit, cursor, late)
    return json_response({"items": items, "next_cursor": following})
