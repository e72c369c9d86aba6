"""Support: bulk jobs, one action on every parked order of a filter."""

from fastapi import APIRouter, Request, Response

from api.dependencies import Caller, idempotency_key, json_response, require, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.schemas.support.bulk_jobs import JobProgress, OpenedJob
from api.schemas.support.parked_steps import BulkResolve
from api.services.support import bulk_resolution
from domain.access import Role

router = APIRouter(prefix="/v1/support", tags=["support"])


@router.post("/resolve", **operation("open_bulk_job", Answer(202, OpenedJob), body=BulkResolve))
async def open_job(request: Request, caller: Caller) -> Response:
    """The same action on all parked orders that the filter finds now, at most `rate_per_s` a second."""
    services = services_of(request)
    require(caller, Role.SUPPORT)
    key = idempotency_key(request)
    parsed = await read(request, BulkResolve)
    return response_of(await bulk_resolution.resolve_many(services, caller, key, parsed.digest, parsed.model))


@router.get("/jobs/{job_id}", **operation("get_bulk_job", Answer(200, JobProgress)))
async def job(job_id: str, request: Request, caller: Caller) -> Response:
    """How far a bulk job is; done means that the workflow accepted the action."""
    require(caller, Role.SUPPORT)
    return json_response(await bulk_resolution.progress(services_of(request), job_id))


@router.post("/jobs/{job_id}/stop", **operation("stop_bulk_job", Answer(200, JobProgress), with_key=True))
async def stop(job_id: str, request: Request, caller: Caller) -> Response:
    """End a bulk job before its next order. One that has ended stays as it is."""
    require(caller, Role.SUPPORT)
    services, key = services_of(request), idempotency_key(request)
    return response_of(await bulk_resolution.stop_job(services, caller, key, bulk_resolution.job_number(job_id)))
