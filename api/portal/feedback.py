"""The feedback of a customer on an order, and the answer."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.dependencies import services_of
from api.pages.forms import digest, fitting, key_of, new_key
from api.portal.rendering import HOME, page
from api.portal.session import CurrentCustomer, owned, posted
from api.schemas.feedback import GiveFeedback
from api.services.feedback import customer_feedback
from domain.feedback import FeedbackKind

router = APIRouter(prefix=f"{HOME}/orders")

RATINGS = (5, 4, 3, 2, 1)


@router.get("/{order_no}/feedback")
async def form(request: Request, session: CurrentCustomer, order_no: str) -> Response:
    """The form, and what was said before."""
    _, overview = await owned(services_of(request), session, order_no)
    return await _form(request, overview.order_no, {})


@router.post("/{order_no}/feedback")
async def submit(request: Request, session: CurrentCustomer, order_no: str) -> Response:
    """Keep it."""
    services, fields = services_of(request), await posted(request, session)
    customer, overview = await owned(services, session, order_no)
    if fields.get("rating", "") not in map(str, RATINGS):
        return await _form(request, overview.order_no, fields)
    rating, words = fields["rating"], fields.get("text", "").replace("\r\n", "\n").strip()
    body = {"rating": int(rating), "text": words or None}
    requested = fitting(GiveFeedback, body | {"kind": fields.get("kind", "")})
    await customer_feedback.submit(services, customer, key_of(fields), digest(requested), overview.order_no, requested)
    return RedirectResponse(f"{HOME}/orders/{overview.order_no}/feedback", 303)


async def _form(request: Request, order_no: str, fields: dict[str, str]) -> Response:
    """The page; sent without a rating, the form keeps what was typed."""
    feedback = await customer_feedback.of_order(services_of(request), order_no)
    context: dict[str, Any] = {"order_no": order_no, "said": feedback[::-1], "fields": fields, "refused": bool(fields)}
    context |= {"key": new_key(), "ratings": RATINGS, "kinds": list(FeedbackKind)}
    return page(request, "feedback.html", status=422 if fields else 200, **context)
