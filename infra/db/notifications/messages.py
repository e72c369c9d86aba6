"""Messages to customers: one per fact, encrypted with the customer's key, shown with a masked address."""

import math
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict, NotFound
from domain.notifications import SIGN_IN, MessageState, masked
from infra.db.customers.profiles import KeyRing
from infra.notifications.rendering import render

SIGN_IN_VALID_S = 600.0

_KEY = text("SELECT data_key FROM customers WHERE customer_id = :customer_id")
_ENQUEUE = text(
    """
    INSERT INTO messages (message_id, customer_id, fact, channel, template, version, language, to_enc, body_enc,
                          expires_at)
    VALUES (:message_id, :customer_id, :fact, :channel, :fact, :version, :language, :to_enc, :body_enc,
            now() + make_interval(secs => :valid_s))
    """
)
_OF_ORDER = text(
    """
    SELECT m.message_id, m.fact, m.channel, m.template, m.version, m.language, m.state, m.tries, m.round,
           m.last_error AS error, m.created_at, m.sent_at, m.to_enc, m.earlier_to_enc, c.data_key
      FROM messages m JOIN customers c USING (customer_id)
     WHERE m.order_no = :order_no ORDER BY m.event_seq, m.channel
    """
)
_AGAIN = text(
    """
    UPDATE messages SET state = 'open', tries = 0, next_try_at = now(), last_error = NULL, provider_ref = NULL,
           earlier_to_enc = array_cat(earlier_to_enc, array_remove(ARRAY[to_enc], NULL)),
           to_enc = NULL, version = NULL, language = NULL, round = round + 1, asked_by = :actor
     WHERE message_id = :message_id AND order_no = :order_no AND state = 'failed'
    """
)
# What is on its way in other words, or to another address, is a try of yesterday: its outcome is not believed.
_ANEW = text(
    """
    UPDATE messages SET tries = 0, next_try_at = now(), last_error = NULL, provider_ref = NULL,
           earlier_to_enc = array_append(earlier_to_enc, to_enc), to_enc = NULL, body_enc = NULL, version = NULL,
           language = NULL, round = round + 1, asked_by = :actor
     WHERE order_no = :order_no AND state = 'open' AND to_enc IS NOT NULL
    """
)
_LAST = text(
    """
    SELECT m.event_seq, m.fact, m.template, o.customer_id, c.data_key,
           CASE WHEN o.contact_corrected THEN k.email_index WHEN s.customer_id IS NULL THEN c.email_index
                ELSE s.email_index END AS email,
           CASE WHEN o.contact_corrected THEN k.phone_index WHEN s.customer_id IS NULL THEN c.phone_index
                ELSE s.phone_index END AS phone
      FROM messages m JOIN orders o USING (order_no) JOIN customers c ON c.customer_id = o.customer_id
      LEFT JOIN customer_contacts s ON s.customer_id = o.customer_id AND s.channel = o.channel
      LEFT JOIN order_contacts k ON k.customer_id = o.customer_id AND k.contact_id = o.contact_id
     WHERE m.order_no = :order_no ORDER BY m.event_seq DESC LIMIT 1
    """
)
_SEND_LAST = text(
    """
    INSERT INTO messages AS m (message_id, customer_id, order_no, event_seq, fact, channel, template, round, asked_by)
    VALUES (:message_id, :customer_id, :order_no, :event_seq, :fact, :channel, :template, 1, :actor)
    ON CONFLICT (order_no, event_seq, channel) DO UPDATE
       SET state = 'open', tries = 0, next_try_at = now(), last_error = NULL, provider_ref = NULL, sent_at = NULL,
           earlier_to_enc = array_cat(m.earlier_to_enc, array_remove(ARRAY[m.to_enc], NULL)), to_enc = NULL,
           body_enc = NULL, version = NULL, language = NULL, round = m.round + 1, asked_by = excluded.asked_by
     WHERE m.state <> 'open' OR m.to_enc IS NOT NULL
    """
)
_THERE = text("SELECT 1 FROM messages WHERE message_id = :message_id AND order_no = :order_no")
_FORGET_SIGN_INS = text(
    """DELETE FROM messages WHERE ctid = ANY(ARRAY(
         SELECT ctid FROM messages
          WHERE order_no IS NULL AND created_at < now() - make_interval(days => :days) LIMIT :limit))"""
)


def to_context(message_id: str) -> str:
    """The context that a message's address is sealed with."""
    return f"message:{message_id}:to"


def body_context(message_id: str) -> str:
    """The context that a message's words are sealed with."""
    return f"message:{message_id}:body"


async def enqueue_sign_in(
    conn: AsyncConnection,
    keys: KeyRing,
    customer_id: str,
    channel: str,
    to: str,
    code: str,
    link: str,
    language: str,
    *,
    valid_s: float = SIGN_IN_VALID_S,
) -> str:
    """Have a one-time code and link sent to an address ("email") or number ("sms") of the customer; the message's id.

    Both are encrypted with the customer's key and forgotten once sent, refused, or past `valid_s`. Raises NotFound
    `customer_not_found` for one who is unknown or erased.
    """
    row = (await conn.execute(_KEY, {"customer_id": customer_id})).one_or_none()
    if row is None or row.data_key is None:
        raise NotFound("customer_not_found")
    message_id = f"msg_{secrets.token_hex(16)}"
    facts = {"code": code, "link": link, "minutes": math.ceil(valid_s / 60)}
    words = render(SIGN_IN, channel, language, facts)
    content = {"subject": words.subject, "body": words.body}
    values = {
        "message_id": message_id,
        "customer_id": customer_id,
        "fact": SIGN_IN,
        "channel": channel,
        "version": words.version,
        "language": words.language,
        "to_enc": keys.seal_json(row.data_key, to, to_context(message_id)),
        "body_enc": keys.seal_json(row.data_key, content, body_context(message_id)),
        "valid_s": valid_s,
    }
    await conn.execute(_ENQUEUE, values)
    return message_id


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedMessage:
    """A message to the customer; `to` is masked, None before the first try, and so are the addresses that it went to
    before (`earlier_to`)."""

    message_id: str
    fact: str
    channel: str
    template: str | None
    version: int | None
    language: str | None
    state: MessageState
    tries: int
    round: int
    error: str | None
    created_at: datetime
    sent_at: datetime | None
    to: str | None
    earlier_to: list[str]


async def of_order(conn: AsyncConnection, keys: KeyRing, order_no: str) -> list[ListedMessage]:
    """The messages to the customer about an order, in the order of events."""
    rows = (await conn.execute(_OF_ORDER, {"order_no": order_no})).mappings()
    return [_shown(keys, row) for row in rows]


def _shown(keys: KeyRing, row: RowMapping) -> ListedMessage:
    context, channel = to_context(row["message_id"]), row["channel"]
    addresses = [row["to_enc"], *row["earlier_to_enc"]]
    to, *earlier = (keys.open_json(row["data_key"], sealed, context) for sealed in addresses)
    known = {name: value for name, value in row.items() if name not in ("data_key", "to_enc", "earlier_to_enc")}
    known["state"] = MessageState(row["state"])
    before = [masked(channel, address) for address in earlier if address is not None]
    return ListedMessage(**known, to=None if to is None else masked(channel, to), earlier_to=before)


async def forget_sign_ins(conn: AsyncConnection, days: int, limit: int) -> int:
    """Delete up to `limit` messages with codes that are older than `days`; the number deleted."""
    return (await conn.execute(_FORGET_SIGN_INS, {"days": days, "limit": limit})).rowcount


async def send_again(conn: AsyncConnection, order_no: str, message_id: str, actor: str) -> None:
    """Have a failed message written and sent anew, as another one to its provider, requested by `actor`.

    Raises NotFound `message_not_found` and Conflict `message_not_failed`.
    """
    values = {"order_no": order_no, "message_id": message_id, "actor": actor}
    if (await conn.execute(_AGAIN, values)).rowcount:
        return
    if (await conn.execute(_THERE, values)).first() is None:
        raise unknown()
    raise Conflict("message_not_failed", "only a message that failed can be sent again")


async def write_anew(conn: AsyncConnection, order_no: str, actor: str) -> None:
    """Have what is on its way written anew, with the contact of today, requested by `actor`."""
    await conn.execute(_ANEW, {"order_no": order_no, "actor": actor})


async def send_last_again(conn: AsyncConnection, order_no: str, actor: str) -> str | None:
    """Have the order's last message written anew and sent by the way that the contact of today allows: this is
    requested by `actor`. Its id; None when the order has none yet. The order is locked.

    Raises Conflict `no_address`, `customer_erased`.
    """
    row = (await conn.execute(_LAST, {"order_no": order_no})).one_or_none()
    if row is None:
        return None
    if row.data_key is None:
        raise Conflict("customer_erased", "the customer's data is erased: there is nobody to write to any more")
    channel = "email" if row.email is not None else "sms" if row.phone is not None else None
    if channel is None:
        raise Conflict(
            "no_address", "the order names no e-mail address and no telephone number: correct its contact first"
        )
    message_id = f"{order_no}.{row.event_seq}.{channel}"
    values = {"message_id": message_id, "order_no": order_no, "channel": channel, "actor": actor}
    values |= {name: getattr(row, name) for name in ("customer_id", "event_seq", "fact", "template")}
    await conn.execute(_SEND_LAST, values)
    return message_id


def unknown() -> NotFound:
    """The refusal where there is no such message."""
    return NotFound("message_not_found", "this order has no such message")
