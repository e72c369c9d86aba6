"""The pool of a product: how many codes are left, what was added, and the form that adds more."""

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.console.catalogue.fields import FormErrors
from api.console.forms import digest, key_of, new_key
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import require, require_staff, services_of
from api.errors import Problem
from api.pages.forms import fitting
from api.pages.notices import acknowledged
from api.schemas.codes import AddCodes
from api.services.catalogue import product_entries
from api.services.stock.stock_movements import StockRequest
from api.services.virtual import code_pools
from domain.access import Role
from domain.errors import NotFound, RuleBroken

router = APIRouter(prefix="/console/products")


@router.get("/{sku}/codes")
async def pool(request: Request, member: CurrentStaff, sku: str) -> Response:
    """How many codes are left, and the newest uploads."""
    require_staff(member.principal)
    return await _page(request, member, sku)


@router.post("/{sku}/codes")
async def add(request: Request, member: CurrentStaff, sku: str) -> Response:
    """Add codes, one in each line. What was typed is not shown again: codes are money."""
    require(member.principal, Role.OPERATIONS)
    fields = await posted(request, member)
    try:
        body = fitting(AddCodes, {"codes": _lines(fields.get("codes", ""))})
        asked = StockRequest(services_of(request), member.principal, key_of(fields), digest(body))
        await code_pools.add(asked, sku, body)
    except NotFound:
        raise
    except (Problem, RuleBroken) as refused:
        return await _page(request, member, sku, FormErrors(request, refused))
    return acknowledged(request, f"/console/products/{quote(sku, safe='')}/codes", "done.codes_added")


def _lines(typed: str) -> list[str]:
    return [line for line in typed.splitlines() if line.strip()]


async def _page(request: Request, member: StaffMember, sku: str, errors: FormErrors | None = None) -> Response:
    services = services_of(request)
    context: dict[str, Any] = {
        "product": await product_entries.product(services, sku),
        "pool": await code_pools.pool(services, sku),
        "may_add": member.may(Role.OPERATIONS),
        "errors": errors,
        "key": new_key(),
    }
    return page(request, "code_pool.html", status=errors.status if errors else 200, member=member, **context)
