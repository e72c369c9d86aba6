"""Replenishment: what is to be ordered and why, ordered by a person; the rules."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Request
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
from api.schemas.replenishment import OrderSuggestions, PutReplenishmentRule, StartReplenishmentRun
from api.services.catalogue import warehouse_entries
from api.services.replenishment import replenishment
from api.services.stock.stock_movements import StockRequest
from domain.access import Role
from domain.errors import RuleBroken
from domain.replenishment.policy import ReplenishmentRule

router = APIRouter(prefix="/console")
_HOME, _RULES = "/console/replenishment", "/console/replenishment-rules"
_ON_A_PAGE = 50
_BUYERS = (Role.WAREHOUSE, Role.OPERATIONS)
_PLACES = {"product_not_found": "sku", "supplier_missing": "supplier"}
_WHOLE = ("review_days", "pack_size", "min_order", "order_cost_minor", "holding_cost_minor", "window_days")
_DECIMAL = ("lead_time_days", "lead_time_deviation_days")
Number = Annotated[int, Path(ge=1, le=2**62)]


@router.get("/replenishment")
async def listed(
    request: Request,
    member: CurrentStaff,
    warehouse: SoughtText = "",
    supplier: SoughtText = "",
    cursor: str | None = None,
) -> Response:
    """What is to be ordered, by SKU and warehouse."""
    require_staff(member.principal)
    return await _page(request, member, {"warehouse": warehouse, "supplier": supplier}, cursor or None)


@router.post("/replenishment/order")
async def order(request: Request, member: CurrentStaff) -> Response:
    """Place purchase orders of the rows that are ticked."""
    require(member.principal, *_BUYERS)
    fields = await posted(request, member)
    pairs = [value.partition("\t") for name, value in fields.items() if name.startswith("pair.")]
    lines = [{"sku": sku, "warehouse": warehouse} for sku, _, warehouse in pairs]
    try:
        body = fitting(OrderSuggestions, {"lines": lines, **typed.texts(fields, "supplier")})
        asked = StockRequest(services_of(request), member.principal, key_of(fields), digest(body))
        placed = await replenishment.order_placed(asked, body)
    except (Problem, RuleBroken) as refused:
        return await _page(request, member, {}, None, typed.typed_of(fields), FormErrors(request, refused, _PLACES))
    return acknowledged(request, _HOME, "done.replenishment_ordered", name=", ".join(placed))


@router.post("/replenishment/run")
async def run(request: Request, member: CurrentStaff) -> Response:
    """Calculate everything anew."""
    require(member.principal, *_BUYERS)
    fields = await posted(request, member)
    asked = StockRequest(services_of(request), member.principal, key_of(fields), digest(StartReplenishmentRun()))
    await replenishment.start_run(asked)
    return acknowledged(request, _HOME, "done.replenishment_run")


@router.get("/replenishment-rules")
async def rules(request: Request, member: CurrentStaff, cursor: str | None = None) -> Response:
    """The rules with a form."""
    require_staff(member.principal)
    return await _rules_page(request, member, cursor or None)


@router.post("/replenishment-rules")
async def put_rule(request: Request, member: CurrentStaff) -> Response:
    """Set the rule of this product and warehouse."""
    require(member.principal, Role.OPERATIONS)
    fields = await posted(request, member)
    try:
        body = fitting(PutReplenishmentRule, _body(fields))
        await replenishment.put_rule(services_of(request), member.principal, body)
    except (Problem, RuleBroken) as refused:
        errors = FormErrors(request, refused, _PLACES, "replenishment.rule")
        return await _rules_page(request, member, None, typed.typed_of(fields), errors)
    return acknowledged(request, _RULES, "done.replenishment_rule_saved")


@router.post("/replenishment-rules/{rule_id}/remove")
async def remove_rule(request: Request, member: CurrentStaff, rule_id: Number) -> Response:
    """The rule that names less is in force again."""
    require(member.principal, Role.OPERATIONS)
    await posted(request, member)
    await replenishment.remove_rule(services_of(request), member.principal, rule_id)
    return acknowledged(request, _RULES, "done.replenishment_rule_removed")


def _body(fields: dict[str, str]) -> dict[str, Any]:
    numbers: dict[str, Any] = {name: whole(text) for name, text in typed.texts(fields, *_WHOLE).items()}
    numbers |= {name: _decimal(text) for name, text in typed.texts(fields, *_DECIMAL).items()}
    if percent := fields.get("service_level", "").strip():
        level = _decimal(percent)
        numbers["service_level"] = level / 100 if isinstance(level, float) else level
    automatic = {"automatic": bool(fields.get("automatic"))}
    return {**typed.texts(fields, "sku", "warehouse", "supplier"), **numbers, **automatic}


def _decimal(text: str) -> float | str:
    """The number that was typed, with a decimal point or comma; what is none is left for the model to refuse."""
    try:
        return float(text.replace(",", ".")) if len(text) <= 10 else text
    except ValueError:
        return text


async def _page(
    request: Request,
    member: StaffMember,
    kept: dict[str, str],
    cursor: str | None,
    fields: dict[str, str] | None = None,
    errors: FormErrors | None = None,
) -> Response:
    services = services_of(request)
    chosen = {name: text for name, text in kept.items() if text}
    found, following = await replenishment.page(
        services, chosen.get("warehouse"), chosen.get("supplier"), _ON_A_PAGE, cursor
    )  # fmt: skip
    newest = await replenishment.newest_runs(services)
    context: dict[str, Any] = {
        "rows": found,
        "chosen": chosen,
        "run": newest[0] if newest else None,
        "warehouses": await warehouse_entries.everything(services),
        "may": member.may(*_BUYERS),
        "fields": fields or {},
        "ticked": {value for name, value in (fields or {}).items() if name.startswith("pair.")},
        "errors": errors,
        "key": new_key(),
        "next": f"{_HOME}?{urlencode(chosen | {'cursor': following})}" if following else "",
    }
    return page(request, "replenishment.html", status=errors.status if errors else 200, member=member, **context)


async def _rules_page(
    request: Request,
    member: StaffMember,
    cursor: str | None,
    fields: dict[str, str] | None = None,
    errors: FormErrors | None = None,
) -> Response:
    services = services_of(request)
    found, following = await replenishment.rule_page(services, None, _ON_A_PAGE, cursor)
    warehouses = await warehouse_entries.everything(services)
    context: dict[str, Any] = {
        "rows": found,
        "default": ReplenishmentRule(),
        "places": [(one.code, f"{one.name} ({one.code})") for one in warehouses],
        "may": member.may(Role.OPERATIONS),
        "fields": fields or {},
        "errors": errors,
        "key": new_key(),
        "next": f"{_RULES}?{urlencode({'cursor': following})}" if following else "",
    }
    return page(request, "replenishment_rules.html", status=errors.status if errors else 200, member=member, **context)
