"""Purchase orders: listed, added, changed, received, cancelled."""

from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.console.catalogue import fields as typed
from api.console.catalogue.fields import FormErrors
from api.console.forms import digest, key_of, new_key, whole
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.console.stock import typed_lines
from api.dependencies import require, require_staff, services_of
from api.errors import Problem
from api.pages.forms import fitting
from api.pages.notices import acknowledged
from api.schemas.fields import SoughtText
from api.schemas.purchase_orders import CancelPurchaseOrder, ChangePurchaseOrder, NewPurchaseOrder
from api.schemas.stock import Receipt
from api.services.catalogue import warehouse_entries
from api.services.stock import purchasing, stock_movements
from api.services.stock.purchasing import PurchaseOrder
from api.services.stock.stock_movements import StockRequest
from domain.access import Role
from domain.errors import NotFound, RuleBroken
from domain.stock.purchasing import PurchaseOrderStatus

router = APIRouter(prefix="/console")
_HOME = "/console/purchase-orders"
_ON_A_PAGE = 50
_BUYERS = (Role.WAREHOUSE, Role.OPERATIONS)


@router.get("/purchase-orders")
async def listed(
    request: Request, member: CurrentStaff, status: str = "", warehouse: SoughtText = "", cursor: str | None = None
) -> Response:
    """Purchase orders, the newest first."""
    require_staff(member.principal)
    services = services_of(request)
    chosen = PurchaseOrderStatus(status) if status in list(PurchaseOrderStatus) else None
    found, following = await purchasing.page(services, chosen, warehouse or None, _ON_A_PAGE, cursor or None)
    kept = {"status": str(chosen or ""), "warehouse": warehouse}
    filled = {name: text for name, text in kept.items() if text}
    context: dict[str, Any] = {
        "rows": found,
        "chosen": kept,
        "statuses": list(PurchaseOrderStatus),
        "warehouses": await warehouse_entries.everything(services),
        "may": member.may(*_BUYERS),
        "path_of": _path,
        "next": f"{_HOME}?{urlencode(filled | {'cursor': following})}" if following else "",
    }
    return page(request, "purchase_orders.html", member=member, **context)


@router.get("/new/purchase-order")
async def new(request: Request, member: CurrentStaff) -> Response:
    """The form of a purchase order."""
    require(member.principal, *_BUYERS)
    over = str(services_of(request).settings.over_delivery_percent)
    return await _form(request, member, None, {"over_percent": over})


@router.post("/new/purchase-order")
async def add(request: Request, member: CurrentStaff) -> Response:
    """Add it."""
    require(member.principal, *_BUYERS)
    fields = await posted(request, member)
    try:
        body = fitting(NewPurchaseOrder, {**typed.texts(fields, "number", "warehouse"), **_body(fields)})
        asked = StockRequest(services_of(request), member.principal, key_of(fields), digest(body))
        await purchasing.add(asked, body)
    except (Problem, RuleBroken) as refused:
        return await _form(request, member, None, typed.typed_of(fields), FormErrors(request, refused))
    return acknowledged(request, _path(body.number), "done.purchase_order_added", name=body.number)


@router.get("/purchase-orders/{number}")
async def order(request: Request, member: CurrentStaff, number: str) -> Response:
    """A purchase order with a form to receive it."""
    require_staff(member.principal)
    return await _page(request, member, number)


@router.get("/purchase-orders/{number}/edit")
async def edit(request: Request, member: CurrentStaff, number: str) -> Response:
    """The form of a purchase order that is there."""
    require(member.principal, *_BUYERS)
    found = await purchasing.one(services_of(request), number)
    return await _form(request, member, found, _fields_of(found))


@router.post("/purchase-orders/{number}/edit")
async def change(request: Request, member: CurrentStaff, number: str) -> Response:
    """Save it."""
    require(member.principal, *_BUYERS)
    fields = await posted(request, member)
    services = services_of(request)
    try:
        body = fitting(ChangePurchaseOrder, _body(fields))
        asked = StockRequest(services, member.principal, key_of(fields), digest(body))
        await purchasing.change(asked, number, frozenset({fields.get("version", "")}), body)
    except NotFound as missing:
        if missing.code == "purchase_order_not_found":
            raise
        found = await purchasing.one(services, number)
        return await _form(request, member, found, typed.typed_of(fields), FormErrors(request, missing))
    except (Problem, RuleBroken) as refused:
        found = await purchasing.one(services, number)
        return await _form(request, member, found, typed.typed_of(fields), FormErrors(request, refused))
    return acknowledged(request, _path(number), "done.purchase_order_saved", name=number)


@router.post("/purchase-orders/{number}/receive")
async def receive(request: Request, member: CurrentStaff, number: str) -> Response:
    """Book what arrived of one SKU."""
    require(member.principal, Role.WAREHOUSE)
    fields = await posted(request, member)
    typed_units = fields.get("quantity", "").strip()
    units = {"quantity": typed.signed(typed_units)} if typed_units else {}
    try:
        body = fitting(
            Receipt, {**typed.texts(fields, "sku", "reference", "location"), **units, "purchase_order": number}
        )
        asked = StockRequest(services_of(request), member.principal, key_of(fields), digest(body))
        await stock_movements.receive(asked, body)
    except (Problem, RuleBroken) as refused:
        return await _page(request, member, number, typed.typed_of(fields), FormErrors(request, refused))
    return acknowledged(request, _path(number), "done.purchase_order_received")


@router.post("/purchase-orders/{number}/cancel")
async def cancel(request: Request, member: CurrentStaff, number: str) -> Response:
    """Expect nothing more."""
    require(member.principal, *_BUYERS)
    fields = await posted(request, member)
    once = digest(CancelPurchaseOrder())
    try:
        await purchasing.cancel(
            StockRequest(services_of(request), member.principal, key_of(fields), once), number
        )  # fmt: skip
    except NotFound:
        raise
    except (Problem, RuleBroken) as refused:
        return await _page(request, member, number, {}, FormErrors(request, refused))
    return acknowledged(request, _path(number), "done.purchase_order_cancelled", name=number)


def _path(number: str) -> str:
    return f"{_HOME}/{quote(number, safe='')}"


def _body(fields: dict[str, str]) -> dict[str, Any]:
    lines, over = typed_lines.units(fields.get("lines", "")), fields.get("over_percent", "").strip()
    tolerance = {"over_percent": whole(over)} if over else {}
    return {**typed.texts(fields, "supplier", "expected_on"), "lines": lines, **tolerance}


def _fields_of(found: PurchaseOrder) -> dict[str, str]:
    """A purchase order as its form has it."""
    return {
        "supplier": found.supplier,
        "expected_on": found.expected_on.isoformat(),
        "lines": "\n".join(f"{line.sku}\t{line.quantity}" for line in found.shown_lines),
        "over_percent": str(found.shown_lines[0].over_percent if found.shown_lines else 0),
    }


async def _form(
    request: Request,
    member: StaffMember,
    found: PurchaseOrder | None,
    fields: dict[str, str],
    errors: FormErrors | None = None,
) -> Response:
    warehouses = await warehouse_entries.everything(services_of(request))
    context: dict[str, Any] = {
        "order": found,
        "action": f"{_path(found.number)}/edit" if found else "/console/new/purchase-order",
        "places": [(one.code, f"{one.name} ({one.code})") for one in warehouses],
        "fields": fields,
        "errors": errors,
        "key": new_key(),
    }
    return page(request, "purchase_order_form.html", status=errors.status if errors else 200, member=member, **context)


async def _page(
    request: Request,
    member: StaffMember,
    number: str,
    fields: dict[str, str] | None = None,
    errors: FormErrors | None = None,
) -> Response:
    found = await purchasing.one(services_of(request), number)
    context: dict[str, Any] = {
        "order": found,
        "open": found.status is PurchaseOrderStatus.OPEN,
        "may": member.may(*_BUYERS),
        "receives": member.may(Role.WAREHOUSE),
        "fields": fields or {},
        "errors": errors,
        "key": new_key(),
        "here": _path(number),
    }
    return page(request, "purchase_order.html", status=errors.status if errors else 200, member=member, **context)
