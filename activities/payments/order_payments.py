"""Moving money: intent transaction, the provider's call, outcome transaction.

A repeat never calls blindly: from the second try on the provider is asked first what became of the first.
"""

import json
from collections.abc import Mapping

from activities.base import oms_activity
from activities.orders.views import view_of
from activities.payments.gateway_calls import GatewayCalls
from activities.payments.refunds import RefundActivities
from domain.gateways import GatewayResult, PaymentGateway, ProviderUnavailable
from domain.orders.status import OrderEvent, Status
from domain.payments import unapplied
from domain.payments.shipment_captures import CaptureMode
from domain.payments.transactions import PaymentKind, PaymentPurpose, PaymentStatus, undoing_key
from infra.db.autocommit import autocommit
from infra.db.engine import Database
from infra.db.orders.state import timeline
from infra.db.orders.state.order_state import load_state
from infra.db.payments import change_payments, shipment_captures, transactions
from infra.db.payments.transactions import PaymentIntent, StoredIntent, SuccessEvent, Transaction, stored_of
from infra.settings import EXPIRED_PAYMENT_TIMEOUT_S
from workflows import payloads as m


class PaymentActivities:
    """Steps that call payment providers; `gateways` by name, `default` serves methods that name none."""

    def __init__(
        self,
        database: Database,
        gateways: Mapping[str, PaymentGateway],
        default: str,
        again_s: int = EXPIRED_PAYMENT_TIMEOUT_S,
        capture: CaptureMode = CaptureMode.ORDER,
    ) -> None:
        self._db = database
        self._capture = capture
        self._gateways = gateways
        self._default = default
        self._calls = GatewayCalls(database, gateways, again_s)
        self._refunds = RefundActivities(database, self._calls)

    @oms_activity("authorise_payment")
    async def authorise_payment(self, ref: m.AttemptRef) -> m.OrderView:
        """Authorise the order's total; a decline is a result, not an error."""
        if ref.attempt > 1:
            await self._settle_older(ref)
        async with autocommit(self._db) as conn:
            opened = await transactions.open_authorisation(
                conn, ref.order_no, ref.attempt, self._gateways, self._default
            )
        if opened is None or opened.decided:
            return await self._view(ref.order_no)
        return await self._succeeded(opened, await self._calls.find_or_call(opened), "payment_authorised")

    @oms_activity("check_payment")
    async def check_payment(self, ref: m.AttemptRef) -> m.OrderView:
        """Ask the provider for its decision on a pending authorisation."""
        async with self._db.begin() as conn:
            pending = _find(await transactions.transactions_of(conn, ref.order_no), PaymentKind.AUTHORISE, ref.attempt)
        if pending is not None and pending.status is PaymentStatus.PENDING:
            answer = await self._calls.find_outcome(pending.payment_id)
            if answer is not None and answer.status is not PaymentStatus.PENDING:
                return await self._calls.record(stored_of(pending, ref.order_no), answer)
        return await self._view(ref.order_no)

    @oms_activity("capture_payment")
    async def capture_payment(self, ref: m.AttemptRef) -> m.OrderView:
        """Take what was authorised, or leave it to each fulfilment, as the setting says. A final refusal ends the
        attempt; the authorisation is then given up."""
        if self._capture is CaptureMode.SHIPMENT and (deferred := await self._defer(ref)) is not None:
            return deferred
        async with autocommit(self._db) as conn:
            opened = await transactions.open_capture(conn, ref.order_no, ref.attempt)
        if opened is None or opened.decided:
            return await self._view(ref.order_no)
        return await self._succeeded(opened, await self._calls.find_or_call(opened), OrderEvent.PAYMENT_CAPTURED)

    async def _defer(self, ref: m.AttemptRef) -> m.OrderView | None:
        """The order goes on, and its shipments capture it; None where it is to be captured now."""
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, ref.order_no)
            if not await shipment_captures.defer(conn, ref.order_no, ref.attempt):
                return None
            return await view_of(conn, ref.order_no, check_unapplied=False)

    @oms_activity("return_payment")
    async def return_payment(self, request: m.ReturnRequest) -> m.OrderView:
        """Void what is only authorised, refund what was captured, after asking about every open outcome.

        Unless the scope is "all", the order's own payment is left alone. Raises ProviderUnavailable or a refusal, then
        it parks.
        A decision that the provider makes later delays nothing else; a cancelled order waits for it.
        """
        await self.give_back(request.order_no, everything=request.scope == "all")
        return await self._view(request.order_no)

    async def give_back(self, order_no: str, *, everything: bool) -> None:
        """As `return_payment` does, as a part of another step."""
        async with self._db.begin() as conn:
            waits = await change_payments.is_awaited(conn, order_no)
        for open_one in await self._transactions(order_no):
            # Nothing of a change that was undone is returned before it is known what was captured.
            undone = open_one.purpose == PaymentPurpose.CHANGE_PAYMENT and not waits
            if everything or undone or open_one.purpose == PaymentPurpose.UNAPPLIED:
                await self.settle(order_no, open_one)
        if everything:
            await self._refunds.close_all(order_no)
        known = await self._transactions(order_no)
        for authorisation in await self._to_void(order_no, known, everything=everything):
            await self._void(order_no, authorisation, known)
        for capture in unapplied.captures(known) if everything else unapplied.unapplied_captures(known):
            await self._refund_rest(order_no, capture, known)
        if everything:
            await self._require_decided(order_no)

    # ── parts ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _to_void(self, order_no: str, known: list[Transaction], *, everything: bool) -> list[Transaction]:
        if everything:
            return unapplied.open_authorisations(known)
        async with self._db.begin() as conn:
            state = await load_state(conn, order_no)
        return unapplied.unapplied_authorisations(state.money, known)

    async def _require_decided(self, order_no: str) -> None:
        """Raises ProviderUnavailable while a void or a refund is not decided."""
        for one in await self._transactions(order_no):
            if one.status is PaymentStatus.PENDING and one.kind in (PaymentKind.VOID, PaymentKind.REFUND):
                raise ProviderUnavailable(f"{one.kind}_pending", one.provider)

    async def _settle_older(self, ref: m.AttemptRef) -> None:
        """An earlier attempt whose outcome is unknown is asked for first: only one may hold money."""
        for older in await self._transactions(ref.order_no):
            if older.kind is PaymentKind.AUTHORISE and (older.attempt or 0) < ref.attempt:
                await self.settle(ref.order_no, older)

    async def settle(self, order_no: str, open_one: Transaction) -> None:
        """Find out what became of an intent; one that never reached the provider is closed and its key fenced."""
        unsettled = open_one.status in (PaymentStatus.INTENT, PaymentStatus.PENDING)
        if not unsettled or open_one.kind in (PaymentKind.VOID, PaymentKind.REFUND):
            return
        answer = await self._calls.find_outcome(open_one.payment_id)
        async with self._db.begin() as conn:
            fenced = await transactions.fence(conn, open_one, order_no)
        if answer is None or answer.status is PaymentStatus.PENDING:
            code = "abandoned" if answer is None else "given_up"
            answer = GatewayResult(
                PaymentStatus.FAILED, answer.provider_ref if answer else None, open_one.amount_minor, code
            )
        await self._calls.record(fenced, answer)

    async def _void(self, order_no: str, authorisation: Transaction, known: list[Transaction]) -> None:
        left = unapplied.authorised_left(authorisation, known)
        await self._void_or_refund(order_no, authorisation, left, PaymentKind.VOID, known)

    async def _refund_rest(self, order_no: str, capture: Transaction, known: list[Transaction]) -> None:
        if left := unapplied.left_of(capture, known):
            await self._void_or_refund(order_no, capture, left, PaymentKind.REFUND, known)

    async def _void_or_refund(
        self, order_no: str, parent: Transaction, amount: int, kind: PaymentKind, known: list[Transaction]
    ) -> None:
        ended = [*_children(known, parent, kind, PaymentStatus.FAILED)]
        # Money of a dispute that was won is returned under a key of its own.
        ended += _children(known, parent, kind, PaymentStatus.SUCCEEDED)
        done = len([t for t in ended if t.refund_id is None])
        key = _open_key(known, parent, kind) or undoing_key(
            order_no, kind, parent.provider, parent.provider_ref or "", done + 1
        )
        new = PaymentIntent(
            order_no, amount, parent.currency, key, kind=kind, provider=parent.provider, purpose=parent.purpose,
            attempt=parent.attempt, parent_id=parent.payment_id, parent_ref=parent.provider_ref or "",
        )  # fmt: skip
        await self._calls.void_or_refund(new)

    async def _succeeded(self, stored: StoredIntent, result: GatewayResult, event: str) -> m.OrderView:
        """The outcome of a step: a success is one statement, everything else takes several."""
        if result.status is PaymentStatus.SUCCEEDED:
            timeline_event = _event_of(event, stored.intent)
            async with autocommit(self._db) as conn:
                if await transactions.succeed(conn, stored, result, timeline_event):
                    return await view_of(conn, stored.intent.order_no, check_unapplied=False)
        return await self._calls.record(stored, result)

    async def _transactions(self, order_no: str) -> list[Transaction]:
        async with self._db.begin() as conn:
            return await transactions.transactions_of(conn, order_no)

    async def _view(self, order_no: str) -> m.OrderView:
        async with self._db.begin() as conn:
            return await view_of(conn, order_no)


def _event_of(event: str, new: PaymentIntent) -> SuccessEvent:
    """The event of a success."""
    data = {"amount_minor": new.amount_minor, "attempt": new.attempt}
    if event != OrderEvent.PAYMENT_CAPTURED:
        return SuccessEvent(event, None, None, json.dumps(data))
    waiting = timeline.waiting("carrier", "the carrier is booked")
    return SuccessEvent(event, Status.PENDING_PAYMENT, Status.PAID, json.dumps({**data, "waiting": waiting}))


def _find(known: list[Transaction], kind: PaymentKind, attempt: int) -> Transaction | None:
    return next((t for t in known if t.kind is kind and t.attempt == attempt), None)


def _children(
    known: list[Transaction], parent: Transaction, kind: PaymentKind, status: PaymentStatus
) -> list[Transaction]:
    return [t for t in known if t.parent_id == parent.payment_id and t.kind is kind and t.status is status]


def _open_key(known: list[Transaction], parent: Transaction, kind: PaymentKind) -> str | None:
    """A call that has begun keeps its key."""
    begun = [
        t
        for status in (PaymentStatus.INTENT, PaymentStatus.PENDING)
        for t in _children(known, parent, kind, status)
        if t.refund_id is None
    ]
    return begun[0].idempotency_key if begun else None
