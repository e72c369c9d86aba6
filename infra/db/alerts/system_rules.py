"""Causes in the system: checks that find differences, machines that are full, processes that die or are silent.

Processes are judged by one that has itself beaten without a gap for a while: after an outage of the database nobody is
silent before it could report.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts import Kind
from infra.db.alerts.findings import Finding
from infra.db.checks.check_schedule import CODES
from infra.db.system import processes
from infra.settings import Settings

# Once may be a lock, a restart, a busy hour.
UNANSWERED = 2
# A process that fell silent is reported for so long, unless nobody of its name is left: then until somebody is.
SILENT_FOR_S = 3600.0

_DIFFER = text(
    """SELECT code, violations FROM consistency_checks
        WHERE violations > 0 AND code = ANY(CAST(:codes AS text[])) ORDER BY 1"""
)
_UNCHECKED = text(
    """
    SELECT code, timeouts, answered_at FROM consistency_checks
     WHERE timeouts >= :limit AND code = ANY(CAST(:codes AS text[])) ORDER BY 1
    """
)
_SHORT = text(
    """
    SELECT host, resource, max(used) AS used
      FROM (SELECT host, 'disk' AS resource, disk AS used FROM processes
             WHERE ended_at IS NULL AND beat_at > now() - make_interval(secs => :silent_s)
             UNION ALL
            SELECT host, 'memory', memory FROM processes
             WHERE ended_at IS NULL AND beat_at > now() - make_interval(secs => :silent_s)
             UNION ALL
            SELECT NULL, 'connections', ceil(100.0 * count(*) / current_setting('max_connections')::integer)
              FROM pg_stat_activity WHERE backend_type = 'client backend') s
     WHERE used >= :percent GROUP BY host, resource
    """
)
# A judge: a relay (the API where none lives) that has beaten without a gap for as long as silence takes to be noticed.
_JUDGED = """
  EXISTS (SELECT FROM processes j
           WHERE j.name = :judge AND j.ended_at IS NULL AND j.beat_at > now() - make_interval(secs => :silent_s)
             AND j.steady_since <= now() - make_interval(secs => :silent_s))
"""
_DIED = text(
    f"""
    SELECT name, host, count(*) AS deaths, min(beat_at) AS oldest_at FROM processes
     WHERE {_JUDGED} AND ended_at IS NULL AND beat_at <= now() - make_interval(secs => :silent_s)
       AND beat_at > now() - make_interval(secs => :within_s)
     GROUP BY name, host HAVING count(*) >= :deaths
    """  # noqa: S608
)
_SILENT = text(
    f"""
    WITH named AS (
      SELECT name, max(beat_at) AS beat_at,
             bool_or(ended_at IS NULL AND beat_at > now() - make_interval(secs => :silent_s)) AS alive
        FROM processes GROUP BY name)
    SELECT name, NULL AS host, 1 AS number, beat_at AS oldest_at FROM named
     WHERE {_JUDGED} AND NOT alive AND beat_at <= now() - make_interval(secs => :silent_s)
    UNION ALL
    SELECT p.name, p.host, count(*), min(p.beat_at) FROM processes p JOIN named n ON n.name = p.name AND n.alive
     WHERE {_JUDGED} AND p.ended_at IS NULL AND p.beat_at <= now() - make_interval(secs => :silent_s)
       AND p.beat_at > now() - make_interval(secs => :told_s)
       AND NOT EXISTS (SELECT FROM processes s
                        WHERE s.name = p.name AND s.host = p.host AND s.started_at >= p.beat_at)
     GROUP BY p.name, p.host
    """  # noqa: S608
)


async def inconsistencies(conn: AsyncConnection, _: Settings) -> list[Finding]:
    """Questions of `oms ledger check` whose last answer was that something is wrong."""
    rows = await conn.execute(_DIFFER, {"codes": CODES})
    return [Finding(Kind.INCONSISTENT, {"question": row.code}, row.violations) for row in rows]


async def unchecked(conn: AsyncConnection, _: Settings) -> list[Finding]:
    """Checks that got no answer several times in a row: nobody knows whether the database is consistent."""
    rows = await conn.execute(_UNCHECKED, {"codes": CODES, "limit": UNANSWERED})
    return [Finding(Kind.UNCHECKED, {"question": row.code}, row.timeouts, row.answered_at) for row in rows]


async def machine_short(conn: AsyncConnection, settings: Settings) -> list[Finding]:
    """Machines whose disk or memory is nearly used up, and a database whose connections are; counted in percent."""
    row = {"percent": settings.notice_machine_percent, "silent_s": settings.notice_silent_s}
    return [
        Finding(Kind.MACHINE_SHORT, {"resource": found.resource, "host": found.host}, int(found.used))
        for found in await conn.execute(_SHORT, row)
    ]


async def process_restarted(conn: AsyncConnection, settings: Settings) -> list[Finding]:
    """Processes that died, without having been asked to end, again and again on one machine."""
    row = {
        "judge": "relay",
        "silent_s": settings.notice_silent_s,
        "within_s": settings.notice_deaths_s + settings.notice_silent_s,
        "deaths": settings.notice_deaths,
    }
    return [_of(Kind.PROCESS_RESTARTED, died, died["deaths"]) for died in (await conn.execute(_DIED, row)).mappings()]


async def process_silent(conn: AsyncConnection, settings: Settings, judge: str = "relay") -> list[Finding]:
    """Processes that no longer say that they live and that nobody has started again on their machine.

    Without a machine: of this name there is nobody left, however the last one ended.
    """
    row = {"judge": judge, "silent_s": settings.notice_silent_s, "told_s": SILENT_FOR_S}
    return [_of(Kind.PROCESS_SILENT, found, found["number"]) for found in (await conn.execute(_SILENT, row)).mappings()]


async def workers_idle(conn: AsyncConnection, settings: Settings) -> list[Finding]:
    """Workers run and none takes orders on: their version gets no tasks, or Temporal lacks what they need.

    For a while that is how a worker begins, and how a version is deployed.
    """
    found = await processes.workers(conn)
    if found.serving or found.trouble is None:
        return []
    since = datetime.fromisoformat(found.trouble["since"])
    if since > datetime.now(UTC) - timedelta(seconds=settings.notice_lag_s):
        return []
    named = {name: str(found.trouble[name]) for name in ("deployment", "build_id") if found.trouble.get(name)}
    return [Finding(Kind.WORKERS_IDLE, {"trouble": str(found.trouble["code"])}, found.living, since, detail=named)]


def _of(kind: Kind, row: RowMapping, count: int) -> Finding:
    return Finding(kind, {"process": row["name"], "host": row["host"]}, count, row["oldest_at"])
