"""Paying the refunds that are decided in the database."""

from activities.base import oms_activity
from activities.orders.views import view_of
from activities.payments.gateway_calls import GatewayCalls
from infra.db.engine import Database
from infra.db.orders.state import timeline
from infra.db.payments import refund_payouts, refunds
from workflows import payloads as m


class RefundActivities:
    """Steps that call payment providers."""

    def __init__(self, database: Database, calls: GatewayCalls) -> None:
        self._db = database
        self._calls = calls

    @oms_activity("pay_refund")
    async def pay_refund(self, ref: m.RefundRef) -> m.OrderView:
        """Give back what of the refund is still due, capture by capture. Raises what the provider refuses for good."""
        await self._pay(ref.order_no, ref.refund_id)
        async with self._db.begin() as conn:
            return await view_of(conn, ref.order_no)

    async def close_all(self, order_no: str) -> None:
        """The order is being cancelled: pay approved refunds, drop those that wait for approval."""
        async with self._db.begin() as conn:
            due = await refund_payouts.approved(conn, order_no)
        for refund_id in due:
            await self._pay(order_no, refund_id)
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, order_no)
            await refunds.overtake(conn, order_no)

    async def _pay(self, order_no: str, refund_id: str) -> None:
        async with self._db.begin() as conn:
            parts = await refund_payouts.due_parts(conn, refund_id)
        for part in parts:
            await self._calls.void_or_refund(part)
        if not parts:
            # The notification of the provider came first: at most the end is missing.
            async with self._db.begin() as conn:
                await timeline.lock_order(conn, order_no)
                await refund_payouts.settle(conn, refund_id)
