"""What customers do once the parcel is delivered or lost, and what the warehouse finds in what comes back."""

from domain.after_sales.returns import Condition
from workers.demo.api_client.api.orders import get_order
from workers.demo.api_client.api.parcels import resolve_delivery_problem
from workers.demo.api_client.api.refunds import open_refund
from workers.demo.api_client.api.returns import (
    approve_return,
    get_return,
    inspect_return,
    receive_return,
    request_return,
)
from workers.demo.api_client.models import (
    AnswerProblem,
    AskReturn,
    FoundLine,
    FoundPieces,
    OpenedRefund,
    OpenRefund,
    Order,
    Return,
    ReturnLine,
)
from workers.demo.api_client.models.found_line_condition import check_found_line_condition
from workers.demo.api_client.models.resolution import Resolution
from workers.demo.baskets.dataset import Line
from workers.demo.behaviour.actors import DELIVERED_BEFORE_LOSS, ApiActors, TooLate, until
from workers.demo.http.client import RefusedError, accepted
from workers.demo.results.parcels import note_shipped, warehouse_of
from workers.demo.results.stock_ledger import Movement

RETURN_TOO_LATE = TooLate("too late to send back", "completed")


async def wait_until_delivered(actors: ApiActors) -> Order | None:
    """The order once it is delivered; None when it was cancelled instead."""
    await actors.wait_until(lambda order: order.status in ("delivered", "completed", "cancelled"))
    order = await actors.read()
    return None if order.status == "cancelled" else order


async def refund_half(actors: ApiActors) -> None:
    """Support refunds half of the money as a goodwill; that is possible after the return window, too."""
    if order := await wait_until_delivered(actors):
        amount = max(order.total_minor // 2, 1)
        refund = await accepted(
            open_refund.asyncio(
                order.order_no,
                client=actors.clients.support,
                body=OpenRefund(amount_minor=amount, reason="demo: goodwill"),
                idempotency_key=actors.key("refunds"),
            )
        )
        assert isinstance(refund, OpenedRefund)
        await actors.wait_until(lambda order: _is_refunded(order, refund.refund_id))
        actors.refunded_minor += amount


async def send_back(actors: ApiActors, condition: Condition, *, everything: bool) -> None:
    """All units, or one, come back in this condition; they are refunded, and restocked or put aside."""
    order = await wait_until_delivered(actors)
    if order is None:
        return
    lines = _units(order) if everything else [Line(_units(order)[0].sku, 1)]
    if await _return(actors, order, lines, condition, "refund"):
        actors.refunded_minor += sum(_price(order, line.sku) * line.quantity for line in lines)


async def exchange(actors: ApiActors) -> None:
    """One unit comes back unused, another of its kind is sent in an exchange order."""
    order = await wait_until_delivered(actors)
    if order is None:
        return
    line = Line(_units(order)[0].sku, 1)
    returned = await _return(actors, order, [line], Condition.AS_NEW, "exchange")
    if returned is not None:
        assert returned.exchange is not None
        assert returned.exchange.order_no is not None
        order_no = returned.exchange.order_no
        await until(lambda: _is_completed(actors, order_no))
        exchanged = await accepted(get_order.asyncio(order_no, client=actors.clients.support))
        note_shipped(actors.stock, exchanged)


async def send_again(actors: ApiActors) -> None:
    """The parcel is lost; the customer wants another one rather than the money."""
    if actors.too_late:
        return
    await actors.wait_until(lambda order: order.needs_attention is not None or order.status == "completed")
    order = await actors.read()
    if not order.needs_attention:
        actors.too_late = DELIVERED_BEFORE_LOSS
        return
    await accepted(
        resolve_delivery_problem.asyncio(
            order.order_no,
            client=actors.clients.support,
            body=AnswerProblem(choice="reship"),
            idempotency_key=actors.key("delivery-problem"),
        )
    )
    await actors.wait_until(lambda order: order.needs_attention is None)
    actors.order.note_action()


async def _return(
    actors: ApiActors, order: Order, lines: list[Line], condition: Condition, resolution: Resolution
) -> Return | None:
    """Request, approve, receive and inspect a return; None when the return window is closed."""
    opened = await _request_return(actors, order, lines, resolution)
    if opened is None:
        return None
    return_id, clients = opened.return_id, actors.clients
    found = FoundPieces(
        lines=[
            FoundLine(sku=line.sku, quantity=line.quantity, condition=check_found_line_condition(condition.value))
            for line in lines
        ]
    )
    await accepted(approve_return.asyncio(return_id, client=clients.support, idempotency_key=actors.key("approve")))
    for step, key in ((receive_return, actors.key("receive")), (inspect_return, actors.key("inspect"))):
        await accepted(step.asyncio(return_id, client=clients.warehouse, body=found, idempotency_key=key))
    if condition is Condition.AS_NEW:
        for line in lines:
            actors.stock.add(Movement.RETURNED, line.sku, warehouse_of(order, line.sku), line.quantity)
    return await accepted(get_return.asyncio(return_id, client=clients.support))


async def _request_return(actors: ApiActors, order: Order, lines: list[Line], resolution: Resolution) -> Return | None:
    body = AskReturn(
        lines=[ReturnLine(sku=line.sku, quantity=line.quantity) for line in lines],
        reason="demo: does not fit",
        resolution=resolution,
    )
    key = actors.key("returns")
    try:
        opened = await accepted(
            request_return.asyncio(order.order_no, client=actors.clients.support, body=body, idempotency_key=key)
        )
    except RefusedError as refused:
        if refused.code != "return_window_closed":
            raise
        actors.too_late = RETURN_TOO_LATE
        return None
    assert isinstance(opened, Return)
    return opened


async def _is_completed(actors: ApiActors, order_no: str) -> bool:
    order = await accepted(get_order.asyncio(order_no, client=actors.clients.support))
    return order.status == "completed"


def _is_refunded(order: Order, refund_id: str) -> bool:
    return any(refund.refund_id == refund_id and refund.status == "succeeded" for refund in order.refunds)


def _units(order: Order) -> list[Line]:
    """The units of each SKU, with its lines summed."""
    units: dict[str, int] = {}
    for line in order.lines:
        units[line.sku] = units.get(line.sku, 0) + line.quantity
    return [Line(sku, quantity) for sku, quantity in units.items()]


def _price(order: Order, sku: str) -> int:
    return next(line.unit_price_minor for line in order.lines if line.sku == sku)
