"""Choosing other goods for an exchange: found by name or number, so many of each, without a script."""

import re
from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from api.dependencies import Services
from api.errors import Problem
from api.portal.payments import cards_of
from api.portal.rendering import page
from api.schemas.after_sales.returns import MAX_LINES
from api.services.portal import order_goods

OTHER_GOODS = "exchange_other"
NEW = "new."
# What this page asks itself; everything else goes along from the page before.
_OWN = ("q", "step", "first", "by", "key", "csrf")
_QUANTITY = re.compile(r"^\d{1,7}$")


def chosen(fields: Mapping[str, str]) -> list[dict[str, Any]]:
    """[{sku, quantity}] as the HTTP call takes it. Raises Problem `invalid_quantity`, `too_many_lines`."""
    typed = {name.removeprefix(NEW): value.strip() for name, value in fields.items() if name.startswith(NEW)}
    if any(value and not _QUANTITY.match(value) for value in typed.values()):
        raise Problem("invalid_quantity", "a quantity is a whole number")
    lines = [{"sku": sku, "quantity": int(value)} for sku, value in typed.items() if value and int(value)]
    if len(lines) > MAX_LINES:
        raise Problem("too_many_lines", f"at most {MAX_LINES} different goods")
    return lines


def is_choosing(fields: Mapping[str, str]) -> bool:
    """True until the customer has chosen something and continues. Raises what `chosen` raises."""
    return fields.get("resolution") == OTHER_GOODS and (not chosen(fields) or fields.get("step") != "on")


async def choose(
    request: Request, services: Services, order_no: str, fields: Mapping[str, str], problem: Problem | None = None
) -> Response:
    """The products that match the search, below the chosen ones."""
    wanted = {name.removeprefix(NEW): value for name, value in fields.items() if name.startswith(NEW) and value.strip()}
    picked = [sku for sku in wanted if wanted[sku].strip("0 ")]
    found, known = await order_goods.for_exchange(services, order_no, fields.get("q", "").strip()[:100], picked)
    hidden = {name: value for name, value in fields.items() if name not in _OWN and not name.startswith(NEW)}
    nothing = fields.get("step") == "on" and problem is None
    status, code = (
        (problem.status_code, problem.code) if problem else (422, "nothing_instead") if nothing else (200, "")
    )
    context: dict[str, Any] = {
        "order_no": order_no,
        "fields": fields,
        "kept": hidden,
        "wanted": wanted,
        "picked": known,
        "found": [one for one in found if one.sku not in {product.sku for product in known}],
        "more": len(found) == order_goods.MAX_PRODUCTS,
        "cards": cards_of(services.settings),
    }
    return page(
        request,
        "return_goods.html",
        status=status,
        refused=code,
        refusal_facts=problem.facts if problem else None,
        **context,
    )
