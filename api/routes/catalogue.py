"""Products and warehouses."""

from fastapi import APIRouter, Request, Response

from api.dependencies import Caller, idempotency_key, json_response, require, require_staff, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.schemas.catalogue import Product, Warehouse
from api.schemas.stock import NewProduct, NewWarehouse
from api.services import catalogue_entries
from domain.access import Role

router = APIRouter(prefix="/v1", tags=["catalogue"])


@router.post("/products", **operation("add_product", Answer(201, Product), body=NewProduct))
async def add_product(request: Request, caller: Caller) -> Response:
    """Add a product to the catalogue."""
    services = services_of(request)
    require(caller, Role.OPERATIONS)
    key = idempotency_key(request)
    parsed = await read(request, NewProduct)
    return response_of(await catalogue_entries.add_product(services, caller, key, parsed.digest, parsed.model))


@router.get("/products/{sku}", **operation("get_product", Answer(200, Product)))
async def get_product(sku: str, request: Request, caller: Caller) -> Response:
    """A product with its price in minor units; for the staff."""
    require_staff(caller)
    return json_response(await catalogue_entries.product(services_of(request), sku))


@router.post("/warehouses", **operation("add_warehouse", Answer(201, Warehouse), body=NewWarehouse))
async def add_warehouse(request: Request, caller: Caller) -> Response:
    """Add a warehouse; the first one becomes the default."""
    services = services_of(request)
    require(caller, Role.OPERATIONS)
    key = idempotency_key(request)
    parsed = await read(request, NewWarehouse)
    return response_of(await catalogue_entries.add_warehouse(services, caller, key, parsed.digest, parsed.model))
