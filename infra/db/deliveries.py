"""Deliveries of events to webhook endpoints: due ones are claimed under a lease, one per order at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Who is told: `secret_enc` is sealed by the wrapped `data_key`."""

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
    data: Mapping[str, Any]
    occurred_at: datetime

    @property
    def message_id(self) -> str:
        return f"{self.order_no}.{self.seq}"


_DUE = text(
    """SELECT w.endpoint_id, w.url, w.secret_enc, w.data_key FROM webhook_endpoints w
        WHERE w.active AND EXISTS (SELECT FROM webhook_deliveries d
                WHERE d.endpoint_id = w.endpoint_id AND d.state = 'open' AND d.next_try_at <= now())"""
)

# An order's earlier event may still be undelivered, or be in another relay's hands before its fan-out commits.
_CLAIM = text(
    """WITH due AS (
         SELECT d.order_no, d.seq FROM webhook_deliveries d
          WHERE d.endpoint_id = :endpoint_id AND d.state = 'open' AND d.next_try_at <= now()
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

_DONE = text(
    """UPDATE webhook_deliveries SET state = 'done', done_at = now(), last_error = NULL
        WHERE endpoint_id = :endpoint_id AND order_no = :order_no AND seq = :seq"""
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


async def due_endpoints(connection: AsyncConnection) -> list[Endpoint]:
    """Active endpoints with something to be told now."""
    return [Endpoint(row.endpoint_id, row.url, row.secret_enc, row.data_key) for row in await connection.execute(_DUE)]


async def claim(connection: AsyncConnection, endpoint_id: str, limit: int, lease_s: float) -> list[Delivery]:
    """Claim up to `limit` due deliveries, of each order only the earliest open one."""
    bound = {"endpoint_id": endpoint_id, "limit": limit, "lease_s": lease_s}
    return [Delivery(*row) for row in await connection.execute(_CLAIM, bound)]


async def mark_done(connection: AsyncConnection, delivery: Delivery) -> None:
    """The endpoint has taken it."""
    await connection.execute(_DONE, _key(delivery))


async def mark_failed(
    connection: AsyncConnection, delivery: Delivery, error: str, delay_s: float, attempts: int
) -> None:
    """Try again after `delay_s`, or give up when this was the last of `attempts`. `error` is a code."""
    bound = {**_key(delivery), "tries": delivery.tries, "error": error, "delay_s": delay_s, "attempts": attempts}
    await connection.execute(_FAILED, bound)


def _key(delivery: Delivery) -> dict[str, Any]:
    return {"endpoint_id": delivery.endpoint_id, "order_no": delivery.order_no, "seq": delivery.seq}
