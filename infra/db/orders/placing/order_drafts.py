"""Orders that staff prepare, sealed under a key of each draft's own, until they are placed or expire."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypedDict

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict, NotFound
from domain.json_types import JsonObject
from domain.orders.status import Status
from infra.db.customers.profiles import KeyRing

MOST = 100  # drafts that one person has at a time

_COUNT = text("SELECT count(*) FROM order_drafts WHERE owner = :owner AND order_no IS NULL AND expires_at > now()")
_ADD = text(
    """
    INSERT INTO order_drafts (draft_id, owner, customer_id, data_key, content_enc, expires_at)
    VALUES (:draft_id, :owner, :customer_id, :data_key, :content_enc, now() + make_interval(secs => :lifetime_s))
    """
)
_COLUMNS = """
    SELECT d.draft_id, d.version, d.order_no, d.data_key, d.content_enc, d.created_at, d.updated_at, d.expires_at
      FROM order_drafts d WHERE d.owner = :owner AND d.expires_at > now()
"""
_ONE = text(f"{_COLUMNS} AND d.draft_id = :draft_id")
_LOCKED = text(f"{_COLUMNS} AND d.draft_id = :draft_id FOR UPDATE")
_OPEN = text(
    f"""
    {_COLUMNS} AND d.order_no IS NULL
       AND (CAST(:at AS timestamptz) IS NULL OR (d.updated_at, d.draft_id) < (CAST(:at AS timestamptz), :after))
     ORDER BY d.updated_at DESC, d.draft_id DESC LIMIT :limit + 1
    """
)
_SAVE = text(
    """
    UPDATE order_drafts
       SET content_enc = :content_enc, customer_id = :customer_id, version = version + 1, updated_at = now(),
           expires_at = now() + make_interval(secs => :lifetime_s)
     WHERE draft_id = :draft_id
    """
)
_PLACED = text(
    """
    UPDATE order_drafts SET order_no = :order_no, content_enc = '', updated_at = now()
     WHERE draft_id = :draft_id AND order_no IS NULL
    """
)
_DELETE = text("DELETE FROM order_drafts WHERE draft_id = :draft_id")
_FORGET = text(
    """DELETE FROM order_drafts WHERE draft_id = ANY(ARRAY(
         SELECT draft_id FROM order_drafts WHERE expires_at < now() LIMIT :limit))"""
)
# The order that an earlier, interrupted attempt to place the draft made.
_MADE = text(
    """
    SELECT o.order_no, o.status, o.total_minor, o.currency FROM orders o
     WHERE o.order_no = (SELECT coalesce(k.order_no, k.resource) FROM idempotency_keys k
                          WHERE k.subject = :owner AND k.key = :key)
    """
)
_ORDER = text("SELECT order_no, status, total_minor, currency FROM orders WHERE order_no = :order_no")


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftContent:
    """What was typed, as the form has it, and the known customer whom it names. No more is read of it here."""

    form: JsonObject = field(repr=False)
    customer_id: str | None


class OrderFromDraft(TypedDict):
    """The order that a draft became."""

    order_no: str
    status: Status
    total_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDraft:
    """A draft; `content` is empty once it is placed, None where its key is unreadable."""

    draft_id: str
    version: int
    order_no: str | None
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    content: JsonObject | None = field(repr=False)


async def add(
    conn: AsyncConnection, keys: KeyRing, draft_id: str, owner: str, content: DraftContent, lifetime_s: int
) -> None:
    """A new draft. Raises Conflict `too_many_drafts`."""
    if (await conn.execute(_COUNT, {"owner": owner})).scalar_one() >= MOST:
        raise Conflict("too_many_drafts")
    plain, wrapped = keys.vault.new_data_key()
    sealed = keys.vault.seal_json(plain, dict(content.form), draft_id)
    row = {"draft_id": draft_id, "owner": owner, "data_key": wrapped, "content_enc": sealed, "lifetime_s": lifetime_s}
    await conn.execute(_ADD, {**row, "customer_id": content.customer_id})


async def find(conn: AsyncConnection, keys: KeyRing, owner: str, draft_id: str, *, lock: bool = False) -> OrderDraft:
    """The owner's draft. Raises NotFound `draft_not_found`, also for another's and for one that has expired."""
    statement = _LOCKED if lock else _ONE
    row = (await conn.execute(statement, {"owner": owner, "draft_id": draft_id})).mappings().one_or_none()
    if row is None:
        raise NotFound("draft_not_found")
    return _opened(keys, row)


async def open_ones(
    conn: AsyncConnection, keys: KeyRing, owner: str, after: tuple[datetime, str] | None, limit: int
) -> list[OrderDraft]:
    """At most `limit` + 1 drafts that are not placed, the last changed first."""
    at, draft_id = after or (None, "")
    rows = await conn.execute(_OPEN, {"owner": owner, "at": at, "after": draft_id, "limit": limit})
    return [_opened(keys, row) for row in rows.mappings()]


async def save(
    conn: AsyncConnection, keys: KeyRing, owner: str, draft_id: str, content: DraftContent, lifetime_s: int
) -> None:
    """Another content, under the same key. The draft is locked by `find`."""
    row = (await conn.execute(_ONE, {"owner": owner, "draft_id": draft_id})).mappings().one()
    sealed = keys.seal_json(row["data_key"], dict(content.form), draft_id)
    values = {"draft_id": draft_id, "content_enc": sealed, "lifetime_s": lifetime_s}
    await conn.execute(_SAVE, {**values, "customer_id": content.customer_id})


async def mark_placed(conn: AsyncConnection, draft_id: str, order_no: str) -> None:
    """The draft is this order; what was typed is the order's now."""
    await conn.execute(_PLACED, {"draft_id": draft_id, "order_no": order_no})


async def delete(conn: AsyncConnection, draft_id: str) -> None:
    """Delete the draft."""
    await conn.execute(_DELETE, {"draft_id": draft_id})


async def forget(conn: AsyncConnection, limit: int) -> int:
    """Delete drafts that have expired; the number of them."""
    return (await conn.execute(_FORGET, {"limit": limit})).rowcount


async def order_of(conn: AsyncConnection, order_no: str) -> OrderFromDraft:
    """The order that a draft became."""
    return _order((await conn.execute(_ORDER, {"order_no": order_no})).mappings().one())


async def made_under(conn: AsyncConnection, owner: str, key: str) -> OrderFromDraft | None:
    """The order that was placed under this idempotency key, None where there is none."""
    row = (await conn.execute(_MADE, {"owner": owner, "key": key})).mappings().one_or_none()
    return _order(row) if row else None


def _order(row: RowMapping) -> OrderFromDraft:
    return {
        "order_no": row["order_no"],
        "status": Status(row["status"]),
        "total_minor": row["total_minor"],
        "currency": row["currency"],
    }


def _opened(keys: KeyRing, row: RowMapping) -> OrderDraft:
    known = {name: value for name, value in row.items() if name not in ("data_key", "content_enc")}
    placed = row["order_no"] is not None
    content = {} if placed else keys.open_json(row["data_key"], row["content_enc"], row["draft_id"])
    return OrderDraft(**known, content=content)
