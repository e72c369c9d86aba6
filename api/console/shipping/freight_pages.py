"""Freight: bills of carriers are uploaded, their differences decided, and each order shows what its parcels cost."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import UploadFile

from api.console.catalogue import fields as typed
from api.console.catalogue.fields import FormErrors
from api.console.forms import digest, key_of, new_key
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import order_number, require, require_staff, services_of
from api.errors import Problem
from api.pages.forms import fitting
from api.pages.notices import acknowledged
from api.schemas.freight import BillFields, DecideDifference, DifferenceOwner
from api.services.shipping import carrier_bills, freight
from api.services.shipping.carrier_bills import WORKED_ON_BY, UploadedBill
from api.services.shipping.freight import FreightRequest, Wanted
from domain.errors import NotFound, RuleBroken
from domain.shipping.freight import MAX_BILL_LINES, BillState, DifferenceKind, DifferenceState

router = APIRouter(prefix="/console")
_BILLS, _UPLOAD, _DIFFERENCES = "/console/carrier-bills", "/console/new/carrier-bill", "/console/freight-differences"
_ON_A_PAGE = 50
Number = Annotated[int, Path(ge=1, le=2**62)]
_FILE = ("import_unreadable", "import_empty", "carrier_bill_columns", "carrier_bill_too_long", "body_too_large")
_PLACES = dict.fromkeys(_FILE, "file") | {"carrier_bill_exists": "bill_no"}


@router.get("/carrier-bills")
async def bills(request: Request, member: CurrentStaff, cursor: str | None = None) -> Response:
    """Bills, the newest first."""
    require_staff(member.principal)
    services = services_of(request)
    found, following = await carrier_bills.page(services, _ON_A_PAGE, cursor or None)
    context: dict[str, Any] = {
        "bills": found,
        "waiting": await freight.waiting(services),
        "may": member.may(*WORKED_ON_BY),
        "next": f"{_BILLS}?{urlencode({'cursor': following})}" if following else "",
    }
    return page(request, "carrier_bills.html", member=member, **context)


@router.get("/new/carrier-bill")
async def new(request: Request, member: CurrentStaff) -> Response:
    """The form of a bill."""
    require(member.principal, *WORKED_ON_BY)
    return _form(request, member, {})


@router.post("/new/carrier-bill")
async def upload(request: Request, member: CurrentStaff) -> Response:
    """Read the file and go on to the bill."""
    require(member.principal, *WORKED_ON_BY)
    fields: dict[str, str] = {}
    try:
        fields = await posted(request, member)
        body = fitting(BillFields, typed.texts(fields, "carrier", "bill_no", "currency"))
        file = (await request.form()).get("file")
        if not isinstance(file, UploadFile) or not file.size:
            raise RuleBroken("import_empty")
        uploaded = UploadedBill(file.filename or "", file.file)
        answer = await carrier_bills.upload(services_of(request), member.principal, key_of(fields), body, uploaded)
    except (Problem, RuleBroken) as refused:
        if refused.code in ("forbidden", "form_expired"):
            raise
        return _form(request, member, typed.typed_of(fields), FormErrors(request, refused, _PLACES))
    return RedirectResponse(f"{_BILLS}/{carrier_bills.bill_of(answer)}", 303)


@router.get("/carrier-bills/{bill_id}")
async def bill(
    request: Request, member: CurrentStaff, bill_id: str, state: str = "", kind: str = "", cursor: str | None = None
) -> Response:
    """A bill with its differences."""
    require_staff(member.principal)
    services = services_of(request)
    found = await carrier_bills.one(services, bill_id)
    wanted = Wanted(bill_id, _one_of(DifferenceKind, kind), _one_of(DifferenceState, state))
    rows, following = await freight.page(services, wanted, _ON_A_PAGE, cursor or None)
    kept = {name: value for name, value in (("state", wanted.state), ("kind", wanted.kind)) if value}
    home = f"{_BILLS}/{bill_id}"
    context: dict[str, Any] = {
        "found": found,
        "bill": found.bill,
        "running": found.bill.state is BillState.COMPARING,
        "rows": rows,
        "wanted": wanted,
        "home": home,
        "differing": sum(one.number for one in found.differences),
        "next": f"{home}?{urlencode({**kept, 'cursor': following})}" if following else "",
    }
    return page(request, "carrier_bill.html", member=member, **context)


@router.get("/carrier-bills/{bill_id}/progress")
async def progress(request: Request, member: CurrentStaff, bill_id: str) -> Response:
    """How far it is, for the page that shows it."""
    require_staff(member.principal)
    found = await carrier_bills.progress(services_of(request), bill_id)
    return page(request, "carrier_bill_progress.html", member=member, bill=found)


@router.get("/freight-differences")
async def differences(request: Request, member: CurrentStaff, state: str = "", cursor: str | None = None) -> Response:
    """Differences of all bills, those that wait first."""
    require_staff(member.principal)
    services, chosen = services_of(request), _one_of(DifferenceState, state) or DifferenceState.OPEN
    rows, following = await freight.page(services, Wanted(state=chosen), _ON_A_PAGE, cursor or None)
    context: dict[str, Any] = {
        "rows": rows,
        "chosen": chosen,
        "states": list(DifferenceState),
        "waiting": await freight.waiting(services),
        "next": f"{_DIFFERENCES}?{urlencode({'state': chosen, 'cursor': following})}" if following else "",
    }
    return page(request, "freight_differences.html", member=member, **context)


@router.get("/freight-differences/{difference_id}")
async def difference(request: Request, member: CurrentStaff, difference_id: Number) -> Response:
    """A difference with what can be decided."""
    require_staff(member.principal)
    return await _difference(request, member, difference_id)


@router.post("/freight-differences/{difference_id}/owner")
async def assign(request: Request, member: CurrentStaff, difference_id: Number) -> Response:
    """Set who settles it."""
    require(member.principal, *WORKED_ON_BY)
    fields = await posted(request, member)
    try:
        body = fitting(DifferenceOwner, typed.texts(fields, "owner"))
        asked = FreightRequest(services_of(request), member.principal, key_of(fields), digest(body))
        await freight.assign(asked, difference_id, body)
    except NotFound:
        raise
    except (Problem, RuleBroken) as refused:
        return await _difference(request, member, difference_id, fields, FormErrors(request, refused))
    return acknowledged(request, f"{_DIFFERENCES}/{difference_id}", "done.difference_assigned", name=body.owner)


@router.post("/freight-differences/{difference_id}/decide")
async def decide(request: Request, member: CurrentStaff, difference_id: Number) -> Response:
    """Accept, dispute, or end the dispute."""
    require(member.principal, *WORKED_ON_BY)
    fields = await posted(request, member)
    try:
        body = fitting(DecideDifference, typed.texts(fields, "action", "reason"))
        asked = FreightRequest(services_of(request), member.principal, key_of(fields), digest(body))
        await freight.decide(asked, difference_id, body)
    except NotFound:
        raise
    except (Problem, RuleBroken) as refused:
        return await _difference(request, member, difference_id, fields, FormErrors(request, refused))
    return acknowledged(request, f"{_DIFFERENCES}/{difference_id}", "done.difference_decided")


@router.get("/orders/{order_no}/freight")
async def of_order(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """What each parcel was estimated to cost, what it cost when booked, and what was billed."""
    number = order_number(order_no)
    parcels = await freight.of_order(services_of(request), member.principal, number)
    return page(request, "order_freight.html", member=member, order_no=number, parcels=parcels)


def _one_of(choices: Any, typed_value: str) -> Any:
    return next((one for one in choices if one == typed_value), None)


def _form(request: Request, member: StaffMember, fields: dict[str, str], errors: FormErrors | None = None) -> Response:
    context: dict[str, Any] = {"fields": fields, "errors": errors, "key": new_key(), "most": f"{MAX_BILL_LINES:,}"}
    return page(request, "carrier_bill_form.html", status=errors.status if errors else 200, member=member, **context)


async def _difference(
    request: Request,
    member: StaffMember,
    difference_id: int,
    fields: dict[str, str] | None = None,
    errors: FormErrors | None = None,
) -> Response:
    found = await freight.one(services_of(request), difference_id)
    context: dict[str, Any] = {
        "row": found,
        "may": member.may(*WORKED_ON_BY) and bool(found.actions),
        "fields": fields or {},
        "errors": errors,
        "key": new_key(),
    }
    return page(request, "freight_difference.html", status=errors.status if errors else 200, member=member, **context)
