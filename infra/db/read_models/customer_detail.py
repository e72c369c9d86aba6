"""One customer as staff see them: how they are reached, now and before, and what they spent."""

from datetime import datetime
from typing import TypedDict

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.after_sales.returns import Resolution, ReturnStatus
from domain.notifications import MessageState, masked
from infra.db.customers.profiles import KeyRing, NamedPerson, person_in, profile_context
from infra.db.notifications.messages import to_context

MOST_CONTACTS = 50
MOST_ORDERS = 10_000
RECENT_ORDERS = 100

_CUSTOMER = text(
    """SELECT customer_id, data_key, profile_enc, created_at, updated_at, customer_group FROM customers
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
         WHERE p.order_no = o.order_no AND p.purpose <> 'stray' AND p.provider <> 'terms') m ON true
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


class CustomerContact(NamedPerson):
    """A way in which the customer was named, by which channels; `current` is how they are known now."""

    channels: list[str]
    at: datetime
    current: bool


class CustomerSpend(TypedDict):
    """What the customer paid and kept in one currency, of their newest orders."""

    currency: str
    orders: int
    cancelled: int
    paid_minor: int
    refunded_minor: int
    net_minor: int


class CreditBalance(TypedDict):
    """The store credit in one currency."""

    currency: str
    balance_minor: int
    held_minor: int


class CustomerMessage(TypedDict):
    """A message about one of the customer's orders; `to` is masked, and None once it cannot be read."""

    message_id: str
    order_no: str
    fact: str
    channel: str
    state: MessageState
    to: str | None
    created_at: datetime
    sent_at: datetime | None


class CustomerReturn(TypedDict):
    """A return of one of the customer's orders."""

    return_id: str
    return_no: int
    order_no: str
    status: ReturnStatus
    resolution: Resolution
    created_at: datetime


class CustomerDetail(NamedPerson):
    """The customer: contacts now and before, the newest first, and what they ordered and got."""

    customer_id: str
    language: str | None
    customer_group: str | None
    created_at: datetime
    updated_at: datetime
    erased: bool
    contacts: list[CustomerContact]
    spend: list[CustomerSpend]
    store_credit: list[CreditBalance]
    messages: list[CustomerMessage]
    returns: list[CustomerReturn]


async def detail(conn: AsyncConnection, keys: KeyRing, customer_id: str, limit: int) -> CustomerDetail | None:
    """The customer, or None; with the last `limit` messages and returns of the newest orders."""
    row = (await conn.execute(_CUSTOMER, {"customer_id": customer_id})).one_or_none()
    if row is None:
        return None
    own = {"customer_id": customer_id}
    known = keys.open_json(row.data_key, row.profile_enc, profile_context(customer_id)) or {}
    recent = {**own, "recent": RECENT_ORDERS, "limit": limit}
    messages = (await conn.execute(_MESSAGES, recent)).mappings()
    return {
        "customer_id": customer_id,
        **person_in(known),
        "language": known.get("language"),
        "customer_group": row.customer_group,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "erased": row.data_key is None,
        "contacts": await _contacts(conn, keys, customer_id, row.data_key, person_in(known)),
        "spend": [_spent(one) for one in (await conn.execute(_SPEND, {**own, "most": MOST_ORDERS})).mappings()],
        "store_credit": [_credit(one) for one in (await conn.execute(_CREDIT, own)).mappings()],
        "messages": [_message(keys, row.data_key, one) for one in messages],
        "returns": [_return(one) for one in (await conn.execute(_RETURNS, recent)).mappings()],
    }


async def _contacts(
    conn: AsyncConnection, keys: KeyRing, customer_id: str, key: bytes | None, now: NamedPerson
) -> list[CustomerContact]:
    """Every way in which the customer was named, each once, the newest first."""
    found: dict[tuple[str | None, ...], CustomerContact] = {}
    rows = (await conn.execute(_CONTACTS, {"customer_id": customer_id, "most": MOST_CONTACTS})).all()
    for row in sorted(rows, key=lambda each: each.at, reverse=True):
        opened = keys.open_json(key, row.profile_enc, profile_context(customer_id))
        if opened is not None:
            person = person_in(opened)
            seen = (person["name"], person["email"], person["phone"])
            new: CustomerContact = {**person, "channels": [], "at": row.at, "current": person == now}
            found.setdefault(seen, new)["channels"] += [row.channel] if row.channel else []
    return list(found.values())


def _spent(row: RowMapping) -> CustomerSpend:
    return {
        "currency": row["currency"],
        "orders": row["orders"],
        "cancelled": row["cancelled"],
        "paid_minor": row["paid_minor"],
        "refunded_minor": row["refunded_minor"],
        "net_minor": row["paid_minor"] - row["refunded_minor"],
    }


def _credit(row: RowMapping) -> CreditBalance:
    return {"currency": row["currency"], "balance_minor": row["balance_minor"], "held_minor": row["held_minor"]}


def _message(keys: KeyRing, key: bytes | None, row: RowMapping) -> CustomerMessage:
    to = keys.open_json(key, row["to_enc"], to_context(row["message_id"]))
    return {
        "message_id": row["message_id"],
        "order_no": row["order_no"],
        "fact": row["fact"],
        "channel": row["channel"],
        "state": MessageState(row["state"]),
        "to": masked(row["channel"], to) if to else None,
        "created_at": row["created_at"],
        "sent_at": row["sent_at"],
    }


def _return(row: RowMapping) -> CustomerReturn:
    return {
        "return_id": row["return_id"],
        "return_no": row["return_no"],
        "order_no": row["order_no"],
        "status": ReturnStatus(row["status"]),
        "resolution": Resolution(row["resolution"]),
        "created_at": row["created_at"],
    }
