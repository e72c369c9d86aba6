"""Orders in the database, as the front door leaves them, and what the tests of the processes share."""

import asyncio
import base64
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from domain.orders.order_no import EPOCH_MS, new_order_no
from infra.db.engine import Database
from infra.security.crypto import Vault
from infra.settings import Settings
from tests import kept_connections
from tests.conftest import DatabaseUrls

MASTER_KEY = base64.b64encode(bytes(range(32))).decode()
_numbers = itertools.count(1)


def settings_for(urls: DatabaseUrls, **more: Any) -> Settings:
    return Settings(database_url=urls.app_url, owner_database_url=urls.owner_url, master_key=MASTER_KEY, **more)


def vault() -> Vault:
    return Vault(base64.b64decode(MASTER_KEY))


async def until(condition: Callable[[], Awaitable[bool]], within_s: float = 60.0, what: str = "condition") -> None:
    """Poll until the condition holds; fails the test when it does not in time."""
    deadline = time.monotonic() + within_s
    while not await condition():
        assert time.monotonic() < deadline, f"not in time: {what}"
        await asyncio.sleep(0.02)


async def sql(url: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """One statement in its own transaction."""
    found: list[tuple[Any, ...]] = await kept_connections.run(url, statement, values)
    return found


# As TRUNCATE ... CASCADE, which makes new files for each table and index: 30 ms of processor time instead of one.
_EMPTY = """
DO $$ DECLARE reached regclass; BEGIN
    SET LOCAL session_replication_role = replica;
    FOR reached IN
        WITH RECURSIVE tables (name) AS (
            SELECT unnest(string_to_array('{tables}', ', ')::regclass[])
            UNION
            SELECT conrelid::regclass FROM pg_constraint JOIN tables ON confrelid = name WHERE contype = 'f')
        SELECT name FROM tables
    LOOP EXECUTE 'DELETE FROM ' || reached; END LOOP;
END $$"""


async def empty(owner_url: str, tables: str) -> None:
    """Deletes every row of these tables ("one, other") and of those that refer to them, past all triggers."""
    await sql(owner_url, _EMPTY.format(tables=tables))


async def damage(owner_url: str, *statements: str) -> None:
    """Change what constraints and triggers would not allow, as a faulty disk or a careless hand may."""
    async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as connection:
        await connection.execute("SET session_replication_role = replica")
        for statement in statements:
            await connection.execute(statement)


async def place(
    urls: DatabaseUrls,
    *,
    channel: str = "web",
    total_minor: int = 1200,
    lines: int = 1,
    customer: str = "c-1",
    country: str = "CN",
    priority: int = 0,
) -> str:
    """An accepted order, written with the services' own role; returns its number."""
    order_no = new_order_no(EPOCH_MS + next(_numbers))
    async with await psycopg.AsyncConnection.connect(urls.app_url) as connection:
        await connection.execute(
            "INSERT INTO customers (customer_id, data_key) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (customer, vault().new_data_key()[1]),
        )
        await connection.execute(
            "INSERT INTO products (sku, name, price_minor, currency) VALUES ('SKU-1', 'Tea', 1200, 'CNY')"
            " ON CONFLICT DO NOTHING"
        )
        await connection.execute(
            """INSERT INTO orders (order_no, channel, type, customer_id, currency, items_minor, total_minor, country,
                                   province, city, ship_to_enc, placed_by, priority)
               VALUES (%s, %s, 'standard', %s, 'CNY', %s, %s, %s, 'P', 'C', ''::bytea, 'test', %s)""",
            (order_no, channel, customer, total_minor, total_minor, country, priority),
        )
        for line_no in range(1, lines + 1):
            await connection.execute(
                "INSERT INTO order_lines (order_no, line_no, sku, name, quantity, unit_price_minor)"
                " VALUES (%s, %s, 'SKU-1', 'Tea', 1, %s)",
                (order_no, line_no, total_minor // lines),
            )
    return order_no


async def move(
    urls: DatabaseUrls, order_no: str, event: str, before: str | None, after: str | None, **data: Any
) -> None:
    await sql(
        urls.app_url,
        "INSERT INTO order_events (order_no, type, from_status, to_status, actor, data)"
        " VALUES (%s, %s, %s, %s, 'test', %s)",
        order_no,
        event,
        before,
        after,
        Jsonb(data),
    )


async def ask(urls: DatabaseUrls, order_no: str, signal: str, payload: dict[str, Any]) -> None:
    await sql(
        urls.app_url,
        "INSERT INTO workflow_requests (kind, subject, name, payload) VALUES ('signal_order', %s, %s, %s)",
        order_no,
        signal,
        Jsonb(payload),
    )


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[Database]:
    opened = Database.from_settings(settings)
    try:
        yield opened
    finally:
        await opened.close()
