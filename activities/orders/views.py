"""The state of an order in the database, in the words of the workflow."""

from datetime import datetime

from domain.orders.pending_operations import Operation
from infra.db.engine import Connection
from infra.db.orders.state.order_state import (
    OrderState,
    StandingFulfilment,
    StandingHold,
    StandingPark,
    load_state,
)
from infra.settings import Settings
from workflows.payloads import Fulfilment, Hold, OrderView, Parked, PendingOperation, Policy


def policy_of(settings: Settings) -> Policy:
    """The settings that shape a workflow."""
    return Policy(
        gateway_attempts=settings.gateway_attempts,
        gateway_backoff_s=settings.gateway_backoff_s,
        gateway_timeout_s=settings.gateway_timeout_s,
        payment_poll_s=settings.payment_poll_s,
        escalation_s=settings.escalation_s,
        pending_patience_s=settings.payment_pending_patience_s,
    )


def view_from(state: OrderState, *, unapplied: bool = False, policy: Policy | None = None) -> OrderView:
    """The state as the workflow's view."""
    return OrderView(
        order_no=state.order_no,
        status=state.status.value,
        seq=state.seq,
        cancelling=state.cancelling,
        attempt=state.attempt,
        attempt_state=state.attempt_state.value,
        review=state.review,
        parcel=state.parcel,
        stray=unapplied,
        unheard=state.unheard,
        deadline=_text(state.deadline),
        parked=_parked(state.park) if state.park else None,
        hold=_hold(state.hold) if state.hold else None,
        errand=_operation(state.operation) if state.operation else None,
        returns=list(state.returns),
        reship=state.reship,
        first_arrived=state.first_arrived,
        fulfilments=[_fulfilment(part) for part in state.fulfilments],
        terms=state.terms.value,
        policy=policy,
    )


def _fulfilment(part: StandingFulfilment) -> Fulfilment:
    return Fulfilment(
        part.fulfilment_id, part.number, part.warehouse, part.status.value, part.parcel, part.reserved,
        _text(part.due_at), part.arrived, part.kind.value,
    )  # fmt: skip


def _parked(park: StandingPark) -> Parked:
    return Parked(
        park.park_no, park.step.value, park.error, list(park.options), park.subject, park.over, _text(park.until)
    )


def _hold(hold: StandingHold) -> Hold:
    return Hold(hold.hold_no, hold.kind, hold.stops, hold.due, hold.action)


def _operation(operation: Operation) -> PendingOperation:
    return PendingOperation(operation.kind.value, operation.id, _text(operation.until), _text(operation.since))


def _text(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""


async def view_of(conn: Connection, order_no: str, *, check_unapplied: bool = True) -> OrderView:
    """Read the order's view; `check_unapplied` is False after steps that cannot leave unapplied money."""
    state = await load_state(conn, order_no)
    return view_from(state, unapplied=check_unapplied and state.unapplied)
