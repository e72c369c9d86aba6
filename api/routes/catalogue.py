"""Products and warehouses."""

from typing import Any

from fastapi import APIRouter, Request, Response

from api.dependencies import Caller, actor, idempotency_key, json_response, require, require_staff, services_of
from api.idempotency import run_in_transaction
from api.openapi import Answer, operation
from api.request_body import read
from api.responses import response_of
from api.schemas.catalogue import Product, Warehouse
from api.schemas.stock import NewProduct, NewWarehouse
from domain.access import Role
from domain.errors import NotFound
from domain.text import is_line
from infra.db import idempotency
from infra.db.catalogue import products
from infra.db.engine import Connection

router = APIRouter(prefix="/v1", tags=["catalogue"])


@router.post("/products", **operation("add_product", Answer(201, Product), body=NewProduct))
async def add_product(request: Request, caller: Caller) -> Response:
    """Add a product to the catalogue."""
    services = services_of(request)
    require(caller, Role.OPERATIONS)
    key = idempotency_key(request)
    parsed = await read(request, NewProduct)
    product = products.NewProduct(**dict(parsed.model))

    async def work(conn: Connection) -> dict[str, Any]:
        return await products.add_product(conn, product)

    return response_of(
        await run_in_transaction(
            services, idempotency.Request(actor(caller), key, parsed.digest, caller.origin), 201, work
        )
    )


@router.get("/products/{sku}", **operation("get_product", Answer(200, Product)))
async def get_product(sku: str, request: Request, caller: Caller) -> Response:
    """A product with its price in minor units; for the staff."""
    require_staff(caller)
    services = services_of(request)
    async with services.database.begin() as conn:
        found = await products.product(conn, known_sku(sku))
    if found is None:
        raise NotFound("product_not_found")
    return json_response(found)


def known_sku(typed: str) -> str:
    """Raises NotFound `product_not_found` for what cannot be a SKU."""
    if len(typed) > 64 or not is_line(typed):
        raise NotFound("product_not_found")
    return typed


@router.post("/warehouses", **operation("add_warehouse", Answer(201, Warehouse), body=NewWarehouse))
async def add_warehouse(request: Request, caller: Caller) -> Response:
    """Add a warehouse; the first one becomes the default."""
    services = services_of(request)
    require(caller, Role.OPERATIONS)
    key = idempotency_key(request)
    parsed = await read(request, NewWarehouse)
    warehouse = products.NewWarehouse(**dict(parsed.model))

    async def work(conn: Connection) -> dict[str, Any]:
        return await products.add_warehouse(conn, warehouse)

    return response_of(
        await run_in_transaction(
            services, idempotency.Request(actor(caller), key, parsed.digest, caller.origin), 201, work
        )
    )
