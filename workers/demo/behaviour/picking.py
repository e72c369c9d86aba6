"""A picker does not find a piece: another warehouse has it, and sends it in a parcel of its own."""

from domain.shipping.shipments import ShipmentStatus, has_left
from workers.demo.api_client.api.fulfilments import pick_fulfilment
from workers.demo.api_client.models import Fulfilment, Order, PickedLine, PickLines
from workers.demo.behaviour.actors import ApiActors, TooLate, until
from workers.demo.http.client import RefusedError, accepted
from workers.demo.results.stock_ledger import Movement

PICKED_UP_FIRST = TooLate("too late to pick", "completed")
_NOT_YET = ("fulfilment_not_booked", "order_is_held")
_TOO_LATE = ("already_shipped", "fulfilment_cancelled")


async def pick_short(actors: ApiActors) -> None:
    """Pick all pieces but one as soon as a carrier is booked; the carrier may be faster."""
    await until(lambda: _pick_or_too_late(actors))


async def _pick_or_too_late(actors: ApiActors) -> bool:
    order = await actors.read()
    if order.status == "cancelled" or any(has_left(ShipmentStatus(parcel.status)) for parcel in order.shipments):
        actors.too_late = PICKED_UP_FIRST
        return True
    booked = next((part for part in order.fulfilments if part.status == "booked"), None)
    return booked is not None and await _pick(actors, order, booked)


async def _pick(actors: ApiActors, order: Order, part: Fulfilment) -> bool:
    (arrangement,) = actors.arrangements
    missing = next(line.line_no for line in part.lines if line.sku == arrangement.sku)
    lines = [
        PickedLine(line_no=line.line_no, quantity=line.quantity - (line.line_no == missing)) for line in part.lines
    ]
    call = pick_fulfilment.asyncio(
        part.fulfilment_id,
        client=actors.clients.warehouse,
        body=PickLines(lines=lines),
        idempotency_key=actors.key("pick"),
    )
    try:
        await accepted(call)
    except RefusedError as refused:
        if refused.code in _TOO_LATE:
            actors.too_late = PICKED_UP_FIRST
        elif refused.code not in _NOT_YET:
            raise
        return refused.code in _TOO_LATE
    actors.stock.add(Movement.ADJUSTED, arrangement.sku, arrangement.home, -1)
    return True
