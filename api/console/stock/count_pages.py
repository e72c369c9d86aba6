"""Counts: listed, recorded, decided, posted."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.console.catalogue import fields as typed
from api.console.catalogue.fields import FormErrors
from api.console.forms import digest, key_of, new_key
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.console.stock import typed_lines
from api.dependencies import require, require_staff, services_of
from api.errors import Problem
from api.pages.forms import fitting
from api.pages.notices import acknowledged
from api.replies import Reply
from api.schemas.stock_counts import DecideCount, NewCount
from api.services.catalogue import warehouse_entries
from api.services.stock import stock_counts
from api.services.stock.stock_movements import StockRequest
from domain.access import Role, same_person
from domain.errors import NotFound, RuleBroken
from domain.stock.counting import CountStatus

router = APIRouter(prefix="/console")
_HOME = "/console/stock-counts"
_ON_A_PAGE = 50
_PLACES = {"unknown_location": "lines", "location_closed": "lines"}
_DECIDERS = (Role.WAREHOUSE, Role.OPERATIONS)
STEPS: dict[str, Callable[[StockRequest, str], Awaitable[Reply]]] = {
    "approve": stock_counts.approve,
    "refuse": stock_counts.refuse,
    "post": stock_counts.post,
}


@router.get("/stock-counts")
async def listed(request: Request, member: CurrentStaff, status: str = "", cursor: str | None = None) -> Response:
    """Counts, the newest first."""
    require_staff(member.principal)
    chosen = CountStatus(status) if status in list(CountStatus) else None
    found, following = await stock_counts.page(services_of(request), chosen, _ON_A_PAGE, cursor or None)
    filled = {"status": str(chosen)} if chosen else {}
    context: dict[str, Any] = {
        "rows": found,
        "chosen": chosen or "",
        "statuses": list(CountStatus),
        "next": f"{_HOME}?{urlencode(filled | {'cursor': following})}" if following else "",
    }
    return page(request, "stock_counts.html", member=member, **context)


@router.get("/new/count")
async def new(request: Request, member: CurrentStaff) -> Response:
    """The form of a count."""
    require(member.principal, Role.WAREHOUSE)
    return await _form(request, member, {})


@router.post("/new/count")
async def add(request: Request, member: CurrentStaff) -> Response:
    """Record it."""
    require(member.principal, Role.WAREHOUSE)
    fields = await posted(request, member)
    try:
        lines = typed_lines.counted(fields.get("lines", ""))
        body = fitting(NewCount, {**typed.texts(fields, "warehouse", "reference"), "lines": lines})
        asked = StockRequest(services_of(request), member.principal, key_of(fields), digest(body))
        made = await stock_counts.record(asked, body)
    except (Problem, RuleBroken) as refused:
        return await _form(request, member, typed.typed_of(fields), FormErrors(request, refused, _PLACES))
    return acknowledged(request, f"{_HOME}/{stock_counts.count_of(made)}", f"done.count_{stock_counts.status_of(made)}")


@router.get("/stock-counts/{count_id}")
async def count(request: Request, member: CurrentStaff, count_id: str) -> Response:
    """A count with its differences."""
    require_staff(member.principal)
    return await _page(request, member, count_id)


@router.post("/stock-counts/{count_id}/{step}")
async def take(request: Request, member: CurrentStaff, count_id: str, step: str) -> Response:
    """Approve, refuse or post it."""
    if (wanted := STEPS.get(step)) is None:
        raise NotFound("not_found")
    require(member.principal, *_DECIDERS)
    fields = await posted(request, member)
    asked = StockRequest(services_of(request), member.principal, key_of(fields), digest(DecideCount()))
    try:
        done = await wanted(asked, count_id)
    except NotFound:
        raise
    except (Problem, RuleBroken) as refused:
        return await _page(request, member, count_id, FormErrors(request, refused))
    return acknowledged(request, f"{_HOME}/{count_id}", f"done.count_{stock_counts.status_of(done)}")


async def _form(
    request: Request, member: StaffMember, fields: dict[str, str], errors: FormErrors | None = None
) -> Response:
    warehouses = await warehouse_entries.everything(services_of(request))
    places = [(one.code, f"{one.name} ({one.code})") for one in warehouses]
    context: dict[str, Any] = {"places": places, "fields": fields, "errors": errors, "key": new_key()}
    return page(request, "stock_count_form.html", status=errors.status if errors else 200, member=member, **context)


async def _page(request: Request, member: StaffMember, count_id: str, errors: FormErrors | None = None) -> Response:
    found = await stock_counts.one(services_of(request), count_id)
    steps: tuple[str, ...] = ()
    if member.may(*_DECIDERS) and found.status is CountStatus.SHORT:
        steps = ("post",)
    elif member.may(*_DECIDERS) and found.status is CountStatus.AWAITING_APPROVAL:
        steps = () if same_person(found.counted_by.partition(":")[2], member.name) else ("approve", "refuse")
    context: dict[str, Any] = {"count": found, "steps": steps, "errors": errors, "key": new_key()}
    return page(request, "stock_count.html", status=errors.status if errors else 200, member=member, **context)
