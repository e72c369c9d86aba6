"""Parking a step and resolving it: the order keeps its status, support gets a row, the timeline says who did what."""

import logging
from typing import Any

from sqlalchemy import text

from activities.base import oms_activity
from activities.orders.views import view_of
from activities.payments import manual_records
from domain.errors import RuleBroken
from domain.orders.status import Status
from domain.shipping.shipments import ShipmentStatus
from domain.support.steps import STEPS, Action, Step, check_value
from infra.db.after_sales import delivery_exceptions, guarantees
from infra.db.engine import Connection, Database
from infra.db.errors import StatementFailed, fault_of
from infra.db.orders import timeline
from infra.db.payments import change_payments, refund_payouts, refunds, store_credit
from infra.db.shipping import shipments
from infra.observability.metrics import ORDERS_PARKED
from infra.observability.telemetry import bind_order
from infra.security.crypto import Unreadable, Vault
from infra.settings import Settings
from workflows import payloads as m

_log = logging.getLogger(__name__)

_PARK = text(
    """
    INSERT INTO parked_steps (order_no, park_no, step, error, provider, attempts, options, subject, amount_minor,
                              escalate_at)
    SELECT o.order_no, (SELECT count(*) + 1 FROM parked_steps p WHERE p.order_no = o.order_no), :step, :error,
           nullif(:provider, ''), :attempts, :options, s.subject, at_stake_minor(o.order_no, :step, s.subject),
           now() + make_interval(secs => :escalation_s)
      FROM orders o, LATERAL (SELECT coalesce(nullif(:subject, ''), due_subject(o.order_no, :step)) AS subject) s
     WHERE o.order_no = :order_no AND NOT EXISTS
        (SELECT FROM parked_steps p WHERE p.order_no = o.order_no AND p.resolved_at IS NULL)
    RETURNING park_no
    """
)
_OPEN = text(
    """SELECT step, subject, amount_minor FROM parked_steps
        WHERE order_no = :order_no AND park_no = :park_no AND resolved_at IS NULL"""
)
_MOVES = text("SELECT moved_minor(:order_no, :step, :action, :amount_minor)")
_CLOSE = text(
    """UPDATE parked_steps SET resolved_at = now(), resolution_id = :resolution_id
        WHERE order_no = :order_no AND park_no = :park_no"""
)
_ESCALATE = text(
    """UPDATE parked_steps SET escalated_at = now() WHERE order_no = :order_no AND resolved_at IS NULL
          AND escalated_at IS NULL RETURNING step"""
)
_RESOLUTION = text(
    """SELECT r.action, r.actor, r.value_enc, r.park_no, r.amount_minor, c.data_key
         FROM resolutions r JOIN orders USING (order_no) JOIN customers c USING (customer_id)
        WHERE r.resolution_id = :resolution_id AND r.order_no = :order_no"""
)
_REFUSED = text(
    """INSERT INTO refused_resolutions (resolution_id, order_no, park_no, code)
       SELECT r.resolution_id, r.order_no, :park_no, left(:code, 100) FROM resolutions r
        WHERE r.resolution_id = :resolution_id AND r.order_no = :order_no
       ON CONFLICT DO NOTHING RETURNING resolution_id"""
)
_FAIL_ITEM = text(
    """UPDATE support_job_items SET state = 'failed', error = :code
        WHERE resolution_id = :resolution_id AND order_no = :order_no AND state IN ('open', 'done')"""
)
_TO_RETURN = text("SELECT payment_id, kind, purpose, amount_minor FROM money_to_return(:order_no, :everything)")
# What is under way to return these payments; of all that is returned, every call but a guarantee's.
_DROP_RETURNS = text(
    """UPDATE payments SET status = 'failed', error_code = 'skipped', tries = tries + 1, updated_at = now()
        WHERE order_no = :order_no AND status IN ('intent', 'pending') AND purpose <> 'guarantee'
          AND (:everything OR (kind IN ('void', 'refund') AND parent_id IN (
                SELECT m.payment_id FROM money_to_return(:order_no, false) m)))"""
)
_AMEND_ADDRESS = text(
    """UPDATE orders SET ship_to_enc = :sealed, country = :country, province = :province, city = :city,
              address_rev = address_rev + 1 WHERE order_no = :order_no"""
)
_AMEND_TOKEN = text(
    """INSERT INTO payment_requests (request_id, order_no, attempt, method, token, actor)
       SELECT :request_id, r.order_no, r.attempt + 1, r.method, :token, :actor FROM payment_requests r
        WHERE r.order_no = :order_no AND r.attempt IS NOT NULL ORDER BY r.attempt DESC LIMIT 1
       ON CONFLICT (request_id) DO NOTHING"""
)


class ParkedStepActivities:
    """Parking, escalating and resolving steps."""

    def __init__(self, database: Database, vault: Vault, settings: Settings) -> None:
        self._db = database
        self._vault = vault
        self._settings = settings

    @oms_activity("park_step")
    async def park_step(self, request: m.ParkRequest) -> m.OrderView:
        """Open a parked step unless one is open; support sees it at once."""
        options = [str(option) for option in STEPS[Step(request.step)].options]
        values = {
            "order_no": request.order_no,
            "step": request.step,
            "error": request.error,
            "provider": request.provider,
            "attempts": request.attempts,
            "options": options,
            "subject": request.subject,
            "escalation_s": self._settings.escalation_s,
        }
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, request.order_no)
            if (park_no := (await conn.execute(_PARK, values)).scalar_one_or_none()) is not None:
                data = {"park_no": park_no, "step": request.step, "error": request.error, "options": options}
                await timeline.append(conn, request.order_no, "step_parked", data=data)
                ORDERS_PARKED.labels(request.step, request.error).inc()
                bind_order(request.order_no, step=request.step, attempt=request.attempts)
                _log.warning("the order is parked", extra={"code": request.error, "provider": request.provider})
            return await view_of(conn, request.order_no)

    @oms_activity("escalate_step")
    async def escalate_step(self, ref: m.OrderRef) -> m.OrderView:
        """Nobody acted in time."""
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, ref.order_no)
            if step := (await conn.execute(_ESCALATE, {"order_no": ref.order_no})).scalar_one_or_none():
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
            key = {"order_no": request.order_no, "park_no": request.park_no}
            parked = (await conn.execute(_OPEN, key)).one_or_none()
            if parked is not None:
                step = Step(parked.step)
                await _require_problem(conn, request, step)
                act = await self._act_of(conn, request, parked)
                await self._apply(conn, status, request, step, {**act, "subject": parked.subject})
                await conn.execute(_CLOSE, {**key, "resolution_id": request.resolution_id or None})
                data = {"park_no": request.park_no, "step": step, "how": request.how}
                await timeline.append(conn, request.order_no, "step_resolved", act["actor"], data=data)
            return await view_of(conn, request.order_no)

    async def _note_refusal(self, request: m.UnparkRequest, code: str) -> None:
        """The act was accepted and is not carried out: on the timeline, at the order, at the item of its bulk act."""
        values = {"order_no": request.order_no, "park_no": request.park_no, "code": code}
        about = {**values, "resolution_id": request.resolution_id}
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, request.order_no)
            if (await conn.execute(_REFUSED, about)).first() is None:
                return
            await conn.execute(_FAIL_ITEM, about)
            data = {"park_no": request.park_no, "how": request.how, "code": code}
            await timeline.append(conn, request.order_no, "resolution_refused", data=data)

    async def _act_of(self, conn: Connection, request: m.UnparkRequest, parked: Any) -> dict[str, Any]:
        """Who does it, with which value. Refuses an act that is for another step, or that moves more than agreed."""
        if not request.resolution_id:
            return {"actor": "system", "value": {}}
        values = {"resolution_id": request.resolution_id, "order_no": request.order_no}
        row = (await conn.execute(_RESOLUTION, values)).one_or_none()
        if row is None:
            raise RuleBroken("resolution_unknown")
        if row.park_no not in (None, request.park_no):
            raise RuleBroken("step_moved_on")
        step = Step(parked.step)
        about = {"order_no": request.order_no, "step": step, "action": request.how, "amount_minor": parked.amount_minor}
        if row.amount_minor is not None and (await conn.execute(_MOVES, about)).scalar_one() > row.amount_minor:
            raise RuleBroken("amount_differs")
        value = self._opened(request.resolution_id, row.data_key, row.value_enc)
        if row.action != request.how or check_value(step, Action(request.how), value) is not None:
            raise RuleBroken("value_does_not_fit")
        return {"actor": row.actor, "value": value or {}, "data_key": row.data_key}

    def _opened(self, resolution_id: str, data_key: bytes, sealed: bytes | None) -> Any:
        if sealed is None:
            return None
        try:
            return self._vault.open_json(self._vault.unwrap(data_key), sealed, f"{resolution_id}:value")
        except Unreadable:
            raise RuleBroken("value_unreadable") from None

    async def _apply(
        self, conn: Connection, status: Status, request: m.UnparkRequest, step: Step, act: dict[str, Any]
    ) -> None:
        order_no, value = request.order_no, act["value"]
        match (step, request.how):
            case (Step.REVIEW, Action.SKIP):
                attempt = (await view_of(conn, order_no, look_for_stray=False)).attempt
                await timeline.append(conn, order_no, "payment_approved", act["actor"], key=f"review:{attempt}")
            case (Step.CAPTURE, Action.SKIP):
                await manual_records.record_capture(conn, status, order_no, value["reference"])
            case (Step.RETURN_PAYMENT, Action.SKIP):
                everything = act["subject"] == "all"
                await _record_return(conn, order_no, request.park_no, value["reference"], everything=everything)
            case (Step.REFUND | Step.GUARANTEE, Action.SKIP | Action.AMEND):
                await (_pay_otherwise if step is Step.REFUND else _skip_guarantee)(conn, order_no, request, act)
            case (Step.SUPPLEMENT, Action.COMPENSATE):
                await change_payments.give_up(conn, order_no, "undone_by_support")
            case (Step.BOOK, Action.SKIP):
                tag = str(request.park_no)
                await manual_records.record_parcel(conn, self._settings, status, order_no, tag, value)
            case (Step.BOOK, Action.AMEND):
                await self._amend_address(conn, order_no, act)
            case (Step.AUTHORISE, Action.AMEND):
                token = {"order_no": order_no, "request_id": request.resolution_id, "token": value["token"]}
                await conn.execute(_AMEND_TOKEN, {**token, "actor": act["actor"]})
            case (Step.CANCEL_SHIPMENT, Action.SKIP):
                if shipment := await shipments.live_shipment(conn, order_no):
                    await shipments.cancelled(conn, shipment)
            case (Step.DELIVER, Action.SKIP):
                await manual_records.move_parcel(conn, self._settings, order_no, ShipmentStatus.DELIVERED)
            case (Step.DELIVER, Action.RETRY):
                await self._wait_on(conn, order_no)

    async def _amend_address(self, conn: Connection, order_no: str, act: dict[str, Any]) -> None:
        address = act["value"]
        sealed = self._vault.seal_json(self._vault.unwrap(act["data_key"]), address, f"{order_no}:ship_to")
        place = {name: address[name] for name in ("country", "province", "city")}
        await conn.execute(_AMEND_ADDRESS, {"order_no": order_no, "sealed": sealed, **place})
        await timeline.append(conn, order_no, "order_amended", act["actor"], data={"what": "ship_to"})

    async def _wait_on(self, conn: Connection, order_no: str) -> None:
        """Go on waiting for the parcel, with a new deadline."""
        shipment = await shipments.live_shipment(conn, order_no)
        if shipment and shipment.status in (ShipmentStatus.LOST, ShipmentStatus.REFUSED):
            await shipments.set_status(conn, shipment, ShipmentStatus.IN_TRANSIT)
        wait = timeline.waiting("delivery", "support looks into it", self._settings.delivery_timeout_s)
        await timeline.append(conn, order_no, "delivery_extended", data={"waiting": wait})


async def _require_problem(conn: Connection, request: m.UnparkRequest, step: Step) -> None:
    """The customer may have chosen a second parcel meanwhile: then there is nothing left to resolve."""
    if step is not Step.DELIVER or request.how == "overtaken":
        return
    if await delivery_exceptions.sent_again(conn, request.order_no):
        raise RuleBroken("delivery_problem_over")


async def _record_return(conn: Connection, order_no: str, park_no: int, reference: str, *, everything: bool) -> None:
    """Support says the money went back by another way: of an order that is undone all of it, what was decided to be
    refunded included; else what is not the order's, and nothing more."""
    if everything:
        for refund_id in await refund_payouts.approved(conn, order_no):
            await refund_payouts.record_by_hand(conn, refund_id, str(park_no), reference)
        await refunds.overtake(conn, order_no)
    whose = {"order_no": order_no, "everything": everything}
    await conn.execute(_DROP_RETURNS, whose)
    for row in (await conn.execute(_TO_RETURN, whose)).all():
        key = f"{order_no}/{row.kind}/manual/{park_no}/{row.payment_id}"
        values = {"order_no": order_no, "kind": row.kind, "purpose": row.purpose, "attempt": None}
        about = {"amount": row.amount_minor, "reference": f"{reference}#{row.payment_id}", "parent": row.payment_id}
        await conn.execute(manual_records.MANUAL_PAYMENT, {**values, **about, "key": key})
        told = {"amount_minor": row.amount_minor, "manual": True}
        await timeline.append(conn, order_no, f"payment_{row.kind}ed", data=told)


async def _pay_otherwise(conn: Connection, order_no: str, request: m.UnparkRequest, act: dict[str, Any]) -> None:
    """The refund was paid by another way, or is owed as store credit. No other one is touched: where this one is
    settled meanwhile there is nothing to pay."""
    refund_id = act["subject"] or ""
    if refund_id not in await refund_payouts.approved(conn, order_no):
        raise RuleBroken("step_moved_on")
    if request.how == Action.AMEND:
        await refund_payouts.drop_intents(conn, refund_id)
        await store_credit.pay_with_credit(conn, order_no, refund_id, act["actor"])
    else:
        await refund_payouts.record_by_hand(conn, refund_id, str(request.park_no), act["value"]["reference"])


async def _skip_guarantee(conn: Connection, order_no: str, _: m.UnparkRequest, act: dict[str, Any]) -> None:
    """What was due on the guarantee is done without. No other one is touched."""
    subject = act["subject"] or ""
    was = await guarantees.skip(conn, order_no, subject)
    told = "guarantee_declined" if was == "wanted" else "guarantee_given_up"
    await timeline.append(conn, order_no, told, act["actor"], data={"return_id": subject, "code": "skipped"})
