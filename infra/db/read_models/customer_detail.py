"""One customer as staff see them: how they are reached, now and before, and what they spent."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.notifications import masked
from infra.db.customers.profiles import KeyRing, profile_context
from infra.db.notifications.messages import to_context

MOST_CONTACTS = 50
MOST_ORDERS = 10_000
RECENT_ORDERS = 100

_CUSTOMER = text(
    """SELECT customer_id, data_key, profile_enc, created_at, updated_at FROM customers
        WHERE customer_id = :customer_id"""
)
_CONTACTS = text(
    """
    (SELECT s.channel, s.profile_enc, s.updated_at AS at, NULL AS contact_id FROM customer_contacts s
      WHERE s.customer_id = :customer_id ORDER BY s.updated_at DESC LIMIT :most)
    UNION ALL
    (SELECT NULL, k.profile_enc, k.created_at, k.contact_id FROM order_contacts k
      WHERE k.customer_id = :customer_id ORDER BY k.created_at DESC LIMIT :most)
    """
)
# What was captured and stayed: refunds and lost disputes are taken off.
_SPEND = text(
    """
    WITH own AS MATERIALIZED (
      SELECT order_no, currency, status FROM orders WHERE customer_id = :customer_id
       ORDER BY created_at DESC, order_no DESC LIMIT :most)
    SELECT trim(o.currency) AS currency, count(*) AS orders,
           count(*) FILTER (WHERE o.status = 'cancelled') AS cancelled,
           coalesce(sum(m.captured), 0)::bigint AS paid_minor,
           coalesce(sum(m.refunded), 0)::bigint AS refunded_minor
      FROM own o LEFT JOIN LATERAL (
        SELECT sum(t.captured_minor) AS captured, sum(t.refunded_minor + t.disputed_minor) AS refunded
          FROM payments p JOIN payment_totals t USING (payment_id)
         WHERE p.order_no = o.order_no AND p.purpose <> 'stray') m ON true
     GROUP BY 1 ORDER BY 1
    """
)
_CREDIT = text(
    """SELECT trim(currency) AS currency, balance_minor, held_minor FROM store_credits
        WHERE customer_id = :customer_id ORDER BY currency"""
)
_MESSAGES = text(
    """
    SELECT m.message_id, m.order_no, m.fact, m.channel, m.state, m.to_enc, m.created_at, m.sent_at
      FROM (SELECT order_no FROM orders WHERE customer_id = :customer_id
             ORDER BY created_at DESC, order_no DESC LIMIT :recent) o
      JOIN messages m USING (order_no) ORDER BY m.created_at DESC, m.message_id LIMIT :limit
    """
)
_RETURNS = text(
    """
    SELECT r.return_id, r.return_no, r.order_no, r.status, r.resolution, r.created_at
      FROM (SELECT order_no FROM orders WHERE customer_id = :customer_id
             ORDER BY created_at DESC, order_no DESC LIMIT :recent) o
      JOIN returns r USING (order_no) ORDER BY r.created_at DESC, r.return_id LIMIT :limit
    """
)


async def detail(conn: AsyncConnection, keys: KeyRing, customer_id: str, limit: int) -> dict[str, Any] | None:
    """The customer, or None: profile, `contacts` (now and before), `spend` by currency, `store_credit`, and the last
    `limit` messages and returns of the newest orders."""
    row = (await conn.execute(_CUSTOMER, {"customer_id": customer_id})).one_or_none()
    if row is None:
        return None
    own = {"customer_id": customer_id}
    known = keys.open_json(row.data_key, row.profile_enc, profile_context(customer_id)) or {}
    recent = {**own, "recent": RECENT_ORDERS, "limit": limit}
    return {
        "customer_id": customer_id,
        **{name: known.get(name) for name in ("name", "email", "phone", "language")},
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "erased": row.data_key is None,
        "contacts": await _contacts(conn, keys, customer_id, row.data_key, known),
        "spend": [_spent(one._mapping) for one in await conn.execute(_SPEND, {**own, "most": MOST_ORDERS})],
        "store_credit": [dict(one._mapping) for one in await conn.execute(_CREDIT, own)],
        "messages": [_message(keys, row.data_key, one._mapping) for one in await conn.execute(_MESSAGES, recent)],
        "returns": [dict(one._mapping) for one in await conn.execute(_RETURNS, recent)],
    }


async def _contacts(
    conn: AsyncConnection, keys: KeyRing, customer_id: str, key: bytes | None, known: dict[str, Any]
) -> list[dict[str, Any]]:
    """Every way in which the customer was named, each once, the newest first; `current` is how they are known now."""
    now = _person(known)
    found: dict[tuple[object, ...], dict[str, Any]] = {}
    rows = (await conn.execute(_CONTACTS, {"customer_id": customer_id, "most": MOST_CONTACTS})).all()
    for row in sorted(rows, key=lambda each: each.at, reverse=True):
        opened = keys.open_json(key, row.profile_enc, profile_context(customer_id))
        if opened is not None:
            person = _person(opened)
            one = found.setdefault(tuple(person.values()), {**person, "channels": [], "at": row.at})
            one["channels"] += [row.channel] if row.channel else []
            one["current"] = person == now
    return list(found.values())


def _person(stored: dict[str, Any]) -> dict[str, Any]:
    return {name: stored.get(name) for name in ("name", "email", "phone")}


def _spent(row: Any) -> dict[str, Any]:
    return {**row, "net_minor": row["paid_minor"] - row["refunded_minor"]}


def _message(keys: KeyRing, key: bytes | None, row: Any) -> dict[str, Any]:
    to = keys.open_json(key, row["to_enc"], to_context(row["message_id"]))
    known = {name: value for name, value in row.items() if name != "to_enc"}
    return {**known, "to": masked(row["channel"], to) if to else None}
