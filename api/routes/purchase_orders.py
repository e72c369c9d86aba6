"""Purchase orders, and what is expected of a SKU."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.dependencies import Caller, json_response, require_staff, services_of
from api.http.openapi import ETAG, IF_MATCH, Answer, operation
from api.http.responses import response_of
from api.routes.stock import stock_request
from api.schemas.fields import Code
from api.schemas.purchase_orders import (
    Arrivals,
    CancelPurchaseOrder,
    ChangePurchaseOrder,
    NewPurchaseOrder,
    PurchaseOrder,
    PurchaseOrderPage,
)
from api.services.orders.order_changes import versions_in
from api.services.stock import purchasing
from domain.access import Role
from domain.stock.purchasing import PurchaseOrderStatus

router = APIRouter(prefix="/v1/purchase-orders", tags=["stock"])
arrivals_router = APIRouter(prefix="/v1/stock", tags=["stock"])
Limit = Annotated[int, Query(ge=1, le=200)]
_BUYERS = (Role.WAREHOUSE, Role.OPERATIONS)


@router.get("", **operation("list_purchase_orders", Answer(200, PurchaseOrderPage)))
async def list_purchase_orders(
    request: Request,
    caller: Caller,
    status: PurchaseOrderStatus | None = None,
    warehouse: Code | None = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Response:
    """Purchase orders, the newest first; for the staff."""
    require_staff(caller)
    found, following = await purchasing.page(services_of(request), status, warehouse, limit, cursor)
    return json_response({"items": [purchasing.view(one) for one in found], "next_cursor": following})


@router.post("", **operation("add_purchase_order", Answer(201, PurchaseOrder), body=NewPurchaseOrder))
async def add_purchase_order(request: Request, caller: Caller) -> Response:
    """Say what was ordered from a supplier: it is `incoming` until it is received or cancelled. Receipts name it with
    `purchase_order`."""
    asked, body = await stock_request(request, caller, NewPurchaseOrder, *_BUYERS)
    return response_of(await purchasing.add(asked, body))


@router.get("/{number}", **operation("get_purchase_order", Answer(200, PurchaseOrder, headers=[ETAG])))
async def get_purchase_order(number: str, request: Request, caller: Caller) -> Response:
    """A purchase order with its lines; for the staff. The ETag changes with every change and receipt."""
    require_staff(caller)
    found = await purchasing.one(services_of(request), number)
    return json_response(purchasing.view(found), headers={"ETag": f'"{found.version}"'})


@router.patch(
    "/{number}",
    **operation(
        "change_purchase_order",
        Answer(200, PurchaseOrder, headers=[ETAG]),
        body=ChangePurchaseOrder,
        parameters=[IF_MATCH],
    ),
)
async def change_purchase_order(number: str, request: Request, caller: Caller) -> Response:
    """Change a purchase order, such as the day on which it is expected."""
    asked, body = await stock_request(request, caller, ChangePurchaseOrder, *_BUYERS)
    return response_of(await purchasing.change(asked, number, versions_in(request.headers.get("if-match")), body))


@router.post(
    "/{number}/cancel", **operation("cancel_purchase_order", Answer(200, PurchaseOrder), body=CancelPurchaseOrder)
)
async def cancel_purchase_order(number: str, request: Request, caller: Caller) -> Response:
    """Nothing more is expected. What was received stays."""
    asked, _ = await stock_request(request, caller, CancelPurchaseOrder, *_BUYERS, optional=True)
    return response_of(await purchasing.cancel(asked, number))


@arrivals_router.get("/{sku}/arrivals", **operation("list_arrivals", Answer(200, Arrivals)))
async def list_arrivals(sku: str, request: Request, caller: Caller) -> Response:
    """What is expected of a product by purchase orders and transfers, the earliest first; for the staff."""
    require_staff(caller)
    return json_response({"items": await purchasing.arrivals(services_of(request), sku), "next_cursor": None})
