"""Holds: those that are open, and of one order what holds it and how pressing it is."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.authorization import visible_order
from api.console.forms import digest, fitting, key_of, new_key
from api.console.rendering import page
from api.console.session import CurrentStaff, posted
from api.dependencies import require, require_staff, services_of
from api.schemas.orders.holds import PutOnHold, ReleaseHold, SetPriority
from api.services.orders import order_holds, order_queries
from domain.access import STAFF
from domain.orders.holds import HOLDABLE, HOLDS, PUT_ON_BY, HoldKind, Outcome, may_release
from domain.orders.priority import Priority, named
from domain.orders.status import TERMINAL, Status

router = APIRouter(prefix="/console")

PAGE_SIZE = 50
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
    order = await order_queries.known(services, overview.order_no)
    found = await order_holds.of_order(services, overview.order_no)
    held = {hold.kind for hold in found if hold.closed_at is None}
    holdable = overview.status in HOLDABLE and overview.cancelling is None and member.may(*PUT_ON_BY)
    context: dict[str, Any] = {
        "order_no": overview.order_no,
        "holds": found[::-1],
        "releasable": {hold.hold_no for hold in found if may_release(member.role, hold.owner)},
        "kinds": {kind: HOLDS[kind] for kind in HoldKind if kind not in held} if holdable else {},
        "outcomes": list(Outcome),
        "owners": sorted(STAFF),
        "priority": named(order["priority"]),
        "priorities": list(Priority) if Status(overview.status) not in TERMINAL else [],
        "may_prioritise": member.may(*order_holds.PRIORITISED_BY),
        "sees_person": True,
    }
    return page(request, "order_hold.html", member=member, key=new_key(), **context)


@router.post("/orders/{order_no}/hold")
async def place(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Hold the order."""
    require(member.principal, *PUT_ON_BY)
    services, fields = services_of(request), await posted(request, member)
    overview = await visible_order(services, member.principal, order_no)
    names = ("kind", "owner", "default_outcome")
    chosen: dict[str, Any] = {name: fields[name] for name in names if fields.get(name)}
    if hours := fields.get("hours", "").strip():
        chosen["deadline_s"] = int(hours) * 3600 if hours.isascii() and hours.isdigit() and len(hours) < 6 else hours
    body = fitting(PutOnHold, {**chosen, "reason": fields.get("reason", "")})
    await order_holds.place(services, member.principal, key_of(fields), digest(body), overview.order_no, body)
    return _back(overview.order_no)


@router.post("/orders/{order_no}/holds/{hold_no}/release")
async def release(request: Request, member: CurrentStaff, order_no: str, hold_no: HoldNo) -> Response:
    """Let the order go on."""
    require_staff(member.principal)
    services, fields = services_of(request), await posted(request, member)
    overview = await visible_order(services, member.principal, order_no)
    body = fitting(ReleaseHold, {"reason": fields.get("reason", "")})
    key = key_of(fields)
    await order_holds.release(services, member.principal, key, digest(body), overview.order_no, hold_no, body.reason)
    return _back(overview.order_no)


@router.post("/orders/{order_no}/priority")
async def prioritise(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Say how pressing the order is."""
    require(member.principal, *order_holds.PRIORITISED_BY)
    services, fields = services_of(request), await posted(request, member)
    overview = await visible_order(services, member.principal, order_no)
    body = fitting(SetPriority, {"priority": fields.get("priority", ""), "reason": fields.get("reason", "")})
    await order_holds.prioritise(services, member.principal, key_of(fields), digest(body), overview.order_no, body)
    return _back(overview.order_no)


def _back(number: str) -> Response:
    return RedirectResponse(f"/console/orders/{number}/hold", 303)
