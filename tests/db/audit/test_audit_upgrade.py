"""A log begun before anchors and origins goes on: nothing of it counts as changed, and anchors cover it too."""

import asyncio

import psycopg
from alembic import command
from alembic.script import ScriptDirectory

from infra.db import migrate
from infra.db.audit import audit_anchors
from infra.db.engine import Database
from infra.stack.postgres.postgres_server import APP, SUPERUSER, PostgresServer
from tests.api.conftest import settings_for
from tests.conftest import DatabaseUrls, create_database
from workers.cli.audit.audit import faults_of

WRITE = (
    "INSERT INTO audit_log (actor, action, order_no, before, after) VALUES (%s, %s, %s, 'a', 'b') RETURNING entry_id"
)


async def test_an_old_log_goes_on(postgres: PostgresServer) -> None:
    await create_database(postgres, "audit_upgrade")
    urls = DatabaseUrls(postgres.url(SUPERUSER, "audit_upgrade"), postgres.url(APP, "audit_upgrade"))
    config = migrate._config(urls.owner_url)
    before = ScriptDirectory.from_config(config).get_revision("0007").down_revision
    await asyncio.to_thread(command.upgrade, config, before)
    async with await psycopg.AsyncConnection.connect(urls.owner_url, autocommit=True) as owner:
        for actor, action, order_no in (("support:amy", "looked", "O-1"), ("system", "staff_added", None)):
            await owner.execute(WRITE, (actor, action, order_no))
        await asyncio.to_thread(migrate.upgrade, urls.owner_url)
        await owner.execute("SELECT set_config('oms.origin', 'api 10.0.0.1', false)")
        numbers = [
            (await (await owner.execute(WRITE, ("support:amy", "looked", order_no))).fetchall())[0][0]
            for order_no in ("O-1", None)
        ]
        assert numbers == [3, 4]
        rows = await (await owner.execute("SELECT origin, actor_count FROM audit_log ORDER BY entry_id")).fetchall()
        assert rows == [(None, 1), (None, None), ("api 10.0.0.1", 2), ("api 10.0.0.1", 3)]
        configuration = settings_for(urls)
        assert await faults_of(configuration) == []
        database = Database.from_settings(configuration)
        async with database.begin() as conn:
            made = await audit_anchors.make(conn)
        await database.close()
        assert made is not None and made.count == 4
        assert await faults_of(configuration) == []
        # Where an act came from is under the hash like everything else.
        await owner.execute("SET session_replication_role = replica")
        await owner.execute("UPDATE audit_log SET origin = NULL WHERE entry_id = 3")
        assert {fault.kind for fault in await faults_of(configuration)} == {"order", "actor"}
