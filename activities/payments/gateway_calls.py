"""What every movement of money shares: intent transaction, the provider's call, outcome transaction.

A repeat never calls blindly: from the second try on the provider is asked first what became of the first.
"""

from collections.abc import Mapping

from activities.orders.views import view_of
from activities.payments.provider_events import mark_paid
from domain.errors import Conflict, RuleBroken
from domain.gateways import GatewayResult, PaymentGateway, ProviderRefused
from domain.orders.status import Status
from domain.payments.transactions import PaymentKind, PaymentPurpose, PaymentStatus
from infra.db.engine import Connection, Database
from infra.db.messaging.inbox import save_late_result
from infra.db.orders.state import timeline
from infra.db.payments import change_payments, provider_events, refund_payouts, renewals, transactions
from infra.db.payments.transactions import PaymentIntent, StoredIntent
from infra.settings import EXPIRED_PAYMENT_TIMEOUT_S
from workflows import payloads as m

NOTES = {
    PaymentKind.AUTHORISE: "payment_authorised",
    PaymentKind.VOID: "payment_voided",
    PaymentKind.REFUND: "payment_refunded",
}


class GatewayCalls:
    """Calls to payment providers by name, each between its two transactions."""

    def __init__(
        self, database: Database, gateways: Mapping[str, PaymentGateway], again_s: int = EXPIRED_PAYMENT_TIMEOUT_S
    ) -> None:
        self._db = database
        self._gateways = gateways
        self._again_s = again_s

    def gateway(self, provider: str) -> PaymentGateway:
        """Raises Conflict `provider_not_configured`."""
        gateway = self._gateways.get(provider)
        if gateway is None:
            raise Conflict("provider_not_configured")
        return gateway

    async def find_or_call(self, stored: StoredIntent) -> GatewayResult:
        """Ask if an earlier try may have acted, else call. A final refusal is an answer."""
        gateway = self.gateway(stored.intent.provider)
        result = await self.find_outcome(stored.payment_id) if stored.tries > 1 else None
        if result is not None:
            return result
        try:
            return await _call(gateway, stored.intent)
        except ProviderRefused as refusal:
            return GatewayResult(PaymentStatus.FAILED, None, stored.intent.amount_minor, refusal.code)

    async def find_outcome(self, payment_id: int) -> GatewayResult | None:
        """What became of a call that was, or may have been, made; None when it surely was not carried out."""
        async with self._db.begin() as conn:
            provider, lost = await transactions.sent_call(conn, payment_id)
        return await self.gateway(provider).lookup(lost)

    async def void_or_refund(self, new: PaymentIntent) -> None:
        """Void or refund the parent transaction; what the provider decides later stays pending.

        Raises RuleBroken with the provider's final refusal.
        """
        async with self._db.begin() as conn:
            if new.kind is PaymentKind.REFUND:
                await _require_open_to_pay(conn, new)
            stored = await transactions.begin(conn, new)
        if stored.decided:
            return
        result = await self.find_or_call(stored)
        await self.record(stored, result)
        if result.status is PaymentStatus.FAILED and not await self._done_without_us(stored):
            raise RuleBroken(result.error_code or f"{new.kind}_refused")

    async def _done_without_us(self, stored: StoredIntent) -> bool:
        """True for a void that is refused because another one, reported meanwhile, has voided the authorisation."""
        if stored.intent.kind is not PaymentKind.VOID:
            return False
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, stored.intent.order_no)
            return await provider_events.is_voided(conn, stored.payment_id)

    async def record(self, stored: StoredIntent, result: GatewayResult) -> m.OrderView:
        """The outcome transaction: row, ledger (by trigger), status, event. A fenced write leaves no money behind."""
        new = stored.intent
        async with self._db.begin() as conn:
            # The order's row first, as in every transaction: two transactions of one order never deadlock.
            status = await timeline.lock_order(conn, new.order_no)
            async with change_payments.applied(conn, new.order_no, new.change_payment_no):
                finished = await transactions.finish(conn, stored, result)
            if finished:
                more: Mapping[str, object] = {}
                if (new.kind, new.purpose, result.status) == (
                    PaymentKind.CAPTURE,
                    PaymentPurpose.ORDER,
                    PaymentStatus.FAILED,
                ) and new.fulfilment_no is None:
                    more = await renewals.time_to_pay_again(conn, new.order_no, self._again_s)
                await _record_outcome(conn, new, status, result, more)
            elif result.status is PaymentStatus.SUCCEEDED:
                await save_late_result(conn, new, result)
                await transactions.note_details(conn, stored.payment_id, result)
            plain = result.status is PaymentStatus.SUCCEEDED and new.purpose is PaymentPurpose.ORDER
            return await view_of(conn, new.order_no, check_unapplied=not plain or new.kind is not PaymentKind.CAPTURE)


async def _call(gateway: PaymentGateway, new: PaymentIntent) -> GatewayResult:
    match new.kind:
        case PaymentKind.AUTHORISE:
            return await gateway.authorise(new)
        case PaymentKind.CAPTURE:
            return await gateway.capture(new.parent_ref, new)
        case PaymentKind.VOID:
            return await gateway.void(new.parent_ref, new)
        case PaymentKind.REFUND:
            return await gateway.refund(new.parent_ref, new)
    raise AssertionError(f"no provider is asked for a {new.kind}")


async def _require_open_to_pay(conn: Connection, new: PaymentIntent) -> None:
    """What came back, or was refused for good, waits for a person: the provider would only say the same again."""
    if code := await refund_payouts.waits_for_person(conn, new.order_no, new.parent_id, new.refund_id):
        raise RuleBroken(code)


async def _record_pending(conn: Connection, new: PaymentIntent) -> None:
    """The provider accepted the refund and decides later: recorded once, however often it is asked."""
    key = f"refund_pending:{new.idempotency_key}"
    if not await timeline.is_done(conn, new.order_no, key):
        await timeline.append(conn, new.order_no, "refund_pending", key=key, data={"amount_minor": new.amount_minor})


async def record_part_capture(conn: Connection, new: PaymentIntent, status: PaymentStatus, code: str | None) -> None:
    """The event of a fulfilment's share that was captured, or refused."""
    data: dict[str, object] = {"amount_minor": new.amount_minor, "fulfilment": new.fulfilment_no}
    if status is PaymentStatus.SUCCEEDED:
        await timeline.append(conn, new.order_no, "part_captured", data=data)
    elif status is PaymentStatus.FAILED and code not in ("abandoned", "given_up"):
        await timeline.append(conn, new.order_no, "part_capture_refused", data={**data, "code": code or "declined"})


async def _record_outcome(
    conn: Connection, new: PaymentIntent, status: Status, result: GatewayResult, more: Mapping[str, object]
) -> None:
    """The event of an outcome; `status` is the order's. A refund is reported once, when all of it is paid. `more` is
    added to a refusal."""
    data = {"amount_minor": new.amount_minor}
    if new.fulfilment_no is not None:
        await record_part_capture(conn, new, result.status, result.error_code)
        return
    if new.attempt is not None:
        data["attempt"] = new.attempt
    taking = new.kind in (PaymentKind.AUTHORISE, PaymentKind.CAPTURE)
    if (
        new.purpose in (PaymentPurpose.CHANGE_PAYMENT, PaymentPurpose.UNAPPLIED)
        and taking
        and result.status is not PaymentStatus.SUCCEEDED
    ):
        return  # the change is undone, and tells so itself; a renewal that nobody wants any more is no news
    if result.status is PaymentStatus.FAILED and result.error_code not in ("abandoned", "given_up"):
        name = "payment_declined" if taking else "refund_refused"
        await timeline.append(conn, new.order_no, name, data={**data, **more, "code": result.error_code or "declined"})
    elif result.status is PaymentStatus.PENDING and new.kind is PaymentKind.REFUND:
        await _record_pending(conn, new)
    elif result.status is not PaymentStatus.SUCCEEDED:
        return
    elif new.kind is PaymentKind.CAPTURE and new.purpose is PaymentPurpose.CHANGE_PAYMENT:
        return  # the change is applied, or the money is returned
    elif new.kind is PaymentKind.CAPTURE and new.purpose is PaymentPurpose.TERMS:
        await timeline.append(conn, new.order_no, "terms_paid", data=data)
    elif new.kind is PaymentKind.CAPTURE:
        await mark_paid(conn, new.order_no, status, new.amount_minor)
    elif new.refund_id is not None:
        await refund_payouts.settle(conn, new.refund_id)
    else:
        await timeline.append(conn, new.order_no, NOTES[new.kind], data=data)
