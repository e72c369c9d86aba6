"""Stock: levels, receipts, corrections, transfers."""

from typing import TypeVar

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from api.dependencies import Caller, idempotency_key, json_response, require, require_staff, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.schemas.after_sales.returns import OutOfQuarantine
from api.schemas.stock import Adjustment, Receipt, Transfer
from api.schemas.stock_levels import (
    BookedAdjustment,
    BookedDisposition,
    BookedReceipt,
    BookedTransfer,
    StockLevels,
)
from api.services import stock_movements
from api.services.stock_movements import StockRequest
from domain.access import Principal, Role

router = APIRouter(prefix="/v1/stock", tags=["stock"])
Model = TypeVar("Model", bound=BaseModel)


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
    return response_of(await stock_movements.receive(*await _stock_request(request, caller, Receipt)))


@router.post("/adjustments", **operation("adjust_stock", Answer(201, BookedAdjustment), body=Adjustment))
async def adjust(request: Request, caller: Caller) -> Response:
    """Correct a level by a signed difference; never below what is reserved."""
    return response_of(await stock_movements.adjust(*await _stock_request(request, caller, Adjustment)))


@router.post("/transfers", **operation("transfer_stock", Answer(201, BookedTransfer), body=Transfer))
async def transfer(request: Request, caller: Caller) -> Response:
    """Move free units from one warehouse to another, both or neither."""
    return response_of(await stock_movements.transfer(*await _stock_request(request, caller, Transfer)))


@router.post("/quarantine", **operation("release_quarantine", Answer(201, BookedDisposition), body=OutOfQuarantine))
async def release(request: Request, caller: Caller) -> Response:
    """Pieces leave quarantine: back on sale (`restock`), or gone for good (`scrap`)."""
    return response_of(await stock_movements.release(*await _stock_request(request, caller, OutOfQuarantine)))


async def _stock_request(request: Request, caller: Principal, model: type[Model]) -> tuple[StockRequest, Model]:
    require(caller, Role.WAREHOUSE)
    services, key = services_of(request), idempotency_key(request)
    parsed = await read(request, model)
    return StockRequest(services, caller, key, parsed.digest), parsed.model
