"""The audit log in the console: entries of an order or a person, and who has access."""

from dataclasses import asdict
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from api.authorization import visible_order
from api.console import i18n
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember
from api.dependencies import require, services_of
from api.schemas.fields import Name
from api.services.audit import audit_trail
from api.services.audit.audit_trail import AuditEntry, ChainKind
from domain.access import Role
from domain.orders.status import Status

router = APIRouter(prefix="/console")

PAGE_SIZE = 50
Cursor = Annotated[str, Query(max_length=300)]


@router.get("/orders/{order_no}/audit")
async def of_order(request: Request, member: CurrentStaff, order_no: str, cursor: Cursor = "") -> Response:
    """Every change of status of an order and every action of staff on it, newest first."""
    require(member.principal, Role.SUPPORT, Role.OPERATIONS, Role.FINANCE)
    overview = await visible_order(services_of(request), member.principal, order_no)
    return await _entries(request, member, "order", overview.order_no, cursor)


@router.get("/audit")
async def of_person(request: Request, member: CurrentStaff, actor: Name | None = None, cursor: Cursor = "") -> Response:
    """What one person did; without a person, who has access and acted."""
    require(member.principal, Role.ADMIN)
    if actor is not None:
        return await _entries(request, member, "actor", actor, cursor)
    rows = await audit_trail.review(services_of(request))
    return page(request, "audit_access.html", member=member, rows=rows, days=audit_trail.REVIEW_DAYS)


async def _entries(request: Request, member: StaffMember, kind: ChainKind, key: str, cursor: str) -> Response:
    found = await audit_trail.read_entries(services_of(request), kind, key, cursor or None, PAGE_SIZE)
    context: dict[str, Any] = {
        "kind": kind,
        "key": key,
        "chain": found.chain,
        "entries": [_view(entry) for entry in found.entries],
        "statuses": frozenset(str(status) for status in Status),
        "activities": frozenset(key.removeprefix("activity.") for key in i18n.catalogue()),
        "next": found.next_cursor,
        # As on the page of the order: reasons are for roles that read personal data.
        "sees_why": member.may(Role.SUPPORT),
    }
    return page(request, "audit.html", member=member, **context)


def _view(entry: AuditEntry) -> dict[str, Any]:
    sides = {"before": _readable(entry.before), "after": _readable(entry.after)}
    return {**asdict(entry), **sides, "group": _group(entry.action)}


def _readable(value: str | None) -> str | None:
    """The fields of a row, which the log keeps as JSON, as a line; anything else as it is."""
    if value is None or not value.startswith("{"):
        return value
    try:
        fields = orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
    return ", ".join(f"{name}: {f if isinstance(f, str) else orjson.dumps(f).decode()}" for name, f in fields.items())


def _group(action: str) -> str:
    """The key of the words for an action: actions have their own, events of an order those of its timeline."""
    return "act" if f"act.{action}" in i18n.catalogue() else "event"
