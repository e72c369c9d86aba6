"""Replenishment: rules, suggestions, and the purchase orders that suggestions become."""

from datetime import UTC, datetime, timedelta
from typing import TypedDict

from api import pagination
from api.dependencies import Services, actor
from api.errors import Problem
from api.replies import Reply
from api.schemas.replenishment import OrderSuggestions, PutReplenishmentRule
from api.services.stock.stock_movements import StockRequest
from domain.access import Principal
from domain.errors import Conflict, NotFound, RuleBroken
from domain.replenishment.policy import ReplenishmentRule
from infra.db.audit import actor_context
from infra.db.engine import Connection
from infra.db.replenishment import demand, ordering, rules, runs, suggestions
from infra.db.replenishment.ordering import OrderRequest
from infra.db.replenishment.rules import RuleScope, StoredRule
from infra.db.replenishment.runs import ReplenishmentRun
from infra.db.replenishment.suggestions import Suggestion

__all__ = ["StoredRule", "Suggestion", "newest_runs", "order", "put_rule", "remove_rule", "rule_page", "start_run"]
RUNS_SHOWN = 20


class PairFields(TypedDict):
    """A product at a warehouse."""

    sku: str
    warehouse: str


class OrderedFields(TypedDict):
    """The purchase orders that were placed, and what needed none."""

    purchase_orders: list[str]
    not_needed: list[PairFields]


async def put_rule(services: Services, caller: Principal, wanted: PutReplenishmentRule) -> StoredRule:
    """Raises NotFound `product_not_found`; RuleBroken `unknown_warehouse`, `supplier_missing`."""
    if wanted.automatic and not wanted.supplier:
        raise RuleBroken("supplier_missing", "automatic orders need a supplier")
    values = wanted.model_dump(exclude={"sku", "warehouse"})
    async with services.database.begin() as conn:
        await actor_context.set_actor(conn, actor(caller), caller.origin)
        await _require_known(conn, wanted)
        scope = RuleScope(wanted.sku, wanted.warehouse)
        return await rules.put(conn, scope, ReplenishmentRule(**values), actor(caller))


async def _require_known(conn: Connection, wanted: PutReplenishmentRule) -> None:
    known = await rules.known(conn, RuleScope(wanted.sku, wanted.warehouse))
    if not known.product:
        raise NotFound("product_not_found", "no product has this SKU")
    if not known.warehouse:
        raise RuleBroken("unknown_warehouse")


async def rule_page(
    services: Services, supplier: str | None, limit: int, cursor: str | None
) -> tuple[list[StoredRule], str | None]:
    """A page, the oldest first, and the cursor of the next one. Raises Problem `invalid_cursor`."""
    after = pagination.large_number(cursor) if cursor else 0
    async with services.database.begin() as conn:
        found = await rules.page(conn, supplier, after, limit + 1)
    return found[:limit], pagination.encoded([found[limit - 1].rule_id]) if len(found) > limit else None


async def remove_rule(services: Services, caller: Principal, rule_id: int) -> None:
    """Raises NotFound `replenishment_rule_not_found`."""
    async with services.database.begin() as conn:
        await actor_context.set_actor(conn, actor(caller), caller.origin)
        await rules.remove(conn, rule_id)


async def page(
    services: Services, warehouse: str | None, supplier: str | None, limit: int, cursor: str | None
) -> tuple[list[Suggestion], str | None]:
    """A page of what is to be ordered, and the cursor of the next one. Raises Problem `invalid_cursor`."""
    sku, place = pagination.decoded(cursor, str, str) if cursor else ("", "")
    async with services.database.begin() as conn:
        found = await suggestions.page(conn, warehouse, supplier, (sku, place), limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    return found[:limit], pagination.encoded([last.sku, last.warehouse]) if last else None


async def order(asked: StockRequest, wanted: OrderSuggestions) -> Reply:
    """Raises Problem `lines_needed`; NotFound `suggestion_not_found`; RuleBroken `supplier_missing`; Conflict
    `nothing_to_replenish`."""
    if not wanted.lines:
        raise Problem("lines_needed")
    over = asked.services.settings.over_delivery_percent
    request = OrderRequest(
        actor(asked.caller), datetime.now(UTC).date(), asked.unique("replenishment"), over, ReplenishmentRule(),
        wanted.supplier,
    )  # fmt: skip

    async def work(conn: Connection) -> OrderedFields:
        lines = sorted({(line.sku, line.warehouse) for line in wanted.lines})
        placed = await ordering.place(conn, request, lines)
        if not placed.numbers:
            raise Conflict("nothing_to_replenish")
        rest: list[PairFields] = [{"sku": sku, "warehouse": warehouse} for sku, warehouse in placed.not_needed]
        return {"purchase_orders": placed.numbers, "not_needed": rest}

    return await asked.run(work, 201)


async def order_placed(asked: StockRequest, wanted: OrderSuggestions) -> list[str]:
    """The numbers of the purchase orders that `order` places. Raises what it raises."""
    reply = await order(asked, wanted)
    return [str(number) for number in reply.content["purchase_orders"]]


async def start_run(asked: StockRequest) -> Reply:
    """A run over everything, which the relay calculates; the one that is open where there is one."""

    async def work(conn: Connection) -> ReplenishmentRun:
        until_day = demand.last_day(datetime.now(UTC)) + timedelta(days=1)
        return await runs.request(conn, actor(asked.caller), until_day)

    return await asked.run(work, 202)


async def newest_runs(services: Services) -> list[ReplenishmentRun]:
    """The newest first."""
    async with services.database.begin() as conn:
        return await runs.newest(conn, RUNS_SHOWN)
