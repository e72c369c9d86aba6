"""Cursors: opaque to callers, checked when they come back."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NoReturn

import orjson

from api.errors import Problem
from infra.db.orders.searching.listing import BY_TOTAL, Position, Sort

_MAX_CHARS = 300


def encoded(parts: list[Any]) -> str:
    """A cursor that holds `parts`."""
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


def decoded(cursor: str, *types: type) -> list[Any]:
    """The parts, of exactly these types. Raises Problem `invalid_cursor`."""
    if len(cursor) > _MAX_CHARS:
        refuse()
    try:
        parts = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        refuse()
    if not isinstance(parts, list) or [type(part) for part in parts] != list(types):
        refuse()
    if any(isinstance(part, str) and "\x00" in part for part in parts):
        refuse()
    return parts


def number(cursor: str | None) -> int:
    """The sequence number in a cursor, 0 for none. Raises Problem `invalid_cursor`."""
    if cursor is None:
        return 0
    found = int(decoded(cursor, int)[0])
    return found if 0 <= found < 2**31 else refuse()


def large_number(cursor: str) -> int:
    """The row number in a cursor. Raises Problem `invalid_cursor`."""
    found = int(decoded(cursor, int)[0])
    return found if 0 <= found < 2**63 else refuse()


def moment(text: str) -> datetime:
    """A time in a cursor. Raises Problem `invalid_cursor`."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        refuse()
    return found if found.tzinfo is not None else refuse()


def position(cursor: str | None, sort: Sort) -> Position | None:
    """Where the next page of a list sorted like this begins. Raises Problem `invalid_cursor`."""
    if cursor is None:
        return None
    by_total = sort in BY_TOTAL
    sorted_by, created_at, order_no, key = decoded(cursor, str, str, str, int if by_total else str)
    if sorted_by != sort:
        refuse()
    if by_total:
        return Position(moment(created_at), order_no, total_minor=key if abs(key) < 2**63 else refuse())
    return Position(moment(created_at), order_no, key)


def after(row: Mapping[str, Any], sort: Sort) -> str:
    """The cursor behind `row`."""
    key = row["total_minor"] if sort in BY_TOTAL else row["status"]
    return encoded([sort, row["created_at"].isoformat(), row["order_no"], key])


def refuse() -> NoReturn:
    """Raises Problem `invalid_cursor`."""
    raise Problem("invalid_cursor", "the cursor is not one that this list gave, or was given for another order of rows")
