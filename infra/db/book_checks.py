"""Which question to the books is due, and what the last answers were."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db.audit_books import QUESTIONS, Question

CODES = [question.code for question in QUESTIONS]
_BY_CODE = {question.code: question for question in QUESTIONS}

_KNOWN = text("INSERT INTO book_checks (question) SELECT unnest(CAST(:codes AS text[])) ON CONFLICT DO NOTHING")
# However many processes ask: one of them begins.
_CLAIM = text(
    """
    UPDATE book_checks SET begun_at = now()
     WHERE question = (SELECT question FROM book_checks
                        WHERE question = ANY(CAST(:codes AS text[]))
                          AND begun_at <= now() - make_interval(secs => :every_s)
                        ORDER BY begun_at, question LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING question
    """
)
_ANSWERED = text(
    "UPDATE book_checks SET answered_at = now(), wrong = :wrong, unanswered = 0 WHERE question = :question"
)
_UNANSWERED = text("UPDATE book_checks SET unanswered = unanswered + 1 WHERE question = :question")
# One processor, a bounded time: orders go first.
_MODEST = text(
    "SELECT set_config('statement_timeout', :limit_ms, true), set_config('max_parallel_workers_per_gather', '0', true)"
)


async def know(conn: AsyncConnection) -> None:
    """A row for each question that has none yet."""
    await conn.execute(_KNOWN, {"codes": CODES})


async def claim(conn: AsyncConnection, every_s: float) -> Question | None:
    """The question that waits longest, when one was not put for `every_s`; it counts as put from now on."""
    code = (await conn.execute(_CLAIM, {"codes": CODES, "every_s": every_s})).scalar_one_or_none()
    return None if code is None else _BY_CODE[code]


async def be_modest(conn: AsyncConnection, limit_s: float) -> None:
    """For the rest of this transaction: one processor, and no statement longer than `limit_s`."""
    await conn.execute(_MODEST, {"limit_ms": str(int(limit_s * 1000))})


async def answered(conn: AsyncConnection, question: Question, wrong: int) -> None:
    """Keep how much is wrong."""
    await conn.execute(_ANSWERED, {"question": question.code, "wrong": wrong})


async def unanswered(conn: AsyncConnection, question: Question) -> None:
    """Keep that there was no answer; the last one stands."""
    await conn.execute(_UNANSWERED, {"question": question.code})
