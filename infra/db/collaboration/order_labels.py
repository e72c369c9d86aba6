"""What orders are labelled with: tags, and the member of staff who looks after each."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import NotFound

_ADD = text(
    """
    INSERT INTO order_tags (order_no, tag, tagged_by)
    SELECT CAST(:order_no AS text), t.tag, CAST(:actor AS text) FROM unnest(CAST(:tags AS text[])) AS t (tag)
     WHERE NOT EXISTS (SELECT FROM order_tags k WHERE k.order_no = :order_no AND k.tag = t.tag) ON CONFLICT DO NOTHING
    """
)
_REMOVE = text("DELETE FROM order_tags WHERE order_no = :order_no AND tag = ANY(CAST(:tags AS text[]))")
_KEEP = text("DELETE FROM order_tags WHERE order_no = :order_no AND tag <> ALL(CAST(:tags AS text[]))")
_ASSIGN = text(
    """
    INSERT INTO order_assignees AS a (order_no, assignee, assigned_by) VALUES (:order_no, :assignee, :actor)
    ON CONFLICT (order_no) DO UPDATE SET assignee = excluded.assignee, assigned_by = excluded.assigned_by,
           assigned_at = now() WHERE a.assignee <> excluded.assignee
    """
)
_UNASSIGN = text("DELETE FROM order_assignees WHERE order_no = :order_no")
_ACTIVE = text("SELECT name FROM staff WHERE name = :name AND active")
_STAFF = text("SELECT name FROM staff WHERE active ORDER BY name LIMIT :limit")
_OF = text(
    """
    SELECT o.order_no, a.assignee, ARRAY(SELECT t.tag FROM order_tags t WHERE t.order_no = o.order_no ORDER BY t.tag)
      FROM unnest(CAST(:order_nos AS text[])) AS o (order_no) LEFT JOIN order_assignees a USING (order_no)
    """
)
# Each tag is found by one step down the index, however many orders have it.
_TAGS = text(
    """
    WITH RECURSIVE known AS (
      (SELECT tag FROM order_tags WHERE tag >= :prefix ORDER BY tag LIMIT 1)
      UNION ALL
      (SELECT (SELECT t.tag FROM order_tags t WHERE t.tag > k.tag ORDER BY t.tag LIMIT 1)
         FROM known k WHERE k.tag IS NOT NULL AND starts_with(k.tag, :prefix)))
    SELECT tag FROM known WHERE tag IS NOT NULL AND starts_with(tag, :prefix) LIMIT :limit
    """
)


@dataclass(frozen=True, slots=True)
class Labels:
    """The tags of an order, sorted, and who looks after it."""

    tags: list[str] = field(default_factory=list)
    assignee: str | None = None


async def of(conn: AsyncConnection, order_nos: Sequence[str]) -> dict[str, Labels]:
    """The labels of these orders."""
    rows = await conn.execute(_OF, {"order_nos": list(order_nos)})
    return {order_no: Labels(list(tags), assignee) for order_no, assignee, tags in rows}


async def set_tags(conn: AsyncConnection, order_no: str, tags: Sequence[str], actor: str) -> None:
    """These tags and no others."""
    await conn.execute(_KEEP, {"order_no": order_no, "tags": list(tags)})
    await conn.execute(_ADD, {"order_no": order_no, "tags": list(tags), "actor": actor})


async def change_tags(
    conn: AsyncConnection, order_no: str, add: Sequence[str], remove: Sequence[str], actor: str
) -> None:
    """Some tags more, some less."""
    await conn.execute(_REMOVE, {"order_no": order_no, "tags": list(remove)})
    await conn.execute(_ADD, {"order_no": order_no, "tags": list(add), "actor": actor})


async def assign(conn: AsyncConnection, order_no: str, assignee: str | None, actor: str) -> None:
    """Somebody looks after the order, or nobody. Raises NotFound `staff_not_found`."""
    if assignee is None:
        await conn.execute(_UNASSIGN, {"order_no": order_no})
        return
    if (await conn.execute(_ACTIVE, {"name": assignee})).scalar_one_or_none() is None:
        raise NotFound("staff_not_found", "no active member of staff has this name")
    await conn.execute(_ASSIGN, {"order_no": order_no, "assignee": assignee, "actor": actor})


async def known_tags(conn: AsyncConnection, prefix: str, limit: int) -> list[str]:
    """Tags that orders have and that begin so, in their order."""
    return list((await conn.execute(_TAGS, {"prefix": prefix, "limit": limit})).scalars())


async def staff_names(conn: AsyncConnection, limit: int) -> list[str]:
    """Whom an order can be assigned to."""
    return list((await conn.execute(_STAFF, {"limit": limit})).scalars())
