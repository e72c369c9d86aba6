"""Approvals as programs and pages read them."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from api import pagination
from api.dependencies import Services
from domain.errors import NotFound
from infra.db.approvals import approval_requests
from infra.db.approvals.approval_requests import Approval

_APPROVAL_ID = re.compile(r"^apr_[0-9a-f]{32}$")


ApprovalRecord: TypeAlias = Approval


@dataclass(frozen=True, slots=True)
class ApprovalPage:
    """Approvals, the newest first; no cursor on the last page."""

    items: list[ApprovalRecord]
    next_cursor: str | None


async def list_approvals(services: Services, *, undecided: bool, cursor: str | None, limit: int) -> ApprovalPage:
    """A page of the requests that wait, or of those that were decided. Raises Problem `invalid_cursor`."""
    before = decided_before(cursor)
    async with services.database.begin() as conn:
        found = await approval_requests.listed(conn, services.keys, undecided=undecided, before=before, limit=limit)
    return ApprovalPage(found[:limit], _next_cursor(found, limit))


async def find_approval(services: Services, approval_id: str) -> ApprovalRecord:
    """Raises NotFound `approval_not_found`."""
    number = approval_number(approval_id)
    async with services.database.begin() as conn:
        return await approval_requests.find(conn, services.keys, number)


def approval_number(typed: str) -> str:
    """Raises NotFound `approval_not_found` for what cannot be one."""
    if not _APPROVAL_ID.match(typed):
        raise NotFound("approval_not_found")
    return typed


def decided_before(cursor: str | None) -> tuple[datetime, str] | None:
    """Time and id of the last one of the page before. Raises Problem `invalid_cursor`."""
    if cursor is None:
        return None
    asked_at, approval_id = pagination.decoded(cursor, str, str)
    return pagination.moment(asked_at), approval_id


def _next_cursor(found: list[Approval], limit: int) -> str | None:
    if len(found) <= limit:
        return None
    return pagination.encoded([found[limit - 1].asked_at.isoformat(), found[limit - 1].approval_id])
