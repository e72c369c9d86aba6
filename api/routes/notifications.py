"""What an order's customer was told, and having it sent again."""

from fastapi import APIRouter, Request, Response

from api.authorization import visible
from api.dependencies import Caller, idempotency_key, json_response, require, services
from api.openapi import keyed, problems
from api.responses import response_of
from api.schemas.notifications import Messages, SentAgain
from api.services import notifications
from domain.access import Role
from domain.errors import NotFound

router = APIRouter(prefix="/v1/orders", tags=["messages"])

MAX_ID = 64


@router.get("/{order_no}/messages", response_model=Messages, responses=problems())
async def told(order_no: str, request: Request, caller: Caller) -> Response:
    """Every message about the order, by e-mail or text message, in the order of what happened."""
    parts = services(request)
    glance = await visible(parts, caller, order_no)
    return json_response({"items": await notifications.of_order(parts, glance.order_no)})


@router.post(
    "/{order_no}/messages/{message_id}/retry", response_model=SentAgain, openapi_extra=keyed(), responses=problems()
)
async def retry(order_no: str, message_id: str, request: Request, caller: Caller) -> Response:
    """Write a message that failed anew, with the customer's address of today, and send it again."""
    require(caller, Role.SUPPORT)
    parts, key = services(request), idempotency_key(request)
    glance = await visible(parts, caller, order_no)
    return response_of(await notifications.send_again(parts, caller, key, glance.order_no, checked(message_id)))


def checked(message_id: str) -> str:
    """Raises NotFound `message_not_found` for what cannot be an id."""
    if len(message_id) > MAX_ID or not message_id.isascii() or not message_id.isprintable():
        raise NotFound("message_not_found", "this order has no such message")
    return message_id
