"""Messages to customers in the books: one per fact, sealed with the customer's key, shown with a masked address."""

import math
import secrets
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict, NotFound
from domain.messages import SIGN_IN, masked
from infra.db.customers import KeyRing
from infra.messages.rendering import render

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
           m.last_error AS error, m.created_at, m.sent_at, m.to_enc, c.data_key
      FROM messages m JOIN customers c USING (customer_id)
     WHERE m.order_no = :order_no ORDER BY m.event_seq, m.channel
    """
)
_AGAIN = text(
    """
    UPDATE messages SET state = 'open', tries = 0, next_try_at = now(), last_error = NULL, provider_ref = NULL,
           to_enc = NULL, version = NULL, language = NULL, round = round + 1, asked_by = :actor
     WHERE message_id = :message_id AND order_no = :order_no AND state = 'failed'
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

    Both are sealed with his key and forgotten once sent, refused, or older than `valid_s`. Raises NotFound
    `customer_not_found` for one who is unknown or erased.
    """
    row = (await conn.execute(_KEY, {"customer_id": customer_id})).one_or_none()
    if row is None or row.data_key is None:
        raise NotFound("customer_not_found")
    message_id = f"msg_{secrets.token_hex(16)}"
    facts = {"code": code, "link": link, "minutes": math.ceil(valid_s / 60)}
    words = render(SIGN_IN, channel, language, facts)
    said = {"subject": words.subject, "body": words.body}
    values = {
        "message_id": message_id,
        "customer_id": customer_id,
        "fact": SIGN_IN,
        "channel": channel,
        "version": words.version,
        "language": words.language,
        "to_enc": keys.seal_json(row.data_key, to, to_context(message_id)),
        "body_enc": keys.seal_json(row.data_key, said, body_context(message_id)),
        "valid_s": valid_s,
    }
    await conn.execute(_ENQUEUE, values)
    return message_id


async def of_order(conn: AsyncConnection, keys: KeyRing, order_no: str) -> list[dict[str, Any]]:
    """What the customer was told of an order, in the order it happened; `to` is masked, None before the first try."""
    rows = await conn.execute(_OF_ORDER, {"order_no": order_no})
    return [_shown(keys, dict(row._mapping)) for row in rows]


def _shown(keys: KeyRing, row: dict[str, Any]) -> dict[str, Any]:
    to = keys.open_json(row.pop("data_key"), row.pop("to_enc"), to_context(row["message_id"]))
    return {**row, "to": None if to is None else masked(row["channel"], to)}


async def forget_sign_ins(conn: AsyncConnection, days: int, limit: int) -> int:
    """Delete up to `limit` messages with codes that are older than `days`; the number deleted."""
    return (await conn.execute(_FORGET_SIGN_INS, {"days": days, "limit": limit})).rowcount


async def send_again(conn: AsyncConnection, order_no: str, message_id: str, actor: str) -> None:
    """Have a failed message written and sent anew, as another one to its provider: this is `actor`'s wish.

    Raises NotFound `message_not_found` and Conflict `message_not_failed`.
    """
    asked = {"order_no": order_no, "message_id": message_id, "actor": actor}
    if (await conn.execute(_AGAIN, asked)).rowcount:
        return
    if (await conn.execute(_THERE, asked)).first() is None:
        raise NotFound("message_not_found", "this order has no such message")
    raise Conflict("message_not_failed", "only a message that failed can be sent again")
