"""Fulfilments of a warehouse: listed and counted, and one of them with what can be done to it."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.console.catalogue import fields as typed
from api.console.catalogue.fields import FormErrors
from api.console.forms import key_of, new_key, whole
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import require, services_of
from api.errors import Problem
from api.pages.forms import fitting
from api.pages.notices import acknowledged
from api.schemas.fields import SoughtText
from api.schemas.picking import PackParcel, PerformService, PickLines, ProduceFulfilment, RefuseFulfilment, ShipParcel
from api.services.catalogue import warehouse_entries
from api.services.shipping import fulfilment_queries, picking, scanning
from api.services.stock.stock_movements import StockRequest
from domain.access import Role
from domain.errors import NotFound, RuleBroken
from domain.shipping.fulfilments import FulfilmentStatus
from domain.shipping.picking import RefusalReason
from domain.shipping.waves import MAX_IN_WAVE
from domain.stock.warehouses import WarehouseKind

router = APIRouter(prefix="/console/fulfilment")
HOME = "/console/fulfilment"
ROLES = (Role.WAREHOUSE, Role.OPERATIONS)
SHOWN = (
    FulfilmentStatus.RESERVED, FulfilmentStatus.BOOKED, FulfilmentStatus.PICKING, FulfilmentStatus.PACKED,
    FulfilmentStatus.SHIPPED, FulfilmentStatus.FAILED,
)  # fmt: skip


@router.get("")
async def listed(
    request: Request,
    member: CurrentStaff,
    warehouse: SoughtText = "",
    status: str = "booked",
    late: str = "",
    cursor: str = "",
) -> Response:
    """Those of a status, or those that are late, the oldest orders first; with how many each has."""
    require(member.principal, *ROLES)
    services = services_of(request)
    chosen = FulfilmentStatus(status) if status in list(FulfilmentStatus) else FulfilmentStatus.BOOKED
    rows, following = await fulfilment_queries.page(
        *(services, warehouse or None, None if late else chosen, MAX_IN_WAVE, cursor or None, "any" if late else None)
    )
    counted = await scanning.counts(services)
    warehouses = await warehouse_entries.everything(services)
    kept = {"warehouse": warehouse, "late": "any"} if late else {"warehouse": warehouse, "status": chosen.value}
    kept = {name: text for name, text in kept.items() if text}
    context: dict[str, Any] = {
        "rows": rows,
        "chosen": {"warehouse": warehouse, "status": "" if late else chosen, "late": late},
        "late": await fulfilment_queries.late_ones(services),
        "counted": fulfilment_queries.COUNTED,
        "counts": {
            one: sum(n for (at, status), n in counted.items() if status == one and warehouse in ("", at))
            for one in SHOWN
        },
        "warehouses": warehouses,
        "suppliers": {one.code for one in warehouses if one.kind is WarehouseKind.SUPPLIER},
        "put_back": await scanning.to_put_back(services, warehouse or None),
        "next": f"{HOME}?{urlencode(kept | {'cursor': following})}" if following else "",
        "most": MAX_IN_WAVE,
        "key": new_key(),
    }
    return page(request, "fulfilment.html", member=member, **context)


@router.get("/parcels/{fulfilment_id}")
async def one(request: Request, member: CurrentStaff, fulfilment_id: str) -> Response:
    """A fulfilment with its lines and what can be done next."""
    require(member.principal, *ROLES)
    return await _page(request, member, fulfilment_id)


Step = Callable[[StockRequest, str, dict[str, str]], Awaitable[object]]


@router.post("/parcels/{fulfilment_id}/{step}")
async def take(request: Request, member: CurrentStaff, fulfilment_id: str, step: str) -> Response:
    """Report what was not found, pack, hand over, put back."""
    if (does := _STEPS.get(step)) is None:
        raise NotFound("not_found")
    require(member.principal, *ROLES)
    fields = await posted(request, member)
    same = digest_of(fulfilment_id, step, sorted(typed.typed_of(fields).items()))
    asked = StockRequest(services_of(request), member.principal, key_of(fields), same)
    try:
        await does(asked, fulfilment_id, fields)
    except NotFound:
        raise
    except (Problem, RuleBroken) as refused:
        return await _page(
            request, member, fulfilment_id, typed.typed_of(fields), FormErrors(request, refused, rules="supplier.rule")
        )
    return acknowledged(request, f"{HOME}/parcels/{fulfilment_id}", f"done.fulfilment.{step}")


def digest_of(*parts: object) -> bytes:
    """What a repeat of the form must be equal to."""
    return hashlib.sha256(repr(parts).encode()).digest()


async def _short(asked: StockRequest, fulfilment_id: str, fields: dict[str, str]) -> object:
    line = {"line_no": whole(fields.get("line_no", "")), "quantity": whole(fields.get("picked", ""))}
    return await picking.pick(asked, fulfilment_id, fitting(PickLines, {"lines": [line]}))


async def _pack(asked: StockRequest, fulfilment_id: str, fields: dict[str, str]) -> object:
    weight = fields.get("weight_g", "").strip()
    body = typed.texts(fields, "box") | ({"weight_g": whole(weight)} if weight else {})
    return await picking.pack(asked, fulfilment_id, fitting(PackParcel, body))


async def _ship(asked: StockRequest, fulfilment_id: str, _: dict[str, str]) -> object:
    return await picking.ship(asked, fulfilment_id, fitting(ShipParcel, {}))


async def _put_back(asked: StockRequest, fulfilment_id: str, _: dict[str, str]) -> object:
    return await picking.put_back(asked, fulfilment_id)


async def _supplier_ship(asked: StockRequest, fulfilment_id: str, fields: dict[str, str]) -> object:
    body = typed.texts(fields, "carrier", "tracking_no")
    return await picking.ship(asked, fulfilment_id, fitting(ShipParcel, body))


async def _supplier_refuse(asked: StockRequest, fulfilment_id: str, fields: dict[str, str]) -> object:
    body = {"reason": fields.get("reason", "")}
    return await picking.refuse(asked, fulfilment_id, fitting(RefuseFulfilment, body))


async def _produced(asked: StockRequest, fulfilment_id: str, _: dict[str, str]) -> object:
    return await picking.produced(asked, fulfilment_id, fitting(ProduceFulfilment, {}))


async def _performed(asked: StockRequest, fulfilment_id: str, _: dict[str, str]) -> object:
    return await picking.performed(asked, fulfilment_id, fitting(PerformService, {}))


_STEPS: Mapping[str, Step] = {
    "short": _short, "pack": _pack, "ship": _ship, "put-back": _put_back, "supplier-ship": _supplier_ship,
    "supplier-refuse": _supplier_refuse, "produced": _produced, "performed": _performed,
}  # fmt: skip


async def _page(
    request: Request,
    member: StaffMember,
    fulfilment_id: str,
    fields: dict[str, str] | None = None,
    errors: FormErrors | None = None,
) -> Response:
    work = await scanning.one(services_of(request), fulfilment_id)
    return page(
        request,
        "fulfilment_parcel.html",
        status=errors.status if errors else 200,
        member=member,
        work=work,
        reasons=list(RefusalReason),
        fields=fields or {},
        errors=errors,
        key=new_key(),
    )
