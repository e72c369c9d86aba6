"""What suppliers are asked to ship: the request, its deadline, the recall and the refusal, each on the timeline once.

The request itself is the parcel: its carrier is `supplier` until the supplier ships or refuses. Callers have locked the
order.
"""

from sqlalchemy import text

from domain.orders.status import OrderEvent, Status
from domain.orders.waiting import Waiting
from domain.times import rfc3339
from infra.db.engine import Connection
from infra.db.orders.state import timeline
from infra.db.shipping import fulfilments, part_progress, shipments, short_picks
from infra.db.shipping.picking import Work
from infra.db.shipping.shipments import PartRef, Shipment
from infra.db.shipping.short_picks import Policy, Shortage
from infra.settings import Settings

_SIGNAL = text(
    """INSERT INTO workflow_requests (kind, subject, name, payload)
       VALUES ('signal_order', :order_no, 'after_sales', '{}')"""
)


async def request(conn: Connection, part: PartRef, shipment: Shipment, settings: Settings) -> None:
    """Ask the supplier for the parcel: from now on it has so long to answer."""
    status = await timeline.lock_order(conn, part.order_no)
    if not await shipments.asked(conn, shipment):
        return
    data: dict[str, object] = {"shipment_id": shipment.shipment_id, "carrier": None, "tracking_no": None}
    data["supplier"] = shipment.warehouse
    wait = timeline.waiting("supplier", "support looks into it", settings.supplier_timeout_s)
    if part.several:
        await part_progress.booked(conn, part, status, data, settings)
        await fulfilments.set_due(conn, part, timeline.deadline_in(settings.supplier_timeout_s))
    elif status is Status.PAID:
        more = {**data, "waiting": wait}
        await timeline.transition(conn, part.order_no, status, OrderEvent.SHIPMENT_BOOKED, data=more)
    else:
        await timeline.append(conn, part.order_no, "replacement_booked", data={**data, "waiting": wait})
    about = {"supplier": shipment.warehouse, "shipment_id": shipment.shipment_id, "fulfilment": part.number}
    await timeline.append(conn, part.order_no, "supplier_requested", key=_key("requested", shipment), data=about)


async def recall(conn: Connection, order_no: str, shipment: Shipment) -> bool:
    """Ask the supplier to keep the parcel; True where it has refused to ship it already."""
    if await timeline.is_done(conn, order_no, _key("refused", shipment)):
        return True
    data = {"supplier": shipment.warehouse, "shipment_id": shipment.shipment_id, "fulfilment": shipment.number}
    await timeline.append(conn, order_no, "supplier_recall_requested", key=_key("recall", shipment), data=data)
    return False


async def refuse(
    conn: Connection, work: Work, shipment: Shipment, actor: str, reason: str, policy: Policy
) -> list[Shortage]:
    """The supplier does not ship it: other warehouses or suppliers do, as further fulfilments. What none of them has
    stays reserved, and support decides now. Asked again, it is looked for again."""
    if work.standing.cancelling:
        await _note(conn, work, shipment, actor, reason, waiting=False)
        await shipments.cancelled(conn, shipment)
        return []
    units = {line.line_no: line.quantity for line in work.lines}
    short = await short_picks.report(conn, work, units, actor, policy)
    if sum(one.quantity for one in short if one.fulfilment_id) == work.units:
        await _note(conn, work, shipment, actor, reason, waiting=False)
        await shipments.cancelled(conn, shipment)
    else:
        await _note(conn, work, shipment, actor, reason, waiting=True)
    return short


async def _note(conn: Connection, work: Work, shipment: Shipment, actor: str, reason: str, *, waiting: bool) -> None:
    """Once for each request; `waiting`: nobody else can ship it, so that it is support's from now on."""
    if await timeline.is_done(conn, work.order_no, _key("refused", shipment)):
        return
    now = timeline.deadline_in(0)
    data: dict[str, object] = {"supplier": shipment.warehouse, "shipment_id": shipment.shipment_id}
    data |= {"fulfilment": work.number, "reason": reason}
    if waiting:
        wait: Waiting = {"what": "supplier", "until": rfc3339(now), "next": "support looks into it"}
        data["waiting"] = wait
        await fulfilments.set_due(conn, PartRef(work.order_no, work.number), now)
    await timeline.append(conn, work.order_no, "supplier_refused", actor, key=_key("refused", shipment), data=data)
    await conn.execute(_SIGNAL, {"order_no": work.order_no})


async def failure_of(conn: Connection, order_no: str, part: PartRef) -> str | None:
    """Why a parcel that nobody picked up is a supplier's matter, as a code; None where it is not."""
    shipment = await shipments.live_shipment(conn, order_no, part.number)
    if shipment is None or not shipment.awaits_supplier:
        return None
    refused_it = await timeline.is_done(conn, order_no, _key("refused", shipment))
    return "supplier_refused" if refused_it else "supplier_silent"


def _key(what: str, shipment: Shipment) -> str:
    return f"supplier-{what}:{shipment.shipment_id}"
