"""Whoever is silent about a return: it ends well, automatically. Each stage is hasty in its own way."""

from typing import Any

import pytest

from infra.db.after_sales import return_handling, returns
from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.factories.refunds import given_back
from tests.factories.return_handling import (
    ask,
    becomes,
    delivered_order,
    labelled,
    parcel_says,
    receive,
    stock_of,
    terms,
)
from tests.order_stage import Stage, staged

# Who is silent here is so for a second.
SILENT: dict[str, Any] = {"return_window_s": 0, "return_auto_approve_minor": 0, "return_labels": False}
WAITS = ("return_answer_s", "return_send_s", "return_transit_s", "return_inspect_s")


@pytest.mark.parametrize(
    ("wait", "moves", "end", "reported", "refunded", "shelves"),
    [
        ("return_answer_s", [], "approved", [], [], (0, 0)),
        ("return_send_s", ["approved"], "expired", ["return_reminder", "return_expired"], [], (0, 0)),
        ("return_transit_s", ["approved", "in_transit"], "expired", ["return_reminder", "return_expired"], [], (0, 0)),
        ("return_inspect_s", ["received"], "completed", ["return_inspected", "return_completed"], [1000], (0, 1)),
    ],
    ids=["nobody answers", "nothing is sent", "it never arrives", "nobody inspects"],
)
async def test_silence_ends_well(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory, wait: str,
    moves: list[str], end: str, reported: list[str], refunded: list[int], shelves: tuple[int, int],
) -> None:  # fmt: skip
    folder = tmp_path_factory.mktemp("silence")
    settings = {**SILENT, **dict.fromkeys(WAITS, 600), wait: 1, "return_window_s": 3}
    async with staged(database_url, temporal.address, folder, **settings) as stage:
        await stage.stock("TEA", 10)
        order_no = await delivered_order(stage)
        return_id = await ask(stage, order_no)
        before = await stock_of(stage)
        for move in moves:
            await manually(stage, return_id, move)
        await becomes(stage, return_id, end)
        events = await stage.events(order_no)
        assert [kind for kind in events if kind in reported] == reported
        after = await stock_of(stage)
        assert (after[0] - before[0], after[1] - before[1]) == shelves
        assert given_back(stage, order_no) == refunded
        if end in ("expired", "completed"):
            await stage.reaches(order_no, "completed")
        else:
            assert await stage.status(order_no) == "delivered"


async def manually(stage: Stage, return_id: str, move: str) -> None:
    if move == "received":
        await receive(stage, return_id)
        return
    async with stage.database.begin() as conn:
        order_return = await returns.lock(conn, return_id)
        if move == "approved":
            await return_handling.approve(conn, order_return, "support:ann", terms(stage))
        else:
            await return_handling.sent(conn, order_return, "customer:c", terms(stage), "post", "P1")


async def test_a_scan_in_the_database_wins_against_the_deadline(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The deadline has come, and the scan is in the inbox, unheard: it is heard first."""
    settings = {"return_window_s": 3600, "return_send_s": 2}
    async with staged(database_url, temporal.address, tmp_path_factory.mktemp("scan"), **settings) as stage:
        await stage.stock("TEA", 10)
        order_no = await delivered_order(stage)
        return_id = await ask(stage, order_no)
        parcel = await labelled(stage, return_id)
        # The fact alone, as if its order's workflow had not been woken yet.
        await stage.sql("ALTER TABLE inbox DISABLE TRIGGER inbox_signals")
        try:
            await parcel_says(stage, order_no, parcel, "picked_up")
        finally:
            await stage.sql("ALTER TABLE inbox ENABLE TRIGGER inbox_signals")
        await becomes(stage, return_id, "in_transit")
        assert "return_expired" not in await stage.events(order_no)
