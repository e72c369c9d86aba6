"""Messages to an order's customer, and sending a failed one again."""

from dataclasses import asdict

from fastapi import APIRouter, Request, Response

from api.authorization import visible_order
from api.dependencies import Caller, idempotency_key, json_response, require, services_of
from api.http.openapi import Answer, operation
from api.http.responses import response_of
from api.presenters.fields import shown_as
from api.schemas.notifications import Message, MessageAsSent, Messages, SentAgain
from api.services.notifications import order_messages
from domain.access import Role

router = APIRouter(prefix="/v1/orders", tags=["messages"])


@router.get("/{order_no}/messages", **operation("list_order_messages", Answer(200, Messages)))
async def list_messages(order_no: str, request: Request, caller: Caller) -> Response:
    """Every message about the order, by e-mail or text message, in the order of what happened."""
    services = services_of(request)
    overview = await visible_order(services, caller, order_no)
    found = await order_messages.of_order(services, overview.order_no)
    return json_response({"items": [shown_as(Message, one) for one in found]})


@router.get("/{order_no}/messages/{message_id}", **operation("get_order_message", Answer(200, MessageAsSent)))
async def get_message(order_no: str, message_id: str, request: Request, caller: Caller) -> Response:
    """One message with the exact subject and body that were sent; for the order's owner, support and warehouse."""
    require(caller, *order_messages.READ_BY)
    services = services_of(request)
    overview = await visible_order(services, caller, order_no)
    return json_response(asdict(await order_messages.as_sent(services, caller, overview.order_no, message_id)))


@router.post(
    "/{order_no}/messages/{message_id}/retry", **operation("retry_message", Answer(200, SentAgain), with_key=True)
)
async def retry(order_no: str, message_id: str, request: Request, caller: Caller) -> Response:
    """Write a message that failed anew, with the customer's address of today, and send it again."""
    require(caller, Role.SUPPORT)
    services, key = services_of(request), idempotency_key(request)
    overview = await visible_order(services, caller, order_no)
    return response_of(await order_messages.send_again(services, caller, key, overview.order_no, message_id))
