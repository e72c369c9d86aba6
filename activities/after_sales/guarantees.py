"""The guarantee of an advance exchange: authorised, given back or claimed, each between its two transactions."""

from activities.base import oms_activity
from activities.orders.views import view_of
from activities.payments.gateway_calls import GatewayCalls
from domain.after_sales.guarantees import GuaranteeStatus
from domain.errors import RuleBroken
from domain.gateways import GatewayResult, ProviderUnavailable
from domain.payments.transactions import PaymentKind, PaymentStatus
from infra.db.after_sales import exchanges, guarantees, returns, settlement
from infra.db.after_sales.guarantees import Guarantee
from infra.db.after_sales.return_policy import ReturnPolicy
from infra.db.after_sales.settlement import SettlementContext
from infra.db.customers.profiles import KeyRing
from infra.db.engine import Connection, Database
from infra.db.messaging.inbox import save_late_result
from infra.db.orders.state import timeline
from infra.db.payments import transactions
from infra.db.payments.transactions import StoredIntent
from infra.security.crypto import Vault
from infra.settings import Settings
from workflows import payloads as m


class GuaranteeActivities:
    """A step that calls payment providers."""

    def __init__(self, database: Database, calls: GatewayCalls, vault: Vault, settings: Settings) -> None:
        self._db = database
        self._calls = calls
        self._keys = KeyRing(vault)
        self._terms = ReturnPolicy.from_settings(settings)

    @oms_activity("tend_guarantee")
    async def process_due_guarantee(self, ref: m.GuaranteeRef) -> m.OrderView:
        """Do what is due on it. Raises what the provider refuses for good; a declined authorisation is an answer."""
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, ref.order_no)
            guarantee = await guarantees.find(conn, ref.return_id)
            opened = await guarantees.open_call(conn, guarantee) if guarantee is not None else None
        if opened is not None:
            assert guarantee is not None, "something is due on it"
            result = _known(opened) or await self._answer(opened, wanted=not guarantee.unwanted)
            await self._record(ref, opened, result)
        async with self._db.begin() as conn:
            return await view_of(conn, ref.order_no)

    async def _answer(self, opened: StoredIntent, *, wanted: bool) -> GatewayResult:
        """The provider's; what is not wanted any more is only asked for."""
        if wanted:
            return await self._calls.find_or_call(opened)
        found = await self._calls.find_outcome(opened.payment_id)
        return found or GatewayResult(PaymentStatus.FAILED, None, opened.intent.amount_minor, "abandoned")

    async def _record(self, ref: m.GuaranteeRef, opened: StoredIntent, result: GatewayResult) -> None:
        """The outcome transaction: row, ledger (by trigger), guarantee, and the new order with it."""
        new = opened.intent
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, ref.order_no)
            recorded = opened.decided or await transactions.finish(conn, opened, result)
            if not recorded:
                # A later try, or the provider's notification, writes the outcome; where support went on without it, a
                # success is news.
                if result.status is PaymentStatus.SUCCEEDED:
                    await save_late_result(conn, new, result)
                return
            guarantee = await guarantees.find(conn, ref.return_id)
            assert guarantee is not None, "guarantees are not deleted"
            if result.status is not PaymentStatus.PENDING:
                await self._apply(conn, guarantee, new.kind, result)
        if result.status is PaymentStatus.PENDING:
            raise ProviderUnavailable("guarantee_pending", new.provider)
        if result.status is PaymentStatus.FAILED and new.kind is not PaymentKind.AUTHORISE:
            raise RuleBroken(result.error_code or "guarantee_refused")

    async def _apply(self, conn: Connection, guarantee: Guarantee, kind: PaymentKind, result: GatewayResult) -> None:
        done = result.status is PaymentStatus.SUCCEEDED
        match kind:
            case PaymentKind.AUTHORISE if done:
                await self._authorised(conn, guarantee)
            case PaymentKind.AUTHORISE if guarantee.status is GuaranteeStatus.WANTED:
                await guarantees.move(conn, guarantee, GuaranteeStatus.DECLINED)
                await _record_event(conn, guarantee, "guarantee_declined", {"code": result.error_code or "declined"})
            case PaymentKind.VOID if done and guarantee.status is GuaranteeStatus.RELEASE_DUE:
                await guarantees.move(conn, guarantee, GuaranteeStatus.RELEASED)
                await _record_event(conn, guarantee, "guarantee_released", {"amount_minor": guarantee.amount_minor})
            case PaymentKind.CAPTURE if done and guarantee.status is GuaranteeStatus.CLAIM_DUE:
                await guarantees.move(conn, guarantee, GuaranteeStatus.CLAIMED)
                await _record_event(conn, guarantee, "guarantee_claimed", {"amount_minor": guarantee.claim_minor})

    async def _authorised(self, conn: Connection, guarantee: Guarantee) -> None:
        """The new goods go out now; what came too late to be wanted is given back."""
        if guarantee.unwanted:
            await guarantees.move(conn, guarantee, GuaranteeStatus.RELEASE_DUE)
        if guarantee.status is not GuaranteeStatus.WANTED:
            return
        await guarantees.move(conn, guarantee, GuaranteeStatus.AUTHORISED)
        await _record_event(conn, guarantee, "guarantee_authorised", {"amount_minor": guarantee.amount_minor})
        back = await returns.find(conn, guarantee.return_id)
        context = SettlementContext(self._keys, self._terms, "system")
        if not await settlement.place_in_advance(conn, back, context):
            await exchanges.mark_fallen_back(conn, back, "address_erased")
            await guarantees.release_or_report_claim(conn, guarantee.return_id)


def _known(opened: StoredIntent) -> GatewayResult | None:
    """An answer that is in the database already, by the provider's notification."""
    if not opened.decided:
        return None
    return GatewayResult(opened.status, opened.provider_ref, opened.intent.amount_minor, opened.error_code)


async def _record_event(conn: Connection, guarantee: Guarantee, kind: str, data: dict[str, object]) -> None:
    await timeline.append(conn, guarantee.order_no, kind, data={"return_id": guarantee.return_id, **data})
