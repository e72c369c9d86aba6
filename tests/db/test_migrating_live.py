"""`oms migrate` while others work with the database: they go on, and old data comes along."""

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from infra.db import migrate, seed
from infra.stack.postgres.postgres_server import APP, SUPERUSER, PostgresServer
from tests.api.conftest import ApiClient, an_order, open_api
from tests.conftest import DatabaseUrls, create_database
from tests.factories.raw_writes import DirectDatabase, connect
from tests.order_stage import eventually

PASSING = ("40P01", "55P03")  # what every caller of the product repeats
QUICK: dict[str, Any] = {"lock_timeout_ms": 200, "pause_s": 0.05, "patience_s": 240.0}
LEDGER = "SELECT order_no, debit_account, credit_account, amount_minor FROM payment_ledger ORDER BY entry_id"
PACE_S = 0.02  # between two orders: where each follows the other at once, a revision of many tables finds no gap
TABLES = ("customers", "orders", "order_lines", "order_events", "products", "stock_levels", "idempotency_keys")
# Added for new rows only at first, and held by all rows since.
VALIDATED = {
    "payment_of_a_change", "payment_of_a_guarantee", "payment_of_its_change", "payment_of_its_guarantee",
    "payments_kind_check", "resolutions_amount", "reversals_are_reported",
}  # fmt: skip
REVISION = """
from infra.db import revisions

revision, down_revision, branch_labels, depends_on = "{number}", "{before}", None, None


def upgrade() -> None:
    revisions.{how}("{file}")
"""


async def urls_at(postgres: PostgresServer, name: str, revision: str) -> DatabaseUrls:
    await create_database(postgres, name)
    urls = DatabaseUrls(postgres.url(SUPERUSER, name), postgres.url(APP, name))
    await asyncio.to_thread(migrate.upgrade, urls.owner_url, revision)
    await asyncio.to_thread(seed.seed, urls.owner_url)
    return urls


@pytest.fixture
async def sit() -> AsyncIterator[Callable[[DatabaseUrls], Awaitable[DirectDatabase]]]:
    """Open connections that are closed at the end."""
    opened: list[DirectDatabase] = []

    async def made(urls: DatabaseUrls) -> DirectDatabase:
        opened.append(DirectDatabase(urls, await connect(urls.owner_url), await connect(urls.app_url)))
        await opened[-1].app.execute("SET statement_timeout = '60s'")
        return opened[-1]

    yield made
    for db in opened:
        await db.owner.close()
        await db.app.close()


Sit = Callable[[DatabaseUrls], Awaitable[DirectDatabase]]


async def test_a_table_in_use_holds_up_one_revision_and_nobody_else(
    postgres: PostgresServer, sit: Sit, caplog: pytest.LogCaptureFixture
) -> None:
    """0038 wants orders for itself, which a long report reads; 0037 is there already, and orders go on coming in."""
    urls = await urls_at(postgres, "live_locked", "0036")
    db, report = await sit(urls), await connect(urls.owner_url)
    await db.stock("TEA", 10)
    await report.execute("BEGIN")
    await report.execute("LOCK TABLE orders IN ACCESS SHARE MODE")
    with pytest.raises(migrate.Blocked, match="at 0037: other transactions kept their locks for 0 s; run it again"):
        await asyncio.to_thread(migrate.upgrade, urls.owner_url, **QUICK | {"patience_s": 0.0})
    caplog.set_level(logging.WARNING, logger="infra.db.migrate")
    migrating = asyncio.create_task(asyncio.to_thread(migrate.upgrade, urls.owner_url, **QUICK))
    for tries in (1, 3):
        await eventually(lambda tries=tries: len(caplog.records) >= tries, 60)
        await db.order()
    assert await db.one("SELECT version_num FROM alembic_version") == "0037"
    await report.execute("COMMIT")
    await asyncio.wait_for(migrating, 240)
    await report.close()
    assert await db.one("SELECT count(*) FROM orders") == 2
    there, head = await asyncio.to_thread(migrate.state, urls.owner_url)
    assert there == head


async def test_an_interrupted_migration_says_so_and_goes_on_and_none_waits_for_long_after_an_index(
    postgres: PostgresServer,
) -> None:
    """0050 makes an index and waits for locks without end; 0052, in the same run, must not. Of one that was killed the
    server keeps nothing: the next one has its turn."""
    urls = await urls_at(postgres, "live_after_index", "0049")
    report, owner = await connect(urls.owner_url), await connect(urls.owner_url)
    await report.execute("BEGIN")
    await report.execute("LOCK TABLE workflow_requests IN EXCLUSIVE MODE")
    command = [sys.executable, "-m", "workers.cli", "migrate"]
    variables = {**os.environ, "OMS_OWNER_DATABASE_URL": urls.owner_url}
    killed = subprocess.Popen(command, env=variables)
    await eventually(lambda: indexing(owner, "pid"), 60)
    killed.kill()
    await asyncio.to_thread(killed.wait, 60)
    others = await indexing(owner, "pid")
    migrating = subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    await eventually(lambda: other_than(owner, others), 60)
    await indexing(owner, "pg_terminate_backend(pid)")
    _, output = await asyncio.to_thread(migrating.communicate, timeout=60)
    last = output.splitlines()[-1]
    assert (migrating.returncode, last.partition(":")[0]) == (1, "The migration stopped half-way"), output
    assert last.endswith("(OMS_OWNER_DATABASE_URL); the revisions before are kept, run it again"), output
    await report.execute("COMMIT")
    await report.execute("BEGIN")
    await report.execute("LOCK TABLE webhook_endpoints IN ACCESS SHARE MODE")
    again = asyncio.create_task(asyncio.to_thread(migrate.upgrade, urls.owner_url, **QUICK | {"patience_s": 0.0}))
    await asyncio.wait({again}, timeout=60)
    await report.close()  # lets it go on where it waits for as long as the report takes
    with pytest.raises(migrate.Blocked, match="at 0051: other transactions kept their locks"):
        await again
    for _ in range(2):
        await asyncio.to_thread(migrate.upgrade, urls.owner_url, **QUICK)
    there, head = await asyncio.to_thread(migrate.state, urls.owner_url)
    assert there == head
    assert await (await owner.execute("SELECT FROM pg_index WHERE NOT indisvalid")).fetchall() == []
    await owner.close()


async def indexing(owner: psycopg.AsyncConnection[Any], what: str) -> list[Any]:
    """`what` of each connection that waits to make the index."""
    rows = await owner.execute(
        f"SELECT {what} FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        " AND query LIKE '%workflow_requests_begun%'"
    )
    return await rows.fetchall()


async def other_than(owner: psycopg.AsyncConnection[Any], others: list[Any]) -> bool:
    now = await indexing(owner, "pid")
    return bool(now) and not any(one in others for one in now)


async def test_old_data_comes_along_while_orders_come_in(postgres: PostgresServer, sit: Sit) -> None:
    """From the first revision to the last; the statements are those of the version that the database began with."""
    urls = await urls_at(postgres, "live_old", "0001")
    db, busy = await sit(urls), await sit(urls)
    await db.rows("INSERT INTO products (sku, name, price_minor, currency) VALUES ('TEA', 'Tea', 1, 'CNY')")
    old = [await db.order() for _ in range(5)]
    for order_no in old[:3]:
        await db.event(order_no, "stock_reserved", "received", "pending_payment")
        await db.paid_in(order_no)
    ledger = await db.rows(LEDGER)
    done, placed = asyncio.Event(), []

    async def traffic() -> None:
        while True:
            last = done.is_set()
            await asyncio.sleep(PACE_S)
            try:
                placed.append(await busy.order())
            except psycopg.Error as error:
                assert error.sqlstate in PASSING, error
                continue
            if last:
                return

    working = asyncio.create_task(traffic())
    await eventually(lambda: placed, 60)
    await asyncio.to_thread(migrate.upgrade, urls.owner_url, **QUICK)
    done.set()
    await asyncio.wait_for(working, 120)
    rows = {row[0] for row in await db.rows("SELECT order_no FROM orders JOIN order_lines USING (order_no)")}
    assert rows == {*old, *placed}
    assert await db.rows(LEDGER) == ledger and len(ledger) == 3
    assert await db.one("SELECT count(*) FROM orders WHERE status = 'pending_payment'") == 3
    there, head = await asyncio.to_thread(migrate.state, urls.owner_url)
    assert there == head
    for_new_rows = {row[0] for row in await db.rows("SELECT conname FROM pg_constraint WHERE NOT convalidated")}
    assert for_new_rows & VALIDATED == set()


def revisions_after(head: str, folder: Path) -> None:
    """A column more in each table that an order is written to, and an index, as revisions of their own."""
    scripts = [f"ALTER TABLE {table} ADD COLUMN added_later integer NOT NULL DEFAULT 0;" for table in TABLES]
    scripts.append("CREATE INDEX CONCURRENTLY IF NOT EXISTS added_later ON orders (added_later, order_no);\n")
    before = head
    for number, script in enumerate(scripts, 9000):
        case, file = "run_apart" if "CONCURRENTLY" in script else "run", folder / f"{number}_more"
        file.with_suffix(".sql").write_text(script)
        module = REVISION.format(number=number, before=before, how=case, file=file)
        (folder / f"r{number}_more.py").write_text(module)
        before = str(number)


async def test_the_product_goes_on_while_its_tables_grow(
    database_url: DatabaseUrls, shop: ApiClient, tmp_path: Path
) -> None:
    """Processes of the version before: also their prepared statements, and an index that was left unfinished."""
    head = str((await asyncio.to_thread(migrate.state, database_url.owner_url))[1])
    revisions_after(head, tmp_path)
    await shop.sql("CREATE INDEX added_later ON orders (order_no)")
    await shop.sql("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'added_later'::regclass")
    done, answers = asyncio.Event(), []

    async def traffic() -> None:
        while True:
            last = done.is_set()
            placed = await shop.post("/v1/orders", an_order(quantity=1))
            answers.append(placed)
            if placed.status_code == 201:
                answers.append(await shop.get(f"/v1/orders/{placed.json()['order_no']}"))
            answers.append(await shop.get("/v1/orders"))
            if last and {answer.status_code for answer in answers[-3:]} == {200, 201}:
                return

    working = [asyncio.create_task(traffic()) for _ in range(2)]
    # Prepared on the server by then, on each connection that is used.
    await eventually(lambda: len(answers) > 30, 60)
    await asyncio.to_thread(migrate.upgrade, database_url.owner_url, more=[tmp_path], **QUICK)
    done.set()
    await asyncio.wait_for(asyncio.gather(*working), 120)
    wrong = [answer.text for answer in answers if answer.status_code not in (200, 201, 503)]
    assert wrong == []
    accepted = sum(answer.status_code == 201 for answer in answers)
    [row] = await shop.sql("SELECT count(*) AS n, sum(added_later) AS added FROM orders")
    assert (row["n"], row["added"]) == (accepted, 0)
    [index] = await shop.sql(
        "SELECT indisvalid, pg_get_indexdef('added_later'::regclass) AS made FROM pg_index "
        "WHERE indexrelid = 'added_later'::regclass"
    )
    assert index["indisvalid"] and "(added_later, order_no)" in index["made"]


@pytest.fixture(scope="module")
async def shop(database_url: DatabaseUrls) -> AsyncIterator[ApiClient]:
    """Goods to order, for a member of staff."""
    async with open_api(database_url) as opened:
        operations, support = opened.as_("operations"), opened.as_("support", "amy")
        made = await operations.post(
            "/v1/products", {"sku": "TEA-1", "name": "Tea", "price_minor": 4900, "currency": "CNY"}
        )
        assert made.status_code == 201, made.text
        yield support
