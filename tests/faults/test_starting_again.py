"""The stories start again from the database: Temporal's file is lost, the supervisor itself is killed."""

import asyncio
import json
import re
import signal
from dataclasses import dataclass

import pytest

from tests.faults.driver import basket, cancel, carry, pay, place, post, receipt, resolve, stocked
from tests.faults.stackrun import TORTURE, StackRun, until
from tests.faults.verdict import verify

pytestmark = pytest.mark.faults


@dataclass(frozen=True)
class Open:
    """One order at each step, with the SKU that the backorder waits for."""

    unpaid: str
    booked: str
    on_the_way: str
    stuck_booking: str
    stuck_refund: str
    backorder: str
    scarce: str

    @property
    def orders(self) -> list[str]:
        return [self.unpaid, self.booked, self.on_the_way, self.stuck_booking, self.stuck_refund, self.backorder]


async def opened(stack: StackRun) -> Open:
    """Orders that wait, each at another step."""
    sku, scarce = await stocked(stack, 100), await stocked(stack, 0)
    unpaid, backorder = await asyncio.gather(
        place(stack, basket(sku, token=None)), place(stack, basket(scarce, backorder=True))
    )
    booked, on_the_way = await asyncio.gather(place(stack, basket(sku)), place(stack, basket(sku)))
    await stack.reaches(on_the_way, "preparing")
    await carry(stack, on_the_way, "picked_up")
    await stack.reaches(on_the_way, "shipped")
    stuck_booking, stuck_refund = [await place(stack, basket(sku, token=None)) for _ in range(2)]
    await stack.fault("carriers", "reject", order_no=stuck_booking, kind="book")
    await stack.fault("payments", "reject", order_no=stuck_refund, kind="refund")
    for order_no in (stuck_booking, stuck_refund):
        await stack.reaches(order_no, "pending_payment")
        await pay(stack, order_no)
    await stack.parks(stuck_booking, "book")
    await stack.reaches(stuck_refund, "preparing")
    await cancel(stack, stuck_refund)
    await stack.parks(stuck_refund, "return_payment")
    await stack.reaches(unpaid, "pending_payment")
    await stack.reaches(booked, "preparing")
    await until(lambda: _short(stack, backorder), "the backorder waits for stock")
    return Open(unpaid, booked, on_the_way, stuck_booking, stuck_refund, backorder, scarce)


async def _short(stack: StackRun, order_no: str) -> bool:
    return "stock_short" in await stack.events(order_no)


async def finished(stack: StackRun, work: Open) -> None:
    """Each order goes on at its step, to its end."""
    await receipt(stack, work.scarce, 1)
    await pay(stack, work.unpaid)
    await resolve(stack, work.stuck_booking, "retry")
    await resolve(stack, work.stuck_refund, "retry")
    for order_no in (work.unpaid, work.stuck_booking, work.backorder):
        await stack.reaches(order_no, "preparing")
    for order_no in (work.unpaid, work.stuck_booking, work.backorder, work.booked, work.on_the_way):
        await carry(stack, order_no, "picked_up", "delivered")
    await verify(stack, work.orders)
    ends = {order_no: (await stack.order(order_no))["status"] for order_no in work.orders}
    assert ends == {o: "cancelled" if o == work.stuck_refund else "completed" for o in work.orders}
    for order_no in work.orders:
        types = await stack.events(order_no)
        once = [kind for kind in types if kind != "payment_requested"]
        assert len(once) == len(set(once)), f"{order_no}: {types}"


def recovered(stack: StackRun) -> str:
    result = stack.oms("recover")
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


async def test_temporals_file_is_lost(still: StackRun) -> None:
    work = await opened(still)
    before = {order_no: await still.events(order_no) for order_no in work.orders}
    lost = still.pid("temporal")
    for file in (still.data_dir / "temporal").iterdir():
        file.unlink()
    still.send("temporal", signal.SIGKILL)
    await until(lambda: still.pid("temporal") != lost, "Temporal is started again, empty")
    meanwhile = await place(still, basket(await stocked(still, 1)))
    await until(lambda: _sound(still), "the stack is sound")
    reported = recovered(still)
    started = re.search(r"(\d+) started", reported)
    assert started and int(started[1]) >= len(work.orders), reported
    assert " 0 started" in recovered(still), "whoever runs is left alone"
    await still.reaches(meanwhile, "preparing")
    assert {order_no: await still.events(order_no) for order_no in work.orders} == before, "nothing is done twice"
    await carry(still, meanwhile, "delivered")
    await finished(still, work)
    await verify(still, [meanwhile])


@pytest.mark.skipif(not TORTURE, reason="long: make torture")
async def test_a_damaged_temporal_file_is_named_and_once_it_is_set_aside_every_order_goes_on(still: StackRun) -> None:
    work = await opened(still)
    await still.fault("payments", "reject", order_no=work.booked, kind="refund")
    response = await post(still, f"/v1/orders/{work.booked}/refunds", {"amount_minor": 1, "reason": "a scratch"})
    assert response.status_code == 201, response.text
    await still.parks(work.booked, "refund")
    closed = await place(still, basket(await stocked(still, 1), token=None))
    await still.reaches(closed, "pending_payment")
    await cancel(still, closed)
    await still.reaches(closed, "cancelled")
    before = {order_no: await still.events(order_no) for order_no in [*work.orders, closed]}
    still.stop()
    folder = still.data_dir / "temporal"
    for file in folder.glob("temporal.db*"):
        file.write_bytes(b"no database" * 500)
    with pytest.raises(AssertionError):
        await still.start()
    text = " ".join((still.folder / "up.log").read_text().split())
    assert "is damaged. No order is lost" in text and "oms recover" in text, text[-2000:]
    folder.rename(folder.with_name("temporal.damaged"))
    await still.start()
    await until(lambda: _sound(still), "the stack is sound")
    started = re.search(r"(\d+) started", recovered(still))
    assert started and int(started[1]) >= len(work.orders)
    assert " 0 started" in recovered(still), "whoever runs is left alone"
    assert {order_no: await still.events(order_no) for order_no in [*work.orders, closed]} == before
    await resolve(still, work.booked, "retry")
    await finished(still, work)
    refunds = [one for one in await still.items("/payments", order_no=work.booked) if one["kind"] == "refund"]
    assert [one["amount_minor"] for one in refunds if one["status"] == "succeeded"] == [1]


def _sound(stack: StackRun) -> bool:
    return stack.oms("doctor").returncode == 0


async def test_the_supervisor_itself_is_killed(still: StackRun) -> None:
    work = await opened(still)
    addresses = {name: still.ready[name] for name in ("api", "sandbox", "temporal", "database_url")}
    just_placed = [await place(still, basket(work.scarce, backorder=True)) for _ in range(3)]
    still.kill_supervisor()
    await still.start()
    assert {name: still.ready[name] for name in addresses} == addresses
    await receipt(still, work.scarce, len(just_placed))
    await finished(still, work)
    for order_no in just_placed:
        await still.reaches(order_no, "preparing")
        await carry(still, order_no, "delivered")
    await verify(still, just_placed)
    assert json.loads((still.data_dir / "ready.json").read_text())["pids"] == still.ready["pids"]
