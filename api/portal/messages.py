"""The messages that a customer received about an order, as they were sent."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.dependencies import services_of
from api.portal.rendering import HOME, page
from api.portal.session import CurrentCustomer, owned
from api.services.notifications import order_messages

router = APIRouter(prefix=f"{HOME}/orders")


@router.get("/{order_no}/messages")
async def listed(request: Request, session: CurrentCustomer, order_no: str) -> Response:
    """What was sent, the newest first."""
    services = services_of(request)
    _, overview = await owned(services, session, order_no)
    messages = await order_messages.sent_about(services, overview.order_no)
    return page(request, "messages.html", order_no=overview.order_no, messages=messages)
