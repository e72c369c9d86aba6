"""The part of an order that its supplier refused and nobody else ships is given up: its money goes back, and the order
goes on without it."""

from sqlalchemy import text

from domain.errors import RuleBroken
from domain.stock.movements import MovementKind, effect
from infra.db.after_sales import lost_parts
from infra.db.engine import Connection
from infra.db.shipping import fulfilments, picking, shipments, short_picks, supplier_requests
from infra.db.shipping.shipments import PartRef
from infra.db.stock import reservations
from infra.settings import Settings

# What the supplier does not have is not sold again.
_TAKE_OFF = text(
    """
    INSERT INTO stock_movements
      (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta, reference, actor)
    VALUES (:key, :kind, :sku, :warehouse, :quantity, :on_hand, :reserved, :reference, :actor)
    """
)


async def is_refused(conn: Connection, part: PartRef) -> bool:
    """True where its supplier refused it, nobody else ships it, and other parts of the order stand."""
    refused = await supplier_requests.failure_of(conn, part.order_no, part) == "supplier_refused"
    return refused and await fulfilments.has_others(conn, part)


async def give_up(conn: Connection, part: PartRef, actor: str, settings: Settings) -> None:
    """Cancel it. The caller has locked the order. Raises RuleBroken `step_moved_on` where somebody ships it
    meanwhile, or it is all that is left of the order."""
    if not await is_refused(conn, part):
        raise RuleBroken("step_moved_on")
    shipment = await shipments.live_shipment(conn, part.order_no, part.number)
    lost = await lost_parts.part_of(conn, part.order_no, part.number, alone=False)
    work = await picking.one(conn, f"{part.order_no}-F{part.number}")
    await reservations.release(conn, part.order_no, part.number)
    await _take_off(conn, work, actor)
    await short_picks.found(conn, work, [line.line_no for line in work.lines], "the part is given up", actor)
    if shipment is not None:
        await shipments.cancelled(conn, shipment)
    await lost_parts.give_up(conn, part.order_no, lost, actor, settings, more={"cause": "supplier_refused"})


async def _take_off(conn: Connection, work: picking.Work, actor: str) -> None:
    missing: dict[str, int] = {}
    for line in work.lines:
        missing[line.sku] = missing.get(line.sku, 0) + line.quantity
    for sku, units in sorted(missing.items()):
        quantity, on_hand, reserved = -units, *effect(MovementKind.ADJUSTMENT, -units)[:2]
        await conn.execute(_TAKE_OFF, {
            "key": f"{work.fulfilment_id}/given-up/{sku}", "kind": MovementKind.ADJUSTMENT, "sku": sku,
            "warehouse": work.warehouse, "quantity": quantity, "on_hand": on_hand, "reserved": reserved,
            "reference": f"refused {work.fulfilment_id}", "actor": actor,
        })  # fmt: skip
