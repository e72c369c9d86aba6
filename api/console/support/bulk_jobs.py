"""Bulk jobs under way and over: how far they are, what refused, and the way to stop one."""

import secrets
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.forms import key_of
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import require, services_of
from api.services.support import bulk_resolution
from api.services.support.bulk_resolution import JobDetail, JobProgress, job_number
from domain.access import Role

router = APIRouter(prefix="/console/jobs")


@router.get("")
async def jobs(request: Request, member: CurrentStaff) -> Response:
    """The newest bulk jobs."""
    require(member.principal, Role.SUPPORT)
    found = await bulk_resolution.newest_jobs(services_of(request))
    return page(request, "jobs.html", member=member, jobs=found)


@router.get("/{job_id}")
async def job(request: Request, member: CurrentStaff, job_id: str) -> Response:
    """One bulk job, live until it is over."""
    return await _job(request, member, job_id, "job.html")


@router.get("/{job_id}/progress")
async def progress(request: Request, member: CurrentStaff, job_id: str) -> Response:
    """The part of it that lives."""
    return await _job(request, member, job_id, "job_progress.html")


async def _job(request: Request, member: StaffMember, job_id: str, template: str) -> Response:
    require(member.principal, Role.SUPPORT)
    services, known = services_of(request), job_number(job_id)
    found, moved = await bulk_resolution.job(services, known)
    context: dict[str, Any] = {
        "job": found,
        "moved": moved,
        "left_s": _left_s(found, moved),
        "key": secrets.token_hex(16),
    }
    return page(request, template, member=member, **context)


def _left_s(job: JobDetail, moved: JobProgress) -> int | None:
    """How long the rest takes at the pace so far; None before anything has moved, and when it is over."""
    ended = moved.done + moved.failed
    if job.state != "running" or not ended:
        return None
    so_far_s = (datetime.now(UTC) - job.created_at).total_seconds()
    return int(so_far_s / ended * (moved.total - ended))


@router.post("/{job_id}/stop")
async def stop(request: Request, member: CurrentStaff, job_id: str) -> Response:
    """End it before its next order."""
    require(member.principal, Role.SUPPORT)
    fields, known = await posted(request, member), job_number(job_id)
    key = key_of(fields)
    await bulk_resolution.stop_job(services_of(request), member.principal, key, known)
    return RedirectResponse(f"/console/jobs/{known}", 303)
