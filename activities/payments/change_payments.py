"""The difference of a change that costs more: authorised, then captured, each between its two transactions."""

from collections.abc import Mapping

from activities.base import oms_activity
from activities.orders.views import view_of
from activities.payments.gateway_calls import GatewayCalls
from activities.payments.order_payments import PaymentActivities
from domain.gateways import PaymentGateway
from infra.db.engine import Database
from infra.db.orders.state import holds, timeline
from infra.db.payments import change_payments
from infra.settings import Settings
from workflows import payloads as m


class ChangePaymentActivities:
    """A step that calls payment providers; what follows from their answers is written with them."""

    def __init__(
        self,
        database: Database,
        calls: GatewayCalls,
        payments: PaymentActivities,
        gateways: Mapping[str, PaymentGateway],
        settings: Settings,
    ) -> None:
        self._db = database
        self._calls = calls
        self._payments = payments
        self._gateways = gateways
        self._settings = settings

    @oms_activity("tend_supplement")
    async def process_due_change_payment(self, ref: m.ChangePaymentRef) -> m.OrderView:
        """One step on: authorise or capture, undo it when its time is over, find out what came of a change that was
        undone. A refusal is an answer: then the change is undone. Nothing is done while a hold stands before it."""
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, ref.order_no)
            await change_payments.expire(conn, ref.order_no)
            change_payment = await change_payments.find(conn, ref.order_no, ref.supplement_no)
            unsettled = [] if change_payment.is_suspended else await change_payments.unsettled(conn, change_payment)
            opened = (
                await change_payments.open_call(conn, change_payment, self._gateways, self._settings.payment_provider)
                if change_payment.awaited and not change_payment.is_suspended
                else None
            )
        if opened is None:
            for open_one in unsettled:
                await self._payments.settle(ref.order_no, open_one)
        elif not opened.decided:
            await self._calls.record(opened, await self._calls.find_or_call(opened))
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, ref.order_no)
            await holds.recheck_risk_after_increase(conn, self._settings, ref.order_no)
            return await view_of(conn, ref.order_no)
