"""What a person says has happened outside: money that came, a parcel that was booked, picked up or delivered."""

from activities.orders.inbox import parcel_moved, position_of
from activities.orders.views import view_of
from activities.payments.provider_events import mark_paid
from domain.errors import Conflict, RuleBroken
from domain.orders.status import OrderEvent, Status
from domain.payments.transactions import PaymentKind, PaymentPurpose
from domain.shipping.shipments import ShipmentStatus
from infra.db.engine import Connection
from infra.db.orders.state import timeline
from infra.db.payments import manual_payments, shipment_captures
from infra.db.payments.manual_payments import ManualPayment
from infra.db.shipping import part_progress, shipments
from infra.db.shipping.shipments import PartRef
from infra.db.stock import reservations
from infra.db.support import manual_transitions
from infra.settings import Settings


async def _require_not_held(conn: Connection, order_no: str) -> None:
    """Raises Conflict `order_is_held`; the database would refuse it, too."""
    if (await manual_transitions.load_context(conn, order_no)).held:
        raise Conflict("order_is_held")


async def record_capture(conn: Connection, status: Status, order_no: str, reference: str) -> None:
    """The money arrived in another way; a capture that a provider still finishes is returned as surplus.

    Raises Conflict `order_is_held`.
    """
    await _require_not_held(conn, order_no)
    view = await view_of(conn, order_no, check_unapplied=False)
    amount = await manual_payments.total_of(conn, order_no)
    await manual_payments.drop_capture(conn, order_no)
    key = f"{order_no}/capture/manual/{view.attempt}"
    captured = ManualPayment(
        order_no, PaymentKind.CAPTURE, PaymentPurpose.ORDER, view.attempt or None, amount, key, reference
    )
    await manual_payments.record(conn, captured)
    await mark_paid(conn, order_no, status, amount)


async def record_part_capture(conn: Connection, order_no: str, fulfilment_id: str, tag: str, reference: str) -> None:
    """The share of a fulfilment that has shipped was paid in another way; a capture that its provider still finishes is
    returned as surplus.

    Raises RuleBroken `step_moved_on` where it is captured by now.
    """
    part = await shipment_captures.due_part(conn, order_no, fulfilment_id)
    if part is None:
        raise RuleBroken("step_moved_on")
    amount = await shipment_captures.decide_share(conn, order_no, part.number, whole=False)
    await manual_payments.drop_capture(conn, order_no, part.number)
    captured = ManualPayment(
        order_no, PaymentKind.CAPTURE, PaymentPurpose.ORDER, None, amount, f"{order_no}/capture/manual/{tag}",
        reference, fulfilment_no=part.number,
    )  # fmt: skip
    await manual_payments.record(conn, captured)
    data = {"amount_minor": amount, "fulfilment": part.number, "manual": True}
    await timeline.append(conn, order_no, "part_captured", data=data)


async def record_parcel(
    conn: Connection, settings: Settings, status: Status, part: PartRef, tag: str, value: dict[str, str]
) -> None:
    """A person booked the parcel; `value` is {carrier, tracking_no}, `tag` makes its id. Raises Conflict."""
    order_no = part.order_no
    await _require_not_held(conn, order_no)
    warehouse = await reservations.warehouse_of(conn, order_no, part.number)
    again = warehouse is not None and (status is Status.SHIPPED or (part.several and status is Status.PREPARING))
    if status is not Status.PAID and not again:
        raise Conflict("not_to_be_booked")
    if shipment := await shipments.live_shipment(conn, order_no, part.number):
        await shipments.cancelled(conn, shipment)
    await shipments.record_manually(conn, part, tag, warehouse, value["carrier"], value["tracking_no"])
    if part.several:
        parcel = {"shipment_id": f"{order_no}-M{tag}", **value}
        await part_progress.booked(conn, part, status, parcel, settings)
        return
    wait = timeline.waiting("pickup", "support looks into it", settings.dispatch_timeout_s)
    data = {**value, "waiting": wait}
    if again:
        await timeline.append(conn, order_no, "replacement_booked", data=data)
    else:
        await timeline.transition(conn, order_no, status, OrderEvent.SHIPMENT_RECORDED, data=data)


async def move_parcel(conn: Connection, settings: Settings, part: PartRef, status: ShipmentStatus) -> None:
    """The parcel is with the carrier, or at the door."""
    shipment = await shipments.live_shipment(conn, part.order_no, part.number)
    if shipment:
        await shipments.set_status(conn, shipment, status)
    if not part.several:
        await parcel_moved(conn, part.order_no, await position_of(conn, part.order_no), status, settings)
    elif shipment:
        await part_progress.moved(conn, part, shipment.status, status, shipment.shipment_id, settings)
