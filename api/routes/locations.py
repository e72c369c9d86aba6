"""Locations within a warehouse."""

from fastapi import APIRouter, Request, Response

from api.dependencies import Caller, json_response, require_staff, services_of
from api.http.openapi import Answer, operation
from api.http.responses import response_of
from api.routes.stock import stock_request
from api.schemas.fields import Code
from api.schemas.locations import ChangeLocation, Location, Locations, MoveWithin, NewLocation, PickLocations
from api.services.stock import stock_locations
from domain.access import Role

router = APIRouter(tags=["stock"])


@router.get("/v1/locations", **operation("list_locations", Answer(200, Locations)))
async def list_locations(request: Request, caller: Caller, warehouse: Code | None = None) -> Response:
    """Locations in walking order; for the staff."""
    require_staff(caller)
    items = await stock_locations.everything(services_of(request), warehouse)
    return json_response({"items": items, "next_cursor": None})


@router.post("/v1/locations", **operation("add_location", Answer(201, Location), body=NewLocation))
async def add_location(request: Request, caller: Caller) -> Response:
    """Add a location to a warehouse."""
    asked, body = await stock_request(request, caller, NewLocation, Role.WAREHOUSE, Role.OPERATIONS)
    return response_of(await stock_locations.add(asked, body))


@router.patch(
    "/v1/locations/{warehouse}/{code}", **operation("change_location", Answer(200, Location), body=ChangeLocation)
)
async def change_location(warehouse: str, code: str, request: Request, caller: Caller) -> Response:
    """Rename it, move it in the walk, close it or open it again. One with units is not closed."""
    asked, body = await stock_request(request, caller, ChangeLocation, Role.WAREHOUSE, Role.OPERATIONS)
    return response_of(await stock_locations.change(asked, warehouse, code, body))


@router.post("/v1/stock/moves", **operation("move_within_warehouse", Answer(201, PickLocations), body=MoveWithin))
async def move_within(request: Request, caller: Caller) -> Response:
    """Put units away, or move them from one location to another. The warehouse's level stays."""
    return response_of(await stock_locations.move(*await stock_request(request, caller, MoveWithin)))


@router.get("/v1/stock/{sku}/locations", **operation("list_locations_of_sku", Answer(200, PickLocations)))
async def list_places(sku: str, request: Request, caller: Caller, warehouse: Code | None = None) -> Response:
    """Where a product is in a warehouse (the default one where none is named), in walking order; what is not placed
    comes last. For the staff."""
    require_staff(caller)
    items = await stock_locations.places_of(services_of(request), sku, warehouse)
    return json_response({"items": items, "next_cursor": None})
