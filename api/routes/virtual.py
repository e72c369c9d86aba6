"""Codes of virtual products: added to pools, read by those who bought them."""

from dataclasses import asdict

from fastapi import APIRouter, Request, Response

from api.authorization import visible_order
from api.dependencies import Caller, json_response, require, require_staff, services_of
from api.http.openapi import Answer, operation
from api.http.responses import response_of
from api.routes.stock import stock_request
from api.schemas.codes import AddCodes, AddedCodes, CodePool, OrderCodes
from api.services.virtual import code_pools, order_codes
from domain.access import Role

router = APIRouter(prefix="/v1", tags=["virtual products"])


@router.post("/products/{sku}/codes", **operation("add_product_codes", Answer(201, AddedCodes), body=AddCodes))
async def add_codes(sku: str, request: Request, caller: Caller) -> Response:
    """Add at most 10,000 codes to the pool of a virtual product. Orders that wait for codes are served then."""
    asked, body = await stock_request(request, caller, AddCodes, Role.OPERATIONS)
    return response_of(await code_pools.add(asked, sku, body))


@router.get("/products/{sku}/codes", **operation("get_code_pool", Answer(200, CodePool)))
async def get_pool(sku: str, request: Request, caller: Caller) -> Response:
    """How many codes of a virtual product are left, and its newest uploads; for the staff. No code is shown."""
    require_staff(caller)
    return json_response(asdict(await code_pools.pool(services_of(request), sku)))


@router.get("/orders/{order_no}/codes", **operation("get_order_codes", Answer(200, OrderCodes)))
async def get_order_codes(order_no: str, request: Request, caller: Caller) -> Response:
    """The codes that the order has, once it is paid and they are issued. When staff read them, the audit log has it."""
    require(caller, Role.CUSTOMER, Role.CHANNEL, Role.SUPPORT)
    services = services_of(request)
    overview = await visible_order(services, caller, order_no)
    items = await order_codes.read(services, caller, overview.order_no)
    return json_response({"items": items, "next_cursor": None})
