"""Resolving the parked step of one order."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from api.dependencies import Services, actor, derived_id
from api.errors import Problem
from api.http.request_body import refused
from api.idempotency import WorkflowCall, request_of, run_by_workflow, run_in_transaction
from api.replies import Reply
from api.schemas.fields import PROSE
from api.schemas.orders.orders import ShipTo
from api.schemas.support.parked_steps import Resolve
from api.services.approvals import approval_requests
from api.services.approvals.approval_requests import ApprovalRequest, WaitingApproval
from domain.access import Principal
from domain.approvals import StepResolution
from domain.errors import Conflict
from domain.support.steps import FORWARD, Action, Step, check_value
from infra.db.approvals import approval_limits
from infra.db.approvals.approval_limits import Limits, Moved
from infra.db.engine import Connection
from infra.db.orders.state import timeline
from infra.db.support import parked_steps
from infra.db.support.parked_steps import Parked
from workflows import names
from workflows.payloads import ResolveRequest

_PROSE = re.compile(PROSE)


async def resolve_one(
    services: Services, caller: Principal, key: str, digest: bytes, number: str, request: Resolve
) -> Reply:
    """Retry, skip, amend or compensate the parked step of the order `number`; 202 if it needs approval.

    Raises Problem `invalid_text`, `invalid_value`, `workflow_unavailable`, and for an address what an order's address
    is refused with; Conflict `not_parked`, `step_moved_on`, `action_not_possible`, `order_is_held`,
    `approval_waiting`; NotFound `order_not_found`.
    """
    require_readable(request.value)
    require_address(request)
    resolution = StepResolution(request.action, request.reason, request.value)
    async with services.database.begin() as conn:
        moved = await approval_limits.moved(conn, number, resolution.action.value)
        two = await _needs_two(conn, services, number, moved, actor(caller))
    if not two:
        resolution_id = f"res_{derived_id(caller, key, f'resolve {number}')}"
        call = resolving(services, resolution_id, number, resolution, actor(caller), park_no=request.park_no)
        return await run_by_workflow(services, request_of(caller, key, digest), 200, call)

    async def work(conn: Connection) -> WaitingApproval:
        # Under the lock: the approval is for this step and this amount.
        await timeline.lock_order(conn, number)
        parked = await parked_steps.parked(conn, number)
        _require_fitting(parked, resolution, request.park_no)
        moved = await approval_limits.moved(conn, number, resolution.action.value)
        requested = ApprovalRequest(
            number, resolution.action, 1, moved.amount_minor, moved.currency, resolution, parked.park_no
        )
        return await approval_requests.open_request(conn, services, caller, key, requested)

    return await run_in_transaction(services, request_of(caller, key, digest), 202, work)


@dataclass(frozen=True, slots=True)
class AgreedStep:
    """What was approved: the step, and the amount that the action moves. `park_no` is None in old requests, whose steps
    are resolved since."""

    approval_id: str
    park_no: int | None
    amount_minor: int


def resolving(
    services: Services,
    resolution_id: str,
    number: str,
    request: StepResolution,
    by: str,
    *,
    park_no: int | None = None,
    agreed: AgreedStep | None = None,
) -> WorkflowCall:
    """The action as a request to the order's workflow; `by` is whose action it is, `park_no` the step that it is for
    (None for the open one)."""
    found_no = 0

    async def prepare(conn: Connection) -> None:
        nonlocal found_no
        parked = await _locked_step(conn, services, number, request, by, park_no, agreed)
        found_no = parked.park_no or 0
        await parked_steps.keep_resolution(
            conn,
            services.keys,
            parked.data_key,
            resolution_id,
            order_no=number,
            park_no=parked.park_no,
            action=request.action.value,
            actor=by,
            reason=request.reason,
            value=request.value,
            approval_id=agreed.approval_id if agreed else None,
        )

    async def call_workflow() -> dict[str, object]:
        resolve_request = ResolveRequest(number, resolution_id, request.action.value, found_no)
        answer = await services.workflows.run_update(number, names.RESOLVE, resolve_request, resolution_id)
        return {"order_no": answer.order_no, "status": answer.status, "outcome": answer.outcome}

    async def from_database(conn: Connection) -> dict[str, object] | None:
        status = await parked_steps.resolved_by(conn, number, resolution_id)
        return None if status is None else {"order_no": number, "status": status, "outcome": request.action.value}

    return WorkflowCall(prepare, call_workflow, from_database)


async def _locked_step(
    conn: Connection,
    services: Services,
    number: str,
    request: StepResolution,
    by: str,
    park_no: int | None,
    agreed: AgreedStep | None,
) -> Parked:
    """The step that the action is for, checked under the order's lock. Raises what `resolve_one` raises."""
    await timeline.lock_order(conn, number)
    if agreed is None:
        await _require_no_approval(conn, services, number, request.action, by)
    parked = await parked_steps.parked(conn, number)
    _require_fitting(parked, request, agreed.park_no or -1 if agreed else park_no)
    if agreed is not None:
        await _require_as_agreed(conn, number, request.action, agreed)
    return parked


async def needs_two(conn: Connection, services: Services, caller: Principal, number: str, action: Action) -> bool:
    """Whether this person needs a second one for `action` on the order's parked step."""
    return await _needs_two(
        conn, services, number, await approval_limits.moved(conn, number, action.value), actor(caller)
    )


async def _needs_two(conn: Connection, services: Services, number: str, moved: Moved, by: str) -> bool:
    limits = Limits.from_settings(services.settings)
    return await approval_limits.needs_two(conn, limits, number, moved, by, of_step=True)


async def _require_no_approval(conn: Connection, services: Services, number: str, action: Action, by: str) -> None:
    """Under the order's lock: what was given meanwhile counts. Raises Problem `second_person_needed`."""
    if await _needs_two(conn, services, number, await approval_limits.moved(conn, number, action.value), by):
        raise Problem("second_person_needed", "more was given of this order, or by you, meanwhile: ask again")


async def _require_as_agreed(conn: Connection, number: str, action: Action, agreed: AgreedStep) -> None:
    """The yes was for so much. Raises Conflict `amount_differs`."""
    moved = await approval_limits.moved(conn, number, action.value)
    approval_requests.require_as_agreed(moved.amount_minor, agreed.amount_minor, moved.currency)


def _require_fitting(parked: Parked, request: StepResolution, meant: int | None) -> None:
    """`meant` is the step that the action is for, None for whichever is open. Raises Conflict `not_parked`,
    `step_moved_on`, `action_not_possible`, `order_is_held`; Problem `invalid_value`."""
    if parked.step is None:
        raise Conflict("not_parked", "the order is not stuck at any step")
    if meant is not None and meant != parked.park_no:
        raise Conflict("step_moved_on")
    if request.action.value not in parked.options:
        raise Conflict("action_not_possible", f"possible at {parked.step} are {', '.join(parked.options)}")
    if why := check_value(Step(parked.step), request.action, request.value):
        raise Problem("invalid_value", why)
    if parked.held and (parked.step, request.action) in FORWARD:
        raise Conflict("order_is_held", "the order is held: release it first")


def require_address(request: Resolve) -> None:
    """An address that replaces the order's is as good as one of a new order. Raises Problem with the fields."""
    if request.action is Action.AMEND and check_value(Step.BOOK, Action.AMEND, request.value) is None:
        try:
            ShipTo.model_validate(request.value)
        except ValidationError as error:
            raise refused(error.errors(include_url=False, include_input=False)) from None


def require_readable(value: Mapping[str, object] | None) -> None:
    """Raises Problem `invalid_text` for control characters in an amended text."""
    if any(isinstance(field, str) and not _PROSE.match(field) for field in (value or {}).values()):
        raise Problem("invalid_text", "a text of value holds control characters")
