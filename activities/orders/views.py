"""What the books say, in the words of the workflow."""

from infra.db.engine import Connection
from infra.db.orders.order_state import OrderState, holds_unapplied_money, load_state
from infra.settings import Settings
from workflows.payloads import Hold, OrderView, Parked, PendingOperation, Policy


def policy_of(settings: Settings) -> Policy:
    """The settings that shape a story."""
    return Policy(
        gateway_attempts=settings.gateway_attempts,
        gateway_backoff_s=settings.gateway_backoff_s,
        gateway_timeout_s=settings.gateway_timeout_s,
        payment_poll_s=settings.payment_poll_s,
        escalation_s=settings.escalation_s,
        pending_patience_s=settings.payment_pending_patience_s,
    )


def view_from(stand: OrderState, *, stray: bool = False, policy: Policy | None = None) -> OrderView:
    """A stand as the workflow's view."""
    park, hold = stand.park, stand.hold
    return OrderView(
        order_no=stand.order_no,
        status=stand.status,
        seq=stand.seq,
        cancelling=stand.cancelling,
        attempt=stand.attempt,
        attempt_state=stand.attempt_state,
        review=stand.review,
        parcel=stand.parcel,
        stray=stray,
        unheard=stand.unheard,
        deadline=stand.deadline,
        parked=Parked(*park) if park else None,
        hold=Hold(hold.hold_no, hold.kind, hold.stops, hold.due, hold.act) if hold else None,
        errand=PendingOperation(*stand.errand) if stand.errand else None,
        returns=list(stand.returns),
        reship=stand.reship,
        first_arrived=stand.first_arrived,
        policy=policy,
    )


async def view_of(conn: Connection, order_no: str, *, look_for_stray: bool = True) -> OrderView:
    """Read the order's view; without `look_for_stray` one statement less, for steps that cannot leave any."""
    stand = await load_state(conn, order_no)
    stray = look_for_stray and bool(stand.attempt or stand.seq > 1) and await holds_unapplied_money(conn, order_no)
    return view_from(stand, stray=stray)
