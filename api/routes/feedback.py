"""Feedback: given by customers, listed, answered and summed up."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from api import pagination
from api.authorization import visible
from api.dependencies import Caller, idempotency_key, json_response, require, services
from api.openapi import body_of, problems
from api.request_body import read
from api.responses import response_of
from api.schemas.feedback import (
    AnsweredFeedback,
    AnswerFeedback,
    FeedbackList,
    FeedbackSummary,
    GiveFeedback,
    GivenFeedback,
    OrdersFeedback,
    OrdersFeedbackList,
)
from api.services import customer_feedback
from api.services.customer_feedback import GIVEN_BY, READ_BY
from domain.access import Role
from domain.feedback import FeedbackKind, FeedbackState
from infra.db.feedback import feedback
from infra.db.feedback.feedback import Wanted

router = APIRouter(tags=["feedback"])

FeedbackId = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]


@router.post(
    "/v1/orders/{order_no}/feedback",
    status_code=201,
    response_model=GivenFeedback,
    openapi_extra=body_of(GiveFeedback),
    responses=problems(),
)
async def give(order_no: str, request: Request, caller: Caller) -> Response:
    """Say how it was; a complaint waits for an answer."""
    require(caller, *GIVEN_BY)
    parts, key = services(request), idempotency_key(request)
    glance = await visible(parts, caller, order_no)
    parsed = await read(request, GiveFeedback)
    return response_of(await customer_feedback.give(parts, caller, key, parsed.digest, glance.order_no, parsed.model))


@router.get("/v1/orders/{order_no}/feedback", response_model=OrdersFeedbackList, responses=problems())
async def of_order(order_no: str, request: Request, caller: Caller) -> Response:
    """What was said of the order and what was answered, oldest first."""
    require(caller, *GIVEN_BY, *READ_BY)
    parts = services(request)
    glance = await visible(parts, caller, order_no)
    async with parts.database.begin() as conn:
        rows = await feedback.of_order(conn, parts.keys, glance.order_no)
    items = [{name: row[name] for name in OrdersFeedback.model_fields} for row in rows]
    return json_response({"items": items, "next_cursor": None})


@router.get("/v1/feedback", response_model=FeedbackList, responses=problems())
async def every(
    request: Request,
    caller: Caller,
    rating: Annotated[int | None, Query(ge=1, le=5)] = None,
    kind: FeedbackKind | None = None,
    state: FeedbackState | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> Response:
    """Feedback on all orders, newest first."""
    require(caller, *READ_BY)
    parts = services(request)
    wanted = Wanted(rating, kind.value if kind else None, state, after(cursor), limit)
    async with parts.database.begin() as conn:
        rows = await feedback.page(conn, parts.keys, wanted)
    return json_response({"items": rows[:limit], "next_cursor": following(rows, limit)})


@router.get("/v1/feedback/summary", response_model=FeedbackSummary, responses=problems())
async def summary(request: Request, caller: Caller, days: Annotated[int, Query(ge=1, le=366)] = 30) -> Response:
    """How the last days were: counts by rating, average, complaints, share answered."""
    require(caller, *READ_BY)
    async with services(request).database.begin() as conn:
        return json_response(await feedback.summary(conn, days))


@router.post(
    "/v1/feedback/{feedback_id}/answer",
    status_code=201,
    response_model=AnsweredFeedback,
    openapi_extra=body_of(AnswerFeedback),
    responses=problems(),
)
async def answer(feedback_id: FeedbackId, request: Request, caller: Caller) -> Response:
    """Answer it; the customer sees the answer with his order."""
    require(caller, Role.SUPPORT)
    parts, key = services(request), idempotency_key(request)
    parsed = await read(request, AnswerFeedback)
    return response_of(
        await customer_feedback.answer(parts, caller, key, parsed.digest, feedback_id, parsed.model.text)
    )


def after(cursor: str | None) -> tuple[datetime, str] | None:
    """The last feedback of the page before. Raises Problem `invalid_cursor`."""
    if cursor is None:
        return None
    given_at, feedback_id = pagination.decoded(cursor, str, str)
    return pagination.moment(given_at), feedback_id


def following(rows: list[dict[str, Any]], limit: int) -> str | None:
    """The cursor of the next page, if there is one."""
    if len(rows) <= limit:
        return None
    last = rows[limit - 1]
    return pagination.encoded([last["given_at"].isoformat(), last["feedback_id"]])
