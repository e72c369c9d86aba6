"""Locations within a warehouse: added, listed, and what moves between them."""

from dataclasses import asdict, replace

from api.dependencies import Services, actor
from api.errors import Problem
from api.replies import Reply
from api.schemas.locations import ChangeLocation, MoveWithin, NewLocation
from api.services.catalogue.product_entries import require_sku
from api.services.stock.stock_movements import StockRequest
from domain.errors import RuleBroken
from domain.json_types import JsonFields
from infra.db.catalogue import warehouses
from infra.db.engine import Connection
from infra.db.stock import locations, movements
from infra.db.stock.locations import Location, PickLocation, Place


async def add(asked: StockRequest, new: NewLocation) -> Reply:
    """Raises RuleBroken `unknown_warehouse`, Conflict `location_exists`."""

    async def work(conn: Connection) -> JsonFields:
        if new.warehouse not in {one.code for one in await warehouses.everything(conn)}:
            raise RuleBroken("unknown_warehouse")
        made = locations.NewLocation(new.warehouse, new.code, new.name, new.zone, new.sequence)
        await locations.add(conn, made)
        return {**asdict(made), "active": True, "units": 0}

    return await asked.run(work, 201)


async def change(asked: StockRequest, warehouse: str, code: str, changed: ChangeLocation) -> Reply:
    """What the body names. Raises Problem `nothing_to_change`, NotFound `location_not_found`, Conflict
    `location_not_empty`."""
    named = changed.model_dump(include=changed.model_fields_set)
    if not named:
        raise Problem("nothing_to_change", "name at least one field that is to change")

    async def work(conn: Connection) -> Location:
        found = replace(await locations.find(conn, warehouse, code, lock=True), **named)
        await locations.save(conn, found)
        return found

    return await asked.run(work, 200)


async def move(asked: StockRequest, wanted: MoveWithin) -> Reply:
    """Put units away, or move them. Raises Problem `same_location`; NotFound `product_not_found`; RuleBroken
    `unknown_warehouse`, `unknown_location`, `location_closed`; Conflict `stock_not_available`."""
    if wanted.source == wanted.target:
        raise Problem("same_location")

    async def work(conn: Connection) -> JsonFields:
        await movements.place_of(conn, wanted.sku, wanted.warehouse)
        if wanted.source is not None:
            await locations.require_known(conn, wanted.warehouse, wanted.source)
        if wanted.target is not None:
            await locations.require_open(conn, wanted.warehouse, wanted.target)
        place = Place(wanted.sku, wanted.warehouse, wanted.reference, actor(asked.caller))
        await locations.move(conn, place, wanted.source, wanted.target, wanted.quantity)
        found = await locations.pick_locations(conn, wanted.warehouse, [wanted.sku])
        return {"items": [asdict(one) for one in found], "next_cursor": None}

    return await asked.run(work, 201)


async def everything(services: Services, warehouse: str | None) -> list[Location]:
    """Those of a warehouse, or all, in walking order."""
    async with services.database.begin() as conn:
        return await locations.everything(conn, warehouse)


async def one(services: Services, warehouse: str, code: str) -> Location:
    """Raises NotFound `location_not_found`."""
    async with services.database.begin() as conn:
        return await locations.find(conn, warehouse, code)


async def places_of(services: Services, sku: str, warehouse: str | None) -> list[PickLocation]:
    """Where a SKU is, in walking order. Raises NotFound `product_not_found`."""
    async with services.database.begin() as conn:
        at = await movements.place_of(conn, require_sku(sku), warehouse)
        return await locations.pick_locations(conn, at, [sku])
