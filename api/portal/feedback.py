"""The feedback of a customer on an order, and the answer."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.dependencies import services_of
from api.pages.forms import digest, fitting, key_of, new_key
from api.portal.rendering import HOME, page
from api.portal.session import CurrentCustomer, owned, posted
from api.schemas.feedback import GiveFeedback
from api.services import customer_feedback
from domain.feedback import FeedbackKind

router = APIRouter(prefix=f"{HOME}/orders")

RATINGS = (5, 4, 3, 2, 1)


@router.get("/{order_no}/feedback")
async def form(request: Request, session: CurrentCustomer, order_no: str) -> Response:
    """The form, and what was said before."""
    services = services_of(request)
    _, overview = await owned(services, session, order_no)
    feedback = await customer_feedback.with_staff_fields(services, overview.order_no)
    context: dict[str, Any] = {"order_no": overview.order_no, "said": feedback[::-1]}
    return page(request, "feedback.html", key=new_key(), ratings=RATINGS, kinds=list(FeedbackKind), **context)


@router.post("/{order_no}/feedback")
async def submit(request: Request, session: CurrentCustomer, order_no: str) -> Response:
    """Keep it."""
    services, fields = services_of(request), await posted(request, session)
    customer, overview = await owned(services, session, order_no)
    rating, words = fields.get("rating", ""), fields.get("text", "").replace("\r\n", "\n").strip()
    body = {"rating": int(rating) if rating in map(str, RATINGS) else 0, "text": words or None}
    requested = fitting(GiveFeedback, body | {"kind": fields.get("kind", "")})
    await customer_feedback.submit(services, customer, key_of(fields), digest(requested), overview.order_no, requested)
    return RedirectResponse(f"{HOME}/orders/{overview.order_no}/feedback", 303)
