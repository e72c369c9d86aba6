"""Asking to send things back: what and why, what it would bring, then the request."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from markupsafe import Markup

from api.dependencies import Services, services_of
from api.errors import Problem
from api.http.responses import private_picture_response
from api.pages.forms import fitting, key_of
from api.pages.i18n import language
from api.pages.line_fields import form_lines, typed_lines
from api.pages.uploads import form_with_files
from api.portal.after_sales.form_photographs import named, received
from api.portal.after_sales.product_picker import OTHER_GOODS, choose, chosen, is_choosing
from api.portal.confirmation import Confirmation, confirm
from api.portal.i18n import WORDS
from api.portal.payments import cards_of
from api.portal.rendering import HOME, cash, page, teller
from api.portal.session import CurrentCustomer, owned, posted
from api.schemas.after_sales.return_previews import PreviewedLine, ReturnConsequence
from api.schemas.after_sales.returns import AskReturn
from api.services.after_sales import return_offers, return_requesting
from api.services.after_sales.keyed_request import KeyedRequest, digest_of
from api.services.files import file_store
from api.services.portal import order_goods
from domain.access import Principal
from domain.after_sales.returns import Reason, Resolution
from infra.settings import Settings

router = APIRouter(prefix=f"{HOME}/orders")

EXCHANGE_FIRST = "exchange_first"
MAX_PHOTOGRAPHS = 10
MAX_REFERENCE = 200
_PIECES = "pieces"
# What the button sends that leads from the consequence back to the form.
AGAIN, TOO_LARGE = "edit", "picture_too_large"
_QUANTITY = re.compile(r"^\d{1,7}$")
_DAY_S = 86_400


@router.get("/{order_no}/return")
async def form(request: Request, session: CurrentCustomer, order_no: str) -> Response:
    """What can be sent back."""
    services = services_of(request)
    _, overview = await owned(services, session, order_no)
    return await _form(request, services, overview.order_no, {})


@router.post("/{order_no}/return")
async def preview(request: Request, session: CurrentCustomer, order_no: str) -> Response:
    """What it would bring; what does not fit is said in the form, which keeps what was typed and uploaded."""
    services = services_of(request)
    customer, overview = await owned(services, session, order_no)
    try:
        fields = await form_with_files(posted(request, session))
    except Problem as problem:
        if problem.code != TOO_LARGE:
            raise
        return await _form(request, services, overview.order_no, {}, problem, [("", TOO_LARGE)])
    refused = await received(request, services, customer, fields)
    again = fields.pop("step", "") if fields.get("step") == AGAIN else ""
    problem_found = _first_problem(fields)
    if again or refused or problem_found:
        return await _form(request, services, overview.order_no, fields, None if again else problem_found, refused)
    return await _preview(request, services, customer, overview.order_no, fields)


def _first_problem(fields: dict[str, str]) -> Problem | None:
    """What is missing or wrong in the form itself."""
    try:
        _pieces(fields)
        _photographs(fields)
    except Problem as problem:
        return problem
    return None if fields.get("reason_code") in list(Reason) else Problem("reason_missing")


async def _preview(
    request: Request, services: Services, customer: Principal, order_no: str, fields: dict[str, str]
) -> Response:
    """The page of the consequence, or that of the other goods; a refusal comes back with its form."""
    try:
        if is_choosing(fields):
            return await choose(request, services, order_no, fields)
        body = _body_of(services.settings, fields)
    except Problem as problem:
        again = choose if fields.get("step") else _form
        return await again(request, services, order_no, fields, problem)
    consequence = await return_requesting.preview(services, customer, order_no, body)
    means = list(_means(request, consequence, await _goods(services, order_no, body)))
    if sent := named(fields):
        means.append(WORDS.speaker(language(request))("return.means.photographs", count=len(sent)))
    path = f"{HOME}/orders/{order_no}/return"
    hidden = {name: value for name, value in fields.items() if name not in ("key", "step")}
    return confirm(request, Confirmation("return", order_no, f"{path}/do", means, hidden, back=path, edit=path))


@router.get("/{order_no}/return/photographs/{file_id}")
async def uploaded_photograph(request: Request, session: CurrentCustomer, order_no: str, file_id: str) -> Response:
    """The thumbnail of a photograph that the form has uploaded."""
    services = services_of(request)
    customer, _ = await owned(services, session, order_no)
    return private_picture_response(await file_store.own_picture(services, file_id, customer.subject, small=True))


@router.post("/{order_no}/return/do")
async def request_return(request: Request, session: CurrentCustomer, order_no: str) -> Response:
    """Ask for it."""
    services, fields = services_of(request), await posted(request, session)
    customer, overview = await owned(services, session, order_no)
    body, sent = _body_of(services.settings, fields), named(fields)
    keyed = KeyedRequest(customer, key_of(fields), digest_of(f"{body.model_dump_json()} {sent}"))
    answer = await return_requesting.request_return(services, keyed, overview.order_no, body, sent)
    return_id = return_requesting.return_of(answer)
    return RedirectResponse(f"{HOME}/orders/{overview.order_no}/returns/{return_id}", 303)


async def _form(
    request: Request,
    services: Services,
    order_no: str,
    fields: dict[str, str],
    problem: Problem | None = None,
    refused_files: Sequence[tuple[str, str]] = (),
) -> Response:
    """The form; `refused_files` are names of files, each with why it is not taken."""
    goods = await order_goods.returnable(services, order_no)
    context: dict[str, Any] = {"order_no": order_no, "goods": form_lines(_PIECES, goods), "fields": fields}
    context["currency"] = goods[0]["currency"] if goods else ""
    cards = cards_of(services.settings)
    ways = [str(one) for one in return_offers.RESOLUTIONS] + ([EXCHANGE_FIRST] if cards else []) + [OTHER_GOODS]
    context |= {"reasons": list(Reason), "resolutions": ways, "cards": cards}
    context |= {"kept": named(fields), "refused_files": refused_files}
    status, code = (problem.status_code, problem.code) if problem else (422 if refused_files else 200, "")
    return page(
        request,
        "return_form.html",
        status=status,
        refused=code,
        refusal_facts=problem.facts if problem else None,
        **context,
    )


async def _goods(services: Services, order_no: str, body: AskReturn) -> dict[str, str]:
    """The names of what goes back and of what is wanted instead."""
    new = [line.sku for line in body.exchange_lines or ()]
    return await order_goods.names_for_exchange(services, order_no, new)


def _pieces(fields: dict[str, str]) -> list[dict[str, Any]]:
    """What goes back. Raises Problem `nothing_chosen`, `invalid_quantity`."""
    pieces = typed_lines(_PIECES, fields)
    if any(typed and not _QUANTITY.match(typed) for _, typed in pieces):
        raise Problem("invalid_quantity", "a quantity is a whole number")
    lines = [{**named, "quantity": int(typed)} for named, typed in pieces if typed and int(typed)]
    if not lines:
        raise Problem("nothing_chosen", "say how many pieces go back")
    return lines


def _photographs(fields: dict[str, str]) -> list[str]:
    """Their references, one a line. Raises Problem `too_many_photographs`."""
    named = [line.strip() for line in fields.get("photographs", "").splitlines() if line.strip()]
    if len(named) > MAX_PHOTOGRAPHS or any(len(one) > MAX_REFERENCE for one in named):
        raise Problem("too_many_photographs", f"at most {MAX_PHOTOGRAPHS}, each of at most {MAX_REFERENCE} characters")
    return named


def _body_of(settings: Settings, fields: dict[str, str]) -> AskReturn:
    """The form as the body of the HTTP call. Raises Problem as `_pieces` and `chosen` do, `too_many_photographs`."""
    code = fields.get("reason_code", "")
    words = fields.get("reason", "").replace("\r\n", "\n").strip()
    body: dict[str, Any] = {"lines": _pieces(fields), "reason_code": code, "reason": words or code}
    body["photographs"] = _photographs(fields)
    return fitting(AskReturn, body | _instead(settings, fields))


def _instead(settings: Settings, fields: dict[str, str]) -> dict[str, Any]:
    """What the customer gets; new goods that go out first need a payment that stands for the old ones."""
    requested = fields.get("resolution", "")
    if requested not in (EXCHANGE_FIRST, OTHER_GOODS):
        return {"resolution": requested}
    body: dict[str, Any] = {"resolution": Resolution.EXCHANGE}
    if requested == OTHER_GOODS:
        body["exchange_lines"] = chosen(fields)
    if requested == EXCHANGE_FIRST or fields.get("first"):
        body |= {"advance": True, "payment": {"method": settings.payment_provider, "token": fields.get("by", "")}}
    return body


def _means(request: Request, consequence: ReturnConsequence, goods: dict[str, str]) -> Iterator[str | Markup]:
    """The consequence as sentences."""
    sentence, currency = teller(language(request)), consequence.refund.currency
    pieces = _units(consequence.lines)
    for sku, quantity in pieces.items():
        yield sentence("return.means.line", name=goods.get(sku, sku), count=quantity)
    yield from _consequences(request, consequence, pieces, goods)
    for amount in consequence.kept:
        yield sentence(f"return.kept.{amount.what}.{amount.why}", amount=cash(amount.amount_minor, currency))
    if consequence.answer_within_s is None:
        yield sentence("return.means.at_once")
    else:
        yield sentence("return.means.answer", days=days(request, consequence.answer_within_s))
    yield sentence("return.means.send", days=days(request, consequence.send_within_s))


def _consequences(
    request: Request, consequence: ReturnConsequence, pieces: dict[str, int], goods: dict[str, str]
) -> Iterator[str | Markup]:
    """The money or the new goods, and what is to be paid for them."""
    sentence, currency, instead = teller(language(request)), consequence.refund.currency, consequence.exchange
    if instead is None:
        yield sentence(f"return.means.{consequence.resolution}", amount=cash(consequence.refund.amount_minor, currency))
        return
    new = {one.sku: one.quantity for one in instead.lines}
    others = bool(new) and new != pieces
    for one in instead.lines if others else ():
        each = cash(one.unit_price_minor, currency)
        yield sentence("return.means.new", name=goods.get(one.sku, one.sku), count=one.quantity, each=each)
    way = EXCHANGE_FIRST if instead.guarantee_minor else consequence.resolution
    yield sentence(f"return.means.{way}{'.other' if others else ''}", amount=cash(instead.value_minor, currency))
    if instead.guarantee_minor:
        yield sentence("return.exchange.guarantee", amount=cash(instead.guarantee_minor, currency))
    if instead.to_pay_minor:
        yield sentence("return.exchange.to_pay", amount=cash(instead.to_pay_minor, currency))
    if instead.to_refund_minor:
        yield sentence("return.exchange.to_refund", amount=cash(instead.to_refund_minor, currency))


def _units(lines: Sequence[PreviewedLine]) -> dict[str, int]:
    """How many pieces of each SKU."""
    units: dict[str, int] = {}
    for line in lines:
        units[line.sku] = units.get(line.sku, 0) + line.quantity
    return units


def days(request: Request, seconds: float) -> str:
    """A time as people say it: in days, or in hours where it is less than one."""
    unit, size = ("day", _DAY_S) if seconds >= _DAY_S else ("hour", 3600)
    number = f"{seconds / size:.1f}".removesuffix(".0")
    if language(request) == "zh":
        return f"{number} {'天' if unit == 'day' else '小时'}"
    return f"{number} {unit}{'' if number == '1' else 's'}"
