"""Manual transitions of an order: what the HTTP call and the console's form both do."""

from dataclasses import dataclass

from api.dependencies import Services, actor, derived_id
from api.errors import Problem
from api.idempotency import WorkflowCall, request_of, run_by_workflow, run_in_transaction
from api.replies import Reply
from api.schemas.support.manual_transitions import Adjust
from api.services.approvals import approval_requests
from api.services.approvals.approval_requests import ApprovalRequest, WaitingApproval
from api.services.support.step_resolution import require_readable
from domain.access import Principal
from domain.approvals import ManualTransition
from domain.errors import Conflict
from domain.orders.status import OrderEvent, Status
from domain.shipping.fulfilments import FulfilmentStatus
from domain.support.manual_transitions import (
    ADJUSTMENTS,
    OF_PARCELS,
    AdjustablePart,
    adjustments,
    check_adjustment,
    named_part,
)
from infra.db.approvals.approval_requests import Approval
from infra.db.engine import Connection
from infra.db.orders.changing import staff_actions
from infra.db.orders.changing.staff_actions import StaffAction
from infra.db.support import manual_transitions as order_records
from workflows import names
from workflows.payloads import AdjustRequest


async def adjust(services: Services, caller: Principal, key: str, digest: bytes, number: str, body: Adjust) -> Reply:
    """Move the order along the transition table; 202 if money moves: this needs approval.

    Raises Problem `not_adjustable`, `invalid_text`, `invalid_value`, `workflow_unavailable`; Conflict
    `adjustment_not_possible`, `step_is_stuck`, `order_is_held`, `approval_waiting`; NotFound `order_not_found`,
    `fulfilment_not_found`; RuleBroken `fulfilment_unclear`.
    """
    request = ManualTransition(body.event, body.reason, body.value, body.fulfilment_id)
    claim = request_of(caller, key, digest)
    _require_shape(request)
    if not ADJUSTMENTS[request.event].moves_money:
        act_id = f"act_{derived_id(caller, key, f'adjust {number}')}"
        return await run_by_workflow(services, claim, 200, adjusting(services, act_id, number, request, actor(caller)))

    async def work(conn: Connection) -> WaitingApproval:
        standing = await _require_possible(conn, number, request)
        requested = ApprovalRequest(number, request.event, 1, standing.total_minor, standing.currency, request)
        return await approval_requests.open_request(conn, services, caller, key, requested)

    return await run_in_transaction(services, claim, 202, work)


def adjusting(
    services: Services, act_id: str, number: str, request: ManualTransition, by: str, approval: Approval | None = None
) -> WorkflowCall:
    """The adjustment as a request to the order's workflow; `by` is whose act it is."""

    async def prepare(conn: Connection) -> None:
        if await order_records.status_after(conn, act_id, number) is None:
            standing = await _require_possible(conn, number, request)
            if approval is not None:
                # The order may have been changed since the yes was asked for.
                approval_requests.require_as_agreed(standing.total_minor, approval.amount_minor, standing.currency)
        approval_id = approval.approval_id if approval else None
        action = StaffAction(act_id, number, "adjust", request.event, by, request.reason, request.value, approval_id)
        await staff_actions.save(conn, services.keys, action)

    async def call_workflow() -> dict[str, object]:
        update = AdjustRequest(number, act_id, request.event, request.fulfilment_id or "")
        answer = await services.workflows.run_update(number, names.ADJUST, update, act_id)
        return {"order_no": answer.order_no, "status": answer.status, "outcome": answer.outcome}

    async def from_database(conn: Connection) -> dict[str, object] | None:
        status = await order_records.status_after(conn, act_id, number)
        return None if status is None else {"order_no": number, "status": status, "outcome": request.event.value}

    return WorkflowCall(prepare, call_workflow, from_database)


@dataclass(frozen=True, slots=True)
class PossibleTransitions:
    """Where the order stands, and the events that can be reported now with the status that each leads to. `parcels`:
    those about one of several parts."""

    context: order_records.TransitionContext
    events: dict[OrderEvent, Status]
    parcels: tuple[tuple[AdjustablePart, OrderEvent, FulfilmentStatus], ...] = ()


async def possible_transitions(services: Services, number: str) -> PossibleTransitions:
    """What can be reported of this order. Raises NotFound `order_not_found`."""
    async with services.database.begin() as conn:
        context = await order_records.load_context(conn, number)
    events = adjustments(context.status, cancelling=context.cancelling, parked=context.parked, held=context.held)
    if not context.parts:
        return PossibleTransitions(context, events)
    stops = context.cancelling or context.parked or context.held
    parts = [(part, part.adjustment(context.status)) for part in context.parts if not stops]
    parcels = tuple((part, *possible) for part, possible in parts if possible is not None)
    return PossibleTransitions(context, {one: to for one, to in events.items() if one not in OF_PARCELS}, parcels)


def _require_shape(request: ManualTransition) -> None:
    if request.event not in ADJUSTMENTS:
        raise Problem("not_adjustable", f"possible adjustments are {', '.join(ADJUSTMENTS)}")
    require_readable(request.value)
    if why := check_adjustment(request.event, request.value):
        raise Problem("invalid_value", why)


async def _require_possible(
    conn: Connection, number: str, request: ManualTransition
) -> order_records.TransitionContext:
    event = request.event
    standing = await order_records.load_context(conn, number)
    if standing.parked:
        raise Conflict("step_is_stuck", "the order is stuck: resolve its step instead")
    if standing.held:
        raise Conflict("order_is_held", "the order is held: release it first")
    if not standing.cancelling and named_part(event, standing.status, standing.parts, request.fulfilment_id):
        return standing
    possible = adjustments(standing.status, cancelling=standing.cancelling, parked=False, held=False)
    if event not in possible:
        names_ = ", ".join(possible) or "nothing"
        raise Conflict("adjustment_not_possible", f"of an order that is {standing.status} can be said: {names_}")
    return standing
