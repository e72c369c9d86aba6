"""Settings of warehouses that sourcing and promises use."""

from fastapi import APIRouter, Request, Response

from api.dependencies import Caller, json_response, require, require_staff, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.schemas.sourcing_warehouses import SetSourcingWarehouse, SourcingWarehouse, SourcingWarehouses
from api.services.sourcing import warehouse_settings
from domain.access import Role

router = APIRouter(prefix="/v1/sourcing/warehouses", tags=["sourcing"])


@router.get("", **operation("list_sourcing_warehouses", Answer(200, SourcingWarehouses)))
async def list_settings(request: Request, caller: Caller) -> Response:
    """Cut-off, capacity and buffer of every warehouse; for the staff."""
    require_staff(caller)
    items = [
        SourcingWarehouse(
            warehouse=one.warehouse, cut_off=f"{one.cut_off:%H:%M}", time_zone=one.time_zone, capacity=one.capacity,
            buffer=one.buffer, channel_buffers=dict(one.channel_buffers),
        ).model_dump()
        for one in await warehouse_settings.every(services_of(request))
    ]  # fmt: skip
    return json_response({"items": items, "next_cursor": None})


@router.put(
    "/{code}",
    **operation("set_sourcing_warehouse", Answer(200, SourcingWarehouse), body=SetSourcingWarehouse, keyed=False),
)
async def set_settings(code: str, request: Request, caller: Caller) -> Response:
    """Set all of them at once: what is left out has its default again. The next decision uses them."""
    require(caller, Role.OPERATIONS)
    parsed = await read(request, SetSourcingWarehouse)
    await warehouse_settings.put(services_of(request), caller, code, parsed.model)
    return json_response({"warehouse": code, **parsed.model.model_dump()})
