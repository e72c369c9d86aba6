"""Why an order ships from where it does, for the staff, and from where else it is to ship."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.console.action_forms import refusal
from api.console.field_errors import field_errors
from api.console.forms import digest, fitting, key_of, new_key
from api.console.i18n import language
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import order_number, require, services_of
from api.errors import Problem
from api.pages.notices import acknowledged
from api.schemas.sourcing import ChooseWarehouse
from api.services.after_sales.keyed_request import KeyedRequest
from api.services.catalogue import warehouse_entries
from api.services.sourcing import explanations, overrides
from api.services.sourcing.explanations import Explanation
from domain.access import Role
from domain.errors import RuleBroken

router = APIRouter(prefix="/console/orders")


@router.get("/{order_no}/sourcing")
async def sourcing(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Every warehouse that was considered, with its scores, and why it does not ship."""
    return await _page(request, member, order_number(order_no))


@router.post("/{order_no}/sourcing")
async def choose(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Ship a part from another warehouse; what is refused comes back with the form."""
    require(member.principal, *overrides.OVERRIDDEN_BY)
    number, fields = order_number(order_no), await posted(request, member)
    # Whoever may not see the order learns nothing of it.
    await explanations.explanation(services_of(request), member.principal, number)
    body = {"fulfilment_id": fields.get("fulfilment_id") or None, "warehouse": fields.get("warehouse", ""),
            "reason": fields.get("reason", "").strip()}  # fmt: skip
    try:
        wanted = fitting(ChooseWarehouse, body)
        keyed = KeyedRequest(member.principal, key_of(fields), digest(wanted))
        await overrides.choose(services_of(request), keyed, number, wanted)
    except (Problem, RuleBroken) as error:
        return await _page(request, member, number, fields, refusal(error))
    address = f"/console/orders/{number}/sourcing"
    return acknowledged(request, address, "done.warehouse_changed", warehouse=wanted.warehouse)


async def _page(
    request: Request,
    member: StaffMember,
    number: str,
    typed: dict[str, str] | None = None,
    problem: Problem | None = None,
) -> Response:
    known = await explanations.explanation(services_of(request), member.principal, number)
    context: dict[str, Any] = {
        "order_no": number,
        "known": known,
        "kinds": list(dict.fromkeys(kind for one in known.considered for kind in one["criteria"])),
        "chosen": {share["warehouse"] for share in known.chosen},
        "typed": typed or {},
        "problem": problem,
        "errors": field_errors(problem, language(request)) if problem else {},
        "key": new_key(),
        **await _choices(request, member, number, known),
    }
    status = problem.status_code if problem else 200
    return page(request, "order_sourcing.html", status=status, member=member, **context)


async def _choices(request: Request, member: StaffMember, number: str, known: Explanation) -> dict[str, Any]:
    """The parts that can ship from elsewhere, and the warehouses that ship nothing of the order yet."""
    if member.principal.role not in (*overrides.OVERRIDDEN_BY, Role.ADMIN):
        return {"parts": (), "others": ()}
    parts = await overrides.movable(services_of(request), number)
    every = await warehouse_entries.everything(services_of(request)) if parts else []
    used = {share["warehouse"] for share in known.chosen}
    return {"parts": parts, "others": [one for one in every if one.active and one.code not in used]}
