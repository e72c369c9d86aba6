"""Stock: levels, receipts, corrections, quarantine."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

from api.dependencies import Services, actor, derived_id
from api.errors import Problem
from api.idempotency import request_of, run_in_transaction
from api.replies import Reply
from api.schemas.after_sales.returns import OutOfQuarantine
from api.schemas.stock import Adjustment, Receipt, SafetyStock
from api.services.catalogue.product_entries import require_sku
from domain.access import Principal
from domain.errors import NotFound
from domain.stock.movements import MovementKind
from domain.stock.purchasing import require_receivable
from infra.db.engine import Connection
from infra.db.stock import movements, purchase_orders, stock_lists
from infra.db.stock.movements import Move, StockLevel
from infra.db.stock.purchase_orders import PurchaseOrder

_DISPOSITIONS = {"restock": MovementKind.QUARANTINE_RELEASE, "scrap": MovementKind.SCRAP}
Work = Callable[[Connection], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class StockRequest:
    """Who asks, under which idempotency key, with the digest of the body."""

    services: Services
    caller: Principal
    key: str
    digest: bytes

    def unique(self, verb: str) -> str:
        """The id of what this request makes."""
        return derived_id(self.caller, self.key, verb)

    async def run(self, work: Work, status: int = 201) -> Reply:
        """Do it once."""
        claimed = request_of(self.caller, self.key, self.digest)
        return await run_in_transaction(self.services, claimed, status, work)


async def levels(services: Services, sku: str) -> list[StockLevel]:
    """The SKU's levels at every warehouse. Raises NotFound `product_not_found`."""
    async with services.database.begin() as conn:
        items = await movements.levels(conn, require_sku(sku))
    if not items:
        raise NotFound("product_not_found")
    return items


async def receive(movement: StockRequest, receipt: Receipt) -> Reply:
    """Raises NotFound `product_not_found`, `purchase_order_not_found`; RuleBroken `unknown_warehouse`,
    `unknown_location`, `location_closed`, `not_in_purchase_order`; Conflict `receipt_exists`,
    `over_delivery`, `purchase_order_closed`."""

    async def work(conn: Connection) -> dict[str, object]:
        ordered = await _ordered(conn, receipt)
        warehouse = await movements.place_of(conn, receipt.sku, ordered.warehouse if ordered else receipt.warehouse)
        move = Move(
            f"receipt:{movement.unique('receipt')}", MovementKind.RECEIPT, receipt.sku, warehouse, receipt.quantity,
            receipt.reference, actor(movement.caller), allow_duplicate=receipt.allow_duplicate,
            location=receipt.location,
        )  # fmt: skip
        moved = await movements.move(conn, [move])
        if ordered:
            await purchase_orders.received(conn, ordered, moved.movement_id)
        return {**asdict(moved), "reference": receipt.reference}

    return await movement.run(work)


async def _ordered(conn: Connection, receipt: Receipt) -> PurchaseOrder | None:
    """The purchase order that is received, locked, if it can take this."""
    if receipt.purchase_order is None:
        return None
    order = await purchase_orders.find(conn, receipt.purchase_order, lock=True)
    if receipt.warehouse not in (None, order.warehouse):
        raise Problem("other_warehouse", f"purchase order {order.number} is for warehouse {order.warehouse}")
    require_receivable(order.status, order.lines, receipt.sku, receipt.quantity)
    return order


async def adjust(movement: StockRequest, adjustment: Adjustment) -> Reply:
    """Raises Problem `invalid_quantity`, and as `receive` does; Conflict `stock_not_available`."""
    if adjustment.quantity == 0:
        raise Problem("invalid_quantity", "an adjustment of nothing is none")

    async def work(conn: Connection) -> dict[str, object]:
        warehouse = await movements.place_of(conn, adjustment.sku, adjustment.warehouse)
        move = Move(
            f"adjustment:{movement.unique('adjustment')}", MovementKind.ADJUSTMENT, adjustment.sku, warehouse,
            adjustment.quantity, adjustment.reason, actor(movement.caller),
        )  # fmt: skip
        return {**asdict(await movements.move(conn, [move])), "reason": adjustment.reason}

    return await movement.run(work)


async def release(movement: StockRequest, out: OutOfQuarantine) -> Reply:
    """Pieces leave quarantine. Raises as `adjust` does."""

    async def work(conn: Connection) -> dict[str, object]:
        warehouse = await movements.place_of(conn, out.sku, out.warehouse)
        move = Move(
            f"quarantine:{movement.unique('quarantine')}", _DISPOSITIONS[out.disposition], out.sku, warehouse,
            out.quantity, out.reason, actor(movement.caller),
        )  # fmt: skip
        return {**asdict(await movements.move(conn, [move])), "disposition": out.disposition, "reason": out.reason}

    return await movement.run(work)


async def set_safety_stock(movement: StockRequest, wanted: SafetyStock) -> Reply:
    """Raises as `receive` does."""

    async def work(conn: Connection) -> dict[str, object]:
        warehouse = await movements.place_of(conn, wanted.sku, wanted.warehouse)
        await movements.open_level(conn, wanted.sku, warehouse)
        return {"sku": wanted.sku, **await stock_lists.set_safety_stock(conn, wanted.sku, warehouse, wanted.quantity)}

    return await movement.run(work, 200)
