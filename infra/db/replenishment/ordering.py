"""Suggestions become purchase orders: one for each supplier and warehouse, of what is still needed."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import NotFound, RuleBroken
from domain.replenishment.policy import ReplenishmentRule
from infra.db.replenishment import pairs, suggestions
from infra.db.replenishment.suggestions import Suggestion
from infra.db.stock import purchase_orders
from infra.db.stock.purchase_orders import NewPurchaseOrder

# Levels in the order in which orders lock them: purchase orders of several warehouses change what is incoming there.
_LOCK = text(
    """
    SELECT l.sku FROM stock_levels l
      JOIN unnest(CAST(:skus AS text[]), CAST(:warehouses AS text[])) AS g (sku, warehouse)
        ON g.sku = l.sku AND g.warehouse = l.warehouse
     ORDER BY l.sku, l.warehouse FOR NO KEY UPDATE OF l
    """
)
# A suggestion is for a product at a warehouse.
PairKey = tuple[str, str]
# The most of one purchase order.
MAX_LINES = 500


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """Who orders on which day, with which tolerance for more than was ordered. `supplier` goes before those of the
    rules. `key` tells the purchase orders of this request from others."""

    actor: str
    today: date
    key: str
    over_percent: int
    default: ReplenishmentRule
    supplier: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """The numbers of the purchase orders, and what needed none."""

    numbers: list[str]
    not_needed: list[PairKey]


async def place(conn: AsyncConnection, request: OrderRequest, wanted: Sequence[PairKey]) -> Placed:
    """Order what the suggestions still need at the position of now; what is ordered already needs nothing.

    Raises NotFound `suggestion_not_found`; RuleBroken `supplier_missing` where neither rule nor request names one.
    """
    found = await suggestions.locked(conn, wanted)
    if len(found) < len(set(wanted)):
        raise NotFound("suggestion_not_found")
    await conn.execute(_LOCK, {"skus": [one.sku for one in found], "warehouses": [one.warehouse for one in found]})
    needed = await _needed(conn, request, found)
    numbers = [
        await _order(conn, request, supplier, warehouse, group, needed)
        for (supplier, warehouse), group in sorted(_grouped(request, found, needed).items())
    ]
    rest = [key for one in found if not needed[key := (one.sku, one.warehouse)]]
    await suggestions.settled(conn, rest)
    return Placed(numbers, rest)


async def _needed(conn: AsyncConnection, request: OrderRequest, found: Sequence[Suggestion]) -> dict[PairKey, int]:
    keys = [(one.sku, one.warehouse) for one in found]
    now = {(one.sku, one.warehouse): one for one in await pairs.named(conn, request.today, keys, request.default)}
    units = {key: one.position.units for key, one in now.items() if one.active}
    return {
        key: one.policy.quantity(units[key]) if key in units else 0 for key, one in zip(keys, found, strict=True)
    }  # fmt: skip


def _grouped(
    request: OrderRequest, found: Sequence[Suggestion], needed: Mapping[PairKey, int]
) -> dict[tuple[str, str], list[Suggestion]]:
    groups: dict[tuple[str, str], list[Suggestion]] = {}
    for one in found:
        if needed[one.sku, one.warehouse]:
            supplier = request.supplier or one.supplier
            if not supplier:
                raise RuleBroken("supplier_missing", "{sku} has no supplier: name one", sku=one.sku)
            groups.setdefault((supplier, one.warehouse), []).append(one)
    return groups


async def _order(
    conn: AsyncConnection, request: OrderRequest, supplier: str, warehouse: str, group: Sequence[Suggestion],
    needed: Mapping[PairKey, int],
) -> str:  # fmt: skip
    unique = hashlib.sha256(f"{request.key}\n{supplier}\n{warehouse}\n{group[0].sku}".encode()).hexdigest()[:10]
    number = f"RP-{request.today:%Y%m%d}-{unique}"
    expected_on = request.today + timedelta(days=ceil(max(one.lead_time_days for one in group)))
    new = NewPurchaseOrder(number, supplier, warehouse, expected_on, request.actor)
    units = {one.sku: needed[one.sku, warehouse] for one in group}
    await purchase_orders.add(conn, new, units, request.over_percent)
    await suggestions.ordered(conn, warehouse, sorted(units), number)
    return number
