"""After the loss of Temporal's database every open order is started again from PostgreSQL, and only those."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict
from functools import partial
from itertools import count, product
from pathlib import Path

import pytest
import typer
from pydantic import SecretStr
from rich.console import Console
from sqlalchemy import text
from temporalio.client import Client
from temporalio.service import RPCError

from activities.orders.views import view_of
from activities.support.recovery import Recovered
from api.app import create_app
from api.services.support import recovery
from domain.payments.refunds import Origin
from infra.db.engine import Database
from infra.db.messaging import workflow_requests
from infra.db.payments.refund_plans import NewRefund
from infra.db.payments.refunds import open_refund
from infra.security import tokens
from infra.settings import Settings
from infra.stack.data_dir.ports import any_free
from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.infra.servers import serving
from tests.workers.stored_orders import damage, database, empty, move, place, settings_for, sql
from workers.cli import recover
from workflows import names
from workflows.payloads import OrderView


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[TemporalServer]:
    """A Temporal that knows nothing."""
    server = TemporalServer(db=tmp_path / "temporal.db", port=any_free(set()), log=tmp_path / "temporal.log")
    async with server.running():
        yield server


async def known(client: Client, order_no: str) -> bool:
    try:
        await client.get_workflow_handle(names.order_workflow(order_no)).describe()
    except RPCError:
        return False
    return True


def settings_of(urls: DatabaseUrls, server: TemporalServer) -> Settings:
    return settings_for(urls, temporal_address=server.address)


async def test_open_orders_are_started_and_running_ones_left_alone(
    database_url: DatabaseUrls, server: TemporalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recover, "PAGE", 3)
    settings, quiet = settings_of(database_url, server), Console(quiet=True)
    opened = [await place(database_url) for _ in range(7)]
    done, reported = await place(database_url), await place(database_url)
    for order_no in (done, reported):
        await move(database_url, order_no, "order_cancelled", "received", "cancelled")
    await sql(
        database_url.app_url,
        "INSERT INTO inbox (provider, event_id, kind, order_no, fact) VALUES ('sandbox', 'e-1', 'payment', %s, '{}')",
        reported,
    )
    owing = await completed_with_a_refund(database_url, settings)
    assert await recover.recover(settings, quiet) == Recovered(open_orders=9, started=9)
    client = await Client.connect(server.address)
    assert [order_no for order_no in [*opened, reported, owing, done] if not await known(client, order_no)] == [done]
    described = await client.get_workflow_handle(names.order_workflow(reported)).describe()
    assert {pair.key.name: pair.value for pair in described.typed_search_attributes}["OmsStatus"] == "cancelled"
    assert await recover.recover(settings, quiet) == Recovered(open_orders=9, running=9)
    await client.get_workflow_handle(names.order_workflow(opened[0])).terminate()
    assert await recover.recover(settings, quiet) == Recovered(open_orders=9, started=1, running=8)


async def completed_with_a_refund(urls: DatabaseUrls, settings: Settings) -> str:
    """An order that is over and owes money: decided, and Temporal was lost before it was paid."""
    order_no = await place(urls)
    await sql(
        urls.app_url,
        "INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key, "
        "provider_ref) VALUES (%s, 'capture', 1, 'sandbox', 1200, 'CNY', 'succeeded', 'c-1', 'c-1')",
        order_no,
    )
    database = Database.from_settings(settings)
    insert = NewRefund("rf_owing", order_no, Origin.SUPPORT, "support:ann", "late", amount_minor=300)
    async with database.begin() as conn:
        await open_refund(conn, None, insert)
    await database.close()
    await damage(urls.owner_url, f"UPDATE orders SET status = 'completed' WHERE order_no = '{order_no}'")
    return order_no


async def test_closed_orders_that_still_owe_are_started_and_those_that_owe_nothing_are_not(
    database_url: DatabaseUrls, server: TemporalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recover, "PAGE", 2)
    await empty(database_url.owner_url, "orders, support_jobs")
    paid, surplus, given_back, held, guaranteed, dear = [await place(database_url) for _ in range(6)]
    columns = (
        "INSERT INTO payments (order_no, kind, purpose, attempt, provider, amount_minor, currency, status, "
        "idempotency_key, provider_ref, parent_id) SELECT "
    )
    await sql(
        database_url.app_url,
        f"{columns} o.no, 'capture', o.purpose, 1, 'sandbox', 500, 'CNY', 'succeeded', o.no, o.no, NULL "
        "FROM (VALUES (%s, 'order'), (%s, 'stray'), (%s, 'stray')) AS o (no, purpose)",
        *(paid, surplus, given_back),
    )
    await sql(
        database_url.app_url,
        f"{columns} p.order_no, 'refund', 'stray', 1, 'sandbox', 500, 'CNY', 'succeeded', 'back-1', 'back-1', "
        "p.payment_id FROM payments p WHERE p.order_no = %s",
        given_back,
    )
    await sql(
        database_url.app_url,
        f"{columns} %s, 'authorise', 'stray', 0, 'sandbox', 500, 'CNY', 'succeeded', 'held-1', 'held-1', NULL",
        held,
    )
    await damage(
        database_url.owner_url,
        "INSERT INTO guarantees (return_id, order_no, amount_minor, currency, method, token, status) "
        f"VALUES ('rt_owing', '{guaranteed}', 500, 'CNY', 'sandbox', 'tok_ok', 'release_due')",
        "INSERT INTO returns (return_id, order_no, resolution, status, reason_code, reason_enc, requested_by, "
        "warehouse) "
        f"VALUES ('rt_owing', '{guaranteed}', 'exchange', 'completed', 'other', '', 'customer:c', 'WH-EAST')",
        "INSERT INTO change_payments (order_no, payment_no, change_no, actor, what, lines, held, warehouse, "
        "total_before_minor, total_after_minor, amount_minor, currency, method, token, until) "
        f"VALUES ('{dear}', 1, 1, 'customer:c', '{{lines}}', '[]', '[]', 'WH-EAST', 100, 600, 500, 'CNY', 'sandbox', "
        "'tok_ok', now())",
        "UPDATE orders SET status = 'completed'",
    )
    settings, quiet = settings_of(database_url, server), Console(quiet=True)
    assert await recover.recover(settings, quiet) == Recovered(open_orders=4, started=4)
    client = await Client.connect(server.address)
    begun = [no for no in (paid, surplus, given_back, held, guaranteed, dear) if await known(client, no)]
    assert begun == [surplus, held, guaranteed, dear]
    assert await recover.recover(settings, quiet) == Recovered(open_orders=4, running=4)


PAYMENT = (
    "INSERT INTO payments (payment_id, order_no, kind, purpose, attempt, provider, amount_minor, currency, status, "
    "idempotency_key, provider_ref, parent_id, change_payment_no) OVERRIDING SYSTEM VALUE VALUES "
)
ENDS = [None, *product(("capture", "void", "refund"), ("intent", "pending", "succeeded", "failed"))]


def money_left_behind(order_nos: Iterator[str]) -> Iterator[str]:
    """An order of one payment for each way in which it may have been begun and ended; the statements that write it."""
    ids = count(1000)
    begun = product(("authorise", "capture"), ("pending", "succeeded", "failed"), ("order", "stray", "supplement"))
    for (kind, state, purpose), end, attempts in product(begun, ENDS, (1, 2)):
        if end is not None and (kind, end[0]) in {("authorise", "refund"), ("capture", "capture"), ("capture", "void")}:
            continue
        order_no, first = next(order_nos), next(ids)
        change = 1 if purpose == "supplement" else "NULL"
        yield f"{PAYMENT}({first}, '{order_no}', '{kind}', '{purpose}', 1, 'sandbox', 500, 'CNY', '{state}', "
        yield f"'k-{first}', 'r-{first}', NULL, {change});"
        if end is not None:
            second = next(ids)
            yield f"{PAYMENT}({second}, '{order_no}', '{end[0]}', '{purpose}', 1, 'sandbox', 500, 'CNY', '{end[1]}', "
            yield f"'k-{second}', 'r-{second}', {first}, {change if end[0] == 'capture' else 'NULL'});"
        for attempt in range(1, attempts + 1):
            yield "INSERT INTO payment_requests (request_id, order_no, attempt, method, token, actor) VALUES "
            yield f"('{order_no}/{attempt}', '{order_no}', {attempt}, 'sandbox', 'tok_ok', 'test');"


def promises_left_behind(order_nos: Iterator[str]) -> Iterator[str]:
    """An order for each state of what it may have promised: refunds, guarantees, differences, returns, stuck steps."""
    for status in ("awaiting_approval", "approved", "succeeded", "refused", "overtaken"):
        order_no = next(order_nos)
        yield "INSERT INTO refunds (refund_id, order_no, origin, amount_minor, goods_minor, shipping_minor, currency, "
        yield f"status, asked_by, reason_enc) VALUES ('rf_{order_no}', '{order_no}', 'support', 5, 5, 0, 'CNY', "
        yield f"'{status}', 'support:ann', '');"
    insert = (
        "INSERT INTO returns (return_id, order_no, resolution, status, reason_code, reason_enc, requested_by, warehouse"
    )
    over = (
        "requested",
        "approved",
        "in_transit",
        "received",
        "inspected",
        "completed",
        "rejected",
        "expired",
        "cancelled",
    )
    guaranteed = ("wanted", "authorised", "declined", "dropped", "release_due", "released", "claim_due", "claimed")
    for status, state in [*((one, "") for one in over), *product(("approved", "completed", "cancelled"), guaranteed)]:
        order_no = next(order_nos)
        yield f"{insert}) VALUES ('rt_{order_no}', '{order_no}', 'exchange', '{status}', 'other', '', 'c', 'WH-EAST');"
        if state:
            claim = 500 if state in ("claim_due", "claimed") else "NULL"
            yield "INSERT INTO guarantees (return_id, order_no, amount_minor, currency, method, token, status, "
            yield f"claim_minor) VALUES ('rt_{order_no}', '{order_no}', 500, 'CNY', 'sandbox', 't', '{state}', {claim}"
            yield ");"
    for status, resolved in product(("awaiting_payment", "applied", "undone"), ("now()", "NULL")):
        code = "'declined'" if status == "undone" else "NULL"
        order_no = next(order_nos)
        yield "INSERT INTO change_payments (order_no, payment_no, change_no, actor, what, lines, held, warehouse, "
        yield "total_before_minor, total_after_minor, amount_minor, currency, method, token, until, status, code) "
        yield f"VALUES ('{order_no}', 1, 1, 'c', '{{lines}}', '[]', '[]', 'WH-EAST', 1, 6, 5, 'CNY', 'sandbox', 't', "
        yield f"now(), '{status}', {code});"
        yield "INSERT INTO parked_steps (order_no, park_no, step, error, options, attempts, amount_minor, escalate_at, "
        yield f"resolved_at) VALUES ('{next(order_nos)}', 1, 'refund', 'x', '{{retry}}', 1, 5, now(), {resolved}"
        yield ");"
    yield "INSERT INTO inbox (provider, event_id, kind, order_no, fact) VALUES ('sandbox', 'late', 'payment', "
    yield f"'{next(order_nos)}', '{{}}');"


@pytest.mark.parametrize("status", ["completed", "cancelled"])
async def test_a_closed_order_is_started_again_exactly_if_its_story_would_find_something_to_do(
    database_url: DatabaseUrls, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    """Every state of every thing that an order may owe or hold, on an order that is closed and has nothing else."""
    await empty(database_url.owner_url, "orders, inbox")
    monkeypatch.setattr(workflow_requests, "_WINDOW", 50)
    written = await plain_orders(database_url, 350)
    order_nos = iter(written)
    statements = " ".join([*money_left_behind(order_nos), *promises_left_behind(order_nos)])
    unused = list(order_nos)
    closed = f"UPDATE orders SET status = '{status}'"
    await damage(database_url.owner_url, *statements.split(";")[:-1], TOTALS, closed)
    async with database(settings_for(database_url)) as db, db.begin() as conn:
        found = [one.order_no for one in await workflow_requests.open_orders(conn, "", 1000)]
        after: str | None = ""
        while after is not None:
            page, after = await workflow_requests.owing_orders(conn, after, 7)
            assert len(page) <= 7
            found += [one.order_no for one in page]
        views = [await view_of(conn, order_no) for order_no in written]
        busy = [view.order_no for view in views if has_something_to_do(view)]
        to_return = (await conn.execute(text(MONEY_TO_RETURN))).scalars().all()
    assert sorted(to_return) == sorted(view.order_no for view in views if view.stray)
    assert sorted(found) == sorted(busy)
    assert len(found) == len(set(found)) and 50 < len(busy) < len(written) - len(unused) - 50


# As the trigger writes them.
TOTALS = (
    "INSERT INTO payment_totals (payment_id, captured_minor) SELECT payment_id, amount_minor FROM payments "
    "WHERE kind = 'capture' AND status = 'succeeded' ON CONFLICT DO NOTHING"
)
# What the database counts as money to return, less what is on its way: the rule in Python gives the same.
MONEY_TO_RETURN = """
    SELECT o.order_no FROM orders o WHERE EXISTS (
      SELECT FROM money_to_return(o.order_no, false) m WHERE NOT EXISTS (
        SELECT FROM payments p WHERE p.order_no = o.order_no AND p.parent_id = m.payment_id AND p.kind = m.kind
           AND p.status = 'pending'))
"""


def has_something_to_do(view: OrderView) -> bool:
    """As `closed` of the order's workflow has it; and a stuck step that is over is closed by it, too."""
    return bool(view.unheard or view.stray or view.errand or view.returns or view.parked)


async def plain_orders(urls: DatabaseUrls, number: int) -> list[str]:
    """Accepted orders, each with an event; their numbers, in order."""
    first = await place(urls)
    await damage(
        urls.owner_url,
        "INSERT INTO orders (order_no, channel, type, customer_id, currency, items_minor, total_minor, country, "
        "province, city, ship_to_enc, placed_by, event_seq) SELECT 'o' || to_char(n, 'FM00000'), channel, type, "
        "customer_id, currency, items_minor, total_minor, country, province, city, ship_to_enc, placed_by, 2 "
        f"FROM orders, generate_series(1, {number}) n WHERE order_no = '{first}'",
        f"DELETE FROM orders WHERE order_no = '{first}'",
    )
    return [row[0] for row in await sql(urls.app_url, "SELECT order_no FROM orders ORDER BY order_no")]


async def test_running_bulk_acts_are_started_too(database_url: DatabaseUrls, server: TemporalServer) -> None:
    await sql(
        database_url.app_url,
        """INSERT INTO support_jobs (job_id, action, filter, data_key, reason_enc, actor, rate_per_s, total, state)
           VALUES ('job_1', 'retry', '{}', '', '', 'test', 1, 1, 'running'),
                  ('job_2', 'retry', '{}', '', '', 'test', 1, 1, 'stopped')""",
    )
    found = await recover.recover(settings_of(database_url, server), Console(quiet=True))
    assert found.jobs == 1
    client = await Client.connect(server.address)
    assert (await client.get_workflow_handle(names.job_workflow("job_1")).describe()).workflow_type == "BulkResolve"


async def test_the_command_says_what_it_did(
    database_url: DatabaseUrls, server: TemporalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    await empty(database_url.owner_url, "orders, support_jobs")
    settings = settings_of(database_url, server)
    assert await asyncio.to_thread(recover.run, settings) == 0
    assert "0 orders open: 0 started, 0 already running" in capsys.readouterr().out
    await place(database_url)
    assert await asyncio.to_thread(recover.run, settings) == 0
    assert "1 order open: 1 started, 0 already running" in capsys.readouterr().out
    unreachable = settings.model_copy(update={"temporal_address": "127.0.0.1:9"})
    assert await asyncio.to_thread(recover.run, unreachable) == 1
    assert "Temporal at 127.0.0.1:9 cannot be reached (OMS_TEMPORAL_ADDRESS)\n" in capsys.readouterr().out
    elsewhere = settings.model_copy(update={"temporal_namespace": "elsewhere"})
    assert await asyncio.to_thread(recover.run, elsewhere) == 1
    assert "has no namespace 'elsewhere': oms temporal prepare" in capsys.readouterr().out.replace(".venv/bin/", "")
    gone = settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:9/none"})
    assert await asyncio.to_thread(recover.run, gone) == 1
    assert "database cannot be read" in capsys.readouterr().out


async def test_by_the_api_all_pages_are_walked(
    database_url: DatabaseUrls,
    server: TemporalServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await empty(database_url.owner_url, "orders, support_jobs")
    opened = [await place(database_url) for _ in range(7)]
    monkeypatch.setattr(recovery, "LIMIT", 3)
    settings = settings_of(database_url, server).model_copy(update={"token_secret": SecretStr("x" * 40)})
    app = create_app(settings)
    async with app.router.lifespan_context(app), serving(app) as base:
        token = tokens.issue(settings.token_secret, "operations", "olga", 600)
        run = partial(asyncio.to_thread, recover.run_by_api, base, token)
        assert await run(as_json=True) == 0
        assert json.loads(capsys.readouterr().out) == asdict(Recovered(open_orders=7, started=7))
        client = await Client.connect(server.address)
        assert all([await known(client, order_no) for order_no in opened])
        await client.get_workflow_handle(names.order_workflow(opened[4])).terminate()
        assert await run(as_json=False) == 0
        assert "7 orders open: 1 started, 6 already running" in capsys.readouterr().out
        with pytest.raises(typer.Exit) as refused:
            await asyncio.to_thread(recover.run_by_api, base, "no token", as_json=False)
        assert refused.value.exit_code == 1 and "token_invalid" in capsys.readouterr().err
