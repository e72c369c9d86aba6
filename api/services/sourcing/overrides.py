"""A person chooses the warehouse of a fulfilment: what the HTTP call and the console's form both do."""

from datetime import UTC, datetime

from api.dependencies import Services, actor, derived_id
from api.errors import Problem
from api.idempotency import run_in_transaction
from api.replies import Reply
from api.schemas.sourcing import ChooseWarehouse
from api.services.after_sales.keyed_request import KeyedRequest
from api.services.sourcing import explanations
from api.services.sourcing.explanations import Explanation
from domain.access import Role
from domain.errors import Conflict, NotFound
from domain.sourcing.decision import DecisionFields
from domain.sourcing.overriding import StandingOrder, StandingPart, overridden, require_stock
from infra.db.catalogue import warehouses
from infra.db.engine import Connection
from infra.db.orders.changing import staff_actions
from infra.db.orders.changing.staff_actions import StaffAction
from infra.db.orders.state import timeline
from infra.db.shipping import promises
from infra.db.sourcing import decisions
from infra.db.stock import overrides
from infra.db.stock.reservations import StockContended

OVERRIDDEN_BY = (Role.SUPPORT, Role.OPERATIONS)


async def movable(services: Services, number: str) -> tuple[StandingPart, ...]:
    """The fulfilments whose warehouse can be chosen now."""
    async with services.database.begin() as conn:
        return (await overrides.standing(conn, number)).movable()


async def choose(services: Services, keyed: KeyedRequest, number: str, wanted: ChooseWarehouse) -> Reply:
    """Ship from there; the order exists, and the caller may see it.

    Raises NotFound `warehouse_not_found`, `fulfilment_not_found`; Problem `warehouse_inactive`; Conflict
    `stock_short`, `fulfilment_booked`, `nothing_reserved`, `change_in_progress`, `ships_from_there`; RuleBroken
    `fulfilment_unclear`.
    """
    known = await explanations.explanation(services, keyed.caller, number)
    act_id = f"act_{derived_id(keyed.caller, keyed.key, f'warehouse {number}')}"

    async def work(conn: Connection) -> dict[str, object]:
        await timeline.lock_order(conn, number)
        order = await overrides.standing(conn, number)
        part = order.part(wanted.fulfilment_id)
        await _require_warehouse(conn, wanted.warehouse)
        order.require_free(part, wanted.warehouse)
        require_stock(part, await overrides.available_at(conn, wanted.warehouse, sorted(part.held)))
        by = actor(keyed.caller)
        await overrides.move(conn, number, part, wanted.warehouse, by)
        decision = _decision(known, order, part, wanted.warehouse, by)
        await decisions.save_fields(conn, number, decision, known.profile_version)
        moved = f"{part.warehouse} → {wanted.warehouse}"
        await staff_actions.save(
            conn, services.keys, StaffAction(act_id, number, "warehouse", moved, by, wanted.reason)
        )
        data = {"number": part.number, "from": part.warehouse, "warehouse": wanted.warehouse}
        await timeline.append(conn, number, "warehouse_changed", by, key=act_id, data=data)
        await promises.follow_warehouse(conn, number, part.number, datetime.now(UTC))
        return {"order_no": number, "fulfilment_id": part.fulfilment_id, "warehouse": wanted.warehouse}

    try:
        return await run_in_transaction(services, keyed.claim, 200, work)
    except StockContended:
        raise Conflict("stock_short", "another order was faster: choose another warehouse") from None


async def _require_warehouse(conn: Connection, code: str) -> None:
    found = next((one for one in await warehouses.everything(conn) if one.code == code), None)
    if found is None:
        raise NotFound("warehouse_not_found")
    if not found.active:
        raise Problem("warehouse_inactive", "this warehouse is inactive and ships nothing; choose another one")


def _decision(known: Explanation, order: StandingOrder, part: StandingPart, warehouse: str, by: str) -> DecisionFields:
    return {
        "strategy": known.strategy or "",
        "chosen": order.shares(part, warehouse),
        "unallocated": known.unallocated,
        "considered": known.considered,
        "freight_minor": known.freight_minor,
        "overridden": overridden(part, warehouse, by),
    }
