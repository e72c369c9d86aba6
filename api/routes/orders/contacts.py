"""Correcting how an order's customer is reached."""

from fastapi import APIRouter, Request, Response

from api.authorization import visible_order
from api.dependencies import Caller, idempotency_key, require, services_of
from api.http.openapi import ETAG, IF_MATCH, Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.schemas.notifications import SentAgain
from api.schemas.orders.contacts import CorrectContact, CorrectedContact
from api.services.orders import contact_corrections, order_changes
from api.services.orders.contact_corrections import ContactCorrection
from domain.access import Role

router = APIRouter(prefix="/v1/orders", tags=["orders"])


@router.patch(
    "/{order_no}/contact",
    **operation(
        "correct_order_contact",
        Answer(200, CorrectedContact, headers=[ETAG]),
        body=CorrectContact,
        parameters=[IF_MATCH],
    ),
)
async def correct_contact(order_no: str, request: Request, caller: Caller) -> Response:
    """Correct name, e-mail or telephone number of this order's customer, in any status. Messages go to the new contact
    and the portal opens the order to it alone; other orders and the customer's profile stay as they are."""
    require(caller, Role.SUPPORT)
    services, key = services_of(request), idempotency_key(request)
    overview = await visible_order(services, caller, order_no)
    parsed = await read(request, CorrectContact)
    correction = ContactCorrection(order_changes.versions_in(request.headers.get("if-match")), parsed.model)
    return response_of(
        await contact_corrections.correct(services, caller, key, parsed.digest, overview.order_no, correction)
    )


@router.post("/{order_no}/messages/resend", **operation("resend_last_message", Answer(200, SentAgain), with_key=True))
async def send_last_again(order_no: str, request: Request, caller: Caller) -> Response:
    """Write the last message about the order anew and send it to the contact that the order has now, by e-mail or text
    message, also when it was sent before."""
    require(caller, Role.SUPPORT)
    services, key = services_of(request), idempotency_key(request)
    overview = await visible_order(services, caller, order_no)
    digest = contact_corrections.digest_of_resend(overview.order_no)
    return response_of(await contact_corrections.send_last_again(services, caller, key, digest, overview.order_no))
