"""Refunding an order: what was refunded, what is left, and a form that shows what it means before anything moves."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.authorization import visible_order
from api.console.action_forms import refusal
from api.console.approvals.approval_requests import after_action
from api.console.field_errors import field_errors, said
from api.console.forms import digest, fitting, key_of, new_key, whole
from api.console.i18n import language
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import require, services_of
from api.errors import Problem
from api.pages.line_fields import form_lines
from api.schemas.payments.refunds import OpenRefund, RefundConsequence
from api.services.payments import refunding
from api.services.payments.refunding import RefundableOrder
from domain.currencies import exponent
from domain.errors import RuleBroken, amounts_in
from domain.money import amount_format, minor_of
from domain.pricing.allocation import RefundableLine

router = APIRouter(prefix="/console/orders")


@router.get("/{order_no}/refund")
async def form(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """The order's refunds, and the form for another."""
    require(member.principal, *refunding.REFUNDED_BY)
    number = (await visible_order(services_of(request), member.principal, order_no)).order_no
    return _page(request, member, await refunding.refundable_order(services_of(request), number), {})


@router.post("/{order_no}/refund")
async def refund(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Show what it would mean; once that is confirmed, do it."""
    require(member.principal, *refunding.REFUNDED_BY)
    services, fields = services_of(request), await posted(request, member)
    number = (await visible_order(services, member.principal, order_no)).order_no
    found = await refunding.refundable_order(services, number)
    if fields.get("edit"):
        return _page(request, member, found, fields)
    try:
        with amounts_in(found.order["currency"]):
            return await _refunded(request, member, found, fields)
    except (Problem, RuleBroken) as error:
        return _page(request, member, found, fields, problem=refusal(error))


async def _refunded(request: Request, member: StaffMember, found: RefundableOrder, fields: dict[str, str]) -> Response:
    """The preview, or, once it is confirmed, the way back to the order. Raises what the HTTP calls raise."""
    services, number = services_of(request), found.order["order_no"]
    requested = _request_of(fields, found.lines, found.order["currency"])
    if not fields.get("confirm"):
        means = await refunding.consequence(services, member.principal, number, requested)
        return _page(request, member, found, fields, means=means)
    answer = await refunding.refund(services, member.principal, key_of(fields), digest(requested), number, requested)
    return after_action(request, answer, f"/console/orders/{number}", "done.refund")


def _request_of(fields: dict[str, str], lines: list[RefundableLine], currency: str) -> OpenRefund:
    """The form as the HTTP call's body. Raises Problem."""
    units = [{"line_no": line.line_no, "quantity": whole(fields[name])} for line in lines
             if fields.get(name := f"units.{line.line_no}", "").strip() not in ("", "0")]  # fmt: skip
    amount: int | None = None
    if typed := fields.get("amount", "").strip():
        try:
            amount = minor_of(typed, currency)
        except ValueError:
            raise _not_an_amount(currency) from None
    body: dict[str, Any] = {"amount_minor": amount, "lines": units or None, "reason": fields.get("reason", "")}
    return fitting(OpenRefund, {**body, "include_shipping": fields.get("include_shipping") == "on",
                                 "despite_returns": bool(fields.get("despite_returns"))})  # fmt: skip


def _not_an_amount(currency: str) -> Problem:
    words, decimals = amount_format(currency), exponent(currency)
    if not decimals:
        return Problem("amount_invalid", words, more={"whole_in": currency})
    return Problem("amount_invalid", words, more={"in": currency, "decimals": decimals})


def _page(
    request: Request,
    member: StaffMember,
    found: RefundableOrder,
    fields: dict[str, str],
    *,
    means: RefundConsequence | None = None,
    problem: Problem | None = None,
) -> Response:
    order = found.order
    context: dict[str, Any] = {
        "order": order,
        "lines": found.lines,
        "named": {line.line_no: line for line in form_lines("units", order["lines"])},
        "refunds": found.refunds[::-1],
        "left": 0 if order["cancelling"] else order["left_minor"],
        "fields": {name: text for name, text in fields.items() if name not in ("key", "confirm", "edit")},
        "means": means,
        "problem": problem,
        "errors": _errors(problem, found.lines, language(request)) if problem else {},
    }
    status, key = problem.status_code if problem else 200, new_key()
    return page(request, "order_refund.html", status=status, member=member, key=key, **context)


def _errors(problem: Problem, lines: list[RefundableLine], lang: str) -> dict[str, str]:
    """The refusal at its field: the units of the line that it names, else the amount."""
    found = field_errors(problem, lang)
    if sku := problem.more.get("sku"):
        found |= {f"units.{line.line_no}": said(problem, lang) for line in lines if line.sku == sku}
        found.pop("amount", None)
    return found
