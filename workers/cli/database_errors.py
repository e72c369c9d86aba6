"""Why a command cannot use the database, in words for the person who typed it."""

from infra.db.errors import origin_of
from infra.stack.program import command

_OLDER = ("42P01", "42703", "42883", "42704")  # a table, column, function or type is missing


def describe(error: BaseException, variable: str = "OMS_DATABASE_URL") -> str:
    """One line: what PostgreSQL said, and the variable or the command that helps. No statement, no values of one."""
    raised = origin_of(error)
    if getattr(raised, "sqlstate", None) in _OLDER:
        return f"the database is older than this program: {command('migrate', takes_data_dir=False)}"
    first = next(iter(str(raised).strip().splitlines()), "") or type(error).__name__
    return f"{first} ({variable})"
