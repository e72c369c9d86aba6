"""Deliveries of events to webhook endpoints: due ones are claimed under a lease, one per order at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The recipient: `secret_enc` is encrypted by the wrapped `data_key`."""

    endpoint_id: str
    url: str
    secret_enc: bytes
    data_key: bytes


@dataclass(frozen=True, slots=True)
class Delivery:
    """One claimed delivery with its event. `tries` counts this claim too."""

    endpoint_id: str
    order_no: str
    seq: int
    tries: int
    type: str
    from_status: str | None
    to_status: str | None
    data: Mapping[str, object]
    occurred_at: datetime

    @property
    def message_id(self) -> str:
        return f"{self.order_no}.{self.seq}"


_DUE = text(
    """SELECT w.endpoint_id, w.url, w.secret_enc, w.data_key FROM webhook_endpoints w
        WHERE w.active AND (
          EXISTS (SELECT FROM webhook_deliveries d
                   WHERE d.endpoint_id = w.endpoint_id AND d.state = 'open' AND d.next_try_at <= now())
          OR EXISTS (SELECT FROM stock_level_deliveries l
                      WHERE l.endpoint_id = w.endpoint_id AND l.state = 'open' AND l.next_try_at <= now()))"""
)

# An order's earlier event may still be undelivered, or be in another relay's hands before its fan-out commits.
_CLAIM = text(
    """WITH due AS (
         SELECT d.order_no, d.seq FROM webhook_deliveries d
          WHERE d.endpoint_id = :endpoint_id AND d.state = 'open' AND d.next_try_at <= now()
            AND EXISTS (SELECT FROM webhook_endpoints w WHERE w.endpoint_id = d.endpoint_id AND w.active)
            AND NOT EXISTS (SELECT FROM webhook_deliveries e
                             WHERE e.endpoint_id = d.endpoint_id AND e.order_no = d.order_no
                               AND e.seq < d.seq AND e.state = 'open')
            AND NOT EXISTS (SELECT FROM outbox o WHERE o.order_no = d.order_no AND o.seq < d.seq)
          ORDER BY d.next_try_at, d.order_no LIMIT :limit
            FOR UPDATE OF d SKIP LOCKED),
       claimed AS (
         UPDATE webhook_deliveries d
            SET next_try_at = now() + make_interval(secs => :lease_s), tries = d.tries + 1
           FROM due WHERE d.endpoint_id = :endpoint_id AND d.order_no = due.order_no AND d.seq = due.seq
         RETURNING d.endpoint_id, d.order_no, d.seq, d.tries)
       SELECT c.endpoint_id, c.order_no, c.seq, c.tries,
              e.type, e.from_status, e.to_status, e.data, e.occurred_at
         FROM claimed c JOIN order_events e ON e.order_no = c.order_no AND e.seq = c.seq"""
)

# The endpoint's row first and its deliveries after it, as in every transaction: so two transactions never deadlock.
_DONE = text(
    """WITH well AS (
         UPDATE webhook_endpoints SET failing_since = NULL, last_error = NULL
          WHERE endpoint_id = :endpoint_id AND failing_since IS NOT NULL RETURNING 1)
       UPDATE webhook_deliveries SET state = 'done', done_at = now(), last_error = NULL
        WHERE endpoint_id = :endpoint_id AND order_no = :order_no AND seq = :seq AND (SELECT count(*) FROM well) >= 0"""
)
# A relay that was stopped beyond its lease must not undo what another one has learned since.
_FAILED = text(
    """UPDATE webhook_deliveries
          SET state = CASE WHEN tries >= :attempts THEN 'failed' ELSE 'open' END, last_error = :error,
              done_at = CASE WHEN tries >= :attempts THEN now() END,
              next_try_at = now() + make_interval(secs => :delay_s)
        WHERE endpoint_id = :endpoint_id AND order_no = :order_no AND seq = :seq
          AND state = 'open' AND tries = :tries"""
)
# Dead is who has taken nothing for so long, though it was tried. Switched off once, however many relays say so.
_FAILING = text(
    """UPDATE webhook_endpoints w
          SET failing_since = coalesce(w.failing_since, now()), last_error = :error,
              active = NOT o.dead, disabled_at = CASE WHEN o.dead THEN now() END
         FROM (SELECT endpoint_id, :dead_after_s > 0 AND failing_since IS NOT NULL
                        AND failing_since <= now() - make_interval(secs => :dead_after_s) AS dead
                 FROM webhook_endpoints WHERE endpoint_id = :endpoint_id) o
        WHERE w.endpoint_id = o.endpoint_id AND w.active RETURNING o.dead"""
)
# An endpoint that is off stays off until this commits: what it closes, whoever switches the endpoint on opens again.
_GIVE_UP = text(
    """WITH off AS MATERIALIZED (
         SELECT w.endpoint_id FROM webhook_endpoints w
          WHERE NOT w.active AND EXISTS (SELECT FROM webhook_deliveries d
                                          WHERE d.endpoint_id = w.endpoint_id AND d.state = 'open')
          ORDER BY w.endpoint_id FOR SHARE)
       UPDATE webhook_deliveries SET state = 'failed', last_error = 'endpoint_disabled', done_at = now()
        WHERE ctid = ANY(ARRAY(
          SELECT d.ctid FROM webhook_deliveries d
           WHERE d.endpoint_id = ANY (ARRAY(SELECT endpoint_id FROM off)) AND d.state = 'open' LIMIT :limit
             FOR UPDATE SKIP LOCKED))"""
)
_ENABLE = text(
    """UPDATE webhook_endpoints SET active = true, disabled_at = NULL, failing_since = NULL, last_error = NULL
        WHERE endpoint_id = :endpoint_id RETURNING 1"""
)
_AGAIN = text(
    """UPDATE webhook_deliveries d SET state = 'open', tries = 0, next_try_at = now(), done_at = NULL
         FROM (SELECT x.order_no, x.seq FROM webhook_deliveries x
                 JOIN order_events e ON e.order_no = x.order_no AND e.seq = x.seq
                WHERE x.endpoint_id = :endpoint_id AND x.state = 'failed'
                  AND (CAST(:since AS timestamptz) IS NULL OR e.occurred_at >= CAST(:since AS timestamptz))
                ORDER BY x.order_no, x.seq LIMIT :limit) due
        WHERE d.endpoint_id = :endpoint_id AND (d.order_no, d.seq) = (due.order_no, due.seq) AND d.state = 'failed'"""
)


async def due_endpoints(connection: AsyncConnection) -> list[Endpoint]:
    """Active endpoints with something to send now."""
    return [Endpoint(row.endpoint_id, row.url, row.secret_enc, row.data_key) for row in await connection.execute(_DUE)]


async def claim(connection: AsyncConnection, endpoint_id: str, limit: int, lease_s: float) -> list[Delivery]:
    """Claim up to `limit` due deliveries, of each order only the earliest open one."""
    bound = {"endpoint_id": endpoint_id, "limit": limit, "lease_s": lease_s}
    return [Delivery(**row._mapping) for row in await connection.execute(_CLAIM, bound)]


async def mark_done(connection: AsyncConnection, delivery: Delivery) -> None:
    """The endpoint has taken it."""
    await connection.execute(_DONE, _key(delivery))


async def mark_failed(
    connection: AsyncConnection, delivery: Delivery, error: str, delay_s: float, attempts: int
) -> None:
    """Try again after `delay_s`, or give up when this was the last of `attempts`. `error` is a code."""
    bound = {**_key(delivery), "tries": delivery.tries, "error": error, "delay_s": delay_s, "attempts": attempts}
    await connection.execute(_FAILED, bound)


async def note_failure(connection: AsyncConnection, endpoint_id: str, error: str, dead_after_s: float) -> bool:
    """Keep since when the endpoint takes nothing; True when it is switched off now: for so long it took nothing.

    0.0: it is not switched off."""
    bound = {"endpoint_id": endpoint_id, "error": error, "dead_after_s": dead_after_s}
    return bool((await connection.execute(_FAILING, bound)).scalar())


async def give_up_disabled(connection: AsyncConnection, limit: int) -> int:
    """Close up to `limit` open deliveries of endpoints that are switched off; the number closed."""
    return (await connection.execute(_GIVE_UP, {"limit": limit})).rowcount


async def replay(connection: AsyncConnection, endpoint_id: str, since: datetime | None, limit: int) -> int | None:
    """Switch the endpoint on, and send again up to `limit` that were given up, of events from `since` on; their number.

    None where there is no such endpoint.
    """
    if (await connection.execute(_ENABLE, {"endpoint_id": endpoint_id})).first() is None:
        return None
    bound = {"endpoint_id": endpoint_id, "since": since, "limit": limit}
    return (await connection.execute(_AGAIN, bound)).rowcount


def _key(delivery: Delivery) -> dict[str, object]:
    return {"endpoint_id": delivery.endpoint_id, "order_no": delivery.order_no, "seq": delivery.seq}
