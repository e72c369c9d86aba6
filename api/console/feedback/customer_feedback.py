"""Feedback of customers: the list, its summary, and answers."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.console.rendering import page
from api.console.session import CurrentStaff, posted
from api.dependencies import require, services_of
from api.pages.forms import digest, fitting, key_of, new_key
from api.schemas.feedback import AnswerFeedback, FeedbackId
from api.services.feedback import customer_feedback
from domain.access import Role
from domain.feedback import FeedbackKind, FeedbackState

router = APIRouter(prefix="/console/feedback")

PAGE_SIZE = 50
SUMMARY_DAYS = 30
_Empty = Annotated[str, Query(max_length=0)]


@router.get("")
async def every(
    request: Request,
    member: CurrentStaff,
    rating: Annotated[str, Query(pattern="^[1-5]?$")] = "",
    kind: FeedbackKind | _Empty = "",
    state: FeedbackState | _Empty = "",
    cursor: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """Feedback on all orders, newest first."""
    require(member.principal, *customer_feedback.READ_BY)
    services = services_of(request)
    found = await customer_feedback.list_feedback(
        services,
        rating=int(rating) if rating else None,
        kind=FeedbackKind(kind) if kind else None,
        state=FeedbackState(state) if state else None,
        cursor=cursor or None,
        limit=PAGE_SIZE,
    )
    summary = await customer_feedback.summary(services, SUMMARY_DAYS)
    chosen = {"rating": rating, "kind": str(kind), "state": str(state)}
    rest = found.next_cursor
    context: dict[str, Any] = {
        "rows": found.items,
        "next": urlencode({**chosen, "cursor": rest}) if rest else None,
        "chosen": chosen,
        "summary": summary,
        "kinds": list(FeedbackKind),
        "states": list(FeedbackState),
        "answers": member.may(Role.SUPPORT),
    }
    return page(request, "feedback.html", member=member, key=new_key(), **context)


@router.post("/{feedback_id}/answer")
async def answer(request: Request, member: CurrentStaff, feedback_id: FeedbackId) -> Response:
    """Answer it, once."""
    require(member.principal, Role.SUPPORT)
    services, fields = services_of(request), await posted(request, member)
    # A browser sends line ends as CR LF; they are stored as LF.
    body = fitting(AnswerFeedback, {"text": fields.get("text", "").replace("\r\n", "\n").strip()})
    await customer_feedback.answer(services, member.principal, key_of(fields), digest(body), feedback_id, body.text)
    return RedirectResponse("/console/feedback", 303)
