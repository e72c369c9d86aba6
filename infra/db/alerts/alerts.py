"""Alerts in the database: the causes that last, and one message per channel, cause and interval on its way.

The look for causes, what it changes and the messages that follow from it are one transaction under an advisory lock:
however many processes look, and wherever one of them dies, no message is made twice and none is forgotten.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts import Kind
from infra.db.alerts.alert_deliveries import AlertMessage
from infra.db.alerts.findings import Detector, Finding, as_json
from infra.db.alerts.order_rules import DETECTORS
from infra.settings import Settings

_log = logging.getLogger(__name__)
_LOCK_NO = 6_006_001

_LOCK = text("SELECT pg_try_advisory_xact_lock(:number)")
_RECORD = text(
    """
    INSERT INTO alerts AS n (cause, kind, facts, count, most, amounts, oldest_at)
    SELECT f.cause, f.kind, f.facts, f.count, f.count, f.amounts, f.oldest_at
      FROM jsonb_to_recordset(CAST(:found AS jsonb))
           AS f (cause text, kind text, facts jsonb, count bigint, amounts jsonb, oldest_at timestamptz)
    ON CONFLICT (cause) WHERE over_at IS NULL DO UPDATE
       SET facts = excluded.facts, count = excluded.count, most = greatest(n.most, excluded.count),
           amounts = excluded.amounts, oldest_at = excluded.oldest_at, seen_at = now()
    """
)
# A cause is over after a while, not at once: one that returns within seconds is the same alert.
_OVER = text(
    """
    UPDATE alerts SET over_at = now()
     WHERE over_at IS NULL AND kind = ANY(CAST(:looked AS text[])) AND cause <> ALL(CAST(:causes AS text[]))
       AND seen_at <= now() - make_interval(secs => :settle_s)
    RETURNING alert_id
    """
)
# A message that a channel has not taken by now is replaced by the one that follows, which says more.
_REPLACE_ENDED = text(
    """
    UPDATE alert_deliveries SET state = 'superseded', done_at = now()
     WHERE state = 'open' AND alert_id = ANY(CAST(:ended AS bigint[]))
    """
)
_QUEUE_RESOLVED = text(
    """
    INSERT INTO alert_deliveries (alert_id, channel_id, number, phase)
    SELECT d.alert_id, d.channel_id, max(d.number) + 1, 'over'
      FROM alert_deliveries d JOIN alert_channels c USING (channel_id)
     WHERE d.alert_id = ANY(CAST(:ended AS bigint[])) AND c.active
     GROUP BY d.alert_id, d.channel_id
    """
)
_REPLACE_LATE = text(
    """
    UPDATE alert_deliveries d SET state = 'superseded', done_at = now()
      FROM alerts n
     WHERE d.state = 'open' AND n.alert_id = d.alert_id AND n.over_at IS NULL
       AND d.created_at <= now() - make_interval(secs => :interval_s)
    """
)
# The interval counts for the cause, not for the episode: one that ends and begins again is not sent more often.
_QUEUE_OPEN = text(
    """
    INSERT INTO alert_deliveries (alert_id, channel_id, number, phase)
    SELECT n.alert_id, c.channel_id, coalesce(told.number, 0) + 1,
           CASE WHEN told.number IS NULL THEN 'begun' ELSE 'goes_on' END
      FROM alerts n
      JOIN alert_channels c ON c.active AND (c.causes = '{}' OR n.kind = ANY(c.causes))
      CROSS JOIN LATERAL (SELECT max(d.number) AS number FROM alert_deliveries d
                           WHERE d.alert_id = n.alert_id AND d.channel_id = c.channel_id) told
     WHERE n.over_at IS NULL
       AND NOT EXISTS (SELECT FROM alerts m JOIN alert_deliveries d USING (alert_id)
                        WHERE m.cause = n.cause AND d.channel_id = c.channel_id AND d.phase <> 'over'
                          AND d.created_at > now() - make_interval(secs => :interval_s))
    """
)
_FORGET = text(
    """
    DELETE FROM alerts WHERE alert_id = ANY(ARRAY(
      SELECT alert_id FROM alerts WHERE over_at < now() - make_interval(days => :days) LIMIT :limit))
    """
)
_OPEN = text(
    """
    SELECT n.cause, n.kind, n.facts, n.count, n.most, n.amounts, n.oldest_at, n.since, n.over_at,
           (SELECT max(d.done_at) FROM alert_deliveries d
             WHERE d.alert_id = n.alert_id AND d.state = 'done') AS told_at
      FROM alerts n WHERE n.over_at IS NULL ORDER BY n.since, n.alert_id LIMIT 200
    """
)


async def poll(
    conn: AsyncConnection, settings: Settings, detectors: Mapping[Kind, Detector] = DETECTORS
) -> tuple[bool, int]:
    """Look for causes and make the messages that are due: (whether it was our turn, messages made).

    Needs a transaction of its own. False when another process is looking at this moment.
    """
    if not (await conn.execute(_LOCK, {"number": _LOCK_NO})).scalar_one():
        return False, 0
    found, checked = await _found(conn, settings, detectors)
    by_cause = {one.cause: one for one in found}
    await conn.execute(_RECORD, {"found": as_json(list(by_cause.values()))})
    ended_values = {"looked": checked, "causes": list(by_cause), "settle_s": settings.notice_settle_s}
    ended = {"ended": list((await conn.execute(_OVER, ended_values)).scalars())}
    await conn.execute(_REPLACE_ENDED, ended)
    made = (await conn.execute(_QUEUE_RESOLVED, ended)).rowcount
    interval = {"interval_s": settings.notice_interval_s}
    await conn.execute(_REPLACE_LATE, interval)
    made += (await conn.execute(_QUEUE_OPEN, interval)).rowcount
    return True, made


async def _found(
    conn: AsyncConnection, settings: Settings, detectors: Mapping[Kind, Detector]
) -> tuple[list[Finding], list[str]]:
    """What there is, and the kinds that could be looked for: a detector that fails says nothing, neither yes nor no."""
    found: list[Finding] = []
    checked: list[str] = []
    for kind, detector in detectors.items():
        try:
            async with conn.begin_nested():
                found += await detector(conn, settings)
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            _log.warning("an alert rule could not be evaluated", exc_info=True, extra={"cause_kind": kind.value})
            continue
        checked.append(kind.value)
    return found, checked


@dataclass(frozen=True, slots=True)
class OpenCause:
    """A cause of alerts that lasts, and when a channel last took a message about it."""

    alert: AlertMessage
    notified_at: datetime | None


async def open_causes(conn: AsyncConnection) -> list[OpenCause]:
    """The causes that last, the oldest first."""
    rows = (await conn.execute(_OPEN)).mappings().all()
    return [
        OpenCause(AlertMessage(**{name: row[name] for name in row if name != "told_at"}), row["told_at"])
        for row in rows
    ]


async def forget(conn: AsyncConnection, days: int, limit: int) -> int:
    """Delete up to `limit` notices that ended more than `days` ago, with their messages; the number deleted."""
    return (await conn.execute(_FORGET, {"days": days, "limit": limit})).rowcount
