"""Reservations of one product by many clients: their answers are those of some order, one after the other."""

import asyncio
import itertools
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from random import Random

import pytest
from temporalio.exceptions import ApplicationError

from activities.orders.lifecycle import OrderActivities
from domain.stock.movements import MovementKind
from infra.db.engine import Database
from infra.db.stock import movements
from infra.db.stock.movements import Move
from tests.api.conftest import settings_for
from tests.conftest import DatabaseUrls
from tests.examples import MANY
from tests.factories.raw_writes import DirectDatabase
from tests.faults.stackrun import TORTURE
from tests.linearizability import Act, What, is_linearizable
from workflows import payloads as m

EAST, START, CLIENTS, ACTS = "WH-EAST", 6, 4, 3
Given = tuple[What, int, int, int | None, bool | int | None]


@pytest.mark.parametrize(
    ("acts", "right"),
    [
        ([(What.RESERVE, 6, 1, 2, True), (What.RESERVE, 1, 3, 4, True)], False),  # one too many
        ([(What.RESERVE, 6, 1, 4, True), (What.RESERVE, 1, 2, 3, False)], True),  # at the same time
        ([(What.RESERVE, 6, 3, 4, True), (What.RESERVE, 1, 1, 2, False)], False),  # it was all there
        ([(What.RESERVE, 7, 1, 2, False), (What.RECEIVE, 1, 3, 4, True)], True),
        ([(What.RECEIVE, 1, 1, 2, True), (What.RESERVE, 7, 3, 4, False)], False),  # it had arrived
        ([(What.RESERVE, 2, 1, 2, True), (What.READ, 0, 3, 4, 6)], False),  # a stale read
        ([(What.RESERVE, 2, 1, 4, True), (What.READ, 0, 2, 3, 6)], True),
        ([(What.RESERVE, 2, 1, None, None), (What.READ, 0, 3, 4, 4)], True),  # done, the answer was lost
        ([(What.RESERVE, 2, 1, None, None), (What.READ, 0, 3, 4, 6)], True),  # not done, or not yet
        ([(What.RESERVE, 2, 1, None, None), (What.READ, 0, 3, 4, 4), (What.READ, 0, 5, 6, 6)], False),  # undone
        ([(What.RESERVE, 6, 1, 2, True), (What.RELEASE, 6, 3, None, None), (What.RESERVE, 1, 5, 6, True)], True),
        ([(What.RESERVE, 6, 1, 2, True), (What.RESERVE, 1, 3, 4, True), (What.RELEASE, 6, 5, None, None)], False),
    ],
)  # fmt: skip
def test_the_check_knows_right_histories_from_wrong_ones(acts: list[Given], right: bool) -> None:
    assert is_linearizable([Act(*act) for act in acts], START) is right


class Clients:
    """Clients of one product; what each did, and the answers."""

    def __init__(self, db: DirectDatabase, database: Database, orders: OrderActivities, seed: int) -> None:
        self.db, self.database, self.orders, self.chance = db, database, orders, Random(seed)
        self.sku, self.history, self.clock = f"L-{secrets.token_hex(6)}", list[Act](), itertools.count(1)

    async def run(self) -> list[Act]:
        await self.db.stock(self.sku, START)
        wanted = [[self.chance.randint(1, 4) for _ in range(ACTS)] for _ in range(CLIENTS)]
        numbers = [[await self.db.order(1000, units, self.sku) for units in each] for each in wanted]
        await asyncio.gather(
            *(self.client(iter(zip(mine, units, strict=True))) for mine, units in zip(numbers, wanted, strict=True))
        )
        return self.history

    async def client(self, orders: Iterator[tuple[str, int]]) -> None:
        held: list[tuple[str, int]] = []
        for number, units in orders:
            if await self.act(What.RESERVE, units, lambda number=number: self.reserve(number)):  # type: ignore[misc]
                held.append((number, units))
            if held and self.chance.random() < 0.5:
                mine, back = held.pop()
                await self.act(What.RELEASE, back, lambda mine=mine: self.release(mine))  # type: ignore[misc]
            if self.chance.random() < 0.2:
                more = self.chance.randint(1, 3)
                await self.act(What.RECEIVE, more, lambda more=more: self.receive(more))  # type: ignore[misc]
            if self.chance.random() < 0.4:
                await self.act(What.READ, 0, self.read)

    async def act(self, what: What, units: int, run: Callable[[], Awaitable[bool | int]]) -> bool | int | None:
        """Some callers wait too short: before the act, in the middle or after it, and nobody knows."""
        began, task = next(self.clock), asyncio.ensure_future(run())
        patience = self.chance.choice((*(None,) * 7, 0.0, 0.01))
        try:
            answer = await (task if patience is None else asyncio.wait_for(task, patience))
        except (TimeoutError, ApplicationError):
            self.history.append(Act(what, units, began, None, None))
            return None
        self.history.append(Act(what, units, began, next(self.clock), answer))
        return answer

    async def reserve(self, number: str) -> bool:
        return (await self.orders.reserve_stock(m.OrderRef(number))).status == "pending_payment"

    async def release(self, number: str) -> bool:
        await self.orders.begin_cancel(m.CancelRequest(number, "customer_request", "system", ""))
        return (await self.orders.finish_cancel(m.OrderRef(number))).status == "cancelled"

    async def receive(self, units: int) -> bool:
        key = secrets.token_hex(8)
        async with self.database.begin() as conn:
            await movements.move(conn, [Move(key, MovementKind.RECEIPT, self.sku, EAST, units, key, "test")])
        return True

    async def read(self) -> int:
        async with self.database.begin() as conn:
            return sum(level.available for level in await movements.levels(conn, self.sku))


@pytest.fixture
async def database(database_url: DatabaseUrls) -> AsyncIterator[Database]:
    opened = Database.from_settings(settings_for(database_url))
    yield opened
    await opened.close()


async def test_concurrent_reservations_of_a_product_are_linearizable(
    db: DirectDatabase, database: Database, database_url: DatabaseUrls
) -> None:
    orders = OrderActivities(database, settings_for(database_url))
    for seed in range(MANY if TORTURE else 4):
        history = await Clients(db, database, orders, seed).run()
        assert is_linearizable(history, START), history
        # The same, with one answer that is wrong.
        known = [act for act in history if act.what is What.RESERVE and act.answer is False]
        if known:
            assert not is_linearizable([replace(act, units=1_000, answer=True) if act is known[0] else act
                                        for act in history], START)  # fmt: skip
