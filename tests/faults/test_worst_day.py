"""The worst case: the carrier is down, every order is parked, and one person at the console resolves all of them."""

import asyncio
import re
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import httpx
import pytest
from temporalio.client import Client

from activities.support.bulk_jobs import AT_ONCE
from infra.db.read_models.dashboard import COUNTED
from tests.faults.console import Console, Forms, signed_in
from tests.faults.driver import basket, stocked
from tests.faults.stackrun import TORTURE, StackRun, until
from tests.faults.verdict import verify
from workflows import names

pytestmark = [pytest.mark.faults, pytest.mark.timeout(7200 if TORTURE else 900)]

ORDERS = 5000 if TORTURE else 60
BUYERS = 8
PRICE_MINOR = 1000
PATIENCE_S = 3600.0 if TORTURE else 400.0
LOOK_S = 1.0 if TORTURE else 0.5  # between two looks of somebody who watches
QUIET_LOOKS = 20 if TORTURE else 8
PAGE = 200 if TORTURE else 25  # of the list: several of them
# So slow that an act of this size is stopped, and its worker killed, long before its end.
STOPPED_RATE_PER_S, RATE_PER_S = (20, 100) if TORTURE else (4, 10)
GROUP = "/console/stuck/group?step=book"
PARKED = "SELECT count(*) AS n FROM parked_steps WHERE step = 'book' AND resolved_at IS NULL"
COMPLETED = "SELECT count(*) AS n FROM orders WHERE status = 'completed'"
RESOLUTIONS = "SELECT count(*) AS n FROM resolutions WHERE resolution_id LIKE %(job)s || ':%%'"
# Nobody is hurried; the carrier gets few tries, so that the orders stick soon. Parcels move by themselves.
SETTINGS = {
    "OMS_PAYMENT_TIMEOUT_S": "14400",
    "OMS_PAYMENT_POLL_S": "60",
    "OMS_GATEWAY_TIMEOUT_S": "10",
    "OMS_GATEWAY_ATTEMPTS": "2",
    "OMS_GATEWAY_PATIENCE_S": "2",
    "OMS_WORKFLOW_TIMEOUT_S": "10",
}


@pytest.fixture
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[StackRun]:
    """A stack of its own: its board shows the orders of this day and no others."""
    async with StackRun(tmp_path_factory.mktemp("worst"), SETTINGS).standing() as run:
        yield run


@dataclass
class Watch:
    """Somebody who looks at the board and the queue without a pause; every number is checked, wrong ones are kept."""

    stack: StackRun
    console: Console
    begun: int = 0
    job: str = ""
    wrong: list[str] = field(default_factory=list)
    looks: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        while True:
            try:
                await self._check()
            except (AssertionError, httpx.HTTPError) as error:
                self.wrong.append(f"{type(error).__name__}: {error}")
            self.looks["rounds"] += 1
            await asyncio.sleep(LOOK_S)

    async def _check(self) -> None:
        await self._look_at_board()
        causes = await self.console.causes()
        self._judge(f"queue {causes}", sum(orders for orders, _ in causes) <= self.begun)
        self._judge(f"money {causes}", all(minor == orders * PRICE_MINOR for orders, minor in causes))
        self.looks["queues"] += 1
        await self.console.get(GROUP, "group")
        if self.stack.accepted:
            await self.console.get(f"/console/orders/{next(iter(self.stack.accepted))}", "order")
        if self.job:
            await self._look_at_job()

    async def _look_at_board(self) -> None:
        """Its sum, and what can only grow or only shrink against the database just before and just after."""
        least, before = len(self.stack.accepted), await in_database(self.stack)
        tiles = await self.console.tiles()
        after = await in_database(self.stack)
        fewest, exact = lower_bound(tiles)
        self._judge(f"board {tiles}", fewest <= self.begun and (not exact or least <= fewest))
        self._judge(f"completed {tiles}", fits(tiles["completed"], before["completed"], after["completed"]))
        if self.job:  # nobody places any more, so nothing becomes paid
            self._judge(f"paid {tiles}", fits(tiles["paid"], after["paid"], before["paid"]))
        self.looks["exact boards" if exact else "boards with 1000+"] += 1

    async def _look_at_job(self) -> None:
        accepted, refused, total = await self.console.moved(self.job)
        self._judge(f"progress {accepted}, {refused} of {total}", accepted + refused <= total)
        self.looks["progress"] += 1

    def _judge(self, what: str, holds: bool) -> None:
        if not holds:
            self.wrong.append(f"{what}: between {len(self.stack.accepted)} and {self.begun} orders")


def lower_bound(tiles: dict[str, str]) -> tuple[int, bool]:
    """How many orders a board shows at least, and whether that is their exact number."""
    assert tiles, "the board has no tiles"
    exact = not any(number.endswith("+") for number in tiles.values())
    return sum(int(number.rstrip("+")) + number.endswith("+") for number in tiles.values()), exact


def fits(number: str, least: int, most: int) -> bool:
    """Whether a tile's number lies between two of the database's; `1000+` says only that it is larger."""
    return most > COUNTED if number.endswith("+") else least <= int(number) <= most


async def in_database(stack: StackRun) -> Counter[str]:
    """Orders by status, in one statement: one moment."""
    rows = await stack.sql("SELECT status, count(*) AS n FROM orders GROUP BY status")
    return Counter({row["status"]: row["n"] for row in rows})


# ── the day ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_carrier_is_down_all_day(shop: StackRun) -> None:
    console = await signed_in(shop, "support")
    watch = Watch(shop, await signed_in(shop, "support"))
    watching = asyncio.create_task(watch.run())
    try:
        await the_day(shop, console, watch)
    finally:
        watching.cancel()
        ended = (await asyncio.gather(watching, return_exceptions=True))[0]
        await asyncio.gather(console.http.aclose(), watch.console.http.aclose())
    assert isinstance(ended, asyncio.CancelledError), ended
    assert not watch.wrong, "\n".join(watch.wrong[:20])
    reported_times(watch)


async def the_day(shop: StackRun, console: Console, watch: Watch) -> None:
    watch.console.phase = "placing"
    await shop.fault("carriers", "down")
    await placed(shop, watch)
    watch.console.phase = "parking"
    await until(lambda: count(shop, PARKED, ORDERS), "every order sticks at the carrier", PATIENCE_S)
    await board_is_right(shop, console)
    watch.console.phase = "idle"
    observed = watch.looks["rounds"]
    await until(lambda: watch.looks["rounds"] >= observed + QUIET_LOOKS, "some quiet looks", PATIENCE_S)

    await shop.sandbox("DELETE", "/faults")
    watch.console.phase = "act"
    await tried_one(shop, console)
    left = await stopped_in_the_middle(shop, console, watch)
    await the_rest(shop, console, watch, left)
    watch.console.phase = "coming home"
    await until(lambda: count(shop, COMPLETED, ORDERS), "every order comes to its end", PATIENCE_S)
    await board_is_right(shop, console)
    assert sum(orders for orders, _ in await console.causes()) == 0
    await nobody_twice(shop)
    await verify(shop, timeout_s=PATIENCE_S)
    for reported in (shop.oms("ledger", "check"), shop.oms("audit", "verify")):
        assert reported.returncode == 0, reported.stdout + reported.stderr


async def placed(shop: StackRun, watch: Watch) -> None:
    """Several buyers at once; the watch knows how many orders are on their way to the front door."""
    sku, bodies = await stocked(shop, ORDERS, PRICE_MINOR), iter(range(ORDERS))

    async def buyer() -> None:
        async with shop.client() as http:
            for _ in bodies:
                watch.begun += 1
                key = {"Idempotency-Key": secrets.token_hex(8)}
                answer = await http.post("/v1/orders", json=basket(sku), headers=key)
                assert answer.status_code == 201, answer.text
                shop.accepted[answer.json()["order_no"]] = answer.json()["total_minor"]

    await asyncio.gather(*(buyer() for _ in range(BUYERS)))
    assert len(shop.accepted) == ORDERS


async def count(shop: StackRun, question: str, wanted: int, **values: Any) -> bool:
    return bool((await shop.sql(question, **values))[0]["n"] == wanted)


async def board_is_right(shop: StackRun, console: Console) -> None:
    """While nothing moves: each tile is what the database says, and the list, page by page, holds each order once."""
    counts, tiles = await in_database(shop), await console.tiles()
    assert tiles == {status: f"{COUNTED}+" if counts[status] > COUNTED else str(counts[status]) for status in tiles}
    assert sum(counts.values()) == ORDERS
    await list_is_whole(shop)


async def list_is_whole(shop: StackRun) -> None:
    """Page by page over HTTP, also while orders move: each order once, none missing."""
    listed: list[str] = []
    async with shop.client("support") as http:
        cursor: str | None = ""
        while cursor is not None:
            answer = (
                await http.get("/v1/orders", params={"limit": PAGE} | ({"cursor": cursor} if cursor else {}))
            ).json()
            listed += [item["order_no"] for item in answer["items"]]
            cursor = answer["next_cursor"]
    assert Counter(listed) == Counter(shop.accepted.keys())


# ── the acts ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def tried_one(shop: StackRun, console: Console) -> None:
    """Before all, one: it also tells the circuit breaker that the carrier is back."""
    order_no = next(iter(shop.accepted))
    page = f"/console/stuck/{order_no}"
    retry = f"{page}/retry"
    await console.send(retry, Forms(await console.get(page)).one(retry) | {"reason": "back?"}, 303)
    await shop.reaches(order_no, "completed")


async def retried(console: Console, orders: int, rate_per_s: int) -> str:
    """All that stick are tried again: the form, a number typed wrongly, the right number; the job's page."""
    assert f'href="{GROUP}"' in await console.first_cause(), "one outage shows as several errors: they go together"
    form = Forms(await console.get(GROUP)).one("/console/stuck/bulk", action="retry")
    response = await console.send("/console/stuck/bulk", form | {"reason": "back", "rate_per_s": str(rate_per_s)}, 200)
    sure = Forms(response.text).one("/console/stuck/bulk")
    again = await console.send("/console/stuck/bulk", sure | {"count": str(orders + 1)}, 409)
    number = re.search(r'<dd class="[^"]*\bnum">(\d+)</dd>', again.text)
    assert number is not None and int(number[1]) == orders, again.text
    sure = Forms(again.text).one("/console/stuck/bulk")
    sent = await console.send("/console/stuck/bulk", sure | {"count": number[1]}, 303)
    return sent.headers["location"]


async def stopped_in_the_middle(shop: StackRun, console: Console, watch: Watch) -> int:
    """The first act is stopped by its button: what has not begun stays parked; how many orders that are."""
    watch.job = job = await retried(console, ORDERS - 1, STOPPED_RATE_PER_S)
    await until(lambda: some_moved(console, job, ORDERS // 6), "the act is under way", PATIENCE_S, pause_s=LOOK_S)
    page = await console.get(job)
    await console.send(f"{job}/stop", Forms(page).one(f"{job}/stop"), 303)
    job_id = job.rpartition("/")[2]
    rows = (await shop.sql(RESOLUTIONS, job=job_id))[0]["n"]
    await workflow_ended(shop, job_id)
    begun = (await shop.sql(RESOLUTIONS, job=job_id))[0]["n"]
    assert begun <= rows + AT_ONCE + 1, f"{begun - rows} orders were taken up after the act was stopped"
    assert "stopped" in await console.get(job)
    left = ORDERS - 1 - begun
    await until(lambda: count(shop, COMPLETED, begun + 1), f"the {begun} that were begun come home", PATIENCE_S)
    assert await count(shop, PARKED, left), "the rest stays parked"
    assert (await console.moved(job))[:2] == (begun, 0)
    await list_is_whole(shop)
    return left


async def some_moved(console: Console, job: str, orders: int) -> bool:
    return (await console.moved(job))[0] >= orders


async def workflow_ended(shop: StackRun, job_id: str) -> None:
    client = await Client.connect(shop.ready["temporal"])
    await client.get_workflow_handle(names.job_workflow(job_id)).result()


async def the_rest(shop: StackRun, console: Console, watch: Watch, left: int) -> None:
    """The second act goes on where the first was stopped, and over the death of the worker, to the last order."""
    watch.job = job = await retried(console, left, RATE_PER_S)
    await until(lambda: some_moved(console, job, left // 3), "the second act is under way", PATIENCE_S, pause_s=LOOK_S)
    await shop.kill("worker")
    await list_is_whole(shop)
    await until(lambda: some_moved(console, job, left), "the second act counts up to all", PATIENCE_S, pause_s=LOOK_S)
    assert await console.moved(job) == (left, 0, left)
    await workflow_ended(shop, job.rpartition("/")[2])
    assert "finished" in await console.get(job)


# ── the verdict ────────────────────────────────────────────────────────────────────────────────────────────────────


async def nobody_twice(shop: StackRun) -> None:
    """In the provider's own lists, which know nothing of our books: one capture and one live parcel for each order."""
    payments, parcels = await shop.items("/payments"), await shop.items("/shipments")
    captured = Counter(p["order_no"] for p in payments if (p["kind"], p["status"]) == ("capture", "succeeded"))
    live = Counter(parcel["order_no"] for parcel in parcels if parcel["status"] != "cancelled")
    once = Counter(shop.accepted.keys())
    assert captured == once, (captured - once, once - captured)
    assert live == once, (live - once, once - live)
    assert not [p for p in payments if p["kind"] in ("refund", "void")]


def reported_times(watch: Watch) -> None:
    """Prints what a page took (pytest -rP shows it); bench/page_time judges the speed of pages."""
    print(f"{ORDERS} orders; looked: {dict(watch.looks)}")
    for (phase, page), times_ms in watch.console.times_ms.items():
        middle, p95 = median(times_ms), sorted(times_ms)[int(0.95 * len(times_ms))]
        print(f"{phase:12} {page:8} {len(times_ms):5} times, median {middle:7.1f} ms, p95 {p95:7.1f} ms")
