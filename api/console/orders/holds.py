"""Holds: those that are open, and of one order what holds it and how pressing it is."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.authorization import visible_order
from api.console.action_forms import ActionForm, form_page, refusal, spoken
from api.console.field_errors import field_errors
from api.console.forms import digest, fitting, key_of, new_key
from api.console.i18n import language
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import require, require_staff, services_of
from api.errors import Problem
from api.pages.notices import acknowledged
from api.schemas.orders.holds import PutOnHold, ReleaseHold, SetPriority
from api.services.orders import order_holds, order_queries
from domain.access import STAFF
from domain.errors import RuleBroken
from domain.orders.holds import HOLDS, PUT_ON_BY, HoldKind, Outcome, can_be_held, may_release
from domain.orders.priority import Priority, named
from domain.orders.status import TERMINAL, Status
from domain.shipping.fulfilments import FulfilmentStatus, has_part_to_book

router = APIRouter(prefix="/console")

PAGE_SIZE = 50
MAX_HOURS = 9999
HoldNo = Annotated[int, Path(ge=1, le=1_000_000)]


@router.get("/holds")
async def open_holds(
    request: Request,
    member: CurrentStaff,
    kind: HoldKind | Annotated[str, Query(max_length=0)] = "",
    owner: Annotated[str, Query(max_length=100)] = "",
    cursor: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """Open holds, the one whose deadline comes first first."""
    require(member.principal, *PUT_ON_BY)
    rows, following = await order_holds.open_holds(
        services_of(request), kind or None, owner.strip() or None, cursor or None, PAGE_SIZE
    )
    context: dict[str, Any] = {
        "rows": rows,
        "next": following,
        "chosen": {"kind": str(kind), "owner": owner.strip()},
        "kinds": list(HoldKind),
    }
    return page(request, "holds.html", member=member, **context)


@router.get("/orders/{order_no}/hold")
async def of_order(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """What holds the order, and forms to hold it, to release it, and to say how pressing it is."""
    require_staff(member.principal)
    services = services_of(request)
    overview = await visible_order(services, member.principal, order_no)
    return await _page(request, member, overview.order_no, {})


async def _page(
    request: Request,
    member: StaffMember,
    order_no: str,
    typed: dict[str, str],
    problem: Problem | None = None,
    refused: str = "",
) -> Response:
    """`refused` is the form that a problem is about: `hold` or `priority`."""
    services = services_of(request)
    order = await order_queries.known(services, order_no)
    found = await order_holds.of_order(services, order_no)
    held = {hold.kind for hold in found if hold.closed_at is None}
    status = Status(order["status"])
    part_to_book = has_part_to_book([FulfilmentStatus(part["status"]) for part in order["fulfilments"]])
    holdable = can_be_held(status, part_to_book) and order["cancelling"] is None and member.may(*PUT_ON_BY)
    kinds = {kind: HOLDS[kind] for kind in HoldKind if kind not in held} if holdable else {}
    context: dict[str, Any] = {
        "order_no": order_no,
        "holds": found[::-1],
        "releasable": {hold.hold_no for hold in found if may_release(member.role, hold.owner)},
        "kinds": kinds,
        "outcomes": list(Outcome),
        "owners": sorted(STAFF),
        "priority": named(order["priority"]),
        "priorities": list(Priority) if status not in TERMINAL else [],
        "may_prioritise": member.may(*order_holds.PRIORITISED_BY),
        "sees_person": True,
        "typed": typed,
        "problem": problem,
        "refused": refused,
        "errors": field_errors(problem, language(request)) if problem else {},
    }
    code = problem.status_code if problem else 200
    return page(request, "order_hold.html", status=code, member=member, key=new_key(), **context)


@router.post("/orders/{order_no}/hold")
async def put_on(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Hold the order; what is refused comes back with the form."""
    require(member.principal, *PUT_ON_BY)
    services, fields = services_of(request), await posted(request, member)
    number = (await visible_order(services, member.principal, order_no)).order_no
    try:
        body = _hold_of(fields)
        await order_holds.place(services, member.principal, key_of(fields), digest(body), number, body)
    except (Problem, RuleBroken) as error:
        return await _page(request, member, number, fields, refusal(error), "hold")
    return acknowledged(request, f"/console/orders/{number}", "done.hold")


def _hold_of(fields: dict[str, str]) -> PutOnHold:
    """The form as the HTTP call's body. Raises Problem."""
    names = ("kind", "owner", "default_outcome")
    chosen: dict[str, Any] = {name: fields[name] for name in names if fields.get(name)}
    if hours := fields.get("hours", "").strip():
        if not (hours.isascii() and hours.isdigit() and 0 < int(hours[:5]) <= MAX_HOURS):
            raise Problem("validation_failed", errors=[{"field": "hours", "code": "hours"}])
        chosen["deadline_s"] = int(hours) * 3600
    if "kind" not in chosen:
        raise Problem("validation_failed", errors=[{"field": "kind", "code": "choose"}])
    return fitting(PutOnHold, {**chosen, "reason": fields.get("reason", "")})


@router.get("/orders/{order_no}/release")
async def release_form(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """The form that releases the hold that stops the order, or that ends first."""
    require_staff(member.principal)
    services = services_of(request)
    number = (await visible_order(services, member.principal, order_no)).order_no
    held = [hold for hold in await order_holds.of_order(services, number) if hold.closed_at is None]
    mine = [hold for hold in held if may_release(member.role, hold.owner)]
    if not mine:
        return RedirectResponse(f"/console/orders/{number}/hold", 303)
    return form_page(request, member, _release_form(request, number, min(mine, key=lambda hold: hold.until).hold_no))


@router.post("/orders/{order_no}/holds/{hold_no}/release")
async def release(request: Request, member: CurrentStaff, order_no: str, hold_no: HoldNo) -> Response:
    """Let the order go on."""
    require_staff(member.principal)
    services, fields = services_of(request), await posted(request, member)
    number = (await visible_order(services, member.principal, order_no)).order_no
    try:
        body = fitting(ReleaseHold, {"reason": fields.get("reason", "")})
        key = key_of(fields)
        await order_holds.release(services, member.principal, key, digest(body), number, hold_no, body.reason)
    except (Problem, RuleBroken) as error:
        form = _release_form(request, number, hold_no)
        return form_page(request, member, form, typed=fields, problem=refusal(error))
    return acknowledged(request, f"/console/orders/{number}", "done.release")


def _release_form(request: Request, number: str, hold_no: int) -> ActionForm:
    return ActionForm(
        order_no=number,
        action=f"/console/orders/{number}/holds/{hold_no}/release",
        label=spoken(request, "holds.release"),
        consequence=spoken(request, "holds.means.release"),
        reason="required",
    )


@router.post("/orders/{order_no}/priority")
async def prioritise(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Set the priority of the order."""
    require(member.principal, *order_holds.PRIORITISED_BY)
    services, fields = services_of(request), await posted(request, member)
    number = (await visible_order(services, member.principal, order_no)).order_no
    try:
        body = fitting(SetPriority, {"priority": fields.get("priority", ""), "reason": fields.get("reason", "")})
        await order_holds.prioritise(services, member.principal, key_of(fields), digest(body), number, body)
    except (Problem, RuleBroken) as error:
        return await _page(request, member, number, fields, refusal(error), "priority")
    return acknowledged(request, f"/console/orders/{number}", "done.priority")
