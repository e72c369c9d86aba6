"""What waits, and for how long: one statement over indexes of open rows, bounded for any length of a queue."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# A count that reaches it means "or more".
LOOKED_AT = 10_000

_OPEN = {
    "start_requests": "SELECT created_at AS at FROM workflow_requests WHERE kind = 'start_order'",
    "signal_requests": "SELECT created_at AS at FROM workflow_requests WHERE kind <> 'start_order'",
    "outbox": "SELECT created_at AS at FROM outbox",
    "webhook_deliveries": """SELECT e.occurred_at AS at FROM webhook_deliveries d
                               JOIN order_events e USING (order_no, seq) WHERE d.state = 'open'""",
    "stock_level_deliveries": "SELECT at FROM stock_level_deliveries WHERE state = 'open'",
    "messages": "SELECT created_at AS at FROM messages WHERE state = 'open'",
    "notice_deliveries": "SELECT created_at AS at FROM alert_deliveries WHERE state = 'open'",
    "inbox": "SELECT received_at AS at FROM inbox WHERE processed_at IS NULL AND order_no IS NOT NULL",
    "refunds": "SELECT created_at AS at FROM refunds WHERE status = 'approved'",
    "failing_steps": "SELECT failed_at AS at FROM retrying_steps",
    "parked_steps": "SELECT since AS at FROM parked_steps WHERE resolved_at IS NULL",
}
QUEUES = tuple(_OPEN)
_ALL = text(
    " UNION ALL ".join(
        f"SELECT '{queue}' AS queue, count(*) AS open, "  # noqa: S608
        "coalesce(greatest(extract(epoch FROM now() - min(at)), 0), 0)::float8 AS oldest_s "
        f"FROM (SELECT * FROM ({rows}) rows LIMIT {LOOKED_AT}) looked"
        for queue, rows in _OPEN.items()
    )
)


@dataclass(frozen=True, slots=True)
class Backlog:
    """Rows of one queue that are open, and the age of the oldest; 0 when there is none."""

    queue: str
    open: int
    oldest_s: float


async def poll(conn: AsyncConnection) -> list[Backlog]:
    """All queues, also the empty ones."""
    return [Backlog(row.queue, row.open, row.oldest_s) for row in await conn.execute(_ALL)]
