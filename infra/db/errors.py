"""Errors of the database, named for the layers above: what failed, and whether the program is at fault.

A constraint, a rule of the database or a value that cannot be stored is a fault of the program. A repeat of the same
statement fails the same way, so such errors are named as bugs and not waited out.
"""

from typing import TypeAlias

import psycopg
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    DisconnectionError,
    InterfaceError,
    MultipleResultsFound,
    NoResultFound,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from infra.db.connection_watch import CANNOT_WRITE
from infra.db.engine import PoolExhausted

# Every error of the database; those that the driver raised; those of the driver used directly.
DatabaseError: TypeAlias = SQLAlchemyError
StatementFailed: TypeAlias = DBAPIError
DriverError: TypeAlias = psycopg.Error
# The database cannot be reached, does not answer, or has no free connection.
UNREACHABLE = (SQLAlchemyError, PoolExhausted, OSError)
FAILED = (DBAPIError, DisconnectionError)
NO_CONNECTION = (PoolExhausted, PoolTimeout)

PREFIX = "bug_"
# Cardinality, data and integrity violations, and our own conditions (OM…).
_CLASSES = ("21", "22", "23", "OM")
# A row that must be there is not (no data), or there are several (cardinality).
_ROWS: dict[type[BaseException], str] = {NoResultFound: "02000", MultipleResultsFound: "21000"}


def fault_of(error: BaseException) -> str | None:
    """`PREFIX` and the SQLSTATE where the database refused a statement of the program; None for everything else."""
    if sqlstate := _ROWS.get(type(error)):
        return f"{PREFIX}{sqlstate}"
    sqlstate = sqlstate_of(error) if isinstance(error, DBAPIError) else None
    return f"{PREFIX}{sqlstate}" if sqlstate and sqlstate[:2] in _CLASSES else None


def origin_of(error: BaseException) -> BaseException:
    """What the driver raised behind `error`; `error` itself where the driver raised it, or nothing is behind it."""
    origin = getattr(error, "orig", None)
    return origin if isinstance(origin, BaseException) else error


def sqlstate_of(error: BaseException) -> str | None:
    """PostgreSQL's code; None where the server sent none."""
    return getattr(origin_of(error), "sqlstate", None)


def constraint_of(error: BaseException) -> str:
    """The constraint that was violated, "" where none is named. Holds nothing of a row."""
    return getattr(getattr(origin_of(error), "diag", None), "constraint_name", None) or ""


def is_lost(error: BaseException) -> bool:
    """True where the connection ended, the server shuts down or starts, or no server answers."""
    if getattr(error, "connection_invalidated", False) or isinstance(error, DisconnectionError):
        return True
    sqlstate = sqlstate_of(error)
    if sqlstate is None:
        return isinstance(error, OperationalError | InterfaceError)
    return sqlstate.startswith(("08", "57P"))


def is_invalid_value(error: BaseException) -> bool:
    """True for a value that no column takes: out of range, or text with a NUL."""
    return isinstance(error, DataError)


def is_timeout(error: BaseException) -> bool:
    """True where PostgreSQL ended a statement that took too long."""
    return sqlstate_of(error) == "57014"


def cannot_write(error: BaseException) -> bool:
    """True where PostgreSQL refused to write: its disk or memory is used up, its disk is broken, or it only reads."""
    return sqlstate_of(error) in CANNOT_WRITE
