"""What customers do once the parcel has come (or was lost), and what the warehouse finds in what comes back."""

from typing import Any

from domain.after_sales.returns import Condition
from domain.orders.status import Status
from workers.demo.actors import ARRIVED_BEFORE_LOSS, ApiActors, Overtaken, until
from workers.demo.client import RefusedError

TOO_LATE = Overtaken("too late to send back", "completed")


async def delivered(desk: ApiActors) -> dict[str, Any] | None:
    """The order once the parcel has come; None when it went another way or the window is over."""
    await desk.sees(lambda order: order["status"] in (Status.DELIVERED, Status.COMPLETED, Status.CANCELLED))
    order = await desk.read()
    return order if order["status"] in (Status.DELIVERED, Status.COMPLETED) else None


async def refund_half(desk: ApiActors) -> None:
    """Support gives half of the money back, for peace; that is possible after the window, too."""
    if order := await delivered(desk):
        amount = max(order["total_minor"] // 2, 1)
        path = f"/v1/orders/{order['order_no']}/refunds"
        refund = await desk.call("support", path, {"amount_minor": amount, "reason": "demo: for peace"})
        await desk.sees(lambda now: _paid(now, refund["refund_id"]))
        desk.given_back_minor += amount


async def send_back(desk: ApiActors, condition: Condition, *, everything: bool) -> None:
    """All of it, or one piece, comes back in this condition; money goes back, pieces on sale or aside."""
    order = await delivered(desk)
    if order is None:
        return
    lines = _wanted(order) if everything else _wanted(order)[:1]
    if not everything:
        lines = [{**lines[0], "quantity": 1}]
    if await _returned(desk, order, lines, condition, "refund"):
        desk.given_back_minor += sum(_price(order, line["sku"]) * line["quantity"] for line in lines)


async def exchange(desk: ApiActors) -> None:
    """One piece comes back unused, another of its kind is sent; the exchange order walks to its own end."""
    order = await delivered(desk)
    if order is None:
        return
    lines = [{**_wanted(order)[0], "quantity": 1}]
    back = await _returned(desk, order, lines, Condition.AS_NEW, "exchange")
    if back is not None:
        number = back["exchange"]["order_no"]
        await until(lambda: _ended(desk, number))
        desk.sent_anew.update({lines[0]["sku"]: 1})


async def send_again(desk: ApiActors) -> None:
    """The parcel is lost; the customer wants another one rather than his money."""
    if desk.overtaken:
        return
    await desk.sees(lambda order: order["needs_attention"] or order["status"] == Status.COMPLETED)
    order = await desk.read()
    if not order["needs_attention"]:
        desk.overtaken = ARRIVED_BEFORE_LOSS
        return
    await desk.call("support", f"/v1/orders/{order['order_no']}/delivery-problem", {"choice": "reship"})
    await desk.sees(lambda order: not order["needs_attention"])
    desk.acted()
    desk.sent_anew.update({line["sku"]: line["quantity"] for line in _wanted(order)})


async def _returned(
    desk: ApiActors, order: dict[str, Any], lines: list[dict[str, Any]], condition: Condition, resolution: str
) -> dict[str, Any] | None:
    """Request, approve, receive, inspect; the return at its end. None when the window was over before."""
    wish = {"lines": lines, "reason": "demo: does not fit", "resolution": resolution}
    try:
        opened = await desk.call("support", f"/v1/orders/{order['order_no']}/returns", wish)
    except RefusedError as refused:
        if refused.code != "return_window_closed":
            raise
        desk.overtaken = TOO_LATE
        return None
    path = f"/v1/returns/{opened['return_id']}"
    found = {"lines": [{**line, "condition": condition.value} for line in lines]}
    await desk.call("support", f"{path}/approve", {})
    await desk.call("warehouse", f"{path}/receive", found)
    await desk.call("warehouse", f"{path}/inspect", found)
    if condition is Condition.AS_NEW:
        desk.back.update({line["sku"]: line["quantity"] for line in lines})
    return await desk.get(path)


async def _ended(desk: ApiActors, order_no: str) -> bool:
    return bool((await desk.get(f"/v1/orders/{order_no}"))["status"] == Status.COMPLETED)


def _paid(order: dict[str, Any], refund_id: str) -> bool:
    return any(r["refund_id"] == refund_id and r["status"] == "succeeded" for r in order["refunds"])


def _wanted(order: dict[str, Any]) -> list[dict[str, Any]]:
    """[{sku, quantity}] with several lines of one article summed."""
    units: dict[str, int] = {}
    for line in order["lines"]:
        units[line["sku"]] = units.get(line["sku"], 0) + line["quantity"]
    return [{"sku": sku, "quantity": quantity} for sku, quantity in units.items()]


def _price(order: dict[str, Any], sku: str) -> int:
    return next(int(line["unit_price_minor"]) for line in order["lines"] if line["sku"] == sku)
