"""Receipts that were booked several times before the rule stay booked, and the first of them counts from then on."""

import asyncio

import psycopg
from alembic import command
from alembic.script import ScriptDirectory

from infra.db import migrate
from infra.stack.postgres.postgres_server import SUPERUSER, PostgresServer
from tests.conftest import create_database

WRITE = (
    "INSERT INTO stock_movements (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta,"
    " reference, actor) VALUES (%s, 'receipt', 'TEA-1', 'WH-EAST', 5, 5, 0, %s, 'test')"
)


async def test_old_repeated_receipts_stay_and_new_ones_are_refused(postgres: PostgresServer) -> None:
    await create_database(postgres, "receipts_upgrade")
    url = postgres.url(SUPERUSER, "receipts_upgrade")
    config = migrate._config(url)
    before = ScriptDirectory.from_config(config).get_revision("0026").down_revision
    await asyncio.to_thread(command.upgrade, config, before)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as owner:
        await owner.execute(
            "INSERT INTO products (sku, name, price_minor, currency) VALUES ('TEA-1', 'Tea', 100, 'CNY') "
            "ON CONFLICT DO NOTHING"
        )
        await owner.execute(
            "INSERT INTO warehouses (code, name, country, province, city) VALUES ('WH-EAST', 'E', 'CN', 'P', 'C') "
            "ON CONFLICT DO NOTHING"
        )
        await owner.execute("INSERT INTO stock_levels (sku, warehouse) VALUES ('TEA-1', 'WH-EAST')")
        for key, reference in (("a", "PO-1"), ("b", "PO-1"), ("c", "PO-2"), ("d", None), ("e", None)):
            await owner.execute(WRITE, (key, reference))
        await asyncio.to_thread(migrate.upgrade, url)
        rows = await (await owner.execute("SELECT duplicate FROM stock_movements ORDER BY movement_id")).fetchall()
        assert [row[0] for row in rows] == [False, True, False, False, False]
        try:
            await owner.execute(WRITE, ("f", "PO-1"))
        except psycopg.errors.UniqueViolation as refused:
            assert refused.diag.constraint_name == "receipt_once"
        else:
            raise AssertionError("booked a third time")
