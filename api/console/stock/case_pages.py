"""Stock cases: listed, owned, resolved."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from api.console.catalogue import fields as typed
from api.console.catalogue.fields import FormErrors
from api.console.forms import digest, key_of, new_key
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import require, require_staff, services_of
from api.errors import Problem
from api.pages.forms import fitting
from api.pages.notices import acknowledged
from api.schemas.stock_cases import CaseOwner, ResolveCase
from api.services.stock import stock_cases
from api.services.stock.stock_movements import StockRequest
from domain.errors import NotFound, RuleBroken
from domain.stock.cases import RESOLUTIONS, StockCaseKind, StockCaseState

router = APIRouter(prefix="/console/stock-cases")
_HOME = "/console/stock-cases"
_ON_A_PAGE = 50
_ACTORS = stock_cases.WORKED_ON_BY
Number = Annotated[int, Path(ge=1, le=2**62)]


@router.get("")
async def listed(
    request: Request, member: CurrentStaff, state: str = "", kind: str = "", cursor: str | None = None
) -> Response:
    """Open cases, or those that are resolved; the newest first."""
    require_staff(member.principal)
    chosen = StockCaseState.RESOLVED if state == StockCaseState.RESOLVED else StockCaseState.OPEN
    services = services_of(request)
    of_kind = StockCaseKind(kind) if kind in list(StockCaseKind) else None
    found, following = await stock_cases.page(services, chosen, _ON_A_PAGE, cursor or None, of_kind)
    following = (
        f"{_HOME}?{urlencode({'state': chosen, 'kind': of_kind or '', 'cursor': following})}" if following else ""
    )
    waiting = await stock_cases.waiting(services)
    context: dict[str, Any] = {
        "rows": found,
        "chosen": chosen,
        "kind": of_kind or "",
        "kinds": list(StockCaseKind),
        "next": following,
        "waiting": waiting,
    }
    return page(request, "stock_cases.html", member=member, **context)


@router.get("/{case_id}")
async def case(request: Request, member: CurrentStaff, case_id: Number) -> Response:
    """A case with how it can end."""
    require_staff(member.principal)
    return await _page(request, member, case_id)


@router.post("/{case_id}/owner")
async def assign(request: Request, member: CurrentStaff, case_id: Number) -> Response:
    """Set who works on it."""
    require(member.principal, *_ACTORS)
    fields = await posted(request, member)
    try:
        body = fitting(CaseOwner, typed.texts(fields, "owner"))
        asked = StockRequest(services_of(request), member.principal, key_of(fields), digest(body))
        await stock_cases.assign(asked, case_id, body)
    except NotFound:
        raise
    except (Problem, RuleBroken) as refused:
        return await _page(request, member, case_id, typed.typed_of(fields), FormErrors(request, refused))
    return acknowledged(request, f"{_HOME}/{case_id}", "done.stock_case_assigned", name=body.owner)


@router.post("/{case_id}/resolve")
async def resolve(request: Request, member: CurrentStaff, case_id: Number) -> Response:
    """Resolve it."""
    require(member.principal, *_ACTORS)
    fields = await posted(request, member)
    try:
        body = fitting(ResolveCase, typed.texts(fields, "resolution", "reason"))
        asked = StockRequest(services_of(request), member.principal, key_of(fields), digest(body))
        await stock_cases.resolve(asked, case_id, body)
    except NotFound:
        raise
    except (Problem, RuleBroken) as refused:
        return await _page(request, member, case_id, typed.typed_of(fields), FormErrors(request, refused))
    return acknowledged(request, _HOME, "done.stock_case_resolved")


async def _page(
    request: Request,
    member: StaffMember,
    case_id: int,
    fields: dict[str, str] | None = None,
    errors: FormErrors | None = None,
) -> Response:
    found = await stock_cases.one(services_of(request), case_id)
    context: dict[str, Any] = {
        "case": found,
        "open": found.state is StockCaseState.OPEN,
        "resolutions": RESOLUTIONS[found.kind],
        "may": member.may(*_ACTORS),
        "fields": fields or {},
        "errors": errors,
        "key": new_key(),
    }
    return page(request, "stock_case.html", status=errors.status if errors else 200, member=member, **context)
