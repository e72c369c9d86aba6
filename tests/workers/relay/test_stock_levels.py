"""Levels of stock reach the channels' endpoints: few messages, the last one right, and none lost."""

import asyncio
import base64
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.schemas.webhooks import StockLevelChanged
from infra.db.autocommit import autocommit
from infra.db.customers.profiles import KeyRing
from infra.db.engine import Database
from infra.db.webhooks import endpoints, level_deliveries
from infra.settings import Settings
from infra.stack.data_dir.ports import any_free
from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.infra.servers import serving
from tests.workers.stored_orders import damage, database, empty, settings_for, sql, until, vault
from tests.workers.test_processes import process_of
from workers.polling import poll_loop
from workers.relay import stock_levels
from workers.relay.stock_levels import StockLevels
from workers.relay.webhook_sender import WebhookSender

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
_MOVE = """INSERT INTO stock_movements (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta,
                                        order_no, actor) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'test')"""
_keys = itertools.count(1)


class Shop:
    """A channel's shop: keeps the levels that it is sent. It refuses some, and answers while `open` is set."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.begun = 0
        self.refusals = 0
        self.open = asyncio.Event()
        self.open.set()
        self.app = Starlette(routes=[Route("/hook", self.take, methods=["POST"])])

    async def take(self, request: Request) -> Response:
        content = Webhook(SECRET).verify(await request.body(), dict(request.headers))
        self.begun += 1
        self.ids.append(request.headers["webhook-id"])
        await self.open.wait()
        if self.refusals:
            self.refusals -= 1
            return Response(status_code=503)
        StockLevelChanged.model_validate(content)
        self.got.append(content["data"])
        return Response(status_code=204)

    def numbers(self, sku: str = "LEVEL-1") -> list[int]:
        return [one["available"] for one in self.got if one["sku"] == sku]


@pytest.fixture
async def settings(database_url: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> Settings:
    await empty(database_url.owner_url, "webhook_endpoints, outbox, stock_levels, sourcing_warehouses")
    await damage(database_url.owner_url, "DELETE FROM stock_movements", "UPDATE stock_level_cursor SET movement_id = 0")
    for sku in ("LEVEL-1", "LEVEL-2"):
        await sql(
            database_url.app_url,
            "INSERT INTO products (sku, name, price_minor, currency) VALUES (%s, 'Tea', 1200, 'CNY')"
            " ON CONFLICT DO NOTHING",
            sku,
        )
    # What moves is found by the movements, not by looking at every product.
    monkeypatch.setattr(stock_levels, "LOOK_EVERY_S", 1e9)
    return settings_for(database_url, allow_private_webhook_targets=True, webhook_attempts=4, webhook_timeout_s=5.0)


async def receive(urls: DatabaseUrls, units: int, sku: str = "LEVEL-1", warehouse: str = "WH-EAST") -> None:
    await sql(
        urls.app_url,
        "INSERT INTO stock_levels (sku, warehouse) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        sku,
        warehouse,
    )
    await sql(urls.app_url, _MOVE, f"level:{next(_keys)}", "adjustment", sku, warehouse, units, units, 0, None)


async def sell(urls: DatabaseUrls, sku: str = "LEVEL-1") -> None:
    await sql(urls.app_url, _MOVE, *_sale(sku))


def _sale(sku: str) -> tuple[Any, ...]:
    return f"level:{next(_keys)}", "reserve", sku, "WH-EAST", 1, 0, 1, "O-1"


async def subscribe(db: Database, base: str, *channels: str) -> None:
    async with db.begin() as connection:
        wanted = endpoints.Endpoint(
            "whe_shop", f"{base}/hook", ["stock.level_changed"], "test", SECRET, list(channels or ("web",))
        )
        await endpoints.add(connection, KeyRing(vault()), wanted)


@asynccontextmanager
async def sending(db: Database, settings: Settings) -> AsyncIterator[None]:
    """The relay's own sender, with quick retries."""
    stopping, sender = asyncio.Event(), WebhookSender(db, vault(), settings, backoff_s=0.05)
    task = asyncio.create_task(poll_loop("delivery", sender.step, stopping, busy_s=0.02, idle_s=0.1))
    try:
        yield
    finally:
        stopping.set()
        await task
        await sender.close()


@asynccontextmanager
async def relay(urls: DatabaseUrls, log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    down = TemporalServer(db=log.with_suffix(".db"), port=any_free(set()), log=log.with_suffix(".temporal"))
    more = {"OMS_ALLOW_PRIVATE_WEBHOOK_TARGETS": "true", "OMS_WEBHOOK_TIMEOUT_S": "2"}
    async with process_of("relay", urls, down, any_free({down.port}), log, **more) as child:
        yield child


async def noted(urls: DatabaseUrls) -> list[tuple[Any, ...]]:
    return await sql(
        urls.app_url, "SELECT channel, sku, available, sequence, state FROM stock_level_deliveries ORDER BY 1, 2"
    )


async def test_a_thousand_units_sold_at_once_are_few_messages_and_the_last_is_right(
    database_url: DatabaseUrls, settings: Settings, tmp_path: Path
) -> None:
    shop = Shop()
    await receive(database_url, 1005)
    async with serving(shop.app) as base, database(settings) as db, relay(database_url, tmp_path / "relay.log"):
        await subscribe(db, base)
        await until(lambda: _is(shop.numbers() == [1005]), what="the level of a new subscriber")
        for _ in range(1000):
            await sell(database_url)
        await until(lambda: _is(shop.numbers()[-1] == 5), what="the last level")
        await until(lambda: _all_done(database_url))
    assert len(shop.got) < 100
    sequences = [one["sequence"] for one in shop.got]
    assert sequences == sorted(set(sequences))
    assert shop.numbers() == sorted(shop.numbers(), reverse=True)
    assert set(shop.got[-1]) == {"sku", "channel", "available", "at", "sequence"}
    assert (shop.got[-1]["channel"], shop.got[-1]["at"][-1]) == ("web", "Z")


async def _is(value: bool) -> bool:
    return value


async def _all_done(urls: DatabaseUrls) -> bool:
    return {row[4] for row in await noted(urls)} == {"done"}


async def test_a_relay_that_is_killed_loses_no_level(
    database_url: DatabaseUrls, settings: Settings, tmp_path: Path
) -> None:
    shop = Shop()
    await receive(database_url, 10)
    await receive(database_url, 20, "LEVEL-2")
    async with serving(shop.app) as base, database(settings) as db:
        await subscribe(db, base)
        shop.open.clear()
        async with relay(database_url, tmp_path / "first.log") as child:
            await until(lambda: _is(shop.begun == 2), what="both levels are being sent")
            await sell(database_url)
            child.kill()
            await child.wait()
        # Nobody looks while the relay is away.
        await sell(database_url)
        await receive(database_url, -20, "LEVEL-2")
        shop.open.set()
        async with relay(database_url, tmp_path / "second.log"):
            await until(lambda: _is(shop.numbers()[-1:] == [8] and shop.numbers("LEVEL-2")[-1:] == [0]))
            await until(lambda: _all_done(database_url))


async def test_a_movement_that_commits_late_is_not_skipped(database_url: DatabaseUrls, settings: Settings) -> None:
    await receive(database_url, 10)
    await receive(database_url, 10, "LEVEL-2")
    async with database(settings) as db:
        await subscribe(db, "http://127.0.0.1:9")
        levels = StockLevels(db, asyncio.Event())
        await levels.step()
        async with await psycopg.AsyncConnection.connect(database_url.app_url) as slow:
            await slow.execute(_MOVE, _sale("LEVEL-1"))
            await sell(database_url, "LEVEL-2")
            for _ in range(3):
                await levels.step()
            assert [row[2] for row in await noted(database_url)] == [10, 9]
            await slow.commit()
        await levels.step()
        assert [row[2] for row in await noted(database_url)] == [9, 9]
        await levels.step()
        cursor = await sql(database_url.app_url, "SELECT movement_id FROM stock_level_cursor")
        assert cursor == await sql(database_url.app_url, "SELECT max(movement_id) FROM stock_movements")


async def test_a_newer_level_replaces_one_that_is_not_sent(database_url: DatabaseUrls, settings: Settings) -> None:
    shop = Shop()
    await receive(database_url, 10)
    async with serving(shop.app) as base, database(settings) as db:
        await subscribe(db, base)
        levels = StockLevels(db, asyncio.Event())
        await levels.step()
        shop.open.clear()
        shop.refusals = 1
        async with sending(db, settings):
            await until(lambda: _is(shop.begun == 1))
            for _ in range(3):
                await sell(database_url)
                await levels.step()
            assert shop.begun == 1
            shop.open.set()
            await until(lambda: _all_done(database_url))
    assert [(one["available"], one["sequence"]) for one in shop.got] == [(7, 4)]
    assert len(set(shop.ids)) == 2


async def test_a_level_that_came_while_one_was_sent_is_sent_after_it(
    database_url: DatabaseUrls, settings: Settings
) -> None:
    shop = Shop()
    await receive(database_url, 10)
    async with serving(shop.app) as base, database(settings) as db:
        await subscribe(db, base)
        levels = StockLevels(db, asyncio.Event())
        await levels.step()
        shop.open.clear()
        async with sending(db, settings):
            await until(lambda: _is(shop.begun == 1))
            await sell(database_url)
            await levels.step()
            shop.open.set()
            await until(lambda: _all_done(database_url))
    assert [(one["available"], one["sequence"]) for one in shop.got] == [(10, 1), (9, 2)]


async def test_a_level_that_is_as_it_was_sent_is_not_sent(database_url: DatabaseUrls, settings: Settings) -> None:
    shop = Shop()
    await receive(database_url, 10)
    async with serving(shop.app) as base, database(settings) as db:
        await subscribe(db, base)
        levels = StockLevels(db, asyncio.Event())
        await levels.step()
        async with sending(db, settings):
            await until(lambda: _all_done(database_url))
        await receive(database_url, 5)
        await levels.step()
        assert [row[2:] for row in await noted(database_url)] == [(15, 2, "open")]
        await receive(database_url, -5)
        await levels.step()
        assert [row[2:] for row in await noted(database_url)] == [(10, 3, "done")]
    assert shop.numbers() == [10]


async def test_a_channel_has_what_is_above_its_buffer_in_each_active_warehouse(
    database_url: DatabaseUrls, settings: Settings
) -> None:
    await receive(database_url, 10)
    await receive(database_url, 4, warehouse="WH-SOUTH")
    async with database(settings) as db:
        await subscribe(db, "http://127.0.0.1:9", "tmall", "web")
        levels = StockLevels(db, asyncio.Event())
        await levels.step()
        assert [row[:3] for row in await noted(database_url)] == [("tmall", "LEVEL-1", 14), ("web", "LEVEL-1", 14)]
        await sql(
            database_url.app_url,
            "INSERT INTO sourcing_warehouses (warehouse, cut_off, time_zone, buffer, channel_buffers, updated_by)"
            " SELECT code, '16:00', 'UTC', 2, '{\"tmall\": 6}', 'test' FROM warehouses"
            " WHERE code IN ('WH-EAST', 'WH-SOUTH')",
        )
        await levels.step()
        assert [row[:3] for row in await noted(database_url)] == [("tmall", "LEVEL-1", 4), ("web", "LEVEL-1", 10)]
        await sql(database_url.app_url, "UPDATE warehouses SET active = false WHERE code = 'WH-SOUTH'")
        await levels.step()
        assert [row[:3] for row in await noted(database_url)] == [("tmall", "LEVEL-1", 4), ("web", "LEVEL-1", 8)]
        await sql(database_url.app_url, "UPDATE warehouses SET active = true WHERE code = 'WH-SOUTH'")


async def test_safety_stock_is_found_by_looking_at_every_product(
    database_url: DatabaseUrls, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stock_levels, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(stock_levels, "SKUS_AT_ONCE", 1)
    await receive(database_url, 10)
    await receive(database_url, 10, "LEVEL-2")
    async with database(settings) as db:
        await subscribe(db, "http://127.0.0.1:9")
        levels = StockLevels(db, asyncio.Event())
        await levels.step()
        await sql(database_url.app_url, "UPDATE stock_levels SET safety_stock = 3")
        for _ in range(4):
            await levels.step()
        assert [row[2] for row in await noted(database_url)] == [7, 7]


async def test_a_level_that_was_given_up_is_sent_again_on_request_or_with_the_next_change(
    database_url: DatabaseUrls, settings: Settings
) -> None:
    shop = Shop()
    shop.refusals = 4
    await receive(database_url, 10)
    async with serving(shop.app) as base, database(settings) as db:
        await subscribe(db, base)
        levels = StockLevels(db, asyncio.Event())
        await levels.step()
        async with sending(db, settings):
            await until(lambda: _failed(database_url))
            assert [one.given_up for one in await _endpoints(db)] == [1]
            async with autocommit(db) as connection:
                assert await level_deliveries.replay(connection, "whe_shop", None, 10) == 1
            await until(lambda: _is(shop.numbers() == [10]))
            shop.refusals = 4
            await sell(database_url)
            await levels.step()
            await until(lambda: _failed(database_url))
            await sell(database_url)
            await levels.step()
            await until(lambda: _all_done(database_url))
    assert shop.numbers() == [10, 8]
    assert len(set(shop.ids)) == 3


async def _failed(urls: DatabaseUrls) -> bool:
    return {row[4] for row in await noted(urls)} == {"failed"}


async def _endpoints(db: Database) -> list[endpoints.ListedEndpoint]:
    async with db.begin() as connection:
        return await endpoints.every(connection)


async def test_an_endpoint_without_channels_is_sent_no_level_and_a_removed_one_leaves_none(
    database_url: DatabaseUrls, settings: Settings
) -> None:
    await receive(database_url, 10)
    async with database(settings) as db:
        async with db.begin() as connection:
            plain = endpoints.Endpoint("whe_plain", "http://127.0.0.1:9/hook", [], "test", SECRET)
            await endpoints.add(connection, KeyRing(vault()), plain)
        levels = StockLevels(db, asyncio.Event())
        assert not await levels.step()
        assert await noted(database_url) == []
        await subscribe(db, "http://127.0.0.1:9")
        await levels.step()
        assert len(await noted(database_url)) == 1
        async with db.begin() as connection:
            assert await endpoints.remove(connection, "whe_shop")
        assert await noted(database_url) == []
