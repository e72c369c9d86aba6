"""One action on many orders: preview, job, outcome."""

from fastapi import APIRouter, Request, Response

from api.dependencies import Caller, idempotency_key, json_response, require_staff, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.presenters.bulk_jobs import presented
from api.schemas.orders.bulk import BulkOrders, BulkPreview, OpenedOrderJob, OrderJob
from api.services.orders import bulk_actions

router = APIRouter(prefix="/v1/orders/bulk", tags=["orders"])


@router.post("/preview", **operation("preview_bulk_action", Answer(200, BulkPreview), body=BulkOrders))
async def preview(request: Request, caller: Caller) -> Response:
    """Which of the orders the action fits now, and why it does not fit the others. Nothing is done."""
    require_staff(caller)
    parsed = await read(request, BulkOrders)
    return json_response(await bulk_actions.preview(services_of(request), caller, parsed.model))


@router.post("", **operation("open_order_job", Answer(202, OpenedOrderJob), body=BulkOrders))
async def open_job(request: Request, caller: Caller) -> Response:
    """Do it to the orders that the action fits, at most 500; the others are left out. A worker carries it out."""
    require_staff(caller)
    services, key = services_of(request), idempotency_key(request)
    parsed = await read(request, BulkOrders)
    return response_of(await bulk_actions.open_job(services, caller, key, parsed.digest, parsed.model))


@router.get("/{job_id}", **operation("get_order_job", Answer(200, OrderJob)))
async def job(job_id: str, request: Request, caller: Caller) -> Response:
    """How far the job is, and what became of each order; for whoever opened it, support and operations."""
    require_staff(caller)
    return json_response(presented(await bulk_actions.job(services_of(request), caller, job_id)))
