"""Photographs of a parcel that is lost or damaged: added to the order, seen by its customer and by staff."""

from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.dependencies import services_of
from api.errors import Problem
from api.http.responses import private_picture_response
from api.pages.forms import key_of, new_key
from api.pages.uploads import UPLOAD_ERRORS, form_with_files, sent_files
from api.portal.rendering import HOME, page
from api.portal.session import CurrentCustomer, owned, posted
from api.services.after_sales import order_photographs
from api.services.after_sales.keyed_request import KeyedRequest
from api.services.after_sales.order_photographs import MAX_PHOTOGRAPHS, TAKEN_IN
from api.services.files import uploads
from domain.errors import RuleBroken
from domain.orders.status import Status

router = APIRouter(prefix=f"{HOME}/orders/{{order_no}}/photographs")


@router.get("")
async def shown(request: Request, session: CurrentCustomer, order_no: str) -> Response:
    """What was added, and the form."""
    _, overview = await owned(services_of(request), session, order_no)
    return await _page(request, overview.order_no, overview.status)


async def _page(request: Request, order_no: str, status: str, refused: str = "", code: int = 200) -> Response:
    """The page; `refused` is why photographs were not added."""
    added = await order_photographs.of_parcel(services_of(request), order_no)
    open_to = Status(status) in TAKEN_IN and len(added) < MAX_PHOTOGRAPHS
    context: dict[str, Any] = {"order_no": order_no, "uploads": added, "may_upload": open_to, "refused": refused}
    return page(request, "parcel_photographs.html", status=code, key=new_key(), order_status=status, **context)


@router.post("")
async def add(request: Request, session: CurrentCustomer, order_no: str) -> Response:
    """Add them; what does not fit is said at the field."""
    services = services_of(request)
    customer, overview = await owned(services, session, order_no)
    try:
        fields = await form_with_files(posted(request, session))
        checked = await uploads.all_checked(await sent_files(request, "photographs"))
        keyed = KeyedRequest(customer, key_of(fields), uploads.digest_of(overview.order_no, checked))
        await order_photographs.add(services, keyed, overview.order_no, customer.subject, checked)
    except (Problem, RuleBroken) as error:
        if error.code not in UPLOAD_ERRORS:
            raise
        code = error.status_code if isinstance(error, Problem) else 422
        return await _page(request, overview.order_no, overview.status, error.code, code)
    return RedirectResponse(f"{HOME}/orders/{overview.order_no}/photographs", 303)


@router.get("/{file_id}")
async def photograph(
    request: Request,
    session: CurrentCustomer,
    order_no: str,
    file_id: str,
    size: Literal["full", "small"] = "full",
) -> Response:
    """One photograph of the order's parcel or of its returns."""
    services = services_of(request)
    _, overview = await owned(services, session, order_no)
    return private_picture_response(await order_photographs.one(services, overview.order_no, file_id, size == "small"))
