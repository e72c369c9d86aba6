"""Locations of a warehouse: listed, added, and what moves between them."""

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.console.catalogue import fields as typed
from api.console.catalogue.fields import FormErrors
from api.console.forms import digest, key_of, new_key, whole
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import require, require_staff, services_of
from api.errors import Problem
from api.pages.forms import fitting
from api.pages.notices import acknowledged
from api.schemas.fields import SoughtText
from api.schemas.locations import ChangeLocation, MoveWithin, NewLocation
from api.services.catalogue import warehouse_entries
from api.services.stock import stock_locations
from api.services.stock.stock_movements import StockRequest
from domain.access import Role
from domain.errors import NotFound, RuleBroken

router = APIRouter(prefix="/console/locations")
_HOME = "/console/locations"
_EDITORS = (Role.WAREHOUSE, Role.OPERATIONS)
_PLACES = {"product_not_found": "sku", "unknown_location": "to", "location_closed": "to"}


@router.get("")
async def listed(request: Request, member: CurrentStaff, warehouse: SoughtText = "") -> Response:
    """The locations of a warehouse in walking order."""
    require_staff(member.principal)
    return await _page(request, member, warehouse)


@router.post("/add")
async def add(request: Request, member: CurrentStaff) -> Response:
    """Add one."""
    require(member.principal, *_EDITORS)
    fields = await posted(request, member)
    try:
        texts = typed.texts(fields, "warehouse", "code", "name", "zone")
        body = fitting(NewLocation, {**texts, "sequence": whole(fields.get("sequence", "") or "0")})
        asked = StockRequest(services_of(request), member.principal, key_of(fields), digest(body))
        await stock_locations.add(asked, body)
    except (Problem, RuleBroken) as refused:
        return await _page(request, member, fields.get("warehouse", ""), "add", fields, FormErrors(request, refused))
    return acknowledged(request, f"{_HOME}?warehouse={body.warehouse}", "done.location_added", name=body.code)


@router.post("/move")
async def move(request: Request, member: CurrentStaff) -> Response:
    """Put units away, or move them."""
    require(member.principal, Role.WAREHOUSE)
    fields = await posted(request, member)
    units = fields.get("quantity", "").strip()
    try:
        texts = typed.texts(fields, "warehouse", "sku", "from", "to", "reference")
        body = fitting(MoveWithin, texts | ({"quantity": typed.signed(units)} if units else {}))
        asked = StockRequest(services_of(request), member.principal, key_of(fields), digest(body))
        await stock_locations.move(asked, body)
    except (Problem, RuleBroken) as refused:
        return await _page(
            request, member, fields.get("warehouse", ""), "move", fields, FormErrors(request, refused, _PLACES)
        )
    return acknowledged(request, f"{_HOME}?warehouse={body.warehouse}", "done.stock_moved")


@router.get("/{warehouse}/{code}")
async def one(request: Request, member: CurrentStaff, warehouse: str, code: str) -> Response:
    """The form of a location."""
    require(member.principal, *_EDITORS)
    return await _form(request, member, warehouse, code)


@router.post("/{warehouse}/{code}")
async def change(request: Request, member: CurrentStaff, warehouse: str, code: str) -> Response:
    """Rename it, move it in the walk, close it or open it again."""
    require(member.principal, *_EDITORS)
    fields = await posted(request, member)
    texts = {name: fields.get(name, "").strip() for name in ("name", "zone")}
    number, active = whole(fields.get("sequence", "") or "0"), fields.get("active", "1") == "1"
    try:
        body = fitting(ChangeLocation, {**texts, "sequence": number, "active": active})
        asked = StockRequest(services_of(request), member.principal, key_of(fields), digest(body))
        await stock_locations.change(asked, warehouse, code, body)
    except NotFound:
        raise
    except (Problem, RuleBroken) as refused:
        return await _form(request, member, warehouse, code, fields, FormErrors(request, refused))
    return acknowledged(request, f"{_HOME}?warehouse={quote(warehouse)}", "done.location_changed", name=code)


async def _form(
    request: Request,
    member: StaffMember,
    warehouse: str,
    code: str,
    fields: dict[str, str] | None = None,
    errors: FormErrors | None = None,
) -> Response:
    found = await stock_locations.one(services_of(request), warehouse, code)
    values = {
        "name": found.name,
        "zone": found.zone,
        "sequence": str(found.sequence),
        "active": "1" if found.active else "0",
    }
    context: dict[str, Any] = {"location": found, "values": fields or values, "errors": errors, "key": new_key()}
    return page(request, "location.html", status=errors.status if errors else 200, member=member, **context)


async def _page(
    request: Request,
    member: StaffMember,
    warehouse: str,
    opened: str = "",
    fields: dict[str, str] | None = None,
    errors: FormErrors | None = None,
) -> Response:
    services = services_of(request)
    warehouses = await warehouse_entries.everything(services)
    chosen = next((one.code for one in warehouses if one.code == warehouse), warehouses[0].code if warehouses else "")
    return page(
        request,
        "locations.html",
        status=errors.status if errors else 200,
        member=member,
        rows=await stock_locations.everything(services, chosen),
        warehouses=warehouses,
        chosen=chosen,
        may=member.may(*_EDITORS),
        opened=opened,
        fields=fields or {},
        errors=errors,
        key=new_key(),
    )
