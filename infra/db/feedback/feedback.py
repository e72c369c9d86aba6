"""What customers say of their orders, sealed under their keys, and what support answers."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict, NotFound
from domain.feedback import LIMIT, FeedbackKind, FeedbackState
from infra.db.customers.profiles import KeyRing, data_key_of
from infra.db.orders.state import timeline

_GIVE = text(
    """
    INSERT INTO feedback (feedback_id, order_no, feedback_no, kind, rating, text_enc, given_by)
    SELECT :feedback_id, CAST(:order_no AS text), count(*) + 1, :kind, :rating, :text_enc, :given_by
      FROM feedback WHERE order_no = :order_no
    RETURNING feedback_id, order_no, kind, rating, given_at
    """
)
_COUNT = text("SELECT count(*) FROM feedback WHERE order_no = :order_no")
_ORDER_OF = text("SELECT order_no FROM feedback WHERE feedback_id = :feedback_id")
_ANSWER = text(
    """
    UPDATE feedback SET answer_enc = :answer_enc, answered_by = :actor, answered_at = now()
     WHERE feedback_id = :feedback_id AND answered_at IS NULL RETURNING kind, rating, answered_at
    """
)
_COLUMNS = """
    SELECT f.feedback_id, f.order_no, f.kind, f.rating, f.text_enc, f.given_by, f.given_at, f.answer_enc,
           f.answered_by, f.answered_at, c.data_key
      FROM feedback f JOIN orders o USING (order_no) JOIN customers c USING (customer_id)
"""
_OF_ORDER = text(f"{_COLUMNS} WHERE f.order_no = :order_no ORDER BY f.feedback_no")
_PAGE = text(
    f"""
    {_COLUMNS}
     WHERE (CAST(:rating AS smallint) IS NULL OR f.rating = :rating)
       AND (CAST(:kind AS text) IS NULL OR f.kind = :kind)
       AND (CAST(:state AS text) IS NULL OR (f.answered_at IS NULL) = (:state = 'open'))
       AND (CAST(:given_at AS timestamptz) IS NULL
            OR (f.given_at, f.feedback_id) < (CAST(:given_at AS timestamptz), :feedback_id))
     ORDER BY f.given_at DESC, f.feedback_id DESC LIMIT :limit + 1
    """
)
_SUMMARY = text(
    """
    SELECT rating, count(*) AS given, count(*) FILTER (WHERE kind = 'complaint') AS complaints,
           count(answered_at) AS answered
      FROM feedback WHERE given_at >= now() - make_interval(days => :days) GROUP BY rating
    """
)


@dataclass(frozen=True, slots=True)
class NewFeedback:
    """Feedback as it was given; `words` are sealed under the customer's key."""

    feedback_id: str
    order_no: str
    kind: str
    rating: int
    words: str
    actor: str


@dataclass(frozen=True, slots=True)
class FeedbackFilter:
    """Which feedback: of a rating, kind or state, after the last of a page."""

    rating: int | None
    kind: str | None
    state: FeedbackState | None
    after: tuple[datetime, str] | None
    limit: int


@dataclass(frozen=True, slots=True)
class GivenFeedback:
    """Feedback as it was taken."""

    feedback_id: str
    order_no: str
    kind: FeedbackKind
    rating: int
    given_at: datetime


@dataclass(frozen=True, slots=True)
class FeedbackAnswered:
    """The answer to feedback as it was taken."""

    feedback_id: str
    order_no: str
    answered_at: datetime
    answered_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """Feedback and its answer, both opened: None where the key is gone, or nothing was said."""

    feedback_id: str
    order_no: str
    kind: FeedbackKind
    rating: int
    given_by: str
    given_at: datetime
    answered_by: str | None
    answered_at: datetime | None
    text: str | None = field(repr=False)
    answer: str | None = field(repr=False)
    state: FeedbackState


@dataclass(frozen=True, slots=True)
class FeedbackSummary:
    """What customers say, of a number of days. `average` and `answered_share` are None where nothing was given."""

    days: int
    given: int
    by_rating: dict[str, int]
    complaints: int
    average: float | None
    answered_share: float | None


async def submit(conn: AsyncConnection, keys: KeyRing, new: NewFeedback) -> GivenFeedback:
    """Keep it and say so on the timeline. The caller has locked the order. Raises Conflict `feedback_limit`."""
    if (await conn.execute(_COUNT, {"order_no": new.order_no})).scalar_one() >= LIMIT:
        raise Conflict("feedback_limit", f"{LIMIT} were given on this order already; support reads each of them")
    row = {
        "feedback_id": new.feedback_id,
        "order_no": new.order_no,
        "kind": new.kind,
        "rating": new.rating,
        "given_by": new.actor,
        "text_enc": await _sealed(conn, keys, new.order_no, new.words, _context(new.feedback_id, "text")),
    }
    made = (await conn.execute(_GIVE, row)).mappings().one()
    data = {"feedback_id": new.feedback_id, "kind": new.kind, "rating": new.rating}
    await timeline.append(conn, new.order_no, "feedback_given", new.actor, data=data)
    return GivenFeedback(**{**made, "kind": FeedbackKind(made["kind"])})


async def order_of(conn: AsyncConnection, feedback_id: str) -> str:
    """The order that it is about. Raises NotFound `feedback_not_found`."""
    order_no = (await conn.execute(_ORDER_OF, {"feedback_id": feedback_id})).scalar_one_or_none()
    if order_no is None:
        raise NotFound("feedback_not_found")
    return str(order_no)


async def answer(
    conn: AsyncConnection, keys: KeyRing, order_no: str, feedback_id: str, words: str, actor: str
) -> FeedbackAnswered:
    """Answer it, once. The caller has locked the order. Raises Conflict `feedback_answered`."""
    sealed = await _sealed(conn, keys, order_no, words, _context(feedback_id, "answer"))
    row = {"feedback_id": feedback_id, "answer_enc": sealed, "actor": actor}
    done = (await conn.execute(_ANSWER, row)).one_or_none()
    if done is None:
        raise Conflict("feedback_answered", "somebody answered it already; what was said stays")
    data = {"feedback_id": feedback_id, "kind": done.kind, "rating": done.rating}
    await timeline.append(conn, order_no, "feedback_answered", actor, data=data)
    return FeedbackAnswered(feedback_id, order_no, done.answered_at, actor)


async def of_order(conn: AsyncConnection, keys: KeyRing, order_no: str) -> list[Feedback]:
    """What was said of the order, oldest first."""
    return [_opened(keys, row) for row in (await conn.execute(_OF_ORDER, {"order_no": order_no})).mappings()]


async def page(conn: AsyncConnection, keys: KeyRing, filters: FeedbackFilter) -> list[Feedback]:
    """At most `limit` + 1, newest first."""
    given_at, feedback_id = filters.after or (None, "")
    row = {"rating": filters.rating, "kind": filters.kind, "state": filters.state, "limit": filters.limit}
    rows = await conn.execute(_PAGE, {**row, "given_at": given_at, "feedback_id": feedback_id})
    return [_opened(keys, found) for found in rows.mappings()]


async def summary(conn: AsyncConnection, days: int) -> FeedbackSummary:
    """Counts by rating, the average and the share answered, of the last `days` days."""
    rows = (await conn.execute(_SUMMARY, {"days": days})).all()
    by_rating = {row.rating: row.given for row in rows}
    given = sum(by_rating.values())
    weighed = sum(rating * count for rating, count in by_rating.items())
    return FeedbackSummary(
        days=days,
        given=given,
        by_rating={str(rating): by_rating.get(rating, 0) for rating in range(1, 6)},
        complaints=sum(row.complaints for row in rows),
        average=round(weighed / given, 2) if given else None,
        answered_share=round(sum(row.answered for row in rows) / given, 4) if given else None,
    )


async def _sealed(conn: AsyncConnection, keys: KeyRing, order_no: str, words: str, context: str) -> bytes:
    """Of an erased customer's order no words are kept: nothing could ever open them."""
    key = await data_key_of(conn, order_no)
    return keys.seal_json(key, words, context) if key and words else b""


def _opened(keys: KeyRing, row: RowMapping) -> Feedback:
    key, number = row["data_key"], row["feedback_id"]
    return Feedback(
        feedback_id=number,
        order_no=row["order_no"],
        kind=FeedbackKind(row["kind"]),
        rating=row["rating"],
        given_by=row["given_by"],
        given_at=row["given_at"],
        answered_by=row["answered_by"],
        answered_at=row["answered_at"],
        text=keys.open_json(key, row["text_enc"] or None, _context(number, "text")),
        answer=keys.open_json(key, row["answer_enc"] or None, _context(number, "answer")),
        state=FeedbackState.OPEN if row["answered_at"] is None else FeedbackState.ANSWERED,
    )


def _context(feedback_id: str, what: str) -> str:
    return f"{feedback_id}:{what}"
