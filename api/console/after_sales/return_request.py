"""Asking for a return on a customer's behalf: which pieces, and what they get for them; shown first, then asked for."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.authorization import visible_order
from api.console.field_errors import field_errors, said
from api.console.forms import digest, fitting, key_of, new_key, whole
from api.console.i18n import language
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import Services, methods, require, services_of
from api.errors import Problem, from_rule
from api.pages.line_fields import form_lines, typed_lines
from api.pages.notices import acknowledged
from api.schemas.after_sales.return_previews import ReturnConsequence
from api.schemas.after_sales.returns import MAX_LINES, AskReturn
from api.services.after_sales import return_offers, return_requesting
from api.services.after_sales.keyed_request import KeyedRequest
from api.services.after_sales.return_lookup import REQUESTED_BY
from domain.after_sales.returns import Reason, Resolution
from domain.errors import RuleBroken
from domain.orders.status import Status

router = APIRouter(prefix="/console/orders")

EXCHANGE_FIRST = "exchange_first"
ROWS = 3
_WANTED = ("sku", "units")
_NOT_REPEATED = ("key", "confirm", "change", "more")


@router.get("/{order_no}/return")
async def form(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """What can be sent back, and for what."""
    require(member.principal, *REQUESTED_BY)
    number = (await visible_order(services_of(request), member.principal, order_no)).order_no
    return await _page(request, member, number, {})


@router.post("/{order_no}/return")
async def request_return(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Show what it would bring; with `confirm`, ask for it. What does not fit is said above the form, which keeps what
    was typed."""
    require(member.principal, *REQUESTED_BY)
    services, fields = services_of(request), await posted(request, member)
    number = (await visible_order(services, member.principal, order_no)).order_no
    if fields.get("more") or fields.get("change"):
        return await _page(request, member, number, fields)
    try:
        body = _body_of(fields)
        if not fields.get("confirm"):
            means = await return_requesting.preview(services, member.principal, number, body)
            return await _page(request, member, number, fields, means=means)
        keyed = KeyedRequest(member.principal, key_of(fields), digest(body))
        answer = await return_requesting.request_return(services, keyed, number, body)
    except Problem as problem:
        return await _page(request, member, number, fields, problem=problem)
    except RuleBroken as broken:
        return await _page(request, member, number, fields, problem=from_rule(broken))
    return acknowledged(request, f"/console/returns/{return_requesting.return_of(answer)}", "done.return_created")


def _body_of(fields: dict[str, str]) -> AskReturn:
    """The form as the HTTP call's body. Raises Problem `nothing_chosen`, `reason_missing`, and what the call raises."""
    typed_of = typed_lines("units", fields)
    lines = [{**named, "quantity": whole(typed)} for named, typed in typed_of if typed not in ("", "0")]
    if not lines:
        raise Problem("nothing_chosen", "say how many pieces go back")
    if not (why := fields.get("reason_code", "")):
        raise Problem("validation_failed", errors=[{"field": "reason_code", "code": "choose"}])
    photographs = [line.strip() for line in fields.get("photographs", "").splitlines() if line.strip()]
    body = {"lines": lines, "reason": fields.get("reason", ""), "reason_code": why}
    return fitting(AskReturn, body | {"photographs": photographs} | _instead(fields))


def _instead(fields: dict[str, str]) -> dict[str, Any]:
    """What the customer gets; what was typed for another way goes along, and is refused there."""
    way = fields.get("resolution", str(Resolution.REFUND))
    first = way == EXCHANGE_FIRST
    rows = [(fields.get(f"want.sku.{n}", "").strip(), fields.get(f"want.units.{n}", "").strip())
            for n in range(1, _rows(fields) + 1)]  # fmt: skip
    requested = [{"sku": sku, "quantity": whole(typed)} for sku, typed in rows if sku or typed]
    token = fields.get("token", "").strip()
    return {
        "resolution": Resolution.EXCHANGE if first else way,
        "advance": first,
        "exchange_lines": requested or None,
        "payment": {"method": fields.get("method", ""), "token": token} if token else None,
    }


def _rows(fields: dict[str, str]) -> int:
    """How many lines for other goods the form has."""
    found = whole(fields.get("rows", ""))
    rows = found if isinstance(found, int) else ROWS
    return min(max(rows, ROWS) + (ROWS if fields.get("more") else 0), MAX_LINES)


async def _page(
    request: Request,
    member: StaffMember,
    number: str,
    fields: dict[str, str],
    *,
    means: ReturnConsequence | None = None,
    problem: Problem | None = None,
) -> Response:
    services = services_of(request)
    rows = _rows(fields)
    hidden = {name: text for name, text in fields.items() if name not in _NOT_REPEATED} | {"rows": str(rows)}
    context = await _offered(services, number) | {
        "fields": hidden,
        "rows": range(1, rows + 1),
        "means": means,
        "then": _then(means) if means else None,
        "by_two": means is not None and await return_offers.needs_approval(services, number, _money(means)),
        "problem": problem,
        "errors": _errors(problem, fields, language(request)) if problem else {},
    }
    status = problem.status_code if problem else 200
    return page(request, "order_return.html", status=status, member=member, key=new_key(), **context)


def _errors(problem: Problem, fields: dict[str, str], lang: str) -> dict[str, str]:
    """The refusal at its fields: of a line in the body, the field that was typed for it."""
    found = field_errors(problem, lang)
    lines = [_field_of(named) for named, typed in typed_lines("units", fields) if typed not in ("", "0")]
    wanted = [
        n for n in range(1, _rows(fields) + 1) if any(fields.get(f"want.{what}.{n}", "").strip() for what in _WANTED)
    ]
    for error in problem.errors:
        first, *rest = str(error["field"]).split(".")
        at = int(rest[0]) if rest and rest[0].isdigit() else 0
        words = found[str(error["field"])]
        if first == "lines" and at < len(lines):
            found[lines[at]] = words
        elif first == "exchange_lines" and at < len(wanted):
            found[f"want.{'sku' if rest[-1] == 'sku' else 'units'}.{wanted[at]}"] = words
        elif first == "photographs":
            found[first] = words
    if (sku := problem.more.get("sku")) and problem.code == "return_exceeds_delivered":
        found |= {name: said(problem, lang) for name in lines if name == f"units.{sku}" or "_of_line" in name}
    return found


def _field_of(named: dict[str, Any]) -> str:
    """The field of the form that names a line."""
    return f"units.{named['sku']}" if "sku" in named else f"units_of_line.{named['line_no']}"


async def _offered(services: Services, number: str) -> dict[str, Any]:
    """The order, the pieces of it that may go back, and the ways in which a return is settled here."""
    found = await return_offers.returnable_order(services, number)
    order, left = found.order, found.pieces
    of_order = {line["line_no"]: line for line in order["lines"]}
    back = form_lines(
        "units", [of_order[line.line_no] | {"quantity": line.quantity} for line in left if line.line_no in of_order]
    )
    ways = [str(one) for one in return_offers.RESOLUTIONS]
    if Resolution.EXCHANGE in ways:
        ways.insert(ways.index(Resolution.EXCHANGE) + 1, EXCHANGE_FIRST)
    return {
        "order": order,
        "units": back if order["status"] == Status.DELIVERED else [],
        "named": {line.line_no: line for line in form_lines("units", order["lines"])},
        "names": {line["sku"]: line["name"] for line in order["lines"]},
        "reasons": list(Reason),
        "ways": ways,
        "methods": methods(services.settings),
    }


def _money(means: ReturnConsequence) -> int:
    """What would be given as money or as store credit."""
    return means.exchange.to_refund_minor if means.exchange else means.refund.amount_minor


def _then(means: ReturnConsequence) -> datetime:
    """When the default outcome would happen if it were requested now."""
    seconds = means.send_within_s if means.answer_within_s is None else means.answer_within_s
    return datetime.now(UTC) + timedelta(seconds=seconds)
