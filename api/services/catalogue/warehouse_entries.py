"""Warehouses: added, changed, listed."""

from dataclasses import replace

from api.dependencies import Services
from api.errors import Problem
from api.idempotency import request_of, run_in_transaction
from api.replies import Reply
from api.schemas.stock import ChangeWarehouse, NewWarehouse
from api.services.orders.order_changes import ANY
from domain.access import Principal
from domain.errors import NotFound, RuleBroken
from domain.stock.warehouses import WarehouseKind
from infra.db.catalogue import warehouses
from infra.db.catalogue.warehouses import Warehouse
from infra.db.engine import Connection

__all__ = ["Warehouse", "add", "change", "everything", "warehouse"]


async def add(services: Services, caller: Principal, key: str, digest: bytes, new: NewWarehouse) -> Reply:
    """Raises Conflict `warehouse_exists`."""
    warehouse = warehouses.NewWarehouse(**dict(new))

    async def work(conn: Connection) -> Warehouse:
        return await warehouses.add(conn, warehouse)

    return await run_in_transaction(services, request_of(caller, key, digest), 201, work)


async def change(
    services: Services, caller: Principal, key: str, digest: bytes, code: str, versions: frozenset[str],
    changed: ChangeWarehouse,
) -> Reply:  # fmt: skip
    """What the body names. Raises Problem `nothing_to_change`, `warehouse_changed` (412); NotFound
    `warehouse_not_found`; RuleBroken `default_warehouse_inactive`, `default_warehouse_supplier`."""
    if not changed.model_fields_set:
        raise Problem("nothing_to_change", "name at least one field that is to change")

    async def work(conn: Connection) -> Warehouse:
        current = _named(await warehouses.everything(conn, lock=True), code)
        if ANY not in versions and str(current.version) not in versions:
            raise Problem("warehouse_changed")
        values = {name: getattr(changed, name) for name in changed.model_fields_set}
        wanted = replace(current, **values)
        if wanted.is_default and not wanted.active:
            raise RuleBroken("default_warehouse_inactive")
        if wanted.is_default and wanted.kind is WarehouseKind.SUPPLIER:
            raise RuleBroken("default_warehouse_supplier")
        return await warehouses.change(conn, wanted)

    answer = await run_in_transaction(services, request_of(caller, key, digest), 200, work)
    return answer if answer.replayed else answer.at(answer.content.version)


async def everything(services: Services) -> list[Warehouse]:
    """All of them, the preferred ones first."""
    async with services.database.begin() as conn:
        return await warehouses.everything(conn)


async def warehouse(services: Services, code: str) -> Warehouse:
    """Raises NotFound `warehouse_not_found`."""
    return _named(await everything(services), code)


def _named(found: list[Warehouse], code: str) -> Warehouse:
    for one in found:
        if one.code == code:
            return one
    raise NotFound("warehouse_not_found")
