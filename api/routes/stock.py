"""Stock: levels, receipts, corrections, transfers."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from api.dependencies import (
    Caller,
    Services,
    actor,
    derived_id,
    idempotency_key,
    json_response,
    require,
    require_staff,
    services_of,
)
from api.errors import Problem
from api.idempotency import run_in_transaction
from api.openapi import Answer, operation
from api.request_body import Parsed, read
from api.responses import response_of
from api.routes.catalogue import known_sku
from api.schemas.after_sales.returns import OutOfQuarantine
from api.schemas.stock import Adjustment, Receipt, Transfer
from api.schemas.stock_levels import (
    BookedAdjustment,
    BookedDisposition,
    BookedReceipt,
    BookedTransfer,
    StockLevels,
)
from domain.access import Principal, Role
from domain.errors import NotFound
from domain.stock.movements import MovementKind
from infra.db import idempotency
from infra.db.engine import Connection
from infra.db.stock import movements
from infra.db.stock.movements import Move

router = APIRouter(prefix="/v1/stock", tags=["stock"])


@router.get("/{sku}", **operation("get_stock_levels", Answer(200, StockLevels)))
async def get_levels(sku: str, request: Request, caller: Caller) -> Response:
    """Levels at every warehouse; `available` is on_hand less reserved and safety_stock."""
    services = services_of(request)
    require_staff(caller)
    async with services.database.begin() as conn:
        items = await movements.levels(conn, known_sku(sku))
    if not items:
        raise NotFound("product_not_found")
    return json_response({"sku": sku, "items": items, "next_cursor": None})


@router.post("/receipts", **operation("receive_stock", Answer(201, BookedReceipt), body=Receipt))
async def receive(request: Request, caller: Caller) -> Response:
    """Units arrived; backorders that wait for them are woken. The same reference, SKU and warehouse again is 409
    `receipt_exists`, also under another Idempotency-Key, unless the body says `allow_duplicate: true`."""
    parts, key = _begin(request, caller)
    parsed = await read(request, Receipt)
    wish = parsed.model

    async def work(conn: Connection) -> dict[str, Any]:
        where = await movements.place_of(conn, wish.sku, wish.warehouse)
        unique = f"receipt:{derived_id(caller, key, 'receipt')}"
        one = Move(unique, MovementKind.RECEIPT, wish.sku, where, wish.quantity, wish.reference, actor(caller),
                   allow_duplicate=wish.allow_duplicate)  # fmt: skip
        return {**await movements.move(conn, [one]), "reference": wish.reference}

    return response_of(await run_in_transaction(parts, _asked(caller, key, parsed), 201, work))


@router.post("/adjustments", **operation("adjust_stock", Answer(201, BookedAdjustment), body=Adjustment))
async def adjust(request: Request, caller: Caller) -> Response:
    """Correct a level by a signed difference; never below what is reserved."""
    parts, key = _begin(request, caller)
    parsed = await read(request, Adjustment)
    wish = parsed.model
    if wish.quantity == 0:
        raise Problem("invalid_quantity", "an adjustment of nothing is none")

    async def work(conn: Connection) -> dict[str, Any]:
        where = await movements.place_of(conn, wish.sku, wish.warehouse)
        unique = f"adjustment:{derived_id(caller, key, 'adjustment')}"
        one = Move(unique, MovementKind.ADJUSTMENT, wish.sku, where, wish.quantity, wish.reason, actor(caller))
        return {**await movements.move(conn, [one]), "reason": wish.reason}

    return response_of(await run_in_transaction(parts, _asked(caller, key, parsed), 201, work))


@router.post("/transfers", **operation("transfer_stock", Answer(201, BookedTransfer), body=Transfer))
async def transfer(request: Request, caller: Caller) -> Response:
    """Move free units from one warehouse to another, both or neither."""
    parts, key = _begin(request, caller)
    parsed = await read(request, Transfer)
    wish = parsed.model
    if wish.source == wish.target:
        raise Problem("same_warehouse", "from and to are the same warehouse")

    async def work(conn: Connection) -> dict[str, Any]:
        source = await movements.place_of(conn, wish.sku, wish.source)
        target = await movements.place_of(conn, wish.sku, wish.target)
        unique = derived_id(caller, key, "transfer")
        moves = [
            Move(f"{kind}:{unique}", kind, wish.sku, where, wish.quantity, wish.reference, actor(caller))
            for kind, where in ((MovementKind.TRANSFER_OUT, source), (MovementKind.TRANSFER_IN, target))
        ]
        moved = await movements.move(conn, moves)
        return {"from": source, "to": target, "reference": wish.reference, **moved}

    return response_of(await run_in_transaction(parts, _asked(caller, key, parsed), 201, work))


@router.post("/quarantine", **operation("release_quarantine", Answer(201, BookedDisposition), body=OutOfQuarantine))
async def release(request: Request, caller: Caller) -> Response:
    """Pieces leave quarantine: back on sale (`restock`), or gone for good (`scrap`)."""
    parts, key = _begin(request, caller)
    parsed = await read(request, OutOfQuarantine)
    wish = parsed.model

    async def work(conn: Connection) -> dict[str, Any]:
        where = await movements.place_of(conn, wish.sku, wish.warehouse)
        unique = f"quarantine:{derived_id(caller, key, 'quarantine')}"
        kind = _DISPOSITIONS[wish.disposition]
        one = Move(unique, kind, wish.sku, where, wish.quantity, wish.reason, actor(caller))
        return {**await movements.move(conn, [one]), "disposition": wish.disposition, "reason": wish.reason}

    return response_of(await run_in_transaction(parts, _asked(caller, key, parsed), 201, work))


_DISPOSITIONS = {"restock": MovementKind.QUARANTINE_RELEASE, "scrap": MovementKind.SCRAP}


def _begin(request: Request, caller: Principal) -> tuple[Services, str]:
    require(caller, Role.WAREHOUSE)
    return services_of(request), idempotency_key(request)


def _asked(caller: Principal, key: str, parsed: Parsed[BaseModel] | Parsed[Any]) -> idempotency.Request:
    return idempotency.Request(actor(caller), key, parsed.digest, caller.origin)
