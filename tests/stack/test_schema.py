"""Migrations run when there is something to run, and only then."""

import asyncio
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from infra.db import migrate, seed
from infra.db.roles import WrongRoles
from infra.stack.postgres import schema
from infra.stack.postgres.postgres_server import APP, SUPERUSER, PostgresServer
from tests.conftest import as_owner, create_database


@pytest.fixture
async def empty_url(postgres: PostgresServer, tmp_path: Path) -> str:
    name = "schema_" + "".join(filter(str.isalnum, tmp_path.name.lower()))
    await as_owner(postgres, sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
    await create_database(postgres, name)
    return postgres.url(SUPERUSER, name)


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


# Owners of everything in the database, itself and the schema included.
OWNERS = """SELECT DISTINCT pg_get_userbyid(o) FROM (
  SELECT relowner FROM pg_class WHERE relnamespace = 'public'::regnamespace
  UNION ALL SELECT proowner FROM pg_proc WHERE pronamespace = 'public'::regnamespace
  UNION ALL SELECT typowner FROM pg_type WHERE typnamespace = 'public'::regnamespace
  UNION ALL SELECT datdba FROM pg_database WHERE datname = current_database()
  UNION ALL SELECT nspowner FROM pg_namespace WHERE nspname = 'public') AS owned (o)"""


async def owners(url: str) -> set[str]:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        return {row[0] for row in await (await connection.execute(OWNERS)).fetchall()}


async def test_what_a_superuser_migrates_belongs_to_a_lesser_role(empty_url: str, tmp_path: Path) -> None:
    """Also what it had made as its own before: functions run with their owner's rights."""
    await schema.bring_up_to_date(empty_url, tmp_path / "mark")
    assert await owners(empty_url) == {"oms_owner", "pg_database_owner"}
    await execute(empty_url, "REASSIGN OWNED BY oms_owner TO postgres; GRANT TEMPORARY ON DATABASE "
                  + psycopg.conninfo.conninfo_to_dict(empty_url)["dbname"] + " TO PUBLIC")  # fmt: skip
    assert await owners(empty_url) == {"postgres", "pg_database_owner"}
    await asyncio.to_thread(migrate.upgrade, empty_url)
    assert await owners(empty_url) == {"oms_owner", "pg_database_owner"}
    mine = (
        "SELECT FROM pg_roles WHERE rolname = 'oms_app' AND has_database_privilege('oms_app', current_database(), %s)"
    )
    async with await psycopg.AsyncConnection.connect(empty_url) as connection:
        assert await (await connection.execute(mine, ("TEMPORARY",))).fetchall() == []
        assert await (await connection.execute(mine, ("CONNECT",))).fetchall() == [()]


async def test_an_owner_that_is_no_superuser_migrates(postgres: PostgresServer, empty_url: str) -> None:
    """An administrator's hand-made installation, with the statements of docs/database-roles.md."""
    name = psycopg.conninfo.conninfo_to_dict(empty_url)["dbname"]
    assert isinstance(name, str)
    password = sql.Literal(postgres.owner_password)
    await as_owner(postgres, sql.SQL("CREATE ROLE books_owner LOGIN PASSWORD {}").format(password))
    try:
        url = postgres.url("books_owner", name)
        with pytest.raises(WrongRoles, match="books_owner is not the owner of this database"):
            await asyncio.to_thread(migrate.upgrade, url)
        await execute(empty_url, f"ALTER DATABASE {name} OWNER TO books_owner")
        await asyncio.to_thread(migrate.upgrade, url)
        await asyncio.to_thread(seed.seed, url)
        assert await owners(empty_url) == {"books_owner", "pg_database_owner"}
        async with await psycopg.AsyncConnection.connect(postgres.url(APP, name)) as connection:
            assert len(await (await connection.execute("SELECT FROM warehouses")).fetchall()) == 3
    finally:
        await as_owner(postgres, sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))
        await as_owner(postgres, sql.SQL("DROP ROLE books_owner").format())


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
