"""Feedback: given by customers, listed, answered and summed up."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.authorization import visible_order
from api.dependencies import Caller, idempotency_key, json_response, require, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.presenters.fields import shown_as
from api.schemas.feedback import (
    AnsweredFeedback,
    AnswerFeedback,
    FeedbackId,
    FeedbackList,
    FeedbackSummary,
    GiveFeedback,
    GivenFeedback,
    OrdersFeedback,
    OrdersFeedbackList,
)
from api.services.feedback import customer_feedback
from api.services.feedback.customer_feedback import READ_BY, SUBMITTED_BY
from domain.access import Role
from domain.feedback import FeedbackKind, FeedbackState

router = APIRouter(tags=["feedback"])


@router.post(
    "/v1/orders/{order_no}/feedback", **operation("give_feedback", Answer(201, GivenFeedback), body=GiveFeedback)
)
async def submit(order_no: str, request: Request, caller: Caller) -> Response:
    """Give feedback on the order; a complaint waits for an answer."""
    require(caller, *SUBMITTED_BY)
    services, key = services_of(request), idempotency_key(request)
    overview = await visible_order(services, caller, order_no)
    parsed = await read(request, GiveFeedback)
    return response_of(
        await customer_feedback.submit(services, caller, key, parsed.digest, overview.order_no, parsed.model)
    )


@router.get("/v1/orders/{order_no}/feedback", **operation("list_order_feedback", Answer(200, OrdersFeedbackList)))
async def of_order(order_no: str, request: Request, caller: Caller) -> Response:
    """What was said of the order and what was answered, oldest first."""
    require(caller, *SUBMITTED_BY, *READ_BY)
    services = services_of(request)
    overview = await visible_order(services, caller, order_no)
    found = await customer_feedback.of_order(services, overview.order_no)
    return json_response({"items": [shown_as(OrdersFeedback, one) for one in found], "next_cursor": None})


@router.get("/v1/feedback", **operation("list_feedback", Answer(200, FeedbackList)))
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
    found = await customer_feedback.list_feedback(
        services_of(request), rating=rating, kind=kind, state=state, cursor=cursor, limit=limit
    )
    return json_response(found)


@router.get("/v1/feedback/summary", **operation("summarise_feedback", Answer(200, FeedbackSummary)))
async def summary(request: Request, caller: Caller, days: Annotated[int, Query(ge=1, le=366)] = 30) -> Response:
    """How the last days were: counts by rating, average, complaints, share answered."""
    require(caller, *READ_BY)
    return json_response(await customer_feedback.summary(services_of(request), days))


@router.post(
    "/v1/feedback/{feedback_id}/answer",
    **operation("answer_feedback", Answer(201, AnsweredFeedback), body=AnswerFeedback),
)
async def answer(feedback_id: FeedbackId, request: Request, caller: Caller) -> Response:
    """Answer it; the customer sees the answer with the order."""
    require(caller, Role.SUPPORT)
    services, key = services_of(request), idempotency_key(request)
    parsed = await read(request, AnswerFeedback)
    return response_of(
        await customer_feedback.answer(services, caller, key, parsed.digest, feedback_id, parsed.model.text)
    )
