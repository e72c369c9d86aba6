"""Parking a step and resolving it: the order keeps its status, support gets a row, the timeline says who did what."""

import logging
from dataclasses import dataclass, field, replace

from activities.base import oms_activity
from activities.orders.views import view_of
from activities.payments import manual_records
from domain.after_sales.guarantees import GuaranteeStatus
from domain.errors import RuleBroken
from domain.orders.status import Status
from domain.shipping.shipments import ShipmentStatus
from domain.support.parked_steps import EVERYTHING
from domain.support.steps import STEPS, Action, Step, check_value
from infra.db.after_sales import delivery_exceptions, guarantees, refused_parts
from infra.db.engine import Connection, Database
from infra.db.errors import StatementFailed, fault_of
from infra.db.orders import order_contacts
from infra.db.orders.state import timeline
from infra.db.payments import change_payments, manual_payments, payment_requests, refund_payouts, refunds, store_credit
from infra.db.payments.manual_payments import ManualPayment
from infra.db.shipping import fulfilments, production, shipments, supplier_requests
from infra.db.shipping.shipments import PartRef
from infra.db.support import step_parking
from infra.db.support.step_parking import NewParkedStep, OpenStep
from infra.observability.metrics import ORDERS_PARKED
from infra.observability.telemetry import bind_order
from infra.security.crypto import Unreadable, Vault
from infra.settings import Settings
from workflows import payloads as m

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Resolution:
    """What resolves a step, and who does it; `subject` is what the step is about."""

    actor: str
    subject: str
    value: dict[str, str] = field(default_factory=dict, repr=False)
    data_key: bytes | None = field(default=None, repr=False)


class ParkedStepActivities:
    """Parking, escalating and resolving steps."""

    def __init__(self, database: Database, vault: Vault, settings: Settings) -> None:
        self._db = database
        self._vault = vault
        self._settings = settings

    @oms_activity("park_step")
    async def park_step(self, request: m.ParkRequest) -> m.OrderView:
        """Open a parked step unless one is open; support sees it at once."""
        parked = NewParkedStep(
            request.order_no, request.step, request.error, request.provider, request.attempts, [],
            request.subject, self._settings.escalation_s,
        )  # fmt: skip
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, request.order_no)
            if request.error == "no_pickup":
                part = await fulfilments.part_named(conn, request.order_no, request.subject)
                error = await supplier_requests.failure_of(conn, request.order_no, part)
                parked = replace(parked, error=error or request.error)
            options = await _options(conn, parked)
            parked = replace(parked, options=options)
            if (park_no := await step_parking.park(conn, parked)) is not None:
                data = {"park_no": park_no, "step": request.step, "error": parked.error, "options": options}
                await timeline.append(conn, request.order_no, "step_parked", data=data)
                ORDERS_PARKED.labels(request.step, parked.error).inc()
                bind_order(request.order_no, step=request.step, attempt=request.attempts)
                _log.warning("the order is parked", extra={"code": parked.error, "provider": request.provider})
            return await view_of(conn, request.order_no)

    @oms_activity("escalate_step")
    async def escalate_step(self, ref: m.OrderRef) -> m.OrderView:
        """Nobody acted in time."""
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, ref.order_no)
            if step := await step_parking.escalate(conn, ref.order_no):
                await timeline.append(conn, ref.order_no, "step_escalated", data={"step": step})
            return await view_of(conn, ref.order_no)

    @oms_activity("unpark_step")
    async def unpark_step(self, request: m.UnparkRequest) -> m.OrderView:
        """Close the parked step and do what the resolution says. Refuses a value that does not fit, which is kept."""
        try:
            return await self._unpark(request)
        except (RuleBroken, StatementFailed) as error:
            code = error.code if isinstance(error, RuleBroken) else fault_of(error)
            if code and request.resolution_id:
                await self._note_refusal(request, code)
            raise

    # ── parts ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _unpark(self, request: m.UnparkRequest) -> m.OrderView:
        async with self._db.begin() as conn:
            status = await timeline.lock_order(conn, request.order_no)
            parked = await step_parking.open_step(conn, request.order_no, request.park_no)
            if parked is not None:
                step = parked.step
                await _require_problem(conn, request, step, parked.subject or "")
                resolution = await self._read_resolution(conn, request, parked)
                await self._apply(conn, status, request, step, resolution)
                await step_parking.close(conn, request.order_no, request.park_no, request.resolution_id or None)
                data = {"park_no": request.park_no, "step": step, "how": request.how}
                await timeline.append(conn, request.order_no, "step_resolved", resolution.actor, data=data)
            return await view_of(conn, request.order_no)

    async def _note_refusal(self, request: m.UnparkRequest, code: str) -> None:
        """Record that an accepted action is not carried out: on timeline, order and the item of its bulk job."""
        order_no, park_no, resolution_id = request.order_no, request.park_no, request.resolution_id or ""
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, order_no)
            if await step_parking.refuse(conn, order_no, park_no, resolution_id, code):
                data = {"park_no": park_no, "how": request.how, "code": code}
                await timeline.append(conn, order_no, "resolution_refused", data=data)

    async def _read_resolution(self, conn: Connection, request: m.UnparkRequest, parked: OpenStep) -> _Resolution:
        """Who does it, with which value. Refuses an action that is for another step, or that moves more than agreed."""
        if not request.resolution_id:
            return _Resolution("system", parked.subject or "")
        row = await step_parking.resolution(conn, request.order_no, request.resolution_id)
        if row is None:
            raise RuleBroken("resolution_unknown")
        if row.park_no not in (None, request.park_no):
            raise RuleBroken("step_moved_on")
        step = parked.step
        if row.amount_minor is not None:
            moved = await step_parking.amount_moved_by(conn, request.order_no, step, request.how, parked.amount_minor)
            if moved > row.amount_minor:
                raise RuleBroken("amount_differs")
        value = self._opened(request.resolution_id, row.data_key, row.value_enc)
        if row.action != request.how or check_value(step, Action(request.how), value) is not None:
            raise RuleBroken("value_does_not_fit")
        return _Resolution(row.actor, parked.subject or "", value or {}, row.data_key)

    def _opened(self, resolution_id: str, data_key: bytes | None, sealed: bytes | None) -> dict[str, str] | None:
        if sealed is None:
            return None
        try:
            value: dict[str, str] = self._vault.open_json(self._unwrapped(data_key), sealed, f"{resolution_id}:value")
        except Unreadable:
            raise RuleBroken("value_unreadable") from None
        return value

    def _unwrapped(self, data_key: bytes | None) -> bytes:
        """Raises Unreadable for the key of an erased customer."""
        if data_key is None:
            raise Unreadable
        return self._vault.unwrap(data_key)

    async def _apply(
        self, conn: Connection, status: Status, request: m.UnparkRequest, step: Step, resolution: _Resolution
    ) -> None:
        order_no, value = request.order_no, resolution.value
        match (step, request.how):
            case (Step.REVIEW, Action.SKIP):
                attempt = (await view_of(conn, order_no, check_unapplied=False)).attempt
                await timeline.append(conn, order_no, "payment_approved", resolution.actor, key=f"review:{attempt}")
            case (Step.CAPTURE, Action.SKIP):
                await _record_capture(conn, status, request, resolution)
            case (Step.RETURN_PAYMENT, Action.SKIP):
                everything = resolution.subject == EVERYTHING
                await _record_return(conn, order_no, request.park_no, value["reference"], everything=everything)
            case (Step.REFUND | Step.GUARANTEE, Action.SKIP | Action.AMEND):
                await (_pay_otherwise if step is Step.REFUND else _skip_guarantee)(conn, order_no, request, resolution)
            case (Step.SUPPLEMENT, Action.COMPENSATE):
                await change_payments.give_up(conn, order_no, "undone_by_support")
            case (Step.BOOK, Action.SKIP):
                tag = str(request.park_no)
                part = await fulfilments.part_named(conn, order_no, resolution.subject)
                await manual_records.record_parcel(conn, self._settings, status, part, tag, value)
            case (Step.BOOK, Action.AMEND):
                await self._amend_address(conn, order_no, resolution)
            case (Step.AUTHORISE, Action.AMEND):
                await payment_requests.amend(
                    conn, order_no, request.resolution_id or "", value["token"], resolution.actor
                )
            case (Step.CANCEL_SHIPMENT, Action.SKIP):
                part = await fulfilments.part_named(conn, order_no, resolution.subject)
                if shipment := await shipments.live_shipment(conn, order_no, part.number):
                    await shipments.cancelled(conn, shipment)
            case (Step.PRODUCE, Action.RETRY):
                await production.wait_on(conn, await fulfilments.part_named(conn, order_no, resolution.subject))
            case (Step.DELIVER, _):
                part = await fulfilments.part_named(conn, order_no, resolution.subject)
                await self._apply_to_parcel(conn, part, request.how, resolution.actor)

    async def _apply_to_parcel(self, conn: Connection, part: PartRef, action: str, actor: str) -> None:
        match action:
            case Action.SKIP:
                await manual_records.move_parcel(conn, self._settings, part, ShipmentStatus.DELIVERED)
            case Action.GIVE_UP:
                await refused_parts.give_up(conn, part, actor, self._settings)
            case Action.RETRY:
                await self._wait_on(conn, part)

    async def _amend_address(self, conn: Connection, order_no: str, resolution: _Resolution) -> None:
        address = resolution.value
        sealed = self._vault.seal_json(self._unwrapped(resolution.data_key), address, f"{order_no}:ship_to")
        await order_contacts.amend_address(
            conn, order_no, sealed, address["country"], address["province"], address["city"]
        )
        await timeline.append(conn, order_no, "order_amended", resolution.actor, data={"what": "ship_to"})

    async def _wait_on(self, conn: Connection, part: PartRef) -> None:
        """Go on waiting for the parcel, with a new deadline."""
        shipment = await shipments.live_shipment(conn, part.order_no, part.number)
        timeout_s, what = self._settings.delivery_timeout_s, "delivery"
        if shipment is not None and shipment.awaits_supplier:
            timeout_s, what = self._settings.supplier_timeout_s, "supplier"
        if part.several:
            await fulfilments.set_due(conn, part, timeline.deadline_in(timeout_s))
        if shipment and shipment.status in (ShipmentStatus.LOST, ShipmentStatus.REFUSED):
            await shipments.set_status(conn, shipment, ShipmentStatus.IN_TRANSIT)
        wait = timeline.waiting(what, "support looks into it", timeout_s)
        kind = "delivery_extended" if what == "delivery" else "supplier_extended"
        await timeline.append(conn, part.order_no, kind, data={"waiting": wait})


async def _options(conn: Connection, parked: NewParkedStep) -> list[str]:
    """An order is not undone while another part of it has left, or the one whose share is captured; a part is given up
    where its supplier refused it."""
    left = await fulfilments.others_left(conn, parked.order_no, parked.subject)
    left = left or (parked.step == Step.CAPTURE and bool(parked.subject))
    refused = False
    if parked.step == Step.DELIVER and parked.subject:
        refused = await refused_parts.is_refused(
            conn, await fulfilments.part_named(conn, parked.order_no, parked.subject)
        )
    without = {Action.COMPENSATE: left, Action.GIVE_UP: not refused}
    return [str(option) for option in STEPS[Step(parked.step)].options if not without.get(option)]


async def _require_problem(conn: Connection, request: m.UnparkRequest, step: Step, subject: str) -> None:
    """The customer may have chosen a second parcel meanwhile: then there is nothing left to resolve."""
    if step is not Step.DELIVER or request.how == "overtaken":
        return
    if await delivery_exceptions.sent_again(conn, request.order_no, subject):
        raise RuleBroken("delivery_problem_over")


async def _record_capture(conn: Connection, status: Status, request: m.UnparkRequest, resolution: _Resolution) -> None:
    """The money was taken in another way: for the fulfilment that the step is about, else for the whole order."""
    order_no, reference = request.order_no, resolution.value["reference"]
    if not resolution.subject:
        await manual_records.record_capture(conn, status, order_no, reference)
        return
    await manual_records.record_part_capture(conn, order_no, resolution.subject, str(request.park_no), reference)


async def _record_return(conn: Connection, order_no: str, park_no: int, reference: str, *, everything: bool) -> None:
    """Support says the money went back by another way: of an order that is undone all of it, what was decided to be
    refunded included; else what is not the order's, and nothing more."""
    if everything:
        for refund_id in await refund_payouts.approved(conn, order_no):
            await refund_payouts.record_manually(conn, refund_id, str(park_no), reference)
        await refunds.overtake(conn, order_no)
    for row in await manual_payments.take_over_returns(conn, order_no, everything=everything):
        key = f"{order_no}/{row.kind}/manual/{park_no}/{row.payment_id}"
        about = f"{reference}#{row.payment_id}"
        back = ManualPayment(order_no, row.kind, row.purpose, None, row.amount_minor, key, about, row.payment_id)
        await manual_payments.record(conn, back)
        data = {"amount_minor": row.amount_minor, "manual": True}
        await timeline.append(conn, order_no, f"payment_{row.kind}ed", data=data)


async def _pay_otherwise(conn: Connection, order_no: str, request: m.UnparkRequest, resolution: _Resolution) -> None:
    """The refund was paid by another way, or is owed as store credit. No other one is touched: where this one is
    settled meanwhile there is nothing to pay."""
    refund_id = resolution.subject
    if refund_id not in await refund_payouts.approved(conn, order_no):
        raise RuleBroken("step_moved_on")
    if request.how == Action.AMEND:
        await refund_payouts.drop_intents(conn, refund_id)
        await store_credit.pay_with_credit(conn, order_no, refund_id, resolution.actor)
    else:
        await refund_payouts.record_manually(conn, refund_id, str(request.park_no), resolution.value["reference"])


async def _skip_guarantee(conn: Connection, order_no: str, _: m.UnparkRequest, resolution: _Resolution) -> None:
    """What was due on the guarantee is done without. No other one is touched."""
    subject = resolution.subject
    was = await guarantees.skip(conn, order_no, subject)
    event_type = "guarantee_declined" if was is GuaranteeStatus.WANTED else "guarantee_given_up"
    await timeline.append(conn, order_no, event_type, resolution.actor, data={"return_id": subject, "code": "skipped"})
