"""Messages on their way to customers: claimed under a lease, their words frozen before the first try, then settled."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.json_types import JsonFields

# Of one order and channel the earliest goes first, and none overtakes an event that another relay still has in hand.
# "Not over" is not written as "open": the planner, whose statistics know few open rows, would look for an order's
# earlier messages by walking all that are open, which in a backlog are very many.
_CLAIM = text(
    """
    WITH due AS (
      SELECT m.message_id FROM messages m
       WHERE m.channel = :channel AND m.state = 'open' AND m.next_try_at <= now()
         AND NOT EXISTS (SELECT FROM messages e WHERE e.order_no = m.order_no AND e.event_seq < m.event_seq
                            AND e.channel = m.channel AND e.state NOT IN ('sent', 'failed', 'skipped'))
         AND NOT EXISTS (SELECT FROM outbox o WHERE o.order_no = m.order_no AND o.seq < m.event_seq)
       ORDER BY (m.order_no IS NOT NULL), m.next_try_at LIMIT :limit
         FOR UPDATE OF m SKIP LOCKED),
    claimed AS (
      UPDATE messages m SET next_try_at = now() + make_interval(secs => :lease_s), tries = m.tries + 1
       WHERE m.message_id = ANY(ARRAY(SELECT message_id FROM due))
      RETURNING m.*)
    SELECT m.message_id, m.customer_id, m.order_no, m.fact, m.channel, m.template, m.tries, m.round, m.to_enc,
           m.body_enc, coalesce(m.expires_at <= now(), false) AS expired, m.created_at, c.data_key,
           CASE WHEN o.contact_corrected THEN k.profile_enc ELSE coalesce(s.profile_enc, c.profile_enc) END
             AS profile_enc,
           o.currency, o.total_minor, o.country, o.province, e.data, parcel.tracking_no, parcel.carrier,
           shop.name AS shop, shop.contact, coalesce(m.template = ANY(shop.messages_off), false) AS switched_off,
           CASE WHEN o.waiting ->> 'what' = 'payment' THEN o.waiting ->> 'until'
                WHEN o.status = 'received' AND NOT o.backorder THEN '' END AS pay_until,
           m.template = 'order_placed' AND o.type = 'standard' AND o.status IN ('received', 'pending_payment')
             AND o.total_minor > 0
             AND NOT EXISTS (SELECT FROM payment_requests q WHERE q.order_no = m.order_no) AS payment_due
      FROM claimed m
      JOIN customers c ON c.customer_id = m.customer_id
      LEFT JOIN orders o ON o.order_no = m.order_no
      LEFT JOIN customer_contacts s ON s.customer_id = o.customer_id AND s.channel = o.channel
      LEFT JOIN order_contacts k ON k.customer_id = o.customer_id AND k.contact_id = o.contact_id
      LEFT JOIN order_events e ON e.order_no = m.order_no AND e.seq = m.event_seq
      LEFT JOIN channel_settings shop ON shop.channel = o.channel
      LEFT JOIN LATERAL (SELECT s.tracking_no, s.carrier FROM shipments s WHERE s.order_no = m.order_no
                          ORDER BY coalesce(s.shipment_id = e.data ->> 'shipment_id', false) DESC, s.created_at DESC,
                                   s.shipment_id LIMIT 1) parcel ON true
     ORDER BY m.next_try_at, m.message_id
    """
)
_DUE = text(
    """
    SELECT way.channel FROM (VALUES ('email'), ('sms')) way (channel)
     WHERE EXISTS (SELECT FROM messages m
                    WHERE m.channel = way.channel AND m.state = 'open' AND m.next_try_at <= now())
    """
)
_FREEZE = text(
    """
    UPDATE messages m
       SET version = f.version, language = f.language, to_enc = f.to_enc, body_enc = f.body_enc
      FROM unnest(CAST(:ids AS text[]), CAST(:versions AS integer[]), CAST(:languages AS text[]),
                  CAST(:tos AS bytea[]), CAST(:bodies AS bytea[]))
             AS f (message_id, version, language, to_enc, body_enc)
     WHERE m.message_id = f.message_id
    """
)
# The words of a message about an order stay, so that they can be read as they were sent; those of a code do not.
# Taken is taken, also when a relay that was stopped beyond its lease says so; what else it learned is yesterday's.
_SETTLE = text(
    """
    UPDATE messages m
       SET state = CASE WHEN f.error IS NULL THEN 'sent' WHEN f.skipped THEN 'skipped'
                        WHEN f.final OR m.tries >= :attempts AND NOT f.uncounted THEN 'failed' ELSE 'open' END,
           sent_at = CASE WHEN f.error IS NULL THEN now() END,
           body_enc = CASE WHEN m.order_no IS NOT NULL AND NOT f.skipped
                             OR f.error IS NOT NULL AND NOT f.skipped AND NOT f.final
                             AND (f.uncounted OR m.tries < :attempts) THEN m.body_enc END,
           tries = CASE WHEN f.uncounted THEN m.tries - 1 ELSE m.tries END,
           next_try_at = now() + make_interval(secs => f.delay_s),
           last_error = f.error, provider = coalesce(f.provider, m.provider), provider_ref = f.provider_ref
      FROM unnest(CAST(:ids AS text[]), CAST(:tries AS integer[]), CAST(:rounds AS integer[]), CAST(:errors AS text[]),
                  CAST(:finals AS boolean[]), CAST(:skips AS boolean[]), CAST(:uncounted AS boolean[]),
                  CAST(:delays_s AS float8[]), CAST(:providers AS text[]), CAST(:refs AS text[]))
             AS f (message_id, tries, round, error, final, skipped, uncounted, delay_s, provider, provider_ref)
     WHERE m.message_id = f.message_id AND m.state = 'open' AND m.round = f.round
       AND (f.error IS NULL OR m.tries = f.tries)
    """
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """One message to send, with what its words are made of. `tries` counts this claim too; `payment_due` is true
    for a new order that the customer has yet to pay, `pay_until` until when, or empty where that begins soon.
    `switched_off`: the shop does not send such messages. `codes` are those that the order was sold."""

    message_id: str
    customer_id: str
    order_no: str | None
    fact: str
    channel: str
    template: str
    tries: int
    round: int
    to_enc: bytes | None = field(repr=False)
    body_enc: bytes | None = field(repr=False)
    expired: bool
    created_at: datetime
    data_key: bytes | None = field(repr=False)
    profile_enc: bytes | None = field(repr=False)
    currency: str | None
    total_minor: int | None
    country: str | None
    data: JsonFields | None
    tracking_no: str | None
    shop: str | None = None
    contact: str | None = None
    payment_due: bool | None = False
    pay_until: str | None = None
    province: str | None = None
    carrier: str | None = None
    switched_off: bool = False
    codes: tuple[str, ...] = field(default=(), repr=False)

    @property
    def idempotency_key(self) -> str:
        """The same at each try; another one when somebody asks for it to be sent again."""
        return f"{self.message_id}.{self.round}" if self.round else self.message_id


@dataclass(frozen=True, slots=True)
class Frozen:
    """The words of a message, sealed: what is repeated is exactly what was tried before."""

    message_id: str
    version: int
    language: str
    to_enc: bytes = field(repr=False)
    body_enc: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a try. `error` is a code, None when the provider took it; `final` says that no repeat can help,
    `uncounted` that nothing was sent."""

    message: Claimed
    error: str | None = None
    provider: str | None = None
    provider_ref: str | None = None
    final: bool = False
    skipped: bool = False
    uncounted: bool = False
    delay_s: float = 0.0


async def due_channels(conn: AsyncConnection) -> list[str]:
    """Channels with something to send now."""
    return list((await conn.execute(_DUE)).scalars())


async def claim(conn: AsyncConnection, channel: str, limit: int, lease_s: float) -> list[Claimed]:
    """Claim up to `limit` due messages of a channel, of each order only the earliest; codes to sign in first."""
    rows = await conn.execute(_CLAIM, {"channel": channel, "limit": limit, "lease_s": lease_s})
    return [Claimed(**row._mapping) for row in rows]


async def freeze(conn: AsyncConnection, frozen: Sequence[Frozen]) -> None:
    """Keep the words that are about to be sent."""
    values = {
        "ids": [one.message_id for one in frozen],
        "versions": [one.version for one in frozen],
        "languages": [one.language for one in frozen],
        "tos": [one.to_enc for one in frozen],
        "bodies": [one.body_enc for one in frozen],
    }
    await conn.execute(_FREEZE, values)


async def settle(conn: AsyncConnection, settled: Sequence[Settled], attempts: int) -> None:
    """Keep what became of these tries; after `attempts` of them a message is given up."""
    values = {
        "ids": [one.message.message_id for one in settled],
        "tries": [one.message.tries for one in settled],
        "rounds": [one.message.round for one in settled],
        "errors": [one.error for one in settled],
        "finals": [one.final for one in settled],
        "skips": [one.skipped for one in settled],
        "uncounted": [one.uncounted for one in settled],
        "delays_s": [one.delay_s for one in settled],
        "providers": [one.provider for one in settled],
        "refs": [one.provider_ref for one in settled],
        "attempts": attempts,
    }
    await conn.execute(_SETTLE, values)
