"""Deliveries of stock levels to webhook endpoints: of each product and channel the newest level, one at a time."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class LevelDelivery:
    """One claimed level. `available` is in units, `tries` counts this claim too.

    Until `lease_until` nobody else sends a level of the product and channel to the endpoint.
    """

    endpoint_id: str
    channel: str
    sku: str
    available: int
    sequence: int
    at: datetime
    tries: int
    lease_until: datetime

    @property
    def message_id(self) -> str:
        """The same for each try of the level. A hash: a header cannot contain every SKU."""
        named = "\n".join((self.endpoint_id, self.channel, self.sku, str(self.sequence)))
        return f"lvl_{sha256(named.encode()).hexdigest()[:32]}"

    @property
    def occurred_at(self) -> datetime:
        """When the level was calculated."""
        return self.at


_CLAIM = text(
    """WITH due AS (
         SELECT d.channel, d.sku FROM stock_level_deliveries d
          WHERE d.endpoint_id = :endpoint_id AND d.state = 'open' AND d.next_try_at <= now()
            AND EXISTS (SELECT FROM webhook_endpoints w WHERE w.endpoint_id = d.endpoint_id AND w.active)
          ORDER BY d.next_try_at, d.channel, d.sku LIMIT :limit
            FOR UPDATE SKIP LOCKED)
       UPDATE stock_level_deliveries d
          SET next_try_at = now() + make_interval(secs => :lease_s), tries = d.tries + 1
         FROM due WHERE d.endpoint_id = :endpoint_id AND d.channel = due.channel AND d.sku = due.sku
       RETURNING d.endpoint_id, d.channel, d.sku, d.available, d.sequence, d.at, d.tries,
                 d.next_try_at AS lease_until"""
)
# The endpoint's row first and its deliveries after it, as in every transaction. A level that came meanwhile is next.
# Who was stopped beyond the lease changes nothing: another relay has sent what came after.
_DONE = text(
    """WITH well AS (
         UPDATE webhook_endpoints SET failing_since = NULL, last_error = NULL
          WHERE endpoint_id = :endpoint_id AND failing_since IS NOT NULL RETURNING 1)
       UPDATE stock_level_deliveries
          SET state = CASE WHEN sequence = :sequence OR available = :available THEN 'done' ELSE 'open' END,
              sent_available = :available, tries = 0, next_try_at = now(), last_error = NULL, done_at = now()
        WHERE endpoint_id = :endpoint_id AND channel = :channel AND sku = :sku
          AND state = 'open' AND next_try_at = :lease_until AND (SELECT count(*) FROM well) >= 0"""
)
_FAILED = text(
    """UPDATE stock_level_deliveries
          SET state = CASE WHEN tries >= :attempts AND sequence = :sequence THEN 'failed' ELSE 'open' END,
              last_error = :error, next_try_at = now() + make_interval(secs => :delay_s),
              done_at = CASE WHEN tries >= :attempts AND sequence = :sequence THEN now() END
        WHERE endpoint_id = :endpoint_id AND channel = :channel AND sku = :sku
          AND state = 'open' AND next_try_at = :lease_until"""
)
_AGAIN = text(
    """UPDATE stock_level_deliveries d SET state = 'open', tries = 0, next_try_at = now(), done_at = NULL
         FROM (SELECT x.channel, x.sku FROM stock_level_deliveries x
                WHERE x.endpoint_id = :endpoint_id AND x.state = 'failed'
                  AND (CAST(:since AS timestamptz) IS NULL OR x.at >= CAST(:since AS timestamptz))
                ORDER BY x.channel, x.sku LIMIT :limit) due
        WHERE d.endpoint_id = :endpoint_id AND (d.channel, d.sku) = (due.channel, due.sku) AND d.state = 'failed'"""
)


async def claim(connection: AsyncConnection, endpoint_id: str, limit: int, lease_s: float) -> list[LevelDelivery]:
    """Claim up to `limit` due levels, those that wait longest first."""
    bound = {"endpoint_id": endpoint_id, "limit": limit, "lease_s": lease_s}
    return [LevelDelivery(**row._mapping) for row in await connection.execute(_CLAIM, bound)]


async def mark_done(connection: AsyncConnection, delivery: LevelDelivery) -> None:
    """The endpoint has taken it."""
    await connection.execute(_DONE, {**_key(delivery), "available": delivery.available})


async def mark_failed(
    connection: AsyncConnection, delivery: LevelDelivery, error: str, delay_s: float, attempts: int
) -> None:
    """Try again after `delay_s`, with the newest level, or give up when this was the last of `attempts`."""
    bound = {**_key(delivery), "error": error, "delay_s": delay_s, "attempts": attempts}
    await connection.execute(_FAILED, bound)


async def replay(connection: AsyncConnection, endpoint_id: str, since: datetime | None, limit: int) -> int:
    """Send again up to `limit` levels that were given up, of those calculated from `since` on; their number."""
    return (await connection.execute(_AGAIN, {"endpoint_id": endpoint_id, "since": since, "limit": limit})).rowcount


def _key(delivery: LevelDelivery) -> dict[str, object]:
    return {
        "endpoint_id": delivery.endpoint_id,
        "channel": delivery.channel,
        "sku": delivery.sku,
        "sequence": delivery.sequence,
        "lease_until": delivery.lease_until,
    }
