"""One return as the customer follows it: where it is, what happens next and when, its label, its money."""

from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.dependencies import Services, services_of
from api.errors import Problem
from api.http.responses import private_picture_response
from api.pages.forms import digest, fitting, key_of, new_key
from api.pages.i18n import language
from api.pages.uploads import UPLOAD_ERRORS, form_with_files, sent_files
from api.portal.confirmation import Confirmation, confirm
from api.portal.rendering import HOME, cash, page, teller
from api.portal.session import CurrentCustomer, CustomerSession, owned, posted
from api.presenters.return_labels import label_response
from api.schemas.after_sales.returns import SentReturn
from api.services.after_sales import return_lookup, return_operations, return_photographs
from api.services.after_sales.keyed_request import KeyedRequest, digest_of
from api.services.after_sales.return_photographs import MAX_PHOTOGRAPHS
from api.services.after_sales.return_types import GuaranteeFields, ReturnView
from api.services.files import uploads
from api.services.portal import order_goods
from domain.access import Principal
from domain.after_sales.guarantees import GuaranteeStatus
from domain.after_sales.returns import OPEN, ReturnStatus
from domain.errors import NotFound, RuleBroken

router = APIRouter(prefix=f"{HOME}/orders/{{order_no}}/returns")

# While the customer has the goods: then they send them, or name the carrier.
_TO_SEND = (ReturnStatus.APPROVED,)


@router.get("/{return_id}")
async def one(request: Request, session: CurrentCustomer, order_no: str, return_id: str) -> Response:
    """The return's page, live where scripts run."""
    _, found = await _mine(services_of(request), session, order_no, return_id)
    return await _page(request, found)


async def _page(request: Request, found: ReturnView, refused: str = "", status: int = 200) -> Response:
    """The page; `refused` is why photographs were not added."""
    services = services_of(request)
    new = [line["sku"] for line in (found["exchange"]["lines"] if found["exchange"] else ())]
    names, wanted = await order_goods.names_of_return(services, found["order_no"], new)
    context: dict[str, Any] = {"found": found, "names": names, "wanted": wanted, "to_send": found["status"] in _TO_SEND}
    context["uploads"] = await return_photographs.every(services, found["return_id"])
    context["may_upload"] = found["status"] in OPEN and len(context["uploads"]) < MAX_PHOTOGRAPHS
    context["here"], context["guarantee"] = address_of(found), _standing(found)
    template = "return_live.html" if request.headers.get("x-live") else "return.html"
    return page(request, template, status=status, key=new_key(), refused=refused, **context)


@router.post("/{return_id}/photographs")
async def add_photographs(request: Request, session: CurrentCustomer, order_no: str, return_id: str) -> Response:
    """Add photographs to the return; what does not fit is said at the field."""
    services = services_of(request)
    customer, found = await _mine(services, session, order_no, return_id)
    try:
        fields = await form_with_files(posted(request, session))
        checked = await uploads.all_checked(await sent_files(request, "photographs"))
        keyed = KeyedRequest(customer, key_of(fields), uploads.digest_of(found["return_id"], checked))
        await return_photographs.add(services, keyed, found["return_id"], customer.subject, checked)
    except (Problem, RuleBroken) as error:
        if error.code not in UPLOAD_ERRORS:
            raise
        return await _page(request, found, error.code, error.status_code if isinstance(error, Problem) else 422)
    return RedirectResponse(address_of(found), 303)


@router.get("/{return_id}/photographs/{file_id}")
async def photograph(
    request: Request,
    session: CurrentCustomer,
    order_no: str,
    return_id: str,
    file_id: str,
    size: Literal["full", "small"] = "full",
) -> Response:
    """One photograph of the return."""
    services = services_of(request)
    _, found = await _mine(services, session, order_no, return_id)
    picture = await return_photographs.one(services, found["return_id"], file_id, size == "small")
    return private_picture_response(picture)


@router.get("/{return_id}/label")
async def label(request: Request, session: CurrentCustomer, order_no: str, return_id: str) -> Response:
    """The label to print."""
    services = services_of(request)
    _, found = await _mine(services, session, order_no, return_id)
    return label_response(await return_lookup.label(services, found["return_id"]))


@router.post("/{return_id}/sent")
async def sent(request: Request, session: CurrentCustomer, order_no: str, return_id: str) -> Response:
    """It is on its way by a carrier of the customer's own."""
    services, fields = services_of(request), await posted(request, session)
    customer, found = await _mine(services, session, order_no, return_id)
    body = {name: fields.get(name, "").strip() for name in ("carrier", "tracking_no")}
    parcel = fitting(SentReturn, body)
    keyed = KeyedRequest(customer, key_of(fields), digest(parcel))
    await return_operations.sent(services, keyed, found["return_id"], parcel)
    return RedirectResponse(address_of(found), 303)


@router.get("/{return_id}/keep")
async def keep_preview(request: Request, session: CurrentCustomer, order_no: str, return_id: str) -> Response:
    """What it means to keep the goods after all."""
    _, found = await _mine(services_of(request), session, order_no, return_id)
    sentence, address = teller(language(request)), address_of(found)
    means = [sentence("return.keep.means")]
    if (guarantee := _standing(found)) is not None:
        amount = cash(guarantee["amount_minor"], guarantee["currency"])
        means.append(sentence("return.keep.guarantee", amount=amount))
    return confirm(
        request, Confirmation("return.keep", found["order_no"], f"{address}/keep", means, danger=True, back=address)
    )


@router.post("/{return_id}/keep")
async def keep(request: Request, session: CurrentCustomer, order_no: str, return_id: str) -> Response:
    """Keep the goods: the return is called off."""
    services, fields = services_of(request), await posted(request, session)
    customer, found = await _mine(services, session, order_no, return_id)
    keyed = KeyedRequest(customer, key_of(fields), digest_of(f"keep {found['return_id']}"))
    await return_operations.cancel(services, keyed, found["return_id"])
    return RedirectResponse(address_of(found), 303)


async def _mine(
    services: Services, session: CustomerSession, order_no: str, typed: str
) -> tuple[Principal, ReturnView]:
    """The return of this order, and the customer as whom this session acts. Raises NotFound."""
    customer, overview = await owned(services, session, order_no)
    found = await return_lookup.visible(services, customer, typed)
    if found["order_no"] != overview.order_no:
        raise NotFound("return_not_found")
    return customer, found


def _standing(found: ReturnView) -> GuaranteeFields | None:
    """The guarantee that is charged if the old goods never come, while it stands."""
    guarantee = found["exchange"]["guarantee"] if found["exchange"] else None
    return guarantee if guarantee and guarantee["status"] == GuaranteeStatus.AUTHORISED else None


def address_of(found: ReturnView) -> str:
    """Where the page of a return is."""
    return f"{HOME}/orders/{found['order_no']}/returns/{found['return_id']}"
