"""The page of a product: its levels and movements, and what people do to its stock."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from api.console.catalogue import fields as typed
from api.console.catalogue.fields import FormErrors
from api.console.catalogue.product_forms import address
from api.console.forms import digest, key_of, new_key
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import require, require_staff, services_of
from api.errors import Problem
from api.pages.forms import fitting
from api.pages.notices import acknowledged
from api.replies import Reply
from api.schemas.stock import Adjustment, Receipt, SafetyStock
from api.schemas.stock_transfers import NewTransfer
from api.services.catalogue import product_entries
from api.services.catalogue.line_products import picture_address
from api.services.stock import stock_movements, stock_queries, stock_transfers
from api.services.stock.stock_movements import StockRequest
from api.services.virtual import code_pools
from domain.access import Role
from domain.errors import NotFound, RuleBroken

router = APIRouter(prefix="/console/products")
_MOVEMENTS = 20
# At which field of the form a refusal stands, where other forms have it elsewhere.
_PLACES = {"transfer": {"unknown_warehouse": "to", "warehouse_inactive": "to"}}


@dataclass(frozen=True, slots=True)
class StockForm:
    """A form of the page: the body of its call, what does it, and who may."""

    model: type[BaseModel]
    do: Callable[[StockRequest, Any], Awaitable[Reply]]
    role: Role


FORMS: dict[str, StockForm] = {
    "receipt": StockForm(Receipt, stock_movements.receive, Role.WAREHOUSE),
    "adjustment": StockForm(Adjustment, stock_movements.adjust, Role.WAREHOUSE),
    "transfer": StockForm(NewTransfer, stock_transfers.request, Role.WAREHOUSE),
    "safety_stock": StockForm(SafetyStock, stock_movements.set_safety_stock, Role.OPERATIONS),
}


@router.get("/{sku}")
async def product(
    request: Request, member: CurrentStaff, sku: str, orders: str = "", cursor: str | None = None
) -> Response:
    """What it is, where it is, and what moved it; with `orders` also what orders reserved and shipped."""
    require_staff(member.principal)
    return await _page(request, member, sku, orders=orders, cursor=cursor)


@router.get("/{sku}/stock/{action}")
async def again(member: CurrentStaff, sku: str, action: str) -> Response:
    """Whoever loads the answer to a form again comes to the form."""
    return RedirectResponse(f"{address(sku)}#{action if action in FORMS else ''}", 303)


@router.post("/{sku}/stock/{action}")
async def move(request: Request, member: CurrentStaff, sku: str, action: str) -> Response:
    """Book a receipt or an adjustment, request a transfer, or set the safety stock."""
    if (form := FORMS.get(action)) is None:
        raise NotFound("not_found")
    require(member.principal, form.role)
    fields = await posted(request, member)
    try:
        body = fitting(form.model, _body(sku, fields))
        wanted = StockRequest(services_of(request), member.principal, key_of(fields), digest(body))
        await form.do(wanted, body)
    except (Problem, RuleBroken) as refused:
        errors = FormErrors(request, refused, _PLACES.get(action))
        return await _page(request, member, sku, opened=action, fields=typed.typed_of(fields), errors=errors)
    return acknowledged(request, address(sku), f"done.{action}")


def _body(sku: str, fields: dict[str, str]) -> dict[str, Any]:
    """The form as the HTTP call's body; what was left empty is missing there."""
    body = {"sku": sku, **typed.texts(fields, "warehouse", "reference", "reason", "from", "to", "location")}
    if fields.get("allow_duplicate"):
        body["allow_duplicate"] = True
    return body | ({"quantity": typed.signed(fields["quantity"])} if fields.get("quantity", "").strip() else {})


async def _page(
    request: Request,
    member: StaffMember,
    sku: str,
    *,
    orders: str = "",
    cursor: str | None = None,
    opened: str = "",
    fields: dict[str, str] | None = None,
    errors: FormErrors | None = None,
) -> Response:
    services = services_of(request)
    found = await product_entries.product(services, sku)
    wanted = stock_queries.Movements(sku, by_people=not orders)
    moved, following = await stock_queries.movements(services, wanted, _MOVEMENTS, cursor or None)
    context: dict[str, Any] = {
        "product": found,
        "picture": picture_address(found.picture_id, "full"),
        "levels": await stock_movements.levels(services, sku),
        "movements": moved,
        "orders": "1" if orders else "",
        "next": following,
        "opened": opened,
        "fields": fields or {},
        "errors": errors,
        "has_codes": await code_pools.has_pool(services, sku),
        "forms": [name for name, form in FORMS.items() if member.may(form.role)],
        "key": new_key(),
    }
    return page(request, "product.html", status=errors.status if errors else 200, member=member, **context)
