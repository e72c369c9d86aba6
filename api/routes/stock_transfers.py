"""Transfers between warehouses."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.dependencies import Caller, json_response, require_staff, services_of
from api.http.openapi import Answer, operation
from api.http.responses import response_of
from api.routes.stock import stock_request
from api.schemas.fields import Code
from api.schemas.stock_transfers import (
    CancelTransfer,
    NewTransfer,
    ReceivedTransfer,
    ReceiveTransfer,
    ShipTransfer,
    Transfer,
    TransferPage,
)
from api.services.stock import stock_transfers
from domain.stock.transfers import TransferStatus

router = APIRouter(prefix="/v1/stock/transfers", tags=["stock"])
Limit = Annotated[int, Query(ge=1, le=200)]


@router.get("", **operation("list_transfers", Answer(200, TransferPage)))
async def list_transfers(
    request: Request,
    caller: Caller,
    status: TransferStatus | None = None,
    warehouse: Code | None = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Response:
    """Transfers from or to a warehouse, the newest first; for the staff."""
    require_staff(caller)
    found, following = await stock_transfers.page(services_of(request), status, warehouse, limit, cursor)
    return json_response({"items": [stock_transfers.view(one) for one in found], "next_cursor": following})


@router.post("", **operation("transfer_stock", Answer(202, Transfer), body=NewTransfer))
async def request_transfer(request: Request, caller: Caller) -> Response:
    """Request that units go to another warehouse. They leave with `/ship` and arrive with `/receive`; between the two
    they are on no level. The same reference again is 409 `transfer_exists`."""
    return response_of(await stock_transfers.request(*await stock_request(request, caller, NewTransfer)))


@router.get("/{transfer_id}", **operation("get_transfer", Answer(200, Transfer)))
async def get_transfer(transfer_id: str, request: Request, caller: Caller) -> Response:
    """A transfer with its lines; for the staff."""
    require_staff(caller)
    return json_response(stock_transfers.view(await stock_transfers.one(services_of(request), transfer_id)))


@router.post("/{transfer_id}/ship", **operation("ship_transfer", Answer(200, Transfer), body=ShipTransfer))
async def ship_transfer(transfer_id: str, request: Request, caller: Caller) -> Response:
    """The units leave the source. Units that orders have reserved stay."""
    asked, body = await stock_request(request, caller, ShipTransfer, optional=True)
    return response_of(await stock_transfers.ship(asked, transfer_id, body))


@router.post(
    "/{transfer_id}/receive", **operation("receive_transfer", Answer(200, ReceivedTransfer), body=ReceiveTransfer)
)
async def receive_transfer(transfer_id: str, request: Request, caller: Caller) -> Response:
    """What arrived is put on the level of the target. What is missing stays in transit, as a case with an owner."""
    asked, body = await stock_request(request, caller, ReceiveTransfer, optional=True)
    return response_of(await stock_transfers.receive(asked, transfer_id, body))


@router.post("/{transfer_id}/cancel", **operation("cancel_transfer", Answer(200, Transfer), body=CancelTransfer))
async def cancel_transfer(transfer_id: str, request: Request, caller: Caller) -> Response:
    """Nothing leaves. A transfer that was shipped is received instead."""
    asked, _ = await stock_request(request, caller, CancelTransfer, optional=True)
    return response_of(await stock_transfers.cancel(asked, transfer_id))
