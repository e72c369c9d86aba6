"""Which consistency check is due, what the last answers were, and all answers within a time."""

import time

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db.checks import consistency_checks
from infra.db.checks.check import Check
from infra.db.checks.consistency_checks import CHECKS, CheckResult
from infra.db.engine import Database

CODES = [question.code for question in CHECKS]
_BY_CODE = {question.code: question for question in CHECKS}

_KNOWN = text("INSERT INTO consistency_checks (code) SELECT unnest(CAST(:codes AS text[])) ON CONFLICT DO NOTHING")
# However many processes ask: one of them begins. What a clock that was set back since dates in the future is due.
_CLAIM = text(
    """
    UPDATE consistency_checks SET begun_at = now()
     WHERE code = (SELECT code FROM consistency_checks
                    WHERE code = ANY(CAST(:codes AS text[]))
                      AND (begun_at <= now() - make_interval(secs => :every_s)
                           OR begun_at > now() + interval '1 min')
                    ORDER BY begun_at, code LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING code
    """
)
_ANSWERED = text(
    "UPDATE consistency_checks SET answered_at = now(), violations = :wrong, timeouts = 0 WHERE code = :question"
)
_UNANSWERED = text("UPDATE consistency_checks SET timeouts = timeouts + 1 WHERE code = :question")
_CANCELED = "57014"  # the SQLSTATE of a statement that took too long
# One processor, a bounded time: orders go first.
_MODEST = text(
    "SELECT set_config('statement_timeout', :limit_ms, true), set_config('max_parallel_workers_per_gather', '0', true)"
)


async def register(conn: AsyncConnection) -> None:
    """A row for each question that has none yet."""
    await conn.execute(_KNOWN, {"codes": CODES})


async def claim(conn: AsyncConnection, every_s: float) -> Check | None:
    """The question that waits longest, when one was not put for `every_s`; it counts as put from now on."""
    code = (await conn.execute(_CLAIM, {"codes": CODES, "every_s": every_s})).scalar_one_or_none()
    return None if code is None else _BY_CODE[code]


async def limit_resources(conn: AsyncConnection, limit_s: float) -> None:
    """For the rest of this transaction: one processor, and no statement longer than `limit_s`."""
    await conn.execute(_MODEST, {"limit_ms": str(int(limit_s * 1000))})


async def answered(conn: AsyncConnection, question: Check, wrong: int) -> None:
    """Keep how much is wrong."""
    await conn.execute(_ANSWERED, {"question": question.code, "wrong": wrong})


async def unanswered(conn: AsyncConnection, question: Check) -> None:
    """Keep that there was no answer; the last one stands."""
    await conn.execute(_UNANSWERED, {"question": question.code})


async def answers(database: Database, limit_s: float) -> list[CheckResult]:
    """One answer to each question, in their order, beside running orders; those that `limit_s` leaves no time for are
    not in time."""
    until = time.monotonic() + limit_s
    return [await _within(database, question, until - time.monotonic()) for question in CHECKS]


async def _within(database: Database, question: Check, left_s: float) -> CheckResult:
    late = CheckResult(question, 0, [], in_time=False)
    if left_s < 0.001:  # PostgreSQL counts whole milliseconds, and 0 is no limit
        return late
    try:
        async with database.begin() as conn:
            await limit_resources(conn, left_s)
            return await consistency_checks.run_checks(conn, question)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _CANCELED:
            raise
        return late
