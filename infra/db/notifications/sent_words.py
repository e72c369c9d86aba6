"""The words of a message as they were sent: decrypted with the customer's key, also those of earlier sendings."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.json_types import JsonFields
from domain.notifications import MessageState, masked
from infra.db.customers.profiles import KeyRing
from infra.db.notifications.messages import body_context, to_context, unknown

_MESSAGES = """
    SELECT m.message_id, m.fact, m.channel, m.template, m.version, m.language, m.state, m.last_error AS error,
           m.created_at, m.sent_at, m.to_enc, m.body_enc, m.earlier_body_enc, c.data_key
      FROM messages m JOIN customers c USING (customer_id)
     WHERE m.order_no = :order_no"""
_ONE = text(f"{_MESSAGES} AND m.message_id = :message_id")
_SENT = text(f"{_MESSAGES} AND m.state = 'sent' ORDER BY m.event_seq DESC, m.channel")


@dataclass(frozen=True, slots=True, kw_only=True)
class SentWords:
    """One sending: its masked recipient, and exactly what was handed to the provider."""

    to: str | None
    language: str | None
    version: int | None
    written_at: datetime | None
    subject: str = field(repr=False)
    body: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """A message with its words. `words` is None before the first attempt, after erasure, and for a message that an
    earlier version of the product sent; `earlier` are the sendings before, the first one first."""

    message_id: str
    fact: str
    channel: str
    template: str
    state: MessageState
    error: str | None
    created_at: datetime
    sent_at: datetime | None
    words: SentWords | None
    earlier: list[SentWords]


async def one(conn: AsyncConnection, keys: KeyRing, order_no: str, message_id: str) -> SentMessage:
    """The message about this order. Raises NotFound `message_not_found`."""
    values = {"order_no": order_no, "message_id": message_id}
    row = (await conn.execute(_ONE, values)).mappings().one_or_none()
    if row is None:
        raise unknown()
    return _message(keys, row)


async def sent(conn: AsyncConnection, keys: KeyRing, order_no: str) -> list[SentMessage]:
    """Every message about the order that was sent, the newest first."""
    return [_message(keys, row) for row in (await conn.execute(_SENT, {"order_no": order_no})).mappings()]


def _message(keys: KeyRing, row: RowMapping) -> SentMessage:
    shown = ("message_id", "fact", "channel", "template", "error", "created_at", "sent_at")
    earlier = [_opened(keys, row, sealed) for sealed in row["earlier_body_enc"]]
    return SentMessage(
        **{name: row[name] for name in shown},
        state=MessageState(row["state"]),
        words=_opened(keys, row, row["body_enc"]),
        earlier=[words for words in earlier if words is not None],
    )


def _opened(keys: KeyRing, row: RowMapping, sealed: bytes | None) -> SentWords | None:
    """What was said. A text that an earlier version sealed lacks its recipient: that is the message's own."""
    content: JsonFields | None = keys.open_json(row["data_key"], sealed, body_context(row["message_id"]))
    if content is None:
        return None
    to = content.get("to") or keys.open_json(row["data_key"], row["to_enc"], to_context(row["message_id"]))
    version, written_at = content.get("version", row["version"]), content.get("written_at")
    return SentWords(
        to=masked(row["channel"], to) if to else None,
        language=content.get("language", row["language"]),
        version=int(version) if version else None,
        written_at=datetime.fromisoformat(written_at) if written_at else None,
        subject=content["subject"],
        body=content["body"],
    )
