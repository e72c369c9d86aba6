"""Faults of the program that the books refuse: a constraint, a rule of theirs, a value that cannot be kept.

They are no weather: a repeat of the same statement fails the same way, so they are named as bugs, not waited out.
"""

from sqlalchemy.exc import DBAPIError, MultipleResultsFound, NoResultFound

PREFIX = "bug_"
# Cardinality, data and integrity violations, and our own conditions (OM…).
_CLASSES = ("21", "22", "23", "OM")
# A row that must be there is not (no data), or there are several (cardinality).
_ROWS: dict[type[BaseException], str] = {NoResultFound: "02000", MultipleResultsFound: "21000"}


def fault_of(error: BaseException) -> str | None:
    """`bug_` and the SQLSTATE where the books refused what the program wanted; None for everything else."""
    if sqlstate := _ROWS.get(type(error)):
        return f"{PREFIX}{sqlstate}"
    sqlstate = getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None
    return f"{PREFIX}{sqlstate}" if sqlstate and sqlstate[:2] in _CLASSES else None


def constraint_of(error: BaseException) -> str:
    """The constraint that was violated, "" where none is named. Holds nothing of a row."""
    origin = getattr(error, "orig", None)
    return getattr(getattr(origin, "diag", None), "constraint_name", None) or ""
