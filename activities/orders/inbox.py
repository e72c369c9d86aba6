"""Applies events of providers: in any order, each once; a later one implies the earlier."""

import logging

from activities.payments.provider_events import UNAPPLIED, payment_fact
from domain.errors import RuleBroken
from domain.orders.status import OrderEvent
from domain.orders.waiting import Waiting
from domain.payments.transactions import PaymentKind
from domain.shipping.progress import OrderPosition, ProgressWait, progress
from domain.shipping.shipments import ShipmentStatus
from infra.db.after_sales import return_deadlines
from infra.db.after_sales.return_policy import ReturnPolicy
from infra.db.engine import Connection
from infra.db.errors import constraint_of, fault_of
from infra.db.messaging import inbox
from infra.db.messaging.inbox import InboxEvent
from infra.db.orders.state import holds, timeline
from infra.db.shipping import part_progress, shipments
from infra.db.shipping.shipments import PartRef
from infra.db.stock import reservations
from infra.settings import Settings

_log = logging.getLogger(__name__)


async def apply_inbox(conn: Connection, order_no: str, settings: Settings, *, alone: bool = True) -> None:
    """Apply every open fact of the order, oldest first; of the payments' what leads to the others first.

    Each is marked as it is applied: what had come too early is opened again by the one that it waited for. `alone`
    gives each a savepoint of its own: one that cannot be applied is kept with its reason, the others are applied.
    """
    await timeline.lock_order(conn, order_no)
    facts = await inbox.open_facts(conn, order_no)
    for row in sorted(facts, key=_rank):
        await (_alone(conn, row, settings) if alone else _apply(conn, row, settings))
    if facts:
        await holds.recheck_risk_after_increase(conn, settings, order_no)


async def _alone(conn: Connection, row: InboxEvent, settings: Settings) -> None:
    try:
        async with conn.begin_nested():
            await _apply(conn, row, settings)
            await inbox.check_constraints(conn)
    except Exception as error:
        reason = reason_of(error)
        if reason is None:
            raise
        about = {"order_no": row.order_no, "step": "apply_news", "code": reason, "inbox_id": row.inbox_id}
        _log.error("a provider event cannot be applied", extra=about)
        await inbox.set_aside(conn, row.inbox_id, reason)


def reason_of(error: Exception) -> str | None:
    """Why a fact cannot be applied, as a code; None where it was not the fact's fault."""
    if code := fault_of(error):
        return ":".join(filter(None, (code, constraint_of(error))))
    if isinstance(error, RuleBroken):
        return error.code
    return "malformed" if isinstance(error, KeyError | TypeError | ValueError) else None


async def _apply(conn: Connection, row: InboxEvent, settings: Settings) -> None:
    if row.kind == "payment":
        again_s = settings.expired_payment_timeout_s
        outcome = await payment_fact(conn, row.order_no, row.provider, row.payment, again_s)
    else:
        outcome = await _parcel_fact(conn, row, settings)
    if outcome in UNAPPLIED:
        await inbox.set_aside(conn, row.inbox_id, outcome)
    else:
        await inbox.close(conn, row.inbox_id, outcome)


def _rank(row: InboxEvent) -> tuple[int, int]:
    leads = row.kind == "payment" and row.fact.get("kind") in (PaymentKind.AUTHORISE, PaymentKind.CAPTURE)
    return (0 if leads else 1, row.inbox_id)


async def _parcel_fact(conn: Connection, row: InboxEvent, settings: Settings) -> str:
    try:
        scan = ShipmentStatus(str(row.fact["status"]))
    except ValueError:
        return "ignored"
    tracked = row.tracked
    moved = await shipments.apply_tracking(conn, tracked, scan)
    if moved is None:
        if await shipments.is_ambiguous(conn, tracked):
            return "early"
        policy, parcel = ReturnPolicy.from_settings(settings), (row.provider, tracked.carrier_ref)
        of_return = await return_deadlines.apply_tracking(conn, row.order_no, *parcel, scan, policy)
        return "return" if of_return else "known"
    if moved.replaced:
        # Another parcel is sent instead of this one: its progress does not move the order, but people should know.
        data: dict[str, object] = {"shipment_id": moved.shipment_id, "status": scan}
        if moved.several:
            data["fulfilment"] = moved.number
        await timeline.append(conn, row.order_no, "replaced_parcel_reported", data=data)
        return "replaced"
    if moved.several:
        part = PartRef(row.order_no, moved.number, several=True)
        await part_progress.moved(conn, part, moved.before, scan, moved.shipment_id, settings)
    else:
        await parcel_moved(conn, row.order_no, moved.position, scan, settings)
    return "applied"


async def position_of(conn: Connection, order_no: str) -> OrderPosition:
    """Lock the order and read it."""
    await timeline.lock_order(conn, order_no)
    return await shipments.position_of(conn, order_no)


async def parcel_moved(
    conn: Connection, order_no: str, position: OrderPosition, scan: ShipmentStatus, settings: Settings
) -> None:
    """Bring the order, which this transaction has locked, to where its parcel is."""
    status = position.status
    for step in progress(position, scan):
        if step.ships and not await reservations.ship(conn, order_no) and step.if_shipped:
            continue
        data = {"waiting": _waiting(step.wait, settings)} if step.wait else None
        if isinstance(step.event, OrderEvent):
            status = await timeline.transition(conn, order_no, status, step.event, data=data)
        else:
            await timeline.append(conn, order_no, step.event, data=data)


def _waiting(wait: ProgressWait, settings: Settings) -> Waiting:
    match wait:
        case ProgressWait.DELIVERY:
            return timeline.waiting(wait, "support looks into it", settings.delivery_timeout_s)
        case ProgressWait.RETURN_WINDOW:
            return timeline.waiting(wait, "the order is completed", settings.return_window_s)
