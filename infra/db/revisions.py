"""How a revision's statements run: in one transaction, each in its own, or one again for some rows at a time.

They run past the adapters: a file has percent signs of its own and no parameters.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import op

if TYPE_CHECKING:
    from psycopg import Cursor

FOLDER = Path(__file__).with_name("versions")
_ENDS = re.compile(r";[ \t]*\n")
_COMMENT = re.compile(r"--[^\n]*")
_INDEX = re.compile(r"\s*CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+IF\s+NOT\s+EXISTS\s+(\w+)", re.IGNORECASE)
_BROKEN = "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(%s) AND NOT indisvalid"


def run(name: str) -> None:
    """versions/NAME.sql in the revision's transaction."""
    _cursor().execute(read(name))


def run_apart(name: str) -> None:
    """versions/NAME.sql statement by statement, each a transaction of its own: what holds no lock for long.

    The revision has nothing else, and each statement can be repeated: after an interruption all of them run again. An
    index that was left unfinished is made anew. They wait for locks without end, since nobody waits behind them.
    """
    with op.get_context().autocommit_block():
        cursor = _cursor()
        setting = cursor.execute("SELECT current_setting('lock_timeout')").fetchone()
        cursor.execute("SET lock_timeout = 0")
        for statement in statements(read(name)):
            if (index := _INDEX.match(statement)) and cursor.execute(_BROKEN, (index[1],)).fetchone():
                cursor.execute(f"DROP INDEX CONCURRENTLY {index[1]}".encode())
            cursor.execute(statement.encode())
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", setting)  # for the revisions that follow


def run_in_parts(name: str) -> None:
    """versions/NAME.sql, one statement that changes a limited number of rows, until it finds none that is left.

    Each run is a transaction of its own, so no row is locked for long. After an interruption it goes on with the rest.
    """
    with op.get_context().autocommit_block():
        cursor = _cursor()
        while cursor.execute(read(name).encode()).rowcount > 0:
            pass


def read(name: str) -> str:
    """The statements of one file."""
    return (FOLDER / f"{name}.sql").read_text(encoding="utf-8")


def statements(script: str) -> Iterator[str]:
    """Each statement of a file without function bodies; a semicolon at a line's end ends it."""
    bare = _COMMENT.sub("", script)
    return (part for part in _ENDS.split(bare + "\n") if part.strip())


def _cursor() -> "Cursor[tuple[object, ...]]":
    cursor: Cursor[tuple[object, ...]] = op.get_bind().connection.cursor()  # type: ignore[assignment]
    return cursor
