"""What a supplier says of a fulfilment that it is asked to ship: that it has shipped it, or that it does not."""

from activities.orders.inbox import apply_inbox
from api.dependencies import Services, actor
from api.schemas.picking import ShipParcel
from api.services.stock.stock_movements import StockRequest
from domain.access import Principal
from domain.errors import Conflict, RuleBroken
from infra.db.engine import Connection
from infra.db.messaging import inbox
from infra.db.shipping import picking, shipments, supplier_requests
from infra.db.shipping.picking import Work
from infra.db.shipping.short_picks import Policy, Shortage


async def shipped(conn: Connection, services: Services, caller: Principal, now: Work, wanted: ShipParcel) -> None:
    """Its parcel is on its way, also where the order is on hold or being cancelled: that is a fact. Raises RuleBroken
    `tracking_missing`, Conflict `already_shipped`, `fulfilment_cancelled`, `fulfilment_not_booked`."""
    if wanted.carrier is None or wanted.tracking_no is None:
        raise RuleBroken("tracking_missing")
    parcel = now.parcel
    if parcel is None:
        raise Conflict("fulfilment_cancelled" if now.standing.is_over else "fulfilment_not_booked")
    if (parcel.carrier, parcel.tracking_no) == (wanted.carrier, wanted.tracking_no):
        return
    if not await shipments.shipped_by_supplier(conn, parcel.shipment_id, wanted.carrier, wanted.tracking_no):
        raise Conflict("already_shipped")
    known = await picking.one(conn, now.fulfilment_id)
    assert known.parcel is not None  # it was written now
    scan = await picking.hand_over(conn, known.parcel, None, actor(caller))
    await inbox.keep_shipment(conn, wanted.carrier, scan)
    await apply_inbox(conn, now.order_no, services.settings)


async def refused(asked: StockRequest, conn: Connection, now: Work, reason: str) -> list[Shortage]:
    """Somebody else ships it, or support decides. Raises Conflict `not_from_supplier`, `already_shipped`,
    `fulfilment_cancelled`, `fulfilment_not_booked`."""
    if not now.standing.supplier:
        raise Conflict("not_from_supplier")
    if now.standing.is_over:
        if now.lines:
            raise Conflict("fulfilment_cancelled")
        return []
    shipment = await shipments.live_shipment(conn, now.order_no, now.number)
    if shipment is None:
        raise Conflict("fulfilment_not_booked")
    if not shipment.awaits_supplier:
        raise Conflict("already_shipped")
    settings = asked.services.settings
    policy = Policy(settings.max_fulfilments, settings.dispatch_timeout_s)
    return await supplier_requests.refuse(conn, now, shipment, actor(asked.caller), reason, policy)
