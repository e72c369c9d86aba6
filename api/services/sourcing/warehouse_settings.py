"""The settings of warehouses that sourcing and promises use."""

from datetime import time

from api.dependencies import Services, actor
from api.schemas.sourcing_warehouses import SetSourcingWarehouse
from domain.access import Principal
from domain.errors import NotFound
from infra.db.audit import actor_context
from infra.db.sourcing import warehouse_settings
from infra.db.sourcing.warehouse_settings import WarehouseSettings

__all__ = ["WarehouseSettings", "every", "of_warehouse", "put"]


async def every(services: Services) -> list[WarehouseSettings]:
    """Those of all warehouses."""
    async with services.database.begin() as conn:
        return await warehouse_settings.every(conn)


async def put(services: Services, caller: Principal, code: str, wanted: SetSourcingWarehouse) -> WarehouseSettings:
    """Set all of them at once. Raises NotFound `warehouse_not_found`."""
    settings = WarehouseSettings(
        code,
        time.fromisoformat(wanted.cut_off),
        wanted.time_zone,
        wanted.capacity,
        wanted.buffer,
        wanted.channel_buffers,
    )
    async with services.database.begin() as conn:
        await actor_context.set_actor(conn, actor(caller), caller.origin)
        if len(code) > 32 or "\x00" in code or not await warehouse_settings.save(conn, settings, actor(caller)):
            raise NotFound("warehouse_not_found")
    return settings


async def of_warehouse(services: Services, code: str) -> WarehouseSettings:
    """Those of one warehouse. Raises NotFound `warehouse_not_found`."""
    found = next((one for one in await every(services) if one.warehouse == code), None)
    if found is None:
        raise NotFound("warehouse_not_found")
    return found
