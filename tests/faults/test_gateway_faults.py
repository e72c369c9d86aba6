"""Providers that do not answer, fail for a while or refuse for good, at each step.

All stories run side by side, each on an order of its own; a test waits for its own.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.faults.driver import basket, cancel, carry, deliver, pay, place, resolve, stocked
from tests.faults.stackrun import StackRun, until
from tests.faults.verdict import verify

pytestmark = pytest.mark.faults

ATTEMPTS = 5  # of a step before it parks, by default
Scenario = Callable[[StackRun, str], Awaitable[None]]
# mode and count: what passes within the attempts that a step has
PASSING = (("timeout_before", 1), ("timeout_after", 1), ("error", 2), ("timeout_before", 3))


async def fault(stack: StackRun, order_no: str, kind: str, mode: str, count: int = 1) -> None:
    target = "carriers" if kind in ("book", "cancel") else "payments"
    await stack.fault(target, mode, count, order_no=order_no, kind=kind)


async def done(stack: StackRun, order_no: str) -> dict[str, int]:
    """How often each kind of transaction succeeded at the provider."""
    kinds = [
        item["kind"] for item in await stack.items("/payments", order_no=order_no) if item["status"] == "succeeded"
    ]
    return {kind: kinds.count(kind) for kind in kinds}


async def notification_of(stack: StackRun, order_no: str, event: str) -> None:
    """Returns when the timeline has the event."""

    async def there() -> bool:
        return event in await stack.events(order_no)

    await until(there, f"{order_no}: {event}")


def on_the_way(kind: str, mode: str, count: int) -> Scenario:
    """A passing fault between the click and the door delays the order, no more."""

    async def scenario(stack: StackRun, order_no: str) -> None:
        await fault(stack, order_no, kind, mode, count)
        await pay(stack, order_no)
        await deliver(stack, order_no)
        assert await done(stack, order_no) == {"authorise": 1, "capture": 1}
        assert len(await stack.items("/shipments", order_no=order_no)) == 1
        assert not await stack.sql("SELECT 1 FROM parked_steps WHERE order_no = %(o)s", o=order_no)

    return scenario


def given_back(mode: str, count: int) -> Scenario:
    """The order is cancelled after it was paid and booked; the refund meets a passing fault."""

    async def scenario(stack: StackRun, order_no: str) -> None:
        await fault(stack, order_no, "refund", mode, count)
        await pay(stack, order_no)
        await stack.reaches(order_no, "preparing")
        assert (await cancel(stack, order_no)).status_code == 200
        await stack.reaches(order_no, "cancelled")
        assert await done(stack, order_no) == {"authorise": 1, "capture": 1, "refund": 1}

    return scenario


def recalled(mode: str, count: int) -> Scenario:
    """The parcel is called back while the carrier's answers are lost."""

    async def scenario(stack: StackRun, order_no: str) -> None:
        await pay(stack, order_no)
        await stack.reaches(order_no, "preparing")
        await fault(stack, order_no, "cancel", mode, count)
        assert (await cancel(stack, order_no)).status_code == 200
        await stack.reaches(order_no, "cancelled")
        assert [item["status"] for item in await stack.items("/shipments", order_no=order_no)] == ["cancelled"]

    return scenario


def released(mode: str, count: int) -> Scenario:
    """The capture is refused for good, the authorisation given up through a passing fault, another payment taken."""

    async def scenario(stack: StackRun, order_no: str) -> None:
        await fault(stack, order_no, "capture", "reject")
        await fault(stack, order_no, "void", mode, count)
        await pay(stack, order_no)
        await notification_of(stack, order_no, "payment_voided")
        await pay(stack, order_no)
        await deliver(stack, order_no)
        assert await done(stack, order_no) == {"authorise": 2, "capture": 1, "void": 1}

    return scenario


async def lost_without_notification(stack: StackRun, order_no: str) -> None:
    """The capture is done but not answered, and the question about it fails at first."""
    await fault(stack, order_no, "capture", "timeout_after")
    await fault(stack, order_no, "lookup", "error", 2)
    await pay(stack, order_no)
    await deliver(stack, order_no)
    assert await done(stack, order_no) == {"authorise": 1, "capture": 1}


async def authorise_refused(stack: StackRun, order_no: str) -> None:
    await fault(stack, order_no, "authorise", "reject")
    await pay(stack, order_no)
    await notification_of(stack, order_no, "payment_declined")  # the front door does not wait for the decision for ever
    assert (await stack.order(order_no))["status"] == "pending_payment"
    await pay(stack, order_no)
    await deliver(stack, order_no)
    assert await done(stack, order_no) == {"authorise": 1, "capture": 1}


async def authorise_unreachable(stack: StackRun, order_no: str) -> None:
    """Every attempt goes unanswered: the step parks, and support tries again."""
    await fault(stack, order_no, "authorise", "timeout_before", ATTEMPTS)
    await pay(stack, order_no)
    await stack.parks(order_no, "authorise")
    await resolve(stack, order_no, "retry")
    await deliver(stack, order_no)
    assert await done(stack, order_no) == {"authorise": 1, "capture": 1}


async def book_refused_then_retried(stack: StackRun, order_no: str) -> None:
    await fault(stack, order_no, "book", "reject")
    await pay(stack, order_no)
    await stack.parks(order_no, "book")
    assert (await stack.order(order_no))["status"] == "paid"
    await resolve(stack, order_no, "retry")
    await deliver(stack, order_no)
    assert await done(stack, order_no) == {"authorise": 1, "capture": 1}


async def book_refused_then_undone(stack: StackRun, order_no: str) -> None:
    await fault(stack, order_no, "book", "reject")
    await pay(stack, order_no)
    await stack.parks(order_no, "book")
    await resolve(stack, order_no, "compensate")
    await stack.reaches(order_no, "cancelled")
    assert await done(stack, order_no) == {"authorise": 1, "capture": 1, "refund": 1}


async def booked_unheard_then_undone(stack: StackRun, order_no: str) -> None:
    """The carrier booked but could never say so: the parcel nobody knows of is called back."""
    await fault(stack, order_no, "book", "timeout_after")
    await stack.fault("carriers", "error", ATTEMPTS - 1, kind="lookup")
    await pay(stack, order_no)
    await stack.parks(order_no, "book")
    await resolve(stack, order_no, "compensate")
    await stack.reaches(order_no, "cancelled")
    assert [item["status"] for item in await stack.items("/shipments", order_no=order_no)] == ["cancelled"]


async def refund_refused(stack: StackRun, order_no: str) -> None:
    """Money that cannot go back parks the order; it does not show cancelled before it is back."""
    await fault(stack, order_no, "refund", "reject")
    await pay(stack, order_no)
    await stack.reaches(order_no, "preparing")
    assert (await cancel(stack, order_no)).status_code == 200
    await stack.parks(order_no, "return_payment")
    assert (await stack.order(order_no))["status"] == "preparing"
    await resolve(stack, order_no, "retry")
    await stack.reaches(order_no, "cancelled")
    assert await done(stack, order_no) == {"authorise": 1, "capture": 1, "refund": 1}


async def recall_refused(stack: StackRun, order_no: str) -> None:
    """The carrier refuses to give the parcel back for a reason of its own: parked, then tried again."""
    await pay(stack, order_no)
    await stack.reaches(order_no, "preparing")
    await fault(stack, order_no, "cancel", "reject")
    assert (await cancel(stack, order_no)).status_code == 200
    await stack.parks(order_no, "cancel_shipment")
    await resolve(stack, order_no, "retry")
    await stack.reaches(order_no, "cancelled")


async def recalled_too_late(stack: StackRun, order_no: str) -> None:
    """While the carrier does not answer the recall, the parcel reaches the door: the cancellation is refused."""
    await pay(stack, order_no)
    await stack.reaches(order_no, "preparing")
    await fault(stack, order_no, "cancel", "timeout_before", 3)
    task = asyncio.create_task(cancel(stack, order_no))
    await notification_of(stack, order_no, "cancel_requested")
    await carry(stack, order_no, "picked_up", "delivered")
    answer = await task
    if answer.status_code == 200:  # the front door did not wait for the decision
        assert answer.json()["waiting_for"]["what"] == "cancellation", answer.text
    else:
        assert (answer.status_code, answer.json()["code"]) == (409, "parcel_on_its_way"), answer.text
    await stack.reaches(order_no, "completed")
    assert (await stack.events(order_no)).count("cancel_refused") == 1


async def void_refused(stack: StackRun, order_no: str) -> None:
    """Captured never, given up never: support tries again."""
    await fault(stack, order_no, "capture", "reject")
    await fault(stack, order_no, "void", "reject")
    await pay(stack, order_no)
    await stack.parks(order_no, "return_payment")
    await resolve(stack, order_no, "retry")
    await stack.reaches(order_no, "pending_payment")
    await pay(stack, order_no)
    await deliver(stack, order_no)
    assert await done(stack, order_no) == {"authorise": 2, "capture": 1, "void": 1}


STEPS = ("authorise", "capture", "book")
SCENARIOS: dict[str, Scenario] = {
    **{f"{kind} {mode} {n}": on_the_way(kind, mode, n) for kind in STEPS for mode, n in PASSING},
    **{f"refund {mode} {n}": given_back(mode, n) for mode, n in PASSING},
    **{f"recall {mode} {n}": recalled(mode, n) for mode, n in PASSING},
    **{f"void {mode} {n}": released(mode, n) for mode, n in PASSING},
    **{
        scenario.__name__: scenario
        for scenario in (
            lost_without_notification,
            authorise_refused,
            authorise_unreachable,
            book_refused_then_retried,
            book_refused_then_undone,
            refund_refused,
            recall_refused,
            recalled_too_late,
            void_refused,
        )
    },
}


@pytest.fixture(scope="module")
async def running_scenarios(still: StackRun) -> AsyncIterator[dict[str, tuple[str, "asyncio.Task[None]"]]]:
    """Every story with its order, under way."""
    sku = await stocked(still, 1000)

    async def ordered() -> str:
        order_no = await place(still, basket(sku, token=None))
        await still.reaches(order_no, "pending_payment")
        return order_no

    orders = await asyncio.gather(*(ordered() for _ in SCENARIOS))
    scenarios = zip(SCENARIOS.items(), orders, strict=True)
    running = {name: (o, asyncio.ensure_future(scenario(still, o))) for (name, scenario), o in scenarios}
    yield running
    for _, task in running.values():
        task.cancel()
    await asyncio.gather(*(task for _, task in running.values()), return_exceptions=True)


@pytest.mark.parametrize("name", SCENARIOS)
async def test_one_order_meets(
    still: StackRun, running_scenarios: dict[str, tuple[str, "asyncio.Task[None]"]], name: str
) -> None:
    order_no, scenario = running_scenarios[name]
    await scenario
    await verify(still, [order_no])


async def test_a_parcel_booked_unheard_is_called_back(still: StackRun) -> None:
    order_no = await place(still, basket(await stocked(still, 10), token=None))
    await booked_unheard_then_undone(still, order_no)
    await verify(still, [order_no])
