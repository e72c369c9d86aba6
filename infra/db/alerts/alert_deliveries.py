"""Messages to channels: one channel has one message on its way at a time, whoever sends it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db.alerts.alert_channels import Channel
from infra.db.alerts.findings import Amount

_DUE = text(
    """
    SELECT c.channel_id FROM alert_channels c
     WHERE c.active AND c.busy_until <= now()
       AND EXISTS (SELECT FROM alert_deliveries d
                    WHERE d.channel_id = c.channel_id AND d.state = 'open' AND d.next_try_at <= now())
    """
)
_CLAIM = text(
    """
    WITH free AS (
      SELECT c.channel_id FROM alert_channels c
       WHERE c.channel_id = :channel_id AND c.active AND c.busy_until <= now() FOR NO KEY UPDATE SKIP LOCKED),
    due AS (
      SELECT d.delivery_id FROM alert_deliveries d JOIN free USING (channel_id)
       WHERE d.state = 'open' AND d.next_try_at <= now() ORDER BY d.delivery_id LIMIT 1),
    claimed AS (
      UPDATE alert_deliveries d SET tries = d.tries + 1, next_try_at = now() + make_interval(secs => :lease_s)
        FROM due
       WHERE d.delivery_id = due.delivery_id AND d.state = 'open' AND d.next_try_at <= now()
      RETURNING d.*),
    busy AS (
      UPDATE alert_channels c SET busy_until = now() + make_interval(secs => :lease_s)
        FROM claimed WHERE c.channel_id = claimed.channel_id
      RETURNING c.channel_id, c.kind, c.language, c.target_enc, c.data_key, c.busy_until)
    SELECT d.delivery_id, d.phase, d.tries, n.kind, n.cause, n.facts, n.count AS number, n.most, n.amounts, n.oldest_at,
           n.since, n.over_at, b.channel_id, b.kind AS channel_kind, b.language, b.target_enc, b.data_key, b.busy_until
      FROM claimed d JOIN alerts n USING (alert_id) JOIN busy b USING (channel_id)
    """
)
# Taken is taken, also when something newer was made meanwhile. `tries` shows who was stopped beyond their lease.
_DONE = text(
    """
    UPDATE alert_deliveries SET state = 'done', done_at = now(), last_error = NULL
     WHERE delivery_id = :delivery_id AND tries = :tries AND state IN ('open', 'superseded')
    """
)
_FAILED = text(
    """
    UPDATE alert_deliveries
       SET state = CASE WHEN tries >= :attempts THEN 'failed' ELSE 'open' END, last_error = :error,
           done_at = CASE WHEN tries >= :attempts THEN now() END,
           next_try_at = now() + make_interval(secs => :delay_s)
     WHERE delivery_id = :delivery_id AND tries = :tries AND state = 'open'
    """
)
_REST = text(
    """
    UPDATE alert_channels SET busy_until = now() + make_interval(secs => :rest_s)
     WHERE channel_id = :channel_id AND busy_until = :busy_until
    """
)


@dataclass(frozen=True, slots=True)
class AlertMessage:
    """A cause as a message tells it: `count` now, `most` since it began; `amounts` is the money at stake."""

    kind: str
    cause: str
    facts: dict[str, str | list[str] | None]
    count: int
    most: int
    amounts: list[Amount]
    oldest_at: datetime | None
    since: datetime
    over_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One claimed message. `tries` counts this claim too; the channel is ours until `busy_until`."""

    delivery_id: int
    phase: str
    tries: int
    alert: AlertMessage
    channel: Channel
    busy_until: datetime

    @property
    def message_id(self) -> str:
        """The same at each try, so that a receiver can tell a repeat."""
        return f"ntc_{self.delivery_id}"


async def due_channels(conn: AsyncConnection) -> list[str]:
    """Channels with something to send now that nobody is sending to."""
    return list((await conn.execute(_DUE)).scalars())


async def claim(conn: AsyncConnection, channel_id: str, lease_s: float) -> Delivery | None:
    """The channel's earliest due message, the channel ours for `lease_s`; None when there is none, or it is not."""
    row = (await conn.execute(_CLAIM, {"channel_id": channel_id, "lease_s": lease_s})).one_or_none()
    if row is None:
        return None
    alert = AlertMessage(
        row.kind, row.cause, row.facts, row.number, row.most, row.amounts, row.oldest_at, row.since, row.over_at
    )
    channel = Channel(row.channel_id, row.channel_kind, row.language, row.target_enc, row.data_key)
    return Delivery(row.delivery_id, row.phase, row.tries, alert, channel, row.busy_until)


async def mark_done(conn: AsyncConnection, delivery: Delivery) -> None:
    """The channel has taken it."""
    await conn.execute(_DONE, {"delivery_id": delivery.delivery_id, "tries": delivery.tries})


async def mark_failed(conn: AsyncConnection, delivery: Delivery, error: str, delay_s: float, attempts: int) -> None:
    """Try again after `delay_s`, or give up when this was the last of `attempts`. `error` is a code."""
    bound = {"delivery_id": delivery.delivery_id, "tries": delivery.tries}
    await conn.execute(_FAILED, {**bound, "error": error, "delay_s": delay_s, "attempts": attempts})


async def rest(conn: AsyncConnection, delivery: Delivery, rest_s: float) -> None:
    """Let go of the channel; nobody sends to it for `rest_s`."""
    bound = {"channel_id": delivery.channel.channel_id, "busy_until": delivery.busy_until}
    await conn.execute(_REST, {**bound, "rest_s": rest_s})
