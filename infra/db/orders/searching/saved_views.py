"""Views of the table of orders that staff save, and the columns that each of them chose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict, NotFound
from infra.db.errors import sqlstate_of

MAX_VIEWS = 50
MAX_OWNER = 64  # characters
_FULL = "OM190"

_SEEN = text(
    """
    SELECT view_id, owner, name, filters, shared, created_at FROM saved_views
     WHERE owner = :person OR shared ORDER BY owner <> :person, lower(name), view_id LIMIT 500
    """
)
_ADD = text(
    """
    INSERT INTO saved_views (view_id, owner, name, filters, shared)
    VALUES (:view_id, :owner, :name, CAST(:filters AS jsonb), :shared)
    ON CONFLICT (owner, lower(name)) DO NOTHING
    RETURNING view_id, owner, name, filters, shared, created_at
    """
)
_REMOVE = text("DELETE FROM saved_views WHERE view_id = :view_id AND (owner = :person OR :anyone AND shared)")
_COLUMNS = text("SELECT columns FROM order_table_columns WHERE person = :person")
_CHOOSE = text(
    """
    INSERT INTO order_table_columns (person, columns) VALUES (:person, CAST(:columns AS text[]))
    ON CONFLICT (person) DO UPDATE SET columns = excluded.columns
    """
)


@dataclass(frozen=True, slots=True)
class SavedView:
    """Filters under a name. `filters` are parameters of the page."""

    view_id: str
    owner: str
    name: str
    filters: Mapping[str, str | int]
    shared: bool
    created_at: datetime


async def seen_by(conn: AsyncConnection, person: str) -> list[SavedView]:
    """A person's own views, then the shared ones of others."""
    return [SavedView(**row._mapping) for row in await conn.execute(_SEEN, {"person": person})]


async def add(
    conn: AsyncConnection, view_id: str, owner: str, name: str, filters: Mapping[str, str | int], *, shared: bool
) -> SavedView:
    """Raises Conflict `view_name_taken`, `too_many_views`."""
    row = {"view_id": view_id, "owner": owner, "name": name, "shared": shared}
    try:
        found = await conn.execute(_ADD, {**row, "filters": orjson.dumps(dict(filters)).decode()})
    except DBAPIError as error:
        if sqlstate_of(error) == _FULL:
            raise Conflict("too_many_views") from None
        raise
    if (made := found.one_or_none()) is None:
        raise Conflict("view_name_taken")
    return SavedView(*made)


async def remove(conn: AsyncConnection, view_id: str, person: str, *, anyone: bool) -> None:
    """Delete a view of this person, or, for `anyone`, a shared one. Raises NotFound `view_not_found`."""
    gone = await conn.execute(_REMOVE, {"view_id": view_id, "person": person, "anyone": anyone})
    if not gone.rowcount:
        raise NotFound("view_not_found")


async def columns_of(conn: AsyncConnection, person: str) -> list[str] | None:
    """The columns that this person chose; None: none were chosen yet."""
    found: list[str] | None = (await conn.execute(_COLUMNS, {"person": person})).scalar_one_or_none()
    return found


async def choose_columns(conn: AsyncConnection, person: str, columns: Sequence[str]) -> None:
    """From now on the table shows these."""
    await conn.execute(_CHOOSE, {"person": person, "columns": list(columns)})
