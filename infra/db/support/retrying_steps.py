"""Steps that fail and are tried again: written by their failures, read by support."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_NOTE = text(
    """
    INSERT INTO retrying_steps AS f (order_no, activity, step, error, provider, attempt, max_attempts, event_seq,
                                     next_try_at)
    SELECT o.order_no, :activity, :step, :error, :provider, :attempt, :max_attempts, o.event_seq,
           now() + make_interval(secs => :pause_s)
      FROM orders o WHERE o.order_no = :order_no
    ON CONFLICT (order_no, activity) DO UPDATE
       SET step = excluded.step, error = excluded.error, provider = excluded.provider, attempt = excluded.attempt,
           max_attempts = excluded.max_attempts, event_seq = excluded.event_seq, failed_at = now(),
           next_try_at = excluded.next_try_at
    """
)
_FORGET = text("DELETE FROM retrying_steps WHERE order_no = :order_no AND activity = :activity")
_PAUSE = text(
    """
    UPDATE retrying_steps f SET paused = :paused, event_seq = o.event_seq
      FROM orders o WHERE o.order_no = f.order_no AND f.order_no = :order_no AND f.activity = :activity
    """
)
_LISTED = text(
    """
    SELECT f.order_no, f.activity, f.step, f.error, f.provider, f.attempt, f.max_attempts, f.since, f.next_try_at,
           f.paused
      FROM retrying_steps f JOIN orders o USING (order_no)
     WHERE (f.paused OR f.event_seq = o.event_seq)
       AND (CAST(:step AS text) IS NULL OR f.step = :step)
       AND (CAST(:error AS text) IS NULL OR f.error = :error)
       AND (CAST(:provider AS text) IS NULL OR f.provider = :provider)
       AND (CAST(:since AS timestamptz) IS NULL
            OR (NOT f.paused, f.since, f.order_no, f.activity)
               > (CAST(:running AS boolean), CAST(:since AS timestamptz), :order_no, :activity))
     ORDER BY (NOT f.paused), f.since, f.order_no, f.activity LIMIT :limit
    """
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One failed attempt: `max_attempts` 0 is without limit, `pause_s` passes before the next."""

    order_no: str
    activity: str
    step: str
    error: str
    provider: str
    attempt: int
    max_attempts: int
    pause_s: float


@dataclass(frozen=True, slots=True)
class RetryingStep:
    """A step that has failed and is tried again. One that was paused before it failed has no attempt."""

    order_no: str
    activity: str
    step: str | None
    error: str | None
    provider: str | None
    attempt: int | None
    max_attempts: int | None
    since: datetime | None
    next_try_at: datetime | None
    paused: bool


@dataclass(frozen=True, slots=True)
class Place:
    """The last row of a page: the next one begins after it."""

    paused: bool
    since: datetime
    order_no: str
    activity: str


@dataclass(frozen=True, slots=True)
class RetryingStepFilter:
    """Filters and position; None matches everything."""

    step: str | None = None
    error: str | None = None
    provider: str | None = None
    after: Place | None = None
    limit: int = 50


async def note(conn: AsyncConnection, failed: Attempt) -> None:
    """Save the newest failed attempt of the step. An order that is not in the database is left alone."""
    values = {name: getattr(failed, name) for name in Attempt.__slots__}
    await conn.execute(_NOTE, {**values, "provider": failed.provider or None})


async def forget(conn: AsyncConnection, order_no: str, activity: str) -> None:
    """It went through, or is not tried again."""
    await conn.execute(_FORGET, {"order_no": order_no, "activity": activity})


async def set_paused(conn: AsyncConnection, order_no: str, activity: str, paused: bool) -> None:
    """What staff did to it; an activity that has not failed yet has no row and stays without."""
    await conn.execute(_PAUSE, {"order_no": order_no, "activity": activity, "paused": paused})


async def listed(conn: AsyncConnection, filters: RetryingStepFilter) -> list[RetryingStep]:
    """At most `limit` + 1 steps, paused ones first, then the longest failing."""
    after = filters.after
    question = {
        "step": filters.step,
        "error": filters.error,
        "provider": filters.provider,
        "running": None if after is None else not after.paused,
        "since": None if after is None else after.since,
        "order_no": "" if after is None else after.order_no,
        "activity": "" if after is None else after.activity,
        "limit": filters.limit + 1,
    }
    return [RetryingStep(**row) for row in (await conn.execute(_LISTED, question)).mappings()]
