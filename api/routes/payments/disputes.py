"""Disputes: what the customers' banks took back, until when it must be answered, and the answer."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from api.dependencies import Caller, idempotency_key, json_response, require, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.presenters import disputes
from api.schemas.payments.disputes import AnsweredDispute, DisputeList, HandIn
from api.services.payments import dispute_answering

router = APIRouter(prefix="/v1/disputes", tags=["disputes"])

_Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("", **operation("list_disputes", Answer(200, DisputeList)))
async def open_ones(request: Request, caller: Caller) -> Response:
    """Open disputes, up to 100: first what is to be answered, the nearest deadline (`due_at`) first."""
    require(caller, *dispute_answering.READ_BY)
    found = await dispute_answering.open_ones(services_of(request))
    return json_response({"items": [disputes.presented(one) for one in found], "next_cursor": None})


@router.post(
    "/{dispute_id}/evidence", **operation("submit_dispute_evidence", Answer(200, AnsweredDispute), body=HandIn)
)
async def submit_evidence(dispute_id: _Number, request: Request, caller: Caller) -> Response:
    """Submit evidence to the provider. Final: the provider accepts one answer, and decides."""
    require(caller, *dispute_answering.ANSWERED_BY)
    key = idempotency_key(request)
    parsed = await read(request, HandIn)
    reply = await dispute_answering.submit_evidence(
        services_of(request), caller, key, parsed.digest, dispute_id, parsed.model
    )
    return response_of(reply)


@router.post("/{dispute_id}/accept", **operation("accept_dispute", Answer(200, AnsweredDispute), with_key=True))
async def accept(dispute_id: _Number, request: Request, caller: Caller) -> Response:
    """Give the money up. Final: the provider closes the dispute as lost."""
    require(caller, *dispute_answering.ANSWERED_BY)
    return response_of(
        await dispute_answering.accept(services_of(request), caller, idempotency_key(request), dispute_id)
    )
