"""Warehouses."""

from fastapi import APIRouter, Request, Response

from api.dependencies import Caller, idempotency_key, json_response, require, require_staff, services_of
from api.http.openapi import ETAG, IF_MATCH, Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.schemas.catalogue import Warehouse, WarehouseList
from api.schemas.stock import ChangeWarehouse, NewWarehouse
from api.services.catalogue import warehouse_entries
from api.services.orders.order_changes import versions_in
from domain.access import Role

router = APIRouter(prefix="/v1/warehouses", tags=["catalogue"])


@router.get("", **operation("list_warehouses", Answer(200, WarehouseList)))
async def list_warehouses(request: Request, caller: Caller) -> Response:
    """All warehouses, the preferred ones first; for the staff."""
    require_staff(caller)
    return json_response({"items": await warehouse_entries.everything(services_of(request)), "next_cursor": None})


@router.post("", **operation("add_warehouse", Answer(201, Warehouse), body=NewWarehouse))
async def add_warehouse(request: Request, caller: Caller) -> Response:
    """Add a warehouse; the first one becomes the default."""
    services = services_of(request)
    require(caller, Role.OPERATIONS)
    key = idempotency_key(request)
    parsed = await read(request, NewWarehouse)
    return response_of(await warehouse_entries.add(services, caller, key, parsed.digest, parsed.model))


@router.get("/{code}", **operation("get_warehouse", Answer(200, Warehouse, headers=[ETAG])))
async def get_warehouse(code: str, request: Request, caller: Caller) -> Response:
    """A warehouse; for the staff. The ETag changes with every change."""
    require_staff(caller)
    found = await warehouse_entries.warehouse(services_of(request), code)
    return json_response(found, headers={"ETag": f'"{found.version}"'})


@router.patch(
    "/{code}",
    **operation(
        "change_warehouse", Answer(200, Warehouse, headers=[ETAG]), body=ChangeWarehouse, parameters=[IF_MATCH]
    ),
)
async def change_warehouse(code: str, request: Request, caller: Caller) -> Response:
    """Change a warehouse; what is reserved there stays."""
    require(caller, Role.OPERATIONS)
    key, versions = idempotency_key(request), versions_in(request.headers.get("if-match"))
    parsed = await read(request, ChangeWarehouse)
    services = services_of(request)
    return response_of(
        await warehouse_entries.change(services, caller, key, parsed.digest, code, versions, parsed.model)
    )
