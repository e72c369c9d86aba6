"""Disputes: what the customers' banks took back, until when it must be answered, and the answer."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from api import dispute_acts
from api.bodies import read
from api.dependencies import Caller, idempotency_key, json_response, require, services
from api.documentation import body_of, keyed, problems
from api.responses import response_of
from api.schemas.disputes import AnsweredDispute, HandIn

router = APIRouter(prefix="/v1/disputes", tags=["disputes"])

_Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("", responses=problems())
async def open_ones(request: Request, caller: Caller) -> Response:
    """Open disputes, up to 100: first what is to be answered, the nearest deadline (`due_at`) first."""
    require(caller, *dispute_acts.READ_BY)
    return json_response({"items": await dispute_acts.open_ones(services(request)), "next_cursor": None})


@router.post(
    "/{dispute_id}/evidence", response_model=AnsweredDispute, openapi_extra=body_of(HandIn), responses=problems()
)
async def hand_in(dispute_id: _Number, request: Request, caller: Caller) -> Response:
    """Hand evidence in at the provider. Final: the provider takes one answer, and decides."""
    require(caller, *dispute_acts.ANSWERED_BY)
    key = idempotency_key(request)
    parsed = await read(request, HandIn)
    reply = await dispute_acts.hand_in(services(request), caller, key, parsed.digest, dispute_id, parsed.model)
    return response_of(reply)


@router.post("/{dispute_id}/accept", response_model=AnsweredDispute, openapi_extra=keyed(), responses=problems())
async def accept(dispute_id: _Number, request: Request, caller: Caller) -> Response:
    """Give the money up. Final: the provider closes the dispute as lost."""
    require(caller, *dispute_acts.ANSWERED_BY)
    return response_of(await dispute_acts.accept(services(request), caller, idempotency_key(request), dispute_id))
