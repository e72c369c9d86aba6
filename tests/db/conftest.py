"""A fresh database for each module, and a superuser's connection without triggers."""

from collections.abc import AsyncIterator

import psycopg
import pytest

from tests.conftest import DatabaseUrls
from tests.factories.raw_writes import DirectDatabase, connect

AUDIT = ("audit_log", "audit_chains", "audit_anchors")
Tampering = psycopg.AsyncConnection[tuple[object, ...]]


@pytest.fixture(scope="module")
async def db(database_url: DatabaseUrls) -> AsyncIterator[DirectDatabase]:
    owner, app = await connect(database_url.owner_url), await connect(database_url.app_url)
    opened = DirectDatabase(database_url, owner, app)
    await opened.stock("TEA", 1000)
    yield opened
    await app.close()
    await owner.close()


@pytest.fixture
async def tampering(database_url: DatabaseUrls) -> AsyncIterator[Tampering]:
    """The superuser with triggers disabled; changes to the audit log are undone afterwards."""
    async with await psycopg.AsyncConnection.connect(database_url.owner_url, autocommit=True) as connection:
        for table in AUDIT:
            await connection.execute(f"CREATE TABLE kept_{table} AS TABLE {table}".encode())
        await connection.execute("SET session_replication_role = replica")
        yield connection
        for table in AUDIT:
            await connection.execute(f"TRUNCATE {table}".encode())
            await connection.execute(f"INSERT INTO {table} SELECT * FROM kept_{table}".encode())
            await connection.execute(f"DROP TABLE kept_{table}".encode())
