"""Lives of processes in the books: begun, beating, ended."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.machine import Usage

BEAT_S = 10.0
# So many beats missed are a gap: the process was cut off from the books, or stood still.
_MISSED = 3

_BEGIN = text(
    """
    INSERT INTO processes (name, host, pid, disk, memory) VALUES (:name, :host, :pid, :disk, :memory)
    RETURNING process_id
    """
)
_BEAT = text(
    """
    UPDATE processes
       SET steady_since = CASE WHEN beat_at < now() - make_interval(secs => :gap_s) THEN now() ELSE steady_since END,
           beat_at = now(), disk = :disk, memory = :memory
     WHERE process_id = :process_id
    """
)
_END = text("UPDATE processes SET ended_at = now(), beat_at = now() WHERE process_id = :process_id")
# The newest of each name stays: it says what there was, for as long as nobody has taken its place.
_FORGET = text(
    """
    DELETE FROM processes WHERE process_id = ANY(ARRAY(
      SELECT p.process_id FROM processes p
       WHERE p.beat_at < now() - make_interval(days => :days)
         AND EXISTS (SELECT FROM processes n WHERE n.name = p.name AND n.beat_at > p.beat_at) LIMIT :limit))
    """
)


async def begin(conn: AsyncConnection, name: str, host: str, pid: int, usage: Usage) -> int:
    """A process says that it has begun; the number of this life."""
    row = {"name": name, "host": host, "pid": pid, "disk": usage.disk, "memory": usage.memory}
    return int((await conn.execute(_BEGIN, row)).scalar_one())


async def beat(conn: AsyncConnection, process_id: int, usage: Usage) -> bool:
    """It still lives, and this is how full its machine is; False when this life was forgotten."""
    row = {"process_id": process_id, "gap_s": _MISSED * BEAT_S, "disk": usage.disk, "memory": usage.memory}
    return (await conn.execute(_BEAT, row)).rowcount > 0


async def end(conn: AsyncConnection, process_id: int) -> None:
    """It ends because it was asked to."""
    await conn.execute(_END, {"process_id": process_id})


async def forget(conn: AsyncConnection, days: int, limit: int) -> int:
    """Delete up to `limit` lives that are over for more than `days`; the number deleted."""
    return (await conn.execute(_FORGET, {"days": days, "limit": limit})).rowcount
