"""Backorders on real servers: whatever frees their units, and at whatever moment, they go on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import text

from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.order_stage import Stage, eventually, staged
from tests.workflows.orders.test_order import cancel
from tests.workflows.scenarios import noted

RECEIPT = text(
    "INSERT INTO stock_movements (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta,"
    " actor) VALUES (:sku || '/late', 'receipt', :sku, 'WH-EAST', 1, 1, 0, 'test')"
)


@pytest.fixture(scope="module")
async def stage(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    async with staged(database_url, temporal.address, tmp_path_factory.mktemp("backorders")) as opened:
        yield opened


async def test_units_that_a_cancellation_frees_go_to_who_waits_for_them(stage: Stage) -> None:
    await stage.stock("FREED", 1)
    first = await stage.place(sku="FREED", token=None)
    await stage.reaches(first, "pending_payment")
    waiting = await stage.place(sku="FREED", backorder=True)
    await noted(stage, waiting, "stock_short")
    await cancel(stage, first)
    await stage.reaches(waiting, "preparing", 60)


async def test_units_that_come_while_the_shortage_is_recorded_are_not_missed(stage: Stage) -> None:
    """The order reads that it is short, the receipt commits, the order records its shortage: nobody would tell it."""
    await stage.stock("BETWEEN", 1)
    taken = await stage.place(sku="BETWEEN", token=None)
    await stage.reaches(taken, "pending_payment")
    async with stage.owner.begin() as receipt:
        await receipt.execute(RECEIPT, {"sku": "BETWEEN"})
        waiting = await stage.place(sku="BETWEEN", backorder=True)
        await eventually(lambda: reached(stage, waiting), 60)
    await stage.reaches(waiting, "preparing", 60)


async def test_units_that_come_after_the_last_look_see_who_waits(stage: Stage) -> None:
    """The receipt begins while the shortage is recorded and not yet to be seen by others."""
    await stage.stock("AFTER", 1)
    taken = await stage.place(sku="AFTER", token=None)
    await stage.reaches(taken, "pending_payment")
    async with AsyncExitStack() as open_ones:
        gate = await open_ones.enter_async_context(stage.owner.begin())
        # Whoever wants to be alone with the SKU waits here: the shortage is written, not committed.
        await gate.execute(
            text("SELECT pg_advisory_xact_lock_shared(hashtextextended('arrivals:' || :sku, 0))"), {"sku": "AFTER"}
        )
        waiting = await stage.place(sku="AFTER", backorder=True)
        await eventually(lambda: reached(stage, waiting), 60)
        receipt = asyncio.create_task(stage.sql(str(RECEIPT), sku="AFTER"))
        await eventually(lambda: receipt.done() or locked_out(stage, 2), 60)
    await receipt
    await stage.reaches(waiting, "preparing", 60)


async def locked_out(stage: Stage, people: int = 1) -> bool:
    """True while so many wait for a SKU's lock in this database."""
    rows = await stage.sql(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    return int(rows[0][0]) >= people


async def reached(stage: Stage, order_no: str) -> bool:
    """True once the order has looked for units and found none, whether it may commit or not."""
    return await locked_out(stage) or "stock_short" in await stage.events(order_no)
