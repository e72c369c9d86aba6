"""Runs of processes: started, alive, ended."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.system.machine import Usage

BEAT_S = 10.0
# So many beats missed are a gap: the process was cut off from the database, or stood still.
_MISSED = 3

_BEGIN = text(
    """
    INSERT INTO processes (name, host, pid, disk, memory, trouble)
    VALUES (:name, :host, :pid, :disk, :memory, CAST(:trouble AS jsonb))
    RETURNING process_id
    """
)
_BEAT = text(
    """
    UPDATE processes
       SET steady_since = CASE WHEN beat_at < now() - make_interval(secs => :gap_s) THEN now() ELSE steady_since END,
           beat_at = now(), disk = :disk, memory = :memory, trouble = CAST(:trouble AS jsonb)
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
# The youngest trouble is the one to act on: that of the version that was deployed last. Who beat in the future died
# before the clock was set back: whoever lives has said so since.
_WORKERS = text(
    """
    SELECT count(*) AS living, count(*) FILTER (WHERE trouble IS NULL) AS serving,
           (array_agg(trouble ORDER BY started_at DESC)
              FILTER (WHERE trouble ->> 'code' IS DISTINCT FROM :superseded AND trouble IS NOT NULL))[1] AS trouble
      FROM processes WHERE name = 'worker' AND ended_at IS NULL
       AND beat_at BETWEEN now() - make_interval(secs => :gap_s) AND now() + make_interval(secs => :gap_s)
    """
)
_LIVING = text(
    """
    SELECT count(*) FROM processes
     WHERE name = :name AND ended_at IS NULL
       AND beat_at BETWEEN now() - make_interval(secs => :gap_s) AND now() + make_interval(secs => :gap_s)
    """
)
# More than fits into what tables have left over: it takes new room on the disk.
_ROOM_BYTES = 98_304
_WRITE = text(
    "INSERT INTO processes (name, host, pid, trouble)"
    " VALUES ('trial', '', 0, jsonb_build_object('code', CAST(:filling AS text)))"
)
SUPERSEDED = "version_superseded"


@dataclass(frozen=True, slots=True)
class Workers:
    """Workers that live, how many of them take orders, and what keeps the others from it: {code, detail, …}."""

    living: int
    serving: int
    trouble: dict[str, str] | None


async def begin(
    conn: AsyncConnection, name: str, host: str, pid: int, usage: Usage, trouble: Mapping[str, str] | None = None
) -> int:
    """Register the start of a process; the number of this run."""
    row = {"name": name, "host": host, "pid": pid, "disk": usage.disk, "memory": usage.memory}
    return int((await conn.execute(_BEGIN, {**row, "trouble": _json(trouble)})).scalar_one())


async def beat(conn: AsyncConnection, process_id: int, usage: Usage, trouble: Mapping[str, str] | None = None) -> bool:
    """It still lives, this is how full its machine is, and what keeps it from its work; False: forgotten meanwhile."""
    row = {"process_id": process_id, "gap_s": _MISSED * BEAT_S, "disk": usage.disk, "memory": usage.memory}
    return (await conn.execute(_BEAT, {**row, "trouble": _json(trouble)})).rowcount > 0


async def workers(conn: AsyncConnection) -> Workers:
    """Whether somebody takes orders on. One that was just killed counts until it has missed some beats."""
    row = (await conn.execute(_WORKERS, {"gap_s": _MISSED * BEAT_S, "superseded": SUPERSEDED})).one()
    return Workers(row.living, row.serving, row.trouble)


async def living(conn: AsyncConnection, name: str) -> int:
    """How many of this name live. One that hangs or was just killed counts until it has missed some beats."""
    return int((await conn.execute(_LIVING, {"name": name, "gap_s": _MISSED * BEAT_S})).scalar_one())


async def try_writing(conn: AsyncConnection) -> None:
    """Write something and take it back. Raises what PostgreSQL says where it cannot."""
    trial = await conn.begin_nested()
    await conn.execute(_WRITE, {"filling": secrets.token_urlsafe(_ROOM_BYTES)})
    await trial.rollback()


async def end(conn: AsyncConnection, process_id: int) -> None:
    """It ends because it was asked to."""
    await conn.execute(_END, {"process_id": process_id})


async def forget(conn: AsyncConnection, days: int, limit: int) -> int:
    """Delete up to `limit` lives that are over for more than `days`; the number deleted."""
    return (await conn.execute(_FORGET, {"days": days, "limit": limit})).rowcount


def _json(trouble: Mapping[str, str] | None) -> str | None:
    return json.dumps(dict(trouble)) if trouble else None
