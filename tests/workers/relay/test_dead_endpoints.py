"""Webhook endpoints that take nothing for days: switched off with an alert, what they miss is kept and sent again."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db.alerts.order_rules import webhook_disabled, webhooks_failed
from infra.db.autocommit import autocommit
from infra.db.engine import Database
from infra.db.messaging import outbox
from infra.db.webhooks import deliveries, endpoints
from infra.settings import Settings
from tests.conftest import DatabaseUrls
from tests.infra.servers import serving
from tests.workers.relay.test_webhooks import Receiver, relaying, states, subscribe
from tests.workers.stored_orders import database, move, place, settings_for, sql, until, vault
from workers.relay import main, webhook_sender

DAYS = "UPDATE webhook_endpoints SET failing_since = now() - interval '73 hours' WHERE failing_since IS NOT NULL"


@pytest.fixture
async def settings(database_url: DatabaseUrls) -> Settings:
    for table in ("webhook_deliveries", "webhook_endpoints", "outbox", "workflow_requests"):
        await sql(database_url.app_url, f"DELETE FROM {table}")
    return settings_for(database_url, allow_private_webhook_targets=True, webhook_attempts=10_000)


async def endpoint(urls: DatabaseUrls) -> tuple[bool, bool, str | None]:
    """(on, takes nothing, the last error)."""
    rows = await sql(urls.app_url, "SELECT active, failing_since IS NOT NULL, last_error FROM webhook_endpoints")
    return rows[0][0], rows[0][1], rows[0][2]


async def test_a_dead_endpoint_is_switched_off_reported_and_replayed(
    database_url: DatabaseUrls, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_sender, "TRIED_ENOUGH", 3)
    receiver = Receiver()
    async with serving(receiver.app) as base, database(settings) as db:
        await subscribe(db, f"{base}/none")
        order_no = await place(database_url)
        async with relaying(settings):
            await until(lambda: _is(database_url, (True, True, "http_404")), 60)
            await sql(database_url.app_url, DAYS)
            await until(lambda: _is(database_url, (False, True, "http_404")), 60)
            await move(database_url, order_no, "order_amended", None, None)
            await until(lambda: _empty(database_url), 60)
        async with autocommit(db) as connection:
            assert await deliveries.claim(connection, "whe_one", 10, 5.0) == []
            assert await deliveries.due_endpoints(connection) == []
            assert await deliveries.give_up_disabled(connection, 100) == 1
            (found,) = await webhook_disabled(connection, settings)
            assert (found.cause, found.count) == ("webhook_disabled:whe_one", 2)
            assert await webhooks_failed(connection, settings) == []
        rows = await sql(database_url.app_url, "SELECT state, last_error FROM webhook_deliveries")
        assert set(rows) == {("failed", "endpoint_disabled")}
        await sql(database_url.owner_url, "UPDATE webhook_endpoints SET url = %s", f"{base}/hook")
        async with db.begin() as connection:
            assert await deliveries.replay(connection, "whe_one", None, 100) == 2
        async with relaying(settings):
            await until(lambda: _done(database_url, 2), 60)
    assert receiver.ids() == [f"{order_no}.1", f"{order_no}.2"]
    assert await endpoint(database_url) == (True, False, None)


async def test_one_that_takes_something_is_not_dead(database_url: DatabaseUrls, settings: Settings) -> None:
    receiver = Receiver()
    async with serving(receiver.app) as base, database(settings) as db:
        await subscribe(db, f"{base}/hook")
        refused, taken = await place(database_url), await place(database_url)
        receiver.refusals = {f"{refused}.1": 1}
        async with relaying(settings):
            await until(lambda: _done(database_url, 2), 60)
        assert await endpoint(database_url) == (True, False, None)
        assert f"{taken}.1" in receiver.ids()
        never = settings.webhook_dead_after_s * 0
        async with autocommit(db) as connection:
            await deliveries.note_failure(connection, "whe_one", "timeout", never)
            await sql(database_url.app_url, DAYS)
            assert not await deliveries.note_failure(connection, "whe_one", "timeout", never)
            assert await deliveries.note_failure(connection, "whe_one", "timeout", 3600.0)
            assert not await deliveries.note_failure(connection, "whe_one", "timeout", 3600.0), "once is enough"


async def test_one_failure_after_quiet_days_is_no_death(database_url: DatabaseUrls, settings: Settings) -> None:
    """What failed last was given up days ago; nothing was to be sent since."""
    receiver = Receiver()
    async with serving(receiver.app) as base, database(settings) as db:
        await subscribe(db, f"{base}/hook")
        await sql(database_url.app_url, "UPDATE webhook_endpoints SET failing_since = now() - interval '73 hours'")
        order_no = await place(database_url)
        receiver.refusals = {f"{order_no}.1": 2}
        async with relaying(settings):
            await until(lambda: _ended(database_url), 60)
    assert await states(database_url) == {"done": 1}
    assert await endpoint(database_url) == (True, False, None)


async def test_what_is_given_up_is_kept_for_a_while_only(database_url: DatabaseUrls, settings: Settings) -> None:
    async with database(settings) as db:
        await subscribe(db, "http://127.0.0.1:9/hook")
        off = "UPDATE webhook_endpoints SET active = false, disabled_at = now() - make_interval(days => %s)"
        order_no = await place(database_url)
        for days, stored in ((29, 1), (31, 1)):
            await sql(database_url.app_url, off, days)
            async with autocommit(db) as connection:
                await outbox.fan_out(connection, 10)
            assert await states(database_url) == {"failed": stored}
            await move(database_url, order_no, "order_amended", None, None)
        await sql(database_url.app_url, "UPDATE webhook_deliveries SET done_at = now() - interval '31 days'")
        await main.sweep(db, vault())()
        assert await states(database_url) == {}


@pytest.mark.parametrize("what", ["fan_out", "give_up"])
@pytest.mark.parametrize("first", ["replay", "other"])
async def test_a_replay_misses_nothing_that_is_written_down_meanwhile(
    database_url: DatabaseUrls, settings: Settings, what: str, first: str
) -> None:
    """Whichever of the two begins, the second waits for it: the event is sent, and not kept for another replay."""

    async def other(connection: AsyncConnection) -> int:
        if what == "give_up":
            return await deliveries.give_up_disabled(connection, 10)
        return (await outbox.fan_out(connection, 10)).taken

    async def replay(connection: AsyncConnection) -> int:
        return await deliveries.replay(connection, "whe_one", None, 100) or 0

    async with database(settings) as db:
        await subscribe(db, "http://127.0.0.1:9/hook")
        await place(database_url)
        if what == "give_up":
            async with autocommit(db) as connection:
                await outbox.fan_out(connection, 10)
        await sql(database_url.app_url, "UPDATE webhook_endpoints SET active = false, disabled_at = now()")
        one, two = (replay, other) if first == "replay" else (other, replay)
        async with db.begin() as holding:
            await one(holding)
            holder = (await holding.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            second = asyncio.create_task(_automatically(db, two))
            await until(lambda: _waits_or_done(database_url, holder, second), 60)
        await second
    assert await states(database_url) == {"open": 1}


@pytest.mark.parametrize("what", ["replay", "done", "give_up"])
async def test_an_endpoint_is_removed_while_its_deliveries_are_seen_to(
    database_url: DatabaseUrls, settings: Settings, what: str
) -> None:
    """Each takes the endpoint first and its deliveries then: what comes second waits, and neither is a deadlock."""
    async with database(settings) as db:
        await subscribe(db, "http://127.0.0.1:9/hook")
        await place(database_url)
        async with autocommit(db) as connection:
            await outbox.fan_out(connection, 10)
            (claimed,) = await deliveries.claim(connection, "whe_one", 10, 5.0)
        await sql(
            database_url.app_url, "UPDATE webhook_endpoints SET failing_since = now(), active = %s", what == "done"
        )
        if what == "replay":
            await sql(database_url.app_url, "UPDATE webhook_deliveries SET state = 'failed', done_at = now()")

        async def seen_to(connection: AsyncConnection) -> int:
            match what:
                case "done":
                    await deliveries.mark_done(connection, claimed)
                case "give_up":
                    await deliveries.give_up_disabled(connection, 10)
                case _:
                    return await deliveries.replay(connection, "whe_one", None, 100) or 0
            return 1

        async def remove(connection: AsyncConnection) -> int:
            return int(await endpoints.remove(connection, "whe_one"))

        one, two = (seen_to, remove) if what == "replay" else (remove, seen_to)
        async with db.begin() as holding:
            await holding.execute(text("SELECT 1 FROM webhook_endpoints FOR UPDATE"))
            holder = (await holding.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            second = asyncio.create_task(_automatically(db, two))
            await until(lambda: _waits_or_done(database_url, holder, second), 60)
            assert await one(holding) == 1
        await second
    assert await states(database_url) == {}


async def _automatically(db: Database, action: Callable[[AsyncConnection], Awaitable[int]]) -> int:
    async with db.begin() as connection:
        return await action(connection)


async def _waits_or_done(urls: DatabaseUrls, holder: int, task: asyncio.Task[int]) -> bool:
    blocked = "SELECT 1 FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
    return task.done() or await sql(urls.owner_url, blocked, holder) != []


async def _is(urls: DatabaseUrls, wanted: tuple[bool, bool, str]) -> bool:
    return await endpoint(urls) == wanted


async def _done(urls: DatabaseUrls, number: int) -> bool:
    return await states(urls) == {"done": number}


async def _ended(urls: DatabaseUrls) -> bool:
    return await states(urls) not in ({}, {"open": 1})


async def _empty(urls: DatabaseUrls) -> bool:
    return await sql(urls.app_url, "SELECT 1 FROM outbox") == []
