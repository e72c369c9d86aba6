"""Orders with several fulfilments: what the progress of one means for the order, which its caller has locked."""

from collections.abc import Mapping

from domain.orders.status import OrderEvent, Status
from domain.orders.waiting import Waiting
from domain.shipping.fulfilments import awaited, steps_to
from domain.shipping.shipments import UNDELIVERABLE, ShipmentStatus, has_left
from domain.times import rfc3339
from infra.db.engine import Connection
from infra.db.orders.state import timeline
from infra.db.shipping import fulfilments, shipments
from infra.db.shipping.shipments import PartRef, Shipment
from infra.db.stock import reservations
from infra.settings import Settings

_NEXT = {
    "pickup": "support looks into it",
    "carrier": "the carrier is booked",
    "delivery": "support looks into it",
    "backorder": "the missing items are cancelled",
    "production": "the warehouse is alerted",
    "codes": "the codes are sent",
    "service": "it counts as performed",
}


async def booked(
    conn: Connection, part: PartRef, status: Status, data: Mapping[str, object], settings: Settings
) -> None:
    """A carrier was booked for it: `data` is what the timeline says of the parcel. Recorded once for each parcel."""
    key = f"booked:{data['shipment_id']}"
    if await timeline.is_done(conn, part.order_no, key):
        return
    await fulfilments.set_due(conn, part, timeline.deadline_in(settings.dispatch_timeout_s))
    kind = "replacement_booked" if status is Status.SHIPPED else "fulfilment_booked"
    await tell(conn, part, kind, data, key)
    await settle(conn, part.order_no, settings, data)


async def moved(
    conn: Connection, part: PartRef, before: ShipmentStatus, scan: ShipmentStatus, shipment_id: str, settings: Settings
) -> None:
    """A carrier or a person says where its parcel is: the units leave the warehouse with it."""
    data: dict[str, object] = {"shipment_id": shipment_id}
    if has_left(scan) and not has_left(before):
        await reservations.ship(conn, part.order_no, part.number)
        await tell(conn, part, "fulfilment_shipped", data)
    if has_left(scan):
        await fulfilments.set_due(conn, part, timeline.deadline_in(settings.delivery_timeout_s))
    if scan is ShipmentStatus.DELIVERED:
        await tell(conn, part, "fulfilment_delivered", data)
    elif scan in UNDELIVERABLE:
        await tell(conn, part, f"shipment_{scan}", data)
    await settle(conn, part.order_no, settings)


async def arrived(
    conn: Connection, part: PartRef, *, stopped: bool, second: Shipment | None, settings: Settings
) -> None:
    """A parcel of it that was given up has arrived after all: say what became of the second one. What an earlier try
    has settled stays so."""
    first = await fulfilments.arrived_parcel(conn, part)
    if first is None:
        return
    if stopped:
        await reservations.release(conn, part.order_no, part.number)
    kind = "replacement_stopped" if stopped else "replacement_not_stopped"
    data = {"fulfilment": part.number, "arrived": first, "shipment_id": second.shipment_id if second else None}
    await timeline.append(conn, part.order_no, kind, key=f"first-arrived:{first}", data=data)
    await fulfilments.deliver(conn, part)
    await settle(conn, part.order_no, settings)


async def settle(conn: Connection, order_no: str, settings: Settings, data: Mapping[str, object] | None = None) -> None:
    """Bring the order to where its fulfilments are."""
    position = await shipments.position_of(conn, order_no)
    status = position.status
    parts = await fulfilments.parts_of(conn, order_no)
    for step in steps_to(status, [part.status for part in parts], cancelling=position.cancelling):
        more = {"waiting": await _waiting(conn, order_no, step, settings)}
        status = await timeline.transition(conn, order_no, status, step, data={**(data or {}), **more})


async def tell(
    conn: Connection,
    part: PartRef,
    kind: str,
    data: Mapping[str, object],
    key: str | None = None,
    actor: str = "system",
) -> None:
    """What happened to it, with what the order waits for now."""
    more = {"fulfilment": part.number, "waiting": await waits(conn, part.order_no)}
    await timeline.append(conn, part.order_no, kind, actor, key=key, data={**data, **more})


async def waits(conn: Connection, order_no: str) -> Waiting:
    """What the order waits for now, as its fulfilments say."""
    what, until = awaited(await fulfilments.parts_of(conn, order_no))
    return {"what": what, "until": rfc3339(until) if until else None, "next": _NEXT[what]}


async def _waiting(conn: Connection, order_no: str, step: OrderEvent, settings: Settings) -> Waiting:
    if step is OrderEvent.SHIPMENT_DELIVERED:
        return timeline.waiting("return_window", "the order is completed", settings.return_window_s)
    return await waits(conn, order_no)
