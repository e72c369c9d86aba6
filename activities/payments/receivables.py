"""Paying what is owed on terms: authorised, then captured, each between its two transactions."""

from collections.abc import Mapping

from activities.base import oms_activity
from activities.orders.views import view_of
from activities.payments.gateway_calls import GatewayCalls
from activities.payments.order_payments import PaymentActivities
from domain.gateways import PaymentGateway
from infra.db.engine import Database
from infra.db.orders.state import timeline
from infra.db.payments import receivables
from workflows import payloads as m


class ReceivableActivities:
    """A step that calls payment providers; what follows from their answers is written with them."""

    def __init__(
        self,
        database: Database,
        calls: GatewayCalls,
        payments: PaymentActivities,
        gateways: Mapping[str, PaymentGateway],
        default: str,
    ) -> None:
        self._db = database
        self._calls = calls
        self._payments = payments
        self._gateways = gateways
        self._default = default

    @oms_activity("settle_receivable")
    async def settle_receivable(self, ref: m.AttemptRef) -> m.OrderView:
        """One step on: find out what came of earlier attempts, then authorise or capture what is owed. A refusal is an
        answer."""
        async with self._db.begin() as conn:
            older = await receivables.unsettled(conn, ref.order_no, ref.attempt)
        for one in older:
            await self._payments.settle(ref.order_no, one)
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, ref.order_no)
            opened = await receivables.open_call(conn, ref.order_no, ref.attempt, self._gateways, self._default)
        if opened is not None and not opened.decided:
            return await self._calls.record(opened, await self._calls.find_or_call(opened))
        async with self._db.begin() as conn:
            return await view_of(conn, ref.order_no)
