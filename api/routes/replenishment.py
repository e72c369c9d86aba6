"""Replenishment: rules, suggestions, runs."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from api.dependencies import Caller, json_response, require, require_staff, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.presenters import replenishment as shown
from api.routes.stock import stock_request
from api.schemas.fields import Code, SoughtText
from api.schemas.replenishment import (
    OrderedSuggestions,
    OrderSuggestions,
    PutReplenishmentRule,
    ReplenishmentRule,
    ReplenishmentRulePage,
    ReplenishmentRun,
    ReplenishmentRuns,
    StartReplenishmentRun,
    SuggestionPage,
)
from api.services.replenishment import replenishment
from domain.access import Role

router = APIRouter(prefix="/v1/replenishment", tags=["stock"])
Limit = Annotated[int, Query(ge=1, le=200)]
Number = Annotated[int, Path(ge=1, le=2**62)]
_BUYERS = (Role.WAREHOUSE, Role.OPERATIONS)


@router.get("/suggestions", **operation("list_replenishment_suggestions", Answer(200, SuggestionPage)))
async def list_suggestions(
    request: Request,
    caller: Caller,
    warehouse: Code | None = None,
    supplier: SoughtText | None = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Response:
    """What is to be ordered, by SKU and warehouse, with why; for the staff."""
    require_staff(caller)
    found, following = await replenishment.page(services_of(request), warehouse, supplier, limit, cursor)
    return json_response({"items": [shown.suggestion(one).model_dump() for one in found], "next_cursor": following})


@router.post(
    "/suggestions/order",
    **operation("order_replenishment_suggestions", Answer(201, OrderedSuggestions), body=OrderSuggestions),
)
async def order_suggestions(request: Request, caller: Caller) -> Response:
    """Suggestions become purchase orders, of what is needed at this moment: nothing is ordered twice."""
    asked, body = await stock_request(request, caller, OrderSuggestions, *_BUYERS)
    return response_of(await replenishment.order(asked, body))


@router.get("/rules", **operation("list_replenishment_rules", Answer(200, ReplenishmentRulePage)))
async def list_rules(
    request: Request, caller: Caller, supplier: SoughtText | None = None, limit: Limit = 50, cursor: str | None = None
) -> Response:
    """Rules, the oldest first; for the staff."""
    require_staff(caller)
    found, following = await replenishment.rule_page(services_of(request), supplier, limit, cursor)
    return json_response({"items": [shown.rule(one).model_dump() for one in found], "next_cursor": following})


@router.put(
    "/rules",
    **operation("put_replenishment_rule", Answer(200, ReplenishmentRule), body=PutReplenishmentRule, keyed=False),
)
async def put_rule(request: Request, caller: Caller) -> Response:
    """Set the rule of this product and warehouse. The next run uses it."""
    require(caller, Role.OPERATIONS)
    parsed = await read(request, PutReplenishmentRule)
    stored = await replenishment.put_rule(services_of(request), caller, parsed.model)
    return json_response(shown.rule(stored).model_dump())


@router.delete("/rules/{rule_id}", **operation("remove_replenishment_rule", Answer(204)))
async def remove_rule(rule_id: Number, request: Request, caller: Caller) -> Response:
    """The rule that names less is in force again."""
    require(caller, Role.OPERATIONS)
    await replenishment.remove_rule(services_of(request), caller, rule_id)
    return Response(status_code=204)


@router.get("/runs", **operation("list_replenishment_runs", Answer(200, ReplenishmentRuns)))
async def list_runs(request: Request, caller: Caller) -> Response:
    """The newest runs; for the staff. There is one each day without a request."""
    require_staff(caller)
    found = await replenishment.newest_runs(services_of(request))
    return json_response({"items": found, "next_cursor": None})


@router.post("/runs", **operation("start_replenishment_run", Answer(202, ReplenishmentRun), body=StartReplenishmentRun))
async def start_run(request: Request, caller: Caller) -> Response:
    """Calculate all suggestions anew, as after a change of rules."""
    asked, _ = await stock_request(request, caller, StartReplenishmentRun, *_BUYERS, optional=True)
    return response_of(await replenishment.start_run(asked))
