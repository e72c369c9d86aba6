"""Counts of a warehouse."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.dependencies import Caller, json_response, require_staff, services_of
from api.http.openapi import Answer, operation
from api.http.responses import response_of
from api.routes.stock import stock_request
from api.schemas.stock_counts import CountPage, DecideCount, NewCount, StockCount
from api.services.stock import stock_counts
from domain.access import Role
from domain.stock.counting import CountStatus

router = APIRouter(prefix="/v1/stock/counts", tags=["stock"])
Limit = Annotated[int, Query(ge=1, le=200)]
_DECIDERS = (Role.WAREHOUSE, Role.OPERATIONS)


@router.get("", **operation("list_counts", Answer(200, CountPage)))
async def list_counts(
    request: Request, caller: Caller, status: CountStatus | None = None, limit: Limit = 50, cursor: str | None = None
) -> Response:
    """Counts, the newest first; for the staff."""
    require_staff(caller)
    found, following = await stock_counts.page(services_of(request), status, limit, cursor)
    return json_response({"items": [stock_counts.view(one, []) for one in found], "next_cursor": following})


@router.post("", **operation("count_stock", Answer(201, StockCount), body=NewCount))
async def count_stock(request: Request, caller: Caller) -> Response:
    """Record what was counted. Goods go on moving: each line is compared with what the ledger had at the moment of
    counting, and its difference is an adjustment. Differences above a limit wait for another person; a count that
    leaves less than orders have reserved is not posted and becomes a case."""
    return response_of(await stock_counts.record(*await stock_request(request, caller, NewCount)))


@router.get("/{count_id}", **operation("get_count", Answer(200, StockCount)))
async def get_count(count_id: str, request: Request, caller: Caller) -> Response:
    """A count with its differences; for the staff."""
    require_staff(caller)
    return json_response(stock_counts.view(await stock_counts.one(services_of(request), count_id), []))


@router.post("/{count_id}/approve", **operation("approve_count", Answer(200, StockCount), body=DecideCount))
async def approve_count(count_id: str, request: Request, caller: Caller) -> Response:
    """Another person agrees, and the differences are posted."""
    asked, _ = await stock_request(request, caller, DecideCount, *_DECIDERS, optional=True)
    return response_of(await stock_counts.approve(asked, count_id))


@router.post("/{count_id}/refuse", **operation("refuse_count", Answer(200, StockCount), body=DecideCount))
async def refuse_count(count_id: str, request: Request, caller: Caller) -> Response:
    """Another person disagrees: it is to be counted again."""
    asked, _ = await stock_request(request, caller, DecideCount, *_DECIDERS, optional=True)
    return response_of(await stock_counts.refuse(asked, count_id))


@router.post("/{count_id}/post", **operation("post_count", Answer(200, StockCount), body=DecideCount))
async def post_count(count_id: str, request: Request, caller: Caller) -> Response:
    """Post a count that was short, once orders hold no more than was counted."""
    asked, _ = await stock_request(request, caller, DecideCount, *_DECIDERS, optional=True)
    return response_of(await stock_counts.post(asked, count_id))
