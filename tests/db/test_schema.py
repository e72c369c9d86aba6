"""infra/db/schema/*.sql is the schema as it is: written anew it is the same, and a database made of it is the same."""

import difflib
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from infra.db.roles import OWNER
from infra.db.schema import catalogue, files, notes
from infra.stack.postgres.postgres_server import SUPERUSER, PostgresServer
from tests.conftest import DatabaseUrls, as_owner, create_database
from tests.db.catalogue_state import state

WRITE = f"a migration has changed the schema: {notes.WRITE}"
MADE = "made_of_files"
SEEDED = {"warehouses", "audit_log", "audit_chains"}
Connection = psycopg.Connection[tuple[object, ...]]


@pytest.fixture(scope="module")
def migrated(database_url: DatabaseUrls) -> catalogue.Catalogue:
    return catalogue.read(database_url.owner_url, filled_later=SEEDED)


@pytest.fixture(scope="module")
async def made_of_files(postgres: PostgresServer) -> AsyncIterator[str]:
    """The address of a database that was made by the files, in order and as the owner."""
    await create_database(postgres, MADE)
    url = postgres.url(SUPERUSER, MADE)
    with psycopg.connect(url) as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(OWNER)))
        connection.execute("SET check_function_bodies = off")  # a function may name a table of a later file
        connection.execute((notes.FOLDER.parent / "close.sql").read_bytes())
        for name in notes.FILES:
            connection.execute((notes.FOLDER / f"{name}.sql").read_bytes())
    yield url
    await as_owner(postgres, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(MADE)))


@pytest.fixture
def changed(made_of_files: str) -> Iterator[Connection]:
    """A connection whose changes are rolled back."""
    with psycopg.connect(made_of_files) as connection:
        yield connection
        connection.rollback()


def test_the_files_are_what_the_migrations_lead_to(migrated: catalogue.Catalogue) -> None:
    written, page = files.texts(migrated, notes.read()), files.stored()
    assert set(page) == set(written), WRITE
    for name, text in written.items():
        difference = difflib.unified_diff(page[name].splitlines(), text.splitlines(), name, "migrated", lineterm="")
        assert page[name] == text, "\n".join([WRITE, *difference])


def test_a_database_made_of_the_files_is_the_one_that_the_migrations_make(
    database_url: DatabaseUrls, made_of_files: str
) -> None:
    with psycopg.connect(database_url.owner_url) as one, psycopg.connect(made_of_files) as other:
        migrated, made = state(one), state(other)
    assert len(migrated) > 1500
    assert (sorted(migrated - made), sorted(made - migrated)) == ([], []), WRITE


def test_a_database_made_of_the_files_has_the_rows_of_the_migrations(
    migrated: catalogue.Catalogue, made_of_files: str
) -> None:
    made = catalogue.read(made_of_files)
    assert {name: table.rows for name, table in made.tables.items()} == {
        name: table.rows for name, table in migrated.tables.items()
    }
    assert made.tables["order_transitions"].rows


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE orders ADD COLUMN x text",
        "ALTER TABLE orders DROP CONSTRAINT order_total",
        "ALTER TABLE orders DISABLE TRIGGER order_begins",
        "ALTER TABLE orders RESET (fillfactor)",
        "ALTER TABLE orders OWNER TO CURRENT_USER",
        "DROP INDEX orders_open",
        "GRANT UPDATE (status) ON orders TO oms_app",
        "REVOKE SELECT ON orders FROM oms_app",
        "GRANT EXECUTE ON FUNCTION begin_order() TO PUBLIC",
        "ALTER FUNCTION begin_order() RESET search_path",
        "ALTER FUNCTION begin_order() SECURITY INVOKER",
        "ALTER FUNCTION begin_order() OWNER TO CURRENT_USER",
    ],
)
def test_the_comparison_sees_every_kind_of_change(changed: Connection, change: str) -> None:
    before = state(changed)
    changed.execute(change.encode())
    assert state(changed) != before


def test_a_table_or_function_without_a_sentence_is_not_written(migrated: catalogue.Catalogue) -> None:
    (first, *others) = notes.read()
    without = notes.Notes(first.name, first.title, {}, first.functions, {})
    with pytest.raises(notes.IncompleteNotes, match="audit_log is in no file: add it, with a sentence"):
        files.texts(migrated, [without, *others])


def test_what_does_not_exist_is_not_described(migrated: catalogue.Catalogue) -> None:
    (first, *others) = notes.read()
    more = notes.Notes(first.name, first.title, first.tables, first.functions, {**first.columns, "orders.gone": "x"})
    with pytest.raises(notes.IncompleteNotes, match=r"orders\.gone does not exist: remove it"):
        files.texts(migrated, [more, *others])


def test_no_file_is_longer_than_people_read() -> None:
    lengths = {name: text.count("\n") for name, text in files.stored().items()}
    assert {name for name, length in lengths.items() if length > 400} == set()


def test_the_documentation_lists_the_files_in_order() -> None:
    page = (notes.FOLDER.parents[2] / "docs" / "schema.md").read_text(encoding="utf-8")
    (listed,) = re.findall(r"in which each needs only those before it:\n\n(.*?)\n\n", page, re.DOTALL)
    assert tuple(re.findall(r"`(\w+)`", listed)) == notes.FILES


def test_only_files_that_changed_are_written(tmp_path: Path) -> None:
    files.save({"same.sql": "1", "old.sql": "1", "gone.sql": "1"}, tmp_path)
    assert files.save({"same.sql": "1", "old.sql": "2", "new.sql": "1"}, tmp_path) == ["gone.sql", "new.sql", "old.sql"]
    assert files.stored(tmp_path) == {"same.sql": "1", "old.sql": "2", "new.sql": "1"}
