"""Warehouses: listed, added, edited."""

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.console.catalogue import fields as typed
from api.console.catalogue import sourcing_fields
from api.console.catalogue.fields import FormErrors
from api.console.forms import digest, key_of, new_key, whole
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import require, require_staff, services_of
from api.errors import Problem
from api.pages.forms import fitting
from api.pages.notices import acknowledged
from api.schemas.sourcing_warehouses import SetSourcingWarehouse
from api.schemas.stock import ChangeWarehouse, NewWarehouse
from api.services.catalogue import warehouse_entries
from api.services.catalogue.warehouse_entries import Warehouse
from api.services.sourcing import warehouse_settings
from domain.access import Role
from domain.errors import RuleBroken

router = APIRouter(prefix="/console")
_HOME = "/console/warehouses"
_PLACE = ("name", "country", "province", "city", "district", "line1", "postcode", "contact_name", "phone")


@router.get("/warehouses")
async def warehouses(request: Request, member: CurrentStaff) -> Response:
    """All of them, the preferred ones first."""
    require_staff(member.principal)
    found = await warehouse_entries.everything(services_of(request))
    return page(request, "warehouses.html", member=member, rows=found, path_of=_path)


@router.get("/new/warehouse")
async def new(request: Request, member: CurrentStaff) -> Response:
    """The form of a warehouse that is not there yet."""
    require(member.principal, Role.OPERATIONS)
    return _form(request, member, None, {"priority": "100", "kind": "warehouse", "lead_time_days": "0"})


@router.post("/new/warehouse")
async def add(request: Request, member: CurrentStaff) -> Response:
    """Add it."""
    require(member.principal, Role.OPERATIONS)
    fields = await posted(request, member)
    try:
        body = fitting(
            NewWarehouse, {**typed.texts(fields, "code"), "kind": fields.get("kind") or "warehouse", **_place(fields)}
        )
        await warehouse_entries.add(services_of(request), member.principal, key_of(fields), digest(body), body)
    except (Problem, RuleBroken) as refused:
        return _form(request, member, None, typed.typed_of(fields), FormErrors(request, refused))
    return acknowledged(request, _HOME, "done.warehouse_added", name=body.name)


@router.get("/warehouses/{code}")
async def edit(request: Request, member: CurrentStaff, code: str) -> Response:
    """The form of a warehouse."""
    require(member.principal, Role.OPERATIONS)
    warehouse = await warehouse_entries.warehouse(services_of(request), code)
    return await _edited(request, member, warehouse, _fields_of(warehouse))


@router.post("/warehouses/{code}")
async def change(request: Request, member: CurrentStaff, code: str) -> Response:
    """Save it. Where somebody else changed it meanwhile, the form keeps what was typed and shows their values."""
    require(member.principal, Role.OPERATIONS)
    services, fields = services_of(request), await posted(request, member)
    default = {"is_default": True} if fields.get("is_default") else {}
    try:
        body = fitting(ChangeWarehouse, _place(fields) | default | {"active": bool(fields.get("active"))})
        once, versions = digest(body), frozenset({fields.get("version", "")})
        await warehouse_entries.change(services, member.principal, key_of(fields), once, code, versions, body)
    except (Problem, RuleBroken) as refused:
        warehouse = await warehouse_entries.warehouse(services, code)
        return await _edited(request, member, warehouse, typed.typed_of(fields), FormErrors(request, refused))
    return acknowledged(request, _HOME, "done.warehouse_saved", name=body.name)


@router.post("/warehouses/{code}/sourcing")
async def set_sourcing(request: Request, member: CurrentStaff, code: str) -> Response:
    """Until when it ships on a day, how much, and what it keeps."""
    require(member.principal, Role.OPERATIONS)
    services, fields = services_of(request), await posted(request, member)
    warehouse = await warehouse_entries.warehouse(services, code)
    try:
        body = fitting(SetSourcingWarehouse, sourcing_fields.body_of(fields))
        await warehouse_settings.put(services, member.principal, code, body)
    except (Problem, RuleBroken) as refused:
        errors = FormErrors(request, refused)
        return await _edited(request, member, warehouse, _fields_of(warehouse), sourcing=(fields, errors))
    return acknowledged(request, _path(code), "done.warehouse_saved", name=warehouse.name)


def _path(code: str) -> str:
    return f"{_HOME}/{quote(code, safe='')}"


def _place(fields: dict[str, str]) -> dict[str, Any]:
    place = {name: fields.get(name, "").strip() for name in _PLACE}
    return {**place, "country": place["country"].upper(), "priority": whole(fields.get("priority", "")),
            "lead_time_days": whole(fields.get("lead_time_days", "") or "0")}  # fmt: skip


def _fields_of(warehouse: Warehouse) -> dict[str, str]:
    """A warehouse as its form has it."""
    active = {"active": "on"} if warehouse.active else {}
    return {**{name: getattr(warehouse, name) for name in _PLACE}, **active, "priority": str(warehouse.priority),
            "lead_time_days": str(warehouse.lead_time_days)}  # fmt: skip


async def _edited(
    request: Request, member: StaffMember, warehouse: Warehouse, fields: dict[str, str],
    errors: FormErrors | None = None, sourcing: tuple[dict[str, str], FormErrors] | None = None,
) -> Response:  # fmt: skip
    """Both forms of a warehouse that is there: one as it is, the other perhaps refused."""
    known = await warehouse_settings.of_warehouse(services_of(request), warehouse.code)
    kept, refused = sourcing or (sourcing_fields.fields_of(known), None)
    return _form(request, member, warehouse, fields, errors, sourcing=kept, sourcing_errors=refused)


def _form(
    request: Request, member: StaffMember, warehouse: Warehouse | None, fields: dict[str, str],
    errors: FormErrors | None = None, *, sourcing: dict[str, str] | None = None,
    sourcing_errors: FormErrors | None = None,
) -> Response:  # fmt: skip
    theirs = _fields_of(warehouse) if warehouse and errors and errors.code == "warehouse_changed" else {}
    context: dict[str, Any] = {
        "warehouse": warehouse,
        "action": _path(warehouse.code) if warehouse else "/console/new/warehouse",
        "fields": fields,
        "theirs": {name: text for name, text in theirs.items() if text != fields.get(name, "")},
        "errors": errors,
        "sourcing": sourcing,
        "sourcing_errors": sourcing_errors,
        "key": new_key(),
    }
    refused = errors or sourcing_errors
    return page(request, "warehouse_form.html", status=refused.status if refused else 200, member=member, **context)
