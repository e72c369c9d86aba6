"""Migrations run when there is something to run, and only then."""

from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from infra.stack import schema
from infra.stack.postgres import OWNER, PostgresServer
from tests.conftest import as_owner, create_database


@pytest.fixture
async def empty_url(postgres: PostgresServer, tmp_path: Path) -> str:
    name = "schema_" + "".join(filter(str.isalnum, tmp_path.name.lower()))
    await as_owner(postgres, sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
    await create_database(postgres, name)
    return postgres.url(OWNER, name)


async def execute(url: str, statement: str) -> None:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute(statement)


async def test_the_second_start_has_nothing_to_do(empty_url: str, tmp_path: Path) -> None:
    assert await schema.bring_up_to_date(empty_url, tmp_path / "mark")
    assert not await schema.bring_up_to_date(empty_url, tmp_path / "mark")


async def test_a_mark_is_not_believed_against_the_database(empty_url: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    await schema.bring_up_to_date(empty_url, mark)
    await execute(empty_url, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    assert await schema.bring_up_to_date(empty_url, mark)
    await execute(empty_url, "SELECT FROM warehouses")


@pytest.mark.parametrize("content", ["", "[]", '{"source": "older", "revision": "0001"}'])
async def test_a_broken_or_older_mark_is_as_good_as_none(empty_url: str, tmp_path: Path, content: str) -> None:
    mark = tmp_path / "mark"
    await schema.bring_up_to_date(empty_url, mark)
    mark.write_text(content)
    assert await schema.bring_up_to_date(empty_url, mark)


def test_the_hash_follows_the_migrations(tmp_path: Path) -> None:
    (tmp_path / "versions").mkdir()
    for name in ("seed.py", "migrate.py", "env.py", "versions/0001.sql"):
        (tmp_path / name).write_text("")
    first = schema.source_hash(tmp_path)
    (tmp_path / "versions" / "0002.sql").write_text("")
    second = schema.source_hash(tmp_path)
    (tmp_path / "versions" / "0001.sql").write_text("SELECT 1")
    assert len({first, second, schema.source_hash(tmp_path)}) == 3
