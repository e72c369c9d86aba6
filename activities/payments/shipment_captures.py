"""Capturing the share of a fulfilment that has shipped: intent, the provider's call, outcome."""

from activities.base import oms_activity
from activities.orders.views import view_of
from activities.payments.gateway_calls import GatewayCalls
from activities.payments.order_payments import PaymentActivities
from domain.errors import RuleBroken
from domain.gateways import ProviderUnavailable
from domain.payments.transactions import PaymentStatus
from infra.db.engine import Database
from infra.db.orders.state import timeline
from infra.db.payments import shipment_captures
from infra.db.payments.transactions import StoredIntent
from workflows import payloads as m


class ShipmentCaptureActivities:
    """A step that calls payment providers."""

    def __init__(self, database: Database, calls: GatewayCalls, payments: PaymentActivities) -> None:
        self._db = database
        self._calls = calls
        self._payments = payments

    @oms_activity("capture_fulfilment")
    async def capture_fulfilment(self, ref: m.FulfilmentCaptureRef) -> m.OrderView:
        """Take the share of the fulfilment, once. Raises RuleBroken with a final refusal, or where nothing is
        authorised any more; ProviderUnavailable `capture_pending` while the provider decides. Then it parks."""
        if not await self._is_settled(ref) and (opened := await self._open(ref)) is not None:
            result = await self._calls.find_or_call(opened)
            await self._calls.record(opened, result)
            if result.status is PaymentStatus.FAILED:
                raise RuleBroken(result.error_code or "capture_refused")
            if result.status is PaymentStatus.PENDING:
                raise ProviderUnavailable("capture_pending", opened.intent.provider)
        async with self._db.begin() as conn:
            return await view_of(conn, ref.order_no)

    async def _is_settled(self, ref: m.FulfilmentCaptureRef) -> bool:
        """Of a fulfilment that is not on its way any more it is only asked what became of an earlier try; what went
        through for one that was given up goes back. False where its share is to be captured."""
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, ref.order_no)
            part = await shipment_captures.due_part(conn, ref.order_no, ref.fulfilment_id)
            open_one = await shipment_captures.undecided(conn, ref.order_no, part.number) if part else None
        if part is None or part.shipped or open_one is None:
            return False
        await self._payments.settle(ref.order_no, open_one)
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, ref.order_no)
            await shipment_captures.return_if_given_up(conn, ref.order_no, part.number, open_one.payment_id)
        return True

    async def _open(self, ref: m.FulfilmentCaptureRef) -> StoredIntent | None:
        """None where there is nothing to take: it is captured, or its goods cost nothing."""
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, ref.order_no)
            part = await shipment_captures.due_part(conn, ref.order_no, ref.fulfilment_id)
            if part is None:
                return None
            provider = await shipment_captures.provider_of(conn, ref.order_no)
            whole = provider is not None and not self._calls.gateway(provider).captures_in_parts
            amount = await shipment_captures.decide_share(conn, ref.order_no, part.number, whole=whole)
            return await shipment_captures.open_capture(conn, ref.order_no, part, amount) if amount else None
