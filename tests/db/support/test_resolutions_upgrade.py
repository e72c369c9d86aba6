"""What is stuck, asked for and chosen when acts are bound to their step is bound to the step that is open then."""

import asyncio

import psycopg
from alembic import command
from alembic.script import ScriptDirectory

from infra.db import migrate
from infra.stack.postgres.postgres_server import SUPERUSER, PostgresServer
from tests.conftest import create_database

ORDER = (
    "INSERT INTO orders (order_no, channel, type, customer_id, currency, items_minor, total_minor, country, province,"
    " city, ship_to_enc, placed_by) VALUES (%s, 'web', 'standard', 'c', 'CNY', 5, 5, 'CN', 'P', 'C', '', 'test')"
)
PARK = (
    "INSERT INTO parked_steps (order_no, park_no, step, error, attempts, options, amount_minor, escalate_at,"
    " resolved_at, resolution_id) VALUES (%s, %s, 'return_payment', 'rejected', 1, '{retry,skip}', 5, now(), %s, %s)"
)
ACTION = (
    "INSERT INTO resolutions (resolution_id, order_no, action, actor, reason_enc) VALUES (%s, %s, 'retry', 'a', '')"
)
ASK = (
    "INSERT INTO approvals (approval_id, kind, order_no, action, orders, amount_minor, data_key, wish_enc, asked_by,"
    " expires_at) VALUES ('apr', 'resolve', 'O', 'skip', 1, 5, '', '', 'support:ann', now() + interval '1 h')"
)
JOB = (
    "WITH j AS (INSERT INTO support_jobs (job_id, action, filter, data_key, reason_enc, actor, rate_per_s, total)"
    " VALUES ('job', 'retry', '{}', '', '', 'a', 1, 1)) INSERT INTO support_job_items (job_id, order_no, resolution_id)"
    " VALUES ('job', 'O', 'job:O')"
)


async def test_what_waits_is_bound_to_the_step_that_is_open(postgres: PostgresServer) -> None:
    await create_database(postgres, "resolutions_upgrade")
    url = postgres.url(SUPERUSER, "resolutions_upgrade")
    config = migrate._config(url)
    before = ScriptDirectory.from_config(config).get_revision("0054").down_revision
    await asyncio.to_thread(command.upgrade, config, before)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as owner:
        await owner.execute("INSERT INTO customers (customer_id, data_key) VALUES ('c', '')")
        await owner.execute(ORDER, ("O",))
        await owner.execute(ACTION, ("twice", "O"))
        # One act that a reset had applied to two steps stays with the first.
        for park_no in (1, 2):
            await owner.execute(PARK, ("O", park_no, "2026-01-01", "twice"))
        await owner.execute(PARK, ("O", 3, None, None))
        await owner.execute(ASK)
        await owner.execute(JOB)
        await asyncio.to_thread(migrate.upgrade, url)
        parked = await (
            await owner.execute("SELECT resolution_id, subject FROM parked_steps ORDER BY park_no")
        ).fetchall()
        assert parked == [("twice", None), (None, None), (None, "stray")]
        for table in ("approvals", "support_job_items"):
            rows = await (await owner.execute(f"SELECT park_no FROM {table}")).fetchall()
            assert rows == [(3,)], table
