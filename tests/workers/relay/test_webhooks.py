"""Events reach subscribers: each once it is committed, in order for each order, signed, and nowhere inside."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
from prometheus_client import REGISTRY
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from infra.db.autocommit import autocommit
from infra.db.customers.profiles import KeyRing
from infra.db.engine import Database
from infra.db.messaging import outbox
from infra.db.system import backlogs
from infra.db.webhooks import deliveries, endpoints
from infra.security.network_addresses import Reach
from infra.settings import Settings
from infra.webhook_client import PublicOnlyTransport
from tests.conftest import DatabaseUrls
from tests.infra.servers import serving
from tests.workers.stored_orders import database, move, place, settings_for, sql, until, vault
from workers.backlog_metrics import observing
from workers.relay import main
from workers.relay.webhook_sender import WebhookSender

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


class Receiver:
    """A subscriber: keeps what it gets, refuses as often as requested."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.refusals: dict[str, int] = {}
        self.status = 204
        self.app = Starlette(
            routes=[
                Route("/hook", self.take, methods=["POST"]),
                Route("/elsewhere", self.redirect, methods=["POST"]),
                Route("/slow", self.never, methods=["POST"]),
            ]
        )

    async def take(self, request: Request) -> Response:
        message_id = request.headers["webhook-id"]
        if self.refusals.get(message_id, 0) > 0:
            self.refusals[message_id] -= 1
            return Response("leave me alone", status_code=503)
        self.got.append((dict(request.headers), await request.body()))
        return Response("x" * 100, status_code=self.status)

    async def redirect(self, _: Request) -> Response:
        return RedirectResponse("/hook", status_code=307)

    async def never(self, _: Request) -> Response:
        await asyncio.sleep(600)
        return Response()

    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.got]


@pytest.fixture
async def settings(database_url: DatabaseUrls) -> Settings:
    for table in ("webhook_deliveries", "webhook_endpoints", "outbox", "workflow_requests"):
        await sql(database_url.app_url, f"DELETE FROM {table}")
    return settings_for(database_url, allow_private_webhook_targets=True, webhook_attempts=4, webhook_timeout_s=1.0)


async def subscribe(db: Database, url: str, *event_types: str, name: str = "one") -> None:
    async with db.begin() as connection:
        wanted = endpoints.Endpoint(f"whe_{name}", url, list(event_types), "test", SECRET)
        await endpoints.add(connection, KeyRing(vault()), wanted)


@asynccontextmanager
async def relaying(settings: Settings) -> AsyncIterator[None]:
    """The relay's own loops, with quick retries."""
    stopping = asyncio.Event()
    async with database(settings) as db:
        deliverer = WebhookSender(db, vault(), settings, backoff_s=0.05)
        fresh = asyncio.Event()
        loops = [
            main.poll_loop("fan-out", main.fan_out(db, fresh, asyncio.Event()), stopping, busy_s=0.02, idle_s=0.1),
            main.poll_loop("delivery", deliverer.step, stopping, busy_s=0.02, idle_s=0.1, wake=fresh),
        ]
        tasks = [asyncio.create_task(loop) for loop in loops]
        try:
            yield
        finally:
            stopping.set()
            await asyncio.gather(*tasks)
            await deliverer.close()


async def states(urls: DatabaseUrls) -> dict[str, int]:
    return dict(await sql(urls.app_url, "SELECT state, count(*) FROM webhook_deliveries GROUP BY state"))


async def test_a_signed_event_arrives(database_url: DatabaseUrls, settings: Settings) -> None:
    receiver = Receiver()
    async with serving(receiver.app) as base, database(settings) as db:
        await subscribe(db, f"{base}/hook")
        order_no = await place(database_url)
        await move(database_url, order_no, "stock_reserved", "received", "pending_payment", warehouse="WH-EAST")
        async with relaying(settings):
            await until(lambda: _true(len(receiver.got) == 2))
            await until(lambda: _all_done(database_url, 2))
    headers, body = receiver.got[1]
    content = Webhook(SECRET).verify(body, headers)
    assert content["type"] == "stock_reserved"
    assert content["data"] == {
        "order_no": order_no,
        "seq": 2,
        "from_status": "received",
        "to_status": "pending_payment",
        "data": {"warehouse": "WH-EAST"},
    }
    assert content["timestamp"].endswith("Z")
    assert headers["webhook-id"] == f"{order_no}.2"
    with pytest.raises(Exception, match="signature"):
        Webhook(SECRET).verify(body.replace(b"WH-EAST", b"WH-WEST"), headers)
    assert await sql(database_url.app_url, "SELECT 1 FROM outbox") == []


async def _true(value: bool) -> bool:
    return value


async def _all_done(urls: DatabaseUrls, number: int) -> bool:
    return await states(urls) == {"done": number}


async def test_events_of_an_order_keep_their_order_under_failures_and_two_relays(
    database_url: DatabaseUrls, settings: Settings
) -> None:
    receiver = Receiver()
    async with serving(receiver.app) as base, database(settings) as db:
        await subscribe(db, f"{base}/hook")
        first, second = await place(database_url), await place(database_url)
        receiver.refusals = {f"{first}.1": 2, f"{first}.3": 2, f"{second}.2": 1}
        for order_no in (first, second):
            for number in range(4):
                await move(database_url, order_no, "order_amended", None, None, number=number)
        async with relaying(settings), relaying(settings):
            await until(lambda: _all_done(database_url, 10))
    for order_no in (first, second):
        assert [one for one in receiver.ids() if one.startswith(order_no)] == [f"{order_no}.{n}" for n in range(1, 6)]


async def test_an_event_that_commits_late_is_not_skipped(database_url: DatabaseUrls, settings: Settings) -> None:
    receiver = Receiver()
    async with serving(receiver.app) as base, database(settings) as db:
        await subscribe(db, f"{base}/hook")
        slow, quick = await place(database_url), await place(database_url)
        async with await psycopg.AsyncConnection.connect(database_url.app_url) as connection:
            await connection.execute(
                "INSERT INTO order_events (order_no, type, actor) VALUES (%s, 'order_amended', 'test')", (slow,)
            )
            async with relaying(settings):
                await move(database_url, quick, "order_amended", None, None)
                await until(lambda: _all_done(database_url, 3))
                assert f"{slow}.2" not in receiver.ids()
                await connection.commit()
                await until(lambda: _all_done(database_url, 4))
    assert receiver.ids()[-1] == f"{slow}.2"


async def test_a_later_event_waits_for_an_earlier_one_that_is_still_in_the_outbox(
    database_url: DatabaseUrls, settings: Settings
) -> None:
    async with database(settings) as db:
        await subscribe(db, "http://127.0.0.1:9/hook")
        order_no = await place(database_url)
        await move(database_url, order_no, "order_amended", None, None)
        async with await psycopg.AsyncConnection.connect(database_url.app_url) as other:
            # Another relay has taken the first event and has not committed yet.
            await other.execute("SELECT 1 FROM outbox WHERE order_no = %s AND seq = 1 FOR UPDATE", (order_no,))
            async with autocommit(db) as connection:
                assert await outbox.fan_out(connection, 10) == (1, 1, 0)
                assert await deliveries.claim(connection, "whe_one", 10, 5) == []
        async with autocommit(db) as connection:
            assert await outbox.fan_out(connection, 10) == (1, 1, 0)
            assert [one.seq for one in await deliveries.claim(connection, "whe_one", 10, 5)] == [1]
            assert await deliveries.claim(connection, "whe_one", 10, 5) == []


async def test_an_endpoint_hears_only_of_what_it_asked_for(database_url: DatabaseUrls, settings: Settings) -> None:
    receiver = Receiver()
    async with serving(receiver.app) as base, database(settings) as db:
        await subscribe(db, f"{base}/hook", "order_amended")
        order_no = await place(database_url)
        await move(database_url, order_no, "order_amended", None, None)
        async with relaying(settings):
            await until(lambda: _all_done(database_url, 1))
    assert receiver.ids() == [f"{order_no}.2"]


async def test_without_endpoints_the_outbox_empties(database_url: DatabaseUrls, settings: Settings) -> None:
    await place(database_url)

    async def empty() -> bool:
        return await sql(database_url.app_url, "SELECT 1 FROM outbox") == []

    async with relaying(settings):
        await until(empty)
    assert await states(database_url) == {}


async def test_only_what_somebody_is_notified_or_a_full_turn_hurries_the_fan_out(
    database_url: DatabaseUrls, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = asyncio.Event()
    async with database(settings) as db:
        step = main.fan_out(db, fresh, asyncio.Event())
        assert not await step()
        order_no = await place(database_url)
        assert not await step()
        assert await sql(database_url.app_url, "SELECT 1 FROM outbox") == []
        monkeypatch.setattr(main, "EVENTS_AT_ONCE", 1)
        await move(database_url, order_no, "order_amended", None, None)
        assert await step()
        assert not fresh.is_set()
        monkeypatch.undo()
        await subscribe(db, "http://127.0.0.1:9/hook")
        await move(database_url, order_no, "order_amended", None, None)
        assert await step()
        assert fresh.is_set()


@pytest.mark.parametrize(("path", "code"), [("/elsewhere", "http_307"), ("/slow", "timeout"), ("/none", "http_404")])
async def test_what_is_not_taken_is_given_up_in_the_end(
    database_url: DatabaseUrls, settings: Settings, path: str, code: str
) -> None:
    receiver = Receiver()
    settings = settings.model_copy(update={"webhook_attempts": 2, "webhook_timeout_s": 0.3})
    async with serving(receiver.app) as base, database(settings) as db:
        await subscribe(db, f"{base}{path}")
        await place(database_url)

        async def given_up() -> bool:
            return await states(database_url) == {"failed": 1}

        async with relaying(settings):
            await until(given_up)
    assert await sql(database_url.app_url, "SELECT last_error, tries FROM webhook_deliveries") == [(code, 2)]
    assert receiver.got == []


async def test_a_slow_endpoint_does_not_hold_up_another(database_url: DatabaseUrls, settings: Settings) -> None:
    receiver = Receiver()
    settings = settings.model_copy(update={"webhook_timeout_s": 120.0})
    async with serving(receiver.app) as base, database(settings) as db:
        await subscribe(db, f"{base}/slow", name="slow")
        await subscribe(db, f"{base}/hook", name="quick")
        order_no = await place(database_url)
        async with relaying(settings):
            await until(lambda: _true(receiver.ids() == [f"{order_no}.1"]))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"])
async def test_nothing_inside_is_reached(database_url: DatabaseUrls, settings: Settings, host: str) -> None:
    receiver = Receiver()
    settings = settings.model_copy(update={"allow_private_webhook_targets": False, "webhook_attempts": 1})
    async with serving(receiver.app) as base, database(settings) as db:
        await subscribe(db, f"http://{host}:{base.rpartition(':')[2]}/hook")
        await place(database_url)

        async def given_up() -> bool:
            return await states(database_url) == {"failed": 1}

        async with relaying(settings):
            await until(given_up)
    assert await sql(database_url.app_url, "SELECT last_error FROM webhook_deliveries") == [("target_refused",)]
    assert receiver.got == []


async def test_the_address_that_was_checked_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that answers publicly once and privately the next time gains nothing: it is asked once."""
    import httpx

    calls: list[str] = []
    sent: list[httpx.Request] = []

    async def answers(host: str, *_: Any, **__: Any) -> list[Any]:
        calls.append(host)
        return [(0, 0, 0, "", ("93.184.215.14" if len(calls) == 1 else "10.0.0.1", 443))]

    async def send(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(204)

    transport = PublicOnlyTransport(Reach())
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", answers)
    monkeypatch.setattr(transport._inner, "handle_async_request", send)
    async with httpx.AsyncClient(transport=transport) as http:
        await http.post("https://shop.example/hook", content=b"{}")
    assert calls == ["shop.example"]
    assert sent[0].url.host == "93.184.215.14"
    assert sent[0].headers["host"] == "shop.example"
    assert sent[0].extensions["sni_hostname"] == "shop.example"


async def test_a_late_relay_does_not_undo_what_another_one_did(database_url: DatabaseUrls, settings: Settings) -> None:
    async with database(settings) as db:
        await subscribe(db, "http://127.0.0.1:9/hook")
        await place(database_url)
        async with autocommit(db) as connection:
            await outbox.fan_out(connection, 10)
            [stale] = await deliveries.claim(connection, "whe_one", 10, 0.0)
            [fresh] = await deliveries.claim(connection, "whe_one", 10, 5.0)
            assert (stale.tries, fresh.tries) == (1, 2)
            await deliveries.mark_done(connection, fresh)
            await deliveries.mark_failed(connection, stale, "timeout", 1.0, attempts=1)
    assert await states(database_url) == {"done": 1}


async def test_old_rows_are_swept(database_url: DatabaseUrls, settings: Settings) -> None:
    async with database(settings) as db:
        await subscribe(db, "http://127.0.0.1:9/hook")
        await place(database_url)
        async with autocommit(db) as connection:
            await outbox.fan_out(connection, 10)
            [one] = await deliveries.claim(connection, "whe_one", 10, 5.0)
            await deliveries.mark_done(connection, one)
        keys = "INSERT INTO idempotency_keys (subject, key, request_hash, state, locked_until, created_at) VALUES "
        await sql(database_url.owner_url, keys + "('s', 'old', '', 'running', now(), now() - interval '8 days')")
        await sql(database_url.owner_url, keys + "('s', 'new', '', 'running', now(), now())")
        draft = "INSERT INTO order_drafts (draft_id, owner, data_key, content_enc, expires_at) VALUES "
        old, new = (f"draft_{digit * 32}" for digit in "01")
        await sql(
            database_url.owner_url,
            f"SET session_replication_role = replica; {draft} ('{old}', 's', '', '', now() - interval '1 s'),"
            f" ('{new}', 's', '', '', now() + interval '1 day')",
        )
        await main.sweep(db, vault())()
        assert await sql(database_url.app_url, "SELECT draft_id FROM order_drafts") == [(new,)]
        assert await sql(database_url.app_url, "SELECT key FROM idempotency_keys") == [("new",)]
        assert await states(database_url) == {"done": 1}
        await sql(database_url.app_url, "UPDATE webhook_deliveries SET done_at = now() - interval '31 days'")
        await main.sweep(db, vault())()
        assert await states(database_url) == {}


def test_a_message_holds_no_more_than_the_event() -> None:
    from datetime import UTC, datetime

    from workers.relay.webhook_sender import message

    event = deliveries.Delivery("e", "o", 1, 1, "t", None, None, {"名": 1}, datetime(2026, 1, 2, 3, 4, 5, 6000, UTC))
    assert json.loads(message(event)) == {
        "type": "t",
        "timestamp": "2026-01-02T03:04:05.006000Z",
        "data": {"order_no": "o", "seq": 1, "from_status": None, "to_status": None, "data": {"名": 1}},
    }


async def test_backlogs_are_measured_whether_anything_moves_or_not(database_url: DatabaseUrls) -> None:
    """Also when nothing can be delivered, and down to zero when there is nothing."""

    def body(name: str, queue: str) -> float:
        return REGISTRY.get_sample_value(name, {"queue": queue}) or 0.0

    await place(database_url)
    await sql(database_url.owner_url, "UPDATE workflow_requests SET created_at = now() - interval '1 hour'")
    settings = settings_for(database_url)
    async with database(settings) as db:
        await observing(db)()
        assert body("oms_backlog", "start_requests") >= 1
        assert 3600 <= body("oms_backlog_oldest_seconds", "start_requests") < 4000
        assert body("oms_backlog", "outbox") >= 1
        assert all(REGISTRY.get_sample_value("oms_backlog", {"queue": queue}) is not None for queue in backlogs.QUEUES)
        await sql(database_url.owner_url, "TRUNCATE workflow_requests, outbox")
        await observing(db)()
        assert (body("oms_backlog", "start_requests"), body("oms_backlog", "outbox")) == (0.0, 0.0)
    assert (REGISTRY.get_sample_value("oms_backlogs_observed_timestamp_seconds") or 0) > 0
