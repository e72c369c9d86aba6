"""After the loss of Temporal's database the books start every open story again, and only those."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

import pytest
import typer
from pydantic import SecretStr
from rich.console import Console
from temporalio.client import Client
from temporalio.service import RPCError

from activities.recovering import Recovered
from api import recover_acts
from api.app import create_app
from domain.refunds import Origin
from infra import tokens
from infra.db.engine import Database
from infra.db.refund_plans import RefundAsk
from infra.db.refunds import open_refund
from infra.settings import Settings
from infra.stack.ports import any_free
from infra.stack.temporal import TemporalServer
from tests.conftest import Books
from tests.infra.servers import serving
from tests.workers.support import damage, move, place, settings_for, sql
from workers import recover
from workflows import names


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


def settings_of(books: Books, server: TemporalServer) -> Settings:
    return settings_for(books, temporal_address=server.address)


async def test_open_orders_are_started_and_running_ones_left_alone(
    database_url: Books, server: TemporalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recover, "PAGE", 3)
    settings, quiet = settings_of(database_url, server), Console(quiet=True)
    opened = [await place(database_url) for _ in range(7)]
    done, told = await place(database_url), await place(database_url)
    for order_no in (done, told):
        await move(database_url, order_no, "order_cancelled", "received", "cancelled")
    await sql(
        database_url.app_url,
        "INSERT INTO inbox (provider, event_id, kind, order_no, fact) VALUES ('sandbox', 'e-1', 'payment', %s, '{}')",
        told,
    )
    owing = await completed_with_a_refund(database_url, settings)
    assert await recover.recover(settings, quiet) == Recovered(open_orders=9, started=9)
    client = await Client.connect(server.address)
    assert [order_no for order_no in [*opened, told, owing, done] if not await known(client, order_no)] == [done]
    described = await client.get_workflow_handle(names.order_workflow(told)).describe()
    assert {pair.key.name: pair.value for pair in described.typed_search_attributes}["OmsStatus"] == "cancelled"
    assert await recover.recover(settings, quiet) == Recovered(open_orders=9, running=9)
    await client.get_workflow_handle(names.order_workflow(opened[0])).terminate()
    assert await recover.recover(settings, quiet) == Recovered(open_orders=9, started=1, running=8)


async def completed_with_a_refund(books: Books, settings: Settings) -> str:
    """An order that is over and owes money: decided, and Temporal was lost before it was paid."""
    order_no = await place(books)
    await sql(
        books.app_url,
        "INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key, "
        "provider_ref) VALUES (%s, 'capture', 1, 'sandbox', 1200, 'CNY', 'succeeded', 'c-1', 'c-1')",
        order_no,
    )
    database = Database.from_settings(settings)
    asked = RefundAsk("rf_owing", order_no, Origin.SUPPORT, "support:ann", "late", amount_minor=300)
    async with database.begin() as conn:
        await open_refund(conn, None, asked)
    await database.close()
    await damage(books.owner_url, f"UPDATE orders SET status = 'completed' WHERE order_no = '{order_no}'")
    return order_no


async def test_closed_orders_that_still_owe_are_started_and_those_that_owe_nothing_are_not(
    database_url: Books, server: TemporalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recover, "PAGE", 2)
    await damage(database_url.owner_url, "TRUNCATE orders, support_jobs CASCADE")
    paid, surplus, given_back, held, guaranteed, dearer = [await place(database_url) for _ in range(6)]
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
        "INSERT INTO order_supplements (order_no, supplement_no, change_no, actor, what, lines, held, warehouse, "
        "total_before_minor, total_after_minor, amount_minor, currency, method, token, until) "
        f"VALUES ('{dearer}', 1, 1, 'customer:c', '{{lines}}', '[]', '[]', 'WH-EAST', 100, 600, 500, 'CNY', 'sandbox', "
        "'tok_ok', now())",
        "UPDATE orders SET status = 'completed'",
    )
    settings, quiet = settings_of(database_url, server), Console(quiet=True)
    assert await recover.recover(settings, quiet) == Recovered(open_orders=4, started=4)
    client = await Client.connect(server.address)
    begun = [no for no in (paid, surplus, given_back, held, guaranteed, dearer) if await known(client, no)]
    assert begun == [surplus, held, guaranteed, dearer]
    assert await recover.recover(settings, quiet) == Recovered(open_orders=4, running=4)


async def test_running_bulk_acts_are_started_too(database_url: Books, server: TemporalServer) -> None:
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
    database_url: Books, server: TemporalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    await damage(database_url.owner_url, "TRUNCATE orders, support_jobs CASCADE")
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
    assert "books cannot be read" in capsys.readouterr().out


async def test_by_the_api_all_pages_are_walked(
    database_url: Books, server: TemporalServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await damage(database_url.owner_url, "TRUNCATE orders, support_jobs CASCADE")
    opened = [await place(database_url) for _ in range(7)]
    monkeypatch.setattr(recover_acts, "LIMIT", 3)
    settings = settings_of(database_url, server).model_copy(update={"token_secret": SecretStr("x" * 40)})
    app = create_app(settings)
    async with app.router.lifespan_context(app), serving(app) as base:
        token = tokens.issue(settings.token_secret, "operations", "olga", 600)
        run = partial(asyncio.to_thread, recover.run_there, base, token)
        assert await run(as_json=True) == 0
        assert json.loads(capsys.readouterr().out) == asdict(Recovered(open_orders=7, started=7))
        client = await Client.connect(server.address)
        assert all([await known(client, order_no) for order_no in opened])
        await client.get_workflow_handle(names.order_workflow(opened[4])).terminate()
        assert await run(as_json=False) == 0
        assert "7 orders open: 1 started, 6 already running" in capsys.readouterr().out
        with pytest.raises(typer.Exit) as refused:
            await asyncio.to_thread(recover.run_there, base, "no token", as_json=False)
        assert refused.value.exit_code == 1 and "token_invalid" in capsys.readouterr().err
