"""Purchase orders: created, changed, cancelled; receipts against them are in stock_movements."""

from datetime import UTC, date, datetime
from typing import TypedDict

from api import pagination
from api.dependencies import Services, actor
from api.errors import Problem
from api.replies import Reply
from api.schemas.purchase_orders import ChangePurchaseOrder, NewPurchaseOrder
from api.schemas.stock_transfers import WantedUnits
from api.services.catalogue.product_entries import require_sku
from api.services.orders.order_changes import ANY
from api.services.stock.stock_movements import StockRequest
from api.services.stock.stock_transfers import summed
from domain.errors import Conflict
from domain.stock.expected_dates import expected_date
from domain.stock.purchasing import Arrival, PurchaseOrderStatus
from infra.db.engine import Connection
from infra.db.stock import movements, purchase_orders
from infra.db.stock.purchase_orders import PurchaseOrder

__all__ = ["PurchaseOrder", "add", "arrivals", "cancel", "change", "one", "page", "view"]


class PurchaseLineFields(TypedDict):
    """Units of a SKU that were ordered, and what of them was received."""

    sku: str
    quantity: int
    received: int
    open: int
    over_percent: int


class PurchaseOrderFields(TypedDict):
    """A purchase order as callers see it."""

    number: str
    supplier: str
    warehouse: str
    expected_on: date
    status: PurchaseOrderStatus
    created_by: str
    created_at: datetime
    version: int
    lines: list[PurchaseLineFields]


async def add(asked: StockRequest, new: NewPurchaseOrder) -> Reply:
    """Raises Conflict `purchase_order_exists`; NotFound `product_not_found`; RuleBroken `unknown_warehouse`,
    `invalid_expected_date`."""
    expected_on = expected_date(new.expected_on, datetime.now(UTC).date())
    units, over = _units(new.lines), new.over_percent
    tolerance = asked.services.settings.over_delivery_percent if over is None else over

    async def work(conn: Connection) -> PurchaseOrderFields:
        for sku in units:
            await movements.place_of(conn, sku, new.warehouse, arrives=True)
        made = purchase_orders.NewPurchaseOrder(
            new.number, new.supplier, new.warehouse, expected_on, actor(asked.caller)
        )  # fmt: skip
        return view(await purchase_orders.add(conn, made, units, tolerance))

    return await asked.run(work, 201)


def _units(lines: list[WantedUnits]) -> dict[str, int]:
    if not lines:
        raise Problem("lines_needed")
    return summed(lines)


async def change(asked: StockRequest, number: str, versions: frozenset[str], changed: ChangePurchaseOrder) -> Reply:
    """What the body names. Raises Problem `nothing_to_change`, `purchase_order_changed` (412); Conflict
    `purchase_order_closed`, `already_received`; as `add` else."""
    named = changed.model_fields_set
    if not named:
        raise Problem("nothing_to_change", "name at least one field that is to change")
    today = datetime.now(UTC).date()
    expected_on = expected_date(changed.expected_on, today) if "expected_on" in named else None

    async def work(conn: Connection) -> PurchaseOrderFields:
        order = await purchase_orders.find(conn, number, lock=True)
        _require_open(order, versions)
        units = _units(changed.lines) if "lines" in named else None
        if units is None and "over_percent" in named:
            units = {line.sku: line.quantity for line in order.shown_lines}
        for sku in units or ():
            await movements.place_of(conn, sku, order.warehouse)
        _require_kept(order, units)
        over = changed.over_percent if "over_percent" in named else order.lines[0].over_percent
        supplier = changed.supplier if "supplier" in named else order.supplier
        return view(
            await purchase_orders.change(conn, order, supplier, expected_on or order.expected_on, units, over)
        )  # fmt: skip

    answer = await asked.run(work, 200)
    return answer if answer.replayed else answer.at(answer.content["version"])


def _require_open(order: PurchaseOrder, versions: frozenset[str]) -> None:
    if ANY not in versions and str(order.version) not in versions:
        raise Problem("purchase_order_changed")
    if order.status is PurchaseOrderStatus.CANCELLED:
        raise Conflict("purchase_order_closed")


def _require_kept(order: PurchaseOrder, units: dict[str, int] | None) -> None:
    """What has arrived stays on the order."""
    for line in order.lines:
        if units is not None and units.get(line.sku, 0) < line.received:
            detail = "of {sku} {received} units have arrived: order at least that"
            raise Conflict("already_received", detail, sku=line.sku, received=line.received)


async def cancel(asked: StockRequest, number: str) -> Reply:
    """Raises NotFound `purchase_order_not_found`, Conflict `purchase_order_closed` where nothing is open."""

    async def work(conn: Connection) -> PurchaseOrderFields:
        order = await purchase_orders.find(conn, number, lock=True)
        if order.status is not PurchaseOrderStatus.OPEN:
            raise Conflict("purchase_order_closed")
        await purchase_orders.cancel(conn, order)
        return view(await purchase_orders.find(conn, number))

    return await asked.run(work, 200)


async def one(services: Services, number: str) -> PurchaseOrder:
    """Raises NotFound `purchase_order_not_found`."""
    async with services.database.begin() as conn:
        return await purchase_orders.find(conn, number)


async def page(
    services: Services, status: PurchaseOrderStatus | None, warehouse: str | None, limit: int, cursor: str | None
) -> tuple[list[PurchaseOrder], str | None]:
    """A page, the newest first, and the cursor of the next one. Raises Problem `invalid_cursor`."""
    moment, last = pagination.decoded(cursor, str, str) if cursor else ("", "")
    after = (pagination.moment(moment), last) if cursor else None
    async with services.database.begin() as conn:
        found = await purchase_orders.page(conn, status, warehouse, after, limit + 1)
    end = found[limit - 1] if len(found) > limit else None
    return found[:limit], pagination.encoded([end.created_at.isoformat(), end.number]) if end else None


async def arrivals(services: Services, sku: str) -> list[Arrival]:
    """What is expected of a SKU, the earliest first. Raises NotFound `product_not_found`."""
    async with services.database.begin() as conn:
        return await purchase_orders.expected_arrivals(conn, [require_sku(sku)])


def view(order: PurchaseOrder) -> PurchaseOrderFields:
    """A purchase order as callers see it."""
    return {
        "number": order.number,
        "supplier": order.supplier,
        "warehouse": order.warehouse,
        "expected_on": order.expected_on,
        "status": order.status,
        "created_by": order.created_by,
        "created_at": order.created_at,
        "version": order.version,
        "lines": [
            {
                "sku": line.sku,
                "quantity": line.quantity,
                "received": line.received,
                "open": line.open,
                "over_percent": line.over_percent,
            }
            for line in order.shown_lines
        ],
    }
