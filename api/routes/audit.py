"""The audit log for programs: entries of an order or a person, verification, anchors, and who has access."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.dependencies import Caller, idempotency_key, json_response, order_number, require, services_of
from api.errors import Problem
from api.http.exclusive import alone
from api.http.openapi import Answer, operation
from api.http.responses import response_of
from api.presenters.fields import shown_as
from api.schemas.audit import AccessPage, Anchored, AuditEntry, AuditEntryList, AuditVerdict, Hash, NewestAnchor
from api.schemas.fields import Name, Reference
from api.services.audit import audit_trail
from api.services.audit.audit_trail import AuditPage
from domain.access import Role
from infra.observability.telemetry import bind_order

router = APIRouter(prefix="/v1/audit", tags=["audit"])


@router.get("", **operation("list_audit_entries", Answer(200, AuditEntryList)))
async def list_entries(
    request: Request,
    caller: Caller,
    order_no: Reference | None = None,
    actor: Name | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> Response:
    """Who did what, from what to what, where from and when, newest first; `chain` is the count and the newest hash.

    Name `order_no` or `actor` (`role:name`). `reference` says where the rest is kept; reasons are not sent.
    """
    services = services_of(request)
    require(caller, Role.OPERATIONS)
    if (order_no is None) == (actor is None):
        raise Problem("audit_subject_needed", "name an order_no or an actor, and not both")
    if order_no is None:
        return json_response(_shown(await audit_trail.read_entries(services, "actor", actor or "", cursor, limit)))
    number = order_number(order_no)
    bind_order(number)
    return json_response(_shown(await audit_trail.entries_of_order(services, number, cursor, limit)))


def _shown(found: AuditPage) -> dict[str, object]:
    """Reasons are personal text: the console alone shows them."""
    items = [shown_as(AuditEntry, entry) for entry in found.entries]
    return {"items": items, "next_cursor": found.next_cursor, "chain": found.chain}


@router.get("/verify", **operation("verify_audit_log", Answer(200, AuditVerdict)))
async def verify(
    request: Request, caller: Caller, anchor: Annotated[list[Hash] | None, Query(max_length=100)] = None
) -> Response:
    """Check every chain and every anchor: `ok` when the log is whole. Each `anchor` is a hash that the chain must hold.

    `faults` are the first 200 of `fault_count`. The call takes `OMS_BOOKS_CHECK_TIMEOUT_S` at most; where that does not
    reach to the end, `complete` is false, and so is `ok`. One such check at a time; 503 `busy` while another runs.
    """
    require(caller, Role.OPERATIONS, Role.ADMIN)
    async with alone(request):
        return json_response(await audit_trail.verify(services_of(request), anchor or ()))


@router.get("/access", **operation("review_access", Answer(200, AccessPage)))
async def access(
    request: Request, caller: Caller, limit: Annotated[int, Query(ge=1, le=200)] = 50, cursor: str | None = None
) -> Response:
    """The access review: who can act, in which role, and how often they did in the last 90 days.

    `access` is active, removed, or token: acted with a bearer token and is no member of staff.
    """
    require(caller, Role.OPERATIONS, Role.ADMIN)
    return json_response(await audit_trail.review_access(services_of(request), cursor, limit))


@router.get("/anchors/newest", **operation("get_newest_anchor", Answer(200, NewestAnchor)))
async def newest_anchor(request: Request, caller: Caller) -> Response:
    """The newest anchor, null before the first; keep its `line` where nobody who can write the database can reach."""
    require(caller, Role.OPERATIONS, Role.ADMIN)
    return json_response({"anchor": await audit_trail.newest_anchor(services_of(request))})


@router.post("/anchors", **operation("make_anchors", Answer(200, Anchored), with_key=True))
async def make_anchors(request: Request, caller: Caller) -> Response:
    """Make anchors over all entries that have none, and give the newest; null when the log is empty.

    Not `complete`: there is more than one call makes; call again with another Idempotency-Key.
    """
    require(caller, Role.ADMIN)
    return response_of(await audit_trail.make_anchors(services_of(request), caller, idempotency_key(request)))
