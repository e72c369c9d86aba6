"""The warehouse picks, packs and hands over."""

from fastapi import APIRouter, Request, Response

from api.dependencies import Caller
from api.http.openapi import Answer, operation
from api.http.responses import response_of
from api.routes.stock import stock_request
from api.schemas.picking import (
    PackParcel,
    PerformService,
    PickLines,
    ProduceFulfilment,
    RefuseFulfilment,
    ShipParcel,
    WorkedFulfilment,
)
from api.services.shipping import picking
from domain.access import Role

router = APIRouter(prefix="/v1/fulfilments", tags=["fulfilments"])
_ROLES = (Role.WAREHOUSE, Role.OPERATIONS)
_DONE = Answer(200, WorkedFulfilment)


@router.post("/{fulfilment_id}/pick", **operation("pick_fulfilment", _DONE, body=PickLines))
async def pick(fulfilment_id: str, request: Request, caller: Caller) -> Response:
    """Say what is picked of each line in all. The same again is the same answer. Less than a line has is a short pick:
    the rest is sent by another warehouse as a further fulfilment or, where none has it, a stock case is opened."""
    asked, body = await stock_request(request, caller, PickLines, *_ROLES)
    return response_of(await picking.pick(asked, fulfilment_id, body))


@router.post("/{fulfilment_id}/pack", **operation("pack_fulfilment", _DONE, body=PackParcel))
async def pack(fulfilment_id: str, request: Request, caller: Caller) -> Response:
    """Everything is picked and in its box. The body may be empty."""
    asked, body = await stock_request(request, caller, PackParcel, *_ROLES, optional=True)
    return response_of(await picking.pack(asked, fulfilment_id, body))


@router.post("/{fulfilment_id}/ship", **operation("ship_fulfilment", _DONE, body=ShipParcel))
async def ship(fulfilment_id: str, request: Request, caller: Caller) -> Response:
    """The carrier takes the parcel. Its own scan says the same, before or after: the parcel leaves once. The body may
    be empty. Of a fulfilment that a supplier ships, it names `carrier` and `tracking_no`: nothing is picked or packed
    here."""
    asked, body = await stock_request(request, caller, ShipParcel, *_ROLES, optional=True)
    return response_of(await picking.ship(asked, fulfilment_id, body))


@router.post("/{fulfilment_id}/refuse", **operation("refuse_fulfilment", _DONE, body=RefuseFulfilment))
async def refuse(fulfilment_id: str, request: Request, caller: Caller) -> Response:
    """The supplier does not ship it: other warehouses or suppliers do, as further fulfilments. What none of them
    has is support's to decide; the same call later looks again. While the order is being cancelled, this confirms
    the recall."""
    asked, body = await stock_request(request, caller, RefuseFulfilment, *_ROLES)
    return response_of(await picking.refuse(asked, fulfilment_id, body))


@router.post("/{fulfilment_id}/produced", **operation("produce_fulfilment", _DONE, body=ProduceFulfilment))
async def produced(fulfilment_id: str, request: Request, caller: Caller) -> Response:
    """All of what is made to order is made: its units are received and reserved for it, and a carrier is booked. The
    body may be empty; the same again is the same answer."""
    asked, body = await stock_request(request, caller, ProduceFulfilment, *_ROLES, optional=True)
    return response_of(await picking.produced(asked, fulfilment_id, body))


@router.post("/{fulfilment_id}/performed", **operation("perform_service", _DONE, body=PerformService))
async def performed(fulfilment_id: str, request: Request, caller: Caller) -> Response:
    """The service is performed: it counts as delivered. The body may be empty; the same again is the same answer."""
    asked, body = await stock_request(request, caller, PerformService, *_ROLES, Role.SUPPORT, optional=True)
    return response_of(await picking.performed(asked, fulfilment_id, body))
