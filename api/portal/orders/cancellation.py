"""Cancelling an order: what it would mean, then the action."""

import hashlib
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.authorization import OrderOverview
from api.dependencies import services_of
from api.pages.forms import fitting, key_of, new_key
from api.pages.i18n import language
from api.portal.i18n import WORDS
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
    return await _form(request, overview, {})


@router.post("/{order_no}/cancel")
async def cancel(request: Request, session: CurrentCustomer, order_no: str) -> Response:
    """Cancel the order."""
    services, fields = services_of(request), await posted(request, session)
    customer, overview = await owned(services, session, order_no)
    reason = fields.get("reason", "")
    if reason not in REASONS:
        return await _form(request, overview, fields, refused=True)
    more = fields.get("more", "").replace("\r\n", "\n").strip()[:MAX_MORE_CHARS]
    given_reason = fitting(CancelOrder, {"reason": ": ".join(filter(None, (reason, more)))}).reason
    digest = hashlib.sha256(f"cancel {overview.order_no}\n{given_reason}".encode()).digest()
    await order_cancellation.cancel(services, customer, key_of(fields), overview, digest, given_reason)
    return RedirectResponse(f"{HOME}/orders/{overview.order_no}", 303)


async def _form(
    request: Request, overview: OrderOverview, fields: dict[str, str], *, refused: bool = False
) -> Response:
    """The consequence with the form, which keeps what was typed and has no reason preselected: people tell theirs."""
    means, t = await order_cancellation.consequence(services_of(request), overview), WORDS.speaker(language(request))
    context: dict[str, Any] = {
        "order_no": overview.order_no,
        "means": means,
        "pieces": sum(row["quantity"] for row in means.stock),
        "reason_options": [(reason, t(f"cancel.reason.{reason}")) for reason in REASONS],
        "fields": fields,
        "refused": refused,
    }
    return page(request, "cancel.html", status=422 if refused else 200, key=new_key(), **context)
