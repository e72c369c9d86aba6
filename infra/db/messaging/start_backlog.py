"""Orders that are stored and wait to be started: their number, and the age of the oldest."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# Each from an index or the end of the table; the count stops at `counted`.
_WAITING = text(
    """
    SELECT (SELECT count(*) FROM (SELECT FROM workflow_requests WHERE kind = 'start_order' LIMIT :counted) w)
             AS waiting,
           coalesce((SELECT greatest(extract(epoch FROM now() - created_at), 0) FROM workflow_requests
                      WHERE kind = 'start_order' ORDER BY request_id LIMIT 1), 0)::float8 AS oldest_s
    """
)


@dataclass(frozen=True, slots=True)
class Backlog:
    """`waiting` orders, counted up to a bound; the oldest has waited for `oldest_s`."""

    waiting: int
    oldest_s: float


async def poll(conn: AsyncConnection, counted: int) -> Backlog:
    """Count them, `counted` at most."""
    row = (await conn.execute(_WAITING, {"counted": counted})).one()
    return Backlog(row.waiting, row.oldest_s)
