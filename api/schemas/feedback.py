"""Bodies and answers of the calls on feedback."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from api.schemas.answers import Time
from api.schemas.fields import PROSE, Body, Visible
from domain.feedback import MAX_TEXT, FeedbackKind, FeedbackState

Words = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=MAX_TEXT, pattern=PROSE), Visible]
# In paths.
FeedbackId = Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
Rating = Annotated[int, Field(strict=True, ge=1, le=5)]


class GiveFeedback(Body):
    """1 (bad) to 5 (good), with or without words."""

    rating: Rating
    text: Words | None = None
    kind: Annotated[FeedbackKind, Field(strict=False)] = FeedbackKind.FEEDBACK


class AnswerFeedback(Body):
    """The answer to the customer."""

    text: Words


class GivenFeedback(BaseModel):
    """The answer to giving feedback."""

    feedback_id: str
    order_no: str
    kind: FeedbackKind
    rating: int
    given_at: Time


class AnsweredFeedback(BaseModel):
    """The answer to answering it."""

    feedback_id: str
    order_no: str
    answered_at: Time
    answered_by: str


class Feedback(GivenFeedback):
    """One feedback; `text` and `answer` are null where there is none, or where the customer was erased."""

    given_by: str
    text: str | None
    state: FeedbackState
    answer: str | None
    answered_at: Time | None
    answered_by: str | None


class OrdersFeedback(GivenFeedback):
    """One feedback as its customer sees it: the answer, not who gave it."""

    text: str | None
    state: FeedbackState
    answer: str | None
    answered_at: Time | None


class FeedbackList(BaseModel):
    """A page of feedback."""

    items: list[Feedback]
    next_cursor: str | None


class OrdersFeedbackList(BaseModel):
    """All feedback of one order."""

    items: list[OrdersFeedback]
    next_cursor: None = None


class FeedbackSummary(BaseModel):
    """Of the last `days` days; `average` and `answered_share` are null where nothing was given."""

    days: int
    given: int
    by_rating: dict[str, int]
    complaints: int
    average: float | None
    answered_share: float | None
