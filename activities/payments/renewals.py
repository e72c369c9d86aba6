"""Authorisations that end before their time: authorised anew, each between its two transactions, then given up."""

from typing import TypeGuard

from activities.base import oms_activity
from activities.orders.views import view_of
from activities.payments.gateway_calls import GatewayCalls
from activities.payments.order_payments import PaymentActivities
from domain.gateways import GatewayResult
from domain.payments.transactions import PaymentPurpose, PaymentStatus
from infra.db.engine import Database
from infra.db.messaging.inbox import save_late_result
from infra.db.orders.state import timeline
from infra.db.payments import renewals, transactions
from infra.db.payments.renewals import Due
from infra.db.payments.transactions import StoredIntent
from infra.provider_rules import authorisation_periods
from infra.settings import Settings
from workflows import payloads as m


class RenewalActivities:
    """The new authorisation first, then an end to the old one: at no moment is nothing held."""

    def __init__(
        self, database: Database, calls: GatewayCalls, payments: PaymentActivities, settings: Settings
    ) -> None:
        self._db = database
        self._calls = calls
        self._payments = payments
        self._again_s = settings.expired_payment_timeout_s

    @oms_activity("renew_authorisation")
    async def renew_authorisation(self, ref: m.RenewalRef) -> m.OrderView:
        """Renew it, or go on without where that cannot be; and give back what it leaves over."""
        opened = await self._open(ref)
        if opened is not None:
            await self._record(ref, opened, await self._calls.find_or_call(opened))
        await self._payments.give_back(ref.order_no, everything=False)
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, ref.order_no)
            renewal = await renewals.due(conn, ref.order_no, ref.payment_id)
            # What was settled may have become due again since it was read: then it stays so.
            if renewal is not None and not _is_renewable(renewal):
                await renewals.settled(conn, ref.payment_id)
            return await view_of(conn, ref.order_no)

    @oms_activity("put_off_renewal")
    async def postpone_renewal(self, ref: m.RenewalRef) -> m.OrderView:
        """The provider does not answer: it is tried again, until it is time to go on without."""
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, ref.order_no)
            renewal = await renewals.due(conn, ref.order_no, ref.payment_id)
            if (
                _is_renewable(renewal)
                and renewal.ends_soon
                and (renewal.purpose is PaymentPurpose.GUARANTEE or renewal.ended)
            ):
                await renewals.not_renewed(conn, renewal, "provider_unavailable")
                await renewals.go_without(conn, renewal, self._again_s)
            await renewals.postpone(conn, ref.payment_id)
            return await view_of(conn, ref.order_no)

    async def _open(self, ref: m.RenewalRef) -> StoredIntent | None:
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, ref.order_no)
            renewal = await renewals.due(conn, ref.order_no, ref.payment_id)
            if not _is_renewable(renewal):
                if renewal is not None:
                    await renewals.give_up_renewal(conn, ref.payment_id)
                return None
            if renewal.refused:
                await renewals.go_without(conn, renewal, self._again_s)
                return None
            if not authorisation_periods.is_renewable(renewal.provider, renewal.token):
                await renewals.not_renewed(conn, renewal, "token_used_once")
                await renewals.go_without(conn, renewal, self._again_s)
                return None
            return await renewals.open_renewal(conn, renewal)

    async def _record(self, ref: m.RenewalRef, opened: StoredIntent, result: GatewayResult) -> None:
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, ref.order_no)
            renewal = await renewals.due(conn, ref.order_no, ref.payment_id)
            if not await transactions.finish(conn, opened, result):
                if result.status is PaymentStatus.SUCCEEDED:
                    await save_late_result(conn, opened.intent, result)
                    await transactions.note_details(conn, opened.payment_id, result)
            elif result.status is PaymentStatus.SUCCEEDED:
                data = {"amount_minor": opened.intent.amount_minor, "until": result.expires_at}
                await timeline.append(conn, ref.order_no, "authorisation_renewed", data=data)
                await renewals.check_in_a_minute(conn, ref.payment_id)
            elif result.status is PaymentStatus.FAILED and _is_renewable(renewal):
                await renewals.not_renewed(conn, renewal, result.error_code or "declined")
                await renewals.go_without(conn, renewal, self._again_s)
            await renewals.settled(conn, ref.payment_id)


def _is_renewable(renewal: Due | None) -> TypeGuard[Due]:
    """True for an authorisation that is needed; not for an open question about a renewal that is not needed."""
    return renewal is not None and renewal.needed and renewal.status == PaymentStatus.SUCCEEDED
