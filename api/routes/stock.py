"""Stock: levels, movements, receipts, corrections."""

from typing import Annotated, TypeVar

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from api.dependencies import Caller, idempotency_key, json_response, require, require_staff, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.schemas.after_sales.returns import OutOfQuarantine
from api.schemas.fields import Code, SoughtText
from api.schemas.stock import Adjustment, Receipt, SafetyStock
from api.schemas.stock_levels import (
    BookedAdjustment,
    BookedDisposition,
    BookedReceipt,
    MovementPage,
    SafetyStockLevel,
    StockLevels,
    StockPage,
)
from api.services.stock import stock_movements, stock_queries
from api.services.stock.stock_movements import StockRequest
from domain.access import Principal, Role

router = APIRouter(prefix="/v1/stock", tags=["stock"])
Model = TypeVar("Model", bound=BaseModel)


Sought = Annotated[SoughtText, Query(description="A part of a SKU or of a name in any language, or a barcode.")]
Limit = Annotated[int, Query(ge=1, le=200)]


@router.get("", **operation("list_stock", Answer(200, StockPage)))
async def list_stock(
    request: Request,
    caller: Caller,
    q: Sought = "",
    warehouse: Code | None = None,
    low: bool = False,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Response:
    """Levels by SKU and warehouse; for the staff. With `low`, products on sale of which nothing can be sold there: the
    safety stock is all that is left."""
    require_staff(caller)
    filters = stock_queries.filters(q, warehouse, low)
    items, following = await stock_queries.page(services_of(request), filters, limit, cursor)
    return json_response({"items": items, "next_cursor": following})


@router.get("/{sku}/movements", **operation("list_stock_movements", Answer(200, MovementPage)))
async def list_movements(
    sku: str,
    request: Request,
    caller: Caller,
    warehouse: Code | None = None,
    by_people: bool = False,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Response:
    """What moved a product's stock, the newest first, with actor and reason; for the staff. With `by_people`, without
    what orders reserve, release and ship."""
    require_staff(caller)
    wanted = stock_queries.Movements(sku, warehouse, by_people)
    items, following = await stock_queries.movements(services_of(request), wanted, limit, cursor)
    return json_response({"items": items, "next_cursor": following})


@router.get("/{sku}", **operation("get_stock_levels", Answer(200, StockLevels)))
async def get_levels(sku: str, request: Request, caller: Caller) -> Response:
    """Levels at every warehouse; `available` is on_hand less reserved and safety_stock."""
    require_staff(caller)
    items = await stock_movements.levels(services_of(request), sku)
    return json_response({"sku": sku, "items": items, "next_cursor": None})


@router.post("/receipts", **operation("receive_stock", Answer(201, BookedReceipt), body=Receipt))
async def receive(request: Request, caller: Caller) -> Response:
    """Units arrived; backorders that wait for them are woken. The same reference, SKU and warehouse again is 409
    `receipt_exists`, also under another Idempotency-Key, unless the body says `allow_duplicate: true`."""
    return response_of(await stock_movements.receive(*await stock_request(request, caller, Receipt)))


@router.post("/adjustments", **operation("adjust_stock", Answer(201, BookedAdjustment), body=Adjustment))
async def adjust(request: Request, caller: Caller) -> Response:
    """Correct a level by a signed difference; never below what is reserved."""
    return response_of(await stock_movements.adjust(*await stock_request(request, caller, Adjustment)))


@router.post("/quarantine", **operation("release_quarantine", Answer(201, BookedDisposition), body=OutOfQuarantine))
async def release(request: Request, caller: Caller) -> Response:
    """Pieces leave quarantine: back on sale (restock), or gone for good (scrap)."""
    return response_of(await stock_movements.release(*await stock_request(request, caller, OutOfQuarantine)))


@router.post("/safety-stock", **operation("set_safety_stock", Answer(200, SafetyStockLevel), body=SafetyStock))
async def set_safety_stock(request: Request, caller: Caller) -> Response:
    """How many units of a product are kept back at a warehouse. Backorders that more units can serve are woken."""
    return response_of(
        await stock_movements.set_safety_stock(*await stock_request(request, caller, SafetyStock, Role.OPERATIONS))
    )


async def stock_request(
    request: Request, caller: Principal, model: type[Model], *roles: Role, optional: bool = False
) -> tuple[StockRequest, Model]:
    """The request of a caller in one of these roles (the warehouse where none is named), and its body."""
    require(caller, *(roles or (Role.WAREHOUSE,)))
    services, key = services_of(request), idempotency_key(request)
    parsed = await read(request, model, optional=optional)
    return StockRequest(services, caller, key, parsed.digest), parsed.model
