"""Cancelling an order: what it would mean, then the act."""

import hashlib
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.dependencies import services_of
from api.errors import Problem
from api.pages.forms import fitting, key_of, new_key
from api.portal.rendering import HOME, page
from api.portal.session import CurrentCustomer, owned, posted
from api.schemas.orders.orders import CancelOrder
from api.services.orders import order_cancellation

router = APIRouter(prefix=f"{HOME}/orders")

REASONS = ("changed_mind", "ordered_wrongly", "too_slow", "cheaper_elsewhere", "other")
MAX_MORE_CHARS = 400


@router.get("/{order_no}/cancel")
async def preview(request: Request, session: CurrentCustomer, order_no: str) -> Response:
    """What would come back, before anything moves."""
    services = services_of(request)
    _, overview = await owned(services, session, order_no)
    means = await order_cancellation.consequence(services, overview)
    pieces = sum(row["quantity"] for row in means.stock)
    context: dict[str, Any] = {"order_no": overview.order_no, "means": means, "pieces": pieces}
    return page(request, "cancel.html", key=new_key(), reasons=REASONS, **context)


@router.post("/{order_no}/cancel")
async def cancel(request: Request, session: CurrentCustomer, order_no: str) -> Response:
    """Cancel the order."""
    services, fields = services_of(request), await posted(request, session)
    customer, overview = await owned(services, session, order_no)
    reason = fields.get("reason", "")
    if reason not in REASONS:
        raise Problem("reason_missing", "choose a reason")
    more = fields.get("more", "").replace("\r\n", "\n").strip()[:MAX_MORE_CHARS]
    given_reason = fitting(CancelOrder, {"reason": ": ".join(filter(None, (reason, more)))}).reason
    digest = hashlib.sha256(f"cancel {overview.order_no}\n{given_reason}".encode()).digest()
    await order_cancellation.cancel(services, customer, key_of(fields), overview, digest, given_reason)
    return RedirectResponse(f"{HOME}/orders/{overview.order_no}", 303)
