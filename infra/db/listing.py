"""Lists of orders: keyset pages that follow an index, however many orders there are."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, column, literal, or_, select, table, text, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.crypto import Vault

Sort = Literal["-created_at", "created_at", "status"]
MAX_MATCHES = 200
ANY_HOLD = "any"

_COLUMNS = (
    *("order_no", "status", "channel", "external_ref", "customer_id", "total_minor", "currency"),
    *("created_at", "updated_at", "cancelling", "waiting", "hold", "warehouse", "priority"),
)
_orders = table("orders", *(column(name) for name in _COLUMNS))
_parked = table("parked_steps", column("order_no"), column("step"), column("resolved_at"))

# external_ref is unique per channel: the channels are found by one step down the index each. A customer is known by his
# newest contact, and each channel's orders by the one that it named.
_MATCH = text(
    """
    WITH RECURSIVE channels AS (
      (SELECT channel FROM orders ORDER BY channel LIMIT 1)
      UNION ALL
      SELECT (SELECT o.channel FROM orders o WHERE o.channel > c.channel ORDER BY o.channel LIMIT 1)
        FROM channels c WHERE c.channel IS NOT NULL)
    (SELECT o.order_no, NULL AS customer_id, NULL AS channel FROM orders o
      WHERE o.order_no = CAST(:order_no AS text))
    UNION ALL
    (SELECT o.order_no, NULL, NULL FROM channels c JOIN orders o ON o.channel = c.channel AND o.external_ref = :q)
    UNION ALL
    (SELECT s.order_no, NULL, NULL FROM shipments s WHERE s.tracking_no = :q LIMIT :limit)
    UNION ALL
    (SELECT NULL, k.customer_id, NULL FROM customers k WHERE k.email_index = ANY(CAST(:emails AS bytea[])) LIMIT :limit)
    UNION ALL
    (SELECT NULL, k.customer_id, NULL FROM customers k WHERE k.phone_index = ANY(CAST(:phones AS bytea[])) LIMIT :limit)
    UNION ALL
    (SELECT NULL, s.customer_id, s.channel FROM customer_contacts s JOIN customers k USING (customer_id)
      WHERE s.email_index = ANY(CAST(:emails AS bytea[])) AND k.data_key IS NOT NULL LIMIT :limit)
    UNION ALL
    (SELECT NULL, s.customer_id, s.channel FROM customer_contacts s JOIN customers k USING (customer_id)
      WHERE s.phone_index = ANY(CAST(:phones AS bytea[])) AND k.data_key IS NOT NULL LIMIT :limit)
    """
)


@dataclass(frozen=True, slots=True)
class Position:
    """The last row of a page; `status` only where the page is sorted by it."""

    created_at: datetime
    order_no: str
    status: str = ""


@dataclass(frozen=True, slots=True)
class Matches:
    """What a search text may mean: these orders, or these customers' orders; `through` are customers' orders of one
    channel each, as (customer, channel)."""

    order_nos: Sequence[str]
    customer_ids: Sequence[str]
    through: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Filters of a list; None matches everything. `hold` is a kind, or ANY_HOLD; `priority` as the books store it."""

    status: str | None = None
    channel: str | None = None
    customer_id: str | None = None
    warehouse: str | None = None
    hold: str | None = None
    priority: int | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    sort: Sort = "-created_at"
    limit: int = 50
    after: Position | None = None
    matches: Matches | None = field(default=None)


async def matches_of(conn: AsyncConnection, vault: Vault, q: str, order_no: str | None) -> Matches:
    """What `q` may mean: an order number (`order_no` is its canonical form), an external_ref, a tracking number,
    an e-mail address or a telephone number. At most MAX_MATCHES of each."""
    emails = vault.blind_indexes("email", q) if "@" in q else []
    phones = vault.blind_indexes("phone", q) if sum(symbol.isdigit() for symbol in q) >= 5 else []
    wish = {"q": q, "order_no": order_no, "emails": emails, "phones": phones, "limit": MAX_MATCHES}
    rows = (await conn.execute(_MATCH, wish)).all()
    return Matches(
        [row.order_no for row in rows if row.order_no is not None],
        [row.customer_id for row in rows if row.customer_id is not None and row.channel is None],
        [(row.customer_id, row.channel) for row in rows if row.channel is not None],
    )


async def page(conn: AsyncConnection, wanted: Wanted) -> list[dict[str, Any]]:
    """At most `limit` + 1 rows: the one too many says that there is a next page."""
    rows = await conn.execute(_by_status(wanted) if wanted.sort == "status" else _by_time(wanted))
    return [dict(row._mapping) for row in rows]


def _rows(wanted: Wanted) -> Select[Any]:
    step = (
        select(_parked.c.step)
        .where(_parked.c.order_no == _orders.c.order_no, _parked.c.resolved_at.is_(None))
        .scalar_subquery()
    )
    return select(*_orders.c, step.label("needs_attention")).where(*_filters(wanted)).limit(wanted.limit + 1)


def _filters(wanted: Wanted) -> list[ColumnElement[bool]]:
    c = _orders.c
    filters: list[ColumnElement[bool]] = []
    for name, value in (
        ("status", wanted.status),
        ("channel", wanted.channel),
        ("customer_id", wanted.customer_id),
        ("warehouse", wanted.warehouse),
        ("hold", wanted.hold if wanted.hold != ANY_HOLD else None),
        ("priority", wanted.priority),
    ):
        if value is not None:
            filters.append(c[name] == value)
    if wanted.hold == ANY_HOLD:
        filters.append(c.hold.is_not(None))
    if wanted.created_from is not None:
        filters.append(c.created_at >= wanted.created_from)
    if wanted.created_to is not None:
        filters.append(c.created_at < wanted.created_to)
    if wanted.matches is not None:
        filters.append(_matching(wanted.matches))
    return filters


def _matching(matches: Matches) -> ColumnElement[bool]:
    c = _orders.c
    found = []
    if matches.order_nos:
        found.append(c.order_no.in_(list(matches.order_nos)))
    if matches.customer_ids:
        found.append(c.customer_id.in_(list(matches.customer_ids)))
    if matches.through:
        found.append(tuple_(c.customer_id, c.channel).in_(list(matches.through)))
    return or_(*found) if found else literal(False).is_(True)


def _by_time(wanted: Wanted) -> Select[Any]:
    c = _orders.c
    place = tuple_(c.created_at, c.order_no)
    query = _rows(wanted)
    if wanted.after is not None:
        last = tuple_(literal(wanted.after.created_at), literal(wanted.after.order_no))
        query = query.where(place > last if wanted.sort == "created_at" else place < last)
    if wanted.sort == "created_at":
        return query.order_by(c.created_at, c.order_no)
    return query.order_by(c.created_at.desc(), c.order_no.desc())


def _by_status(wanted: Wanted) -> Select[Any]:
    """By status, newest first in each. The rest of the status and the statuses after it are two index ranges."""
    c = _orders.c
    order = (c.status, c.created_at.desc(), c.order_no.desc())
    if wanted.after is None:
        return _rows(wanted).order_by(*order)
    last = tuple_(literal(wanted.after.created_at), literal(wanted.after.order_no))
    rest = and_(c.status == wanted.after.status, tuple_(c.created_at, c.order_no) < last)
    both = union_all(
        *(
            select(_rows(wanted).where(part).order_by(*order).subquery())
            for part in (rest, c.status > wanted.after.status)
        )
    ).subquery()
    b = both.c
    return select(both).order_by(b.status, b.created_at.desc(), b.order_no.desc()).limit(wanted.limit + 1)
