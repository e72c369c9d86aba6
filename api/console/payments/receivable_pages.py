"""Orders on payment terms that are not paid, and the credit of customers."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from api.console.catalogue import fields as typed
from api.console.catalogue.fields import FormErrors
from api.console.forms import digest, key_of, new_key
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import order_number, require, services_of
from api.errors import Problem
from api.pages.forms import fitting
from api.pages.notices import acknowledged
from api.schemas.payments.credit import RecordTransfer, SetCredit
from api.services.orders import order_queries
from api.services.payments import credit
from domain.errors import RuleBroken
from domain.money import minor_of, written

router = APIRouter(prefix="/console")
_HOME, _CREDIT = "/console/receivables", "/console/credit"
_ON_A_PAGE = 50
_PLACES = {"customer_not_found": "customer_id", "more_than_owed": "amount", "amount_invalid": "amount"}
Typed = Annotated[str, Query(max_length=64)]


@router.get("/receivables")
async def owed(
    request: Request, member: CurrentStaff, customer: Typed = "", late: bool = False, cursor: str | None = None
) -> Response:
    """What is owed, the earliest due first; with `late` what is overdue."""
    require(member.principal, *credit.READ_BY)
    services, wanted = services_of(request), customer.strip()
    rows, following = await credit.owed(services, wanted or None, cursor or None, _ON_A_PAGE, overdue=late)
    kept = {name: value for name, value in (("customer", wanted), ("late", "true" if late else "")) if value}
    context: dict[str, Any] = {
        "rows": rows,
        "late": late,
        "customer": wanted,
        "may": member.may(*credit.SET_BY),
        "waiting": await credit.escalated(services),
        "next": f"{_HOME}?{urlencode({**kept, 'cursor': following})}" if following else "",
    }
    return page(request, "receivables.html", member=member, **context)


@router.get("/receivables/{order_no}")
async def one(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """What is owed for an order, and the form of a bank transfer."""
    require(member.principal, *credit.READ_BY)
    return await _one(request, member, order_number(order_no))


@router.post("/receivables/{order_no}")
async def record(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Record a bank transfer."""
    require(member.principal, *credit.RECORDED_BY)
    number, fields = order_number(order_no), await posted(request, member)
    services = services_of(request)
    try:
        found = await credit.of_order(services, number)
        body: dict[str, Any] = typed.texts(fields, "reference")
        if amount := fields.get("amount", "").strip():
            body["amount_minor"] = _amount(amount, found.currency)
        transfer = fitting(RecordTransfer, body)
        await credit.record_transfer(services, member.principal, key_of(fields), digest(transfer), number, transfer)
    except (Problem, RuleBroken) as refused:
        if refused.code in ("forbidden", "form_expired", "not_on_terms"):
            raise
        return await _one(request, member, number, fields, FormErrors(request, refused, _PLACES, "credit.rule"))
    return acknowledged(request, f"{_HOME}/{number}", "done.transfer_recorded")


@router.get("/credit")
async def form(request: Request, member: CurrentStaff, customer: Typed = "") -> Response:
    """The credit of a customer, and the form that sets it."""
    require(member.principal, *credit.READ_BY)
    return await _credit(request, member, {"customer_id": customer.strip()})


@router.post("/credit")
async def put(request: Request, member: CurrentStaff) -> Response:
    """Set the credit of a customer in a currency."""
    require(member.principal, *credit.SET_BY)
    fields = await posted(request, member)
    customer, currency = fields.get("customer_id", "").strip(), fields.get("currency", "").strip().upper()
    try:
        days = fields.get("terms_days", "").strip()
        body = {"currency": currency, "limit_minor": _amount(fields.get("limit", "").strip(), currency)}
        wanted = fitting(SetCredit, {**body, "terms_days": int(days) if days.isdecimal() and len(days) < 5 else days})
        await credit.put(services_of(request), member.principal, customer, wanted)
    except (Problem, RuleBroken) as refused:
        if refused.code in ("forbidden", "form_expired"):
            raise
        return await _credit(request, member, fields, FormErrors(request, refused, _PLACES, "credit.rule"))
    return acknowledged(request, f"{_CREDIT}?{urlencode({'customer': customer})}", "done.credit_set")


def _amount(text: str, currency: str) -> int | str:
    """In minor units; what is no amount is left for the model to refuse."""
    try:
        return minor_of(text, currency)
    except (RuleBroken, ValueError):
        return text


async def _one(
    request: Request,
    member: StaffMember,
    number: str,
    fields: dict[str, str] | None = None,
    errors: FormErrors | None = None,
) -> Response:
    services = services_of(request)
    found = await credit.of_order(services, number)
    context: dict[str, Any] = {
        "row": found,
        "order": await order_queries.known(services, number),
        "may": member.may(*credit.RECORDED_BY) and found.owed_minor > 0 and found.due_at is not None,
        "owed": written(found.owed_minor, found.currency),
        "fields": fields or {},
        "errors": errors,
        "key": new_key(),
    }
    return page(request, "receivable.html", status=errors.status if errors else 200, member=member, **context)


async def _credit(
    request: Request, member: StaffMember, fields: dict[str, str], errors: FormErrors | None = None
) -> Response:
    customer = fields.get("customer_id", "").strip()
    known = await credit.known(services_of(request), customer) if customer else []
    context: dict[str, Any] = {
        "customer": customer,
        "credits": known,
        "may": member.may(*credit.SET_BY),
        "fields": fields,
        "errors": errors,
    }
    return page(request, "customer_credit.html", status=errors.status if errors else 200, member=member, **context)
