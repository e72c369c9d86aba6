"""The base of the order workflow: the view, waiting, applying events, publishing the state."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributeUpdate
from temporalio.exceptions import ActivityError, ApplicationError

from domain.orders import cancellation
from domain.orders.holds import HOLDS, HoldKind
from domain.orders.status import Status
from domain.payments.attempts import AttemptState
from domain.payments.receivables import Terms
from domain.shipping.fulfilments import PLANNED_WAITS, FulfilmentKind, FulfilmentStatus
from domain.situations.facts import OpenHold, ParkedStep, PartOfOrder, SituationFacts, Waiting
from domain.situations.situation import situation_of
from domain.situations.wording import sentence, utc
from domain.support.steps import Step
from workflows import names, ports
from workflows import payloads as m

RENEWS_WHILE_WAITING = "renewed-while-waiting"
STATUS = SearchAttributeKey.for_keyword(names.OMS_STATUS)
PARKED_STEP = SearchAttributeKey.for_keyword(names.OMS_STUCK_STEP)
PARKED_ERROR = SearchAttributeKey.for_keyword(names.OMS_STUCK_ERROR)
HOLD = SearchAttributeKey.for_keyword(names.OMS_HOLD)

LONGEST_POLL = timedelta(hours=6)

WAITS: dict[Status, str] = {
    Status.RECEIVED: "stock",
    Status.PENDING_PAYMENT: "payment",
    Status.PREPARING: "pickup",
    Status.SHIPPED: "delivery",
    Status.DELIVERED: "return_window",
}


class CompensationRequested(Exception):
    """The order must not go on; `cause` is a code."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class OrderWorkflowBase:
    """State shared by the mixins. Signals only say where to look: the events are in the database."""

    def __init__(self) -> None:
        self.order_no = ""
        self.policy = m.Policy()
        self.events_pending = self.applying_inbox = False
        self.payment_event_received = False
        self.cancel_requested = False
        self.cancel_refused = False
        self.stock_arrived = False
        self.codes_arrived = False
        self.retry_requested = False
        self.shipment_data_changed = False
        self.booking = False
        self.followed: set[str] = set()
        self.resolution: m.ResolveRequest | None = None
        self.resolving = False
        self._view: m.OrderView | None = None
        self._timer: asyncio.Task[None] | None = None
        self._timer_until = ""
        self._renews: bool | None = None
        self._published: tuple[str, str, str, str] | None = None

    # ── the view ───────────────────────────────────────────────────────────────────────────────────────────

    @property
    def view(self) -> m.OrderView:
        """The state of the order in the database, as last read."""
        assert self._view is not None, "the workflow begins by reading the database"
        return self._view

    @property
    def has_view(self) -> bool:
        """False only until the first activity has answered."""
        return self._view is not None

    @property
    def ref(self) -> m.OrderRef:
        """The order, for activities that derive the rest."""
        return m.OrderRef(self.order_no)

    def update_view(self, view: m.OrderView) -> None:
        """Take a view, unless a newer one is known (updates and the main path run concurrently)."""
        if self._view is None or view.seq >= self._view.seq:
            self._view = view
        if view.policy is not None:
            self.policy = view.policy
        self.events_pending = self.events_pending or view.unheard

    async def wait_until_loaded(self) -> None:
        """Wait until the database was read: an update may arrive with the start."""
        await workflow.wait_condition(lambda: self.has_view)

    async def apply_inbox(self) -> None:
        """Apply the external events that are in the database."""
        self.events_pending, self.applying_inbox = False, True
        try:
            self.update_view(await ports.apply_inbox(self.ref, "apply events"))
        finally:
            self.applying_inbox = False
        self.show()

    def on_cancel_requested(self) -> None:
        """Temporal's own "request cancellation": it takes effect between two steps, as a customer's does."""
        self.cancel_requested = True

    async def handle_cancellation(self) -> None:
        """Undo the order, or refuse: one that has shipped, or is being undone already, goes on."""
        self.cancel_requested = False
        if cancellation.refusal(Status(self.view.status), bool(self.view.cancelling)) is None:
            request = m.CancelRequest(self.order_no, "cancelled_in_temporal", "engineer")
            with suppress(ActivityError, ApplicationError):
                self.update_view(await ports.begin_cancel(request, "cancel: requested in Temporal"))
        if not self.view.cancelling:
            self.cancel_refused = True
            workflow.logger.warning("cancellation from Temporal refused", extra={"code": "not_cancellable"})

    # ── holds ──────────────────────────────────────────────────────────────────────────────────────────────────

    def held(self) -> bool:
        """True when the order would take a step forward now, and a hold stops it."""
        hold = self.view.hold
        if hold is None or not hold.stops or self.view.cancelling:
            return False
        match Status(self.view.status):
            case Status.RECEIVED:
                return self.stock_arrived or not self.view.deadline
            case Status.PENDING_PAYMENT:
                return self.view.attempt_state in (AttemptState.OPEN, AttemptState.AUTHORISED)
            case status:
                return status is Status.PAID

    def holds_parts(self) -> bool:
        """True when a hold stops the parts that are not booked; the others go on."""
        hold = self.view.hold
        stops = hold is not None and hold.stops and not self.view.cancelling
        return stops and Status(self.view.status) is Status.PREPARING

    def hold_due(self) -> bool:
        """True when escalation or the default outcome of a hold has come."""
        return self.view.hold is not None and self.is_past(self.view.hold.due)

    async def process_due_hold(self) -> None:
        """Do what is due on the hold."""
        hold = self.view.hold
        assert hold is not None, "something is due on it"
        due = m.HoldDue(self.order_no, hold.hold_no, hold.act)
        self.update_view(await ports.process_due_hold(due, f"{hold.act} the {hold.kind} hold: its time has come"))

    def until(self, deadline: str) -> str:
        """A deadline, or what is due on a hold before it; empty: neither."""
        due = self.view.hold.due if self.view.hold else ""
        return min((moment for moment in (deadline, due) if moment), default="")

    def due(self) -> m.PendingOperation | None:
        """The pending operation that the main path must execute."""
        return self.view.errand

    @property
    def stuck(self) -> bool:
        """True when a step is parked that the main path waits for."""
        return self.view.parked is not None

    # ── waiting ────────────────────────────────────────────────────────────────────────────────────────────

    def interrupted(self) -> bool:
        """True when something other than the awaited condition must be handled first."""
        called = self.events_pending or self.cancel_requested or bool(self.view.cancelling)
        return called or self.view.stray or self.due() is not None

    async def wait(self, ready: Callable[[], bool], until: str, what: str, *, shared_timer: bool = False) -> bool:
        """Wait for `ready`, an interruption or the deadline `until` (RFC 3339, empty: none); False unless ready.

        With `shared_timer` a timer that fires too early may serve: one timer then follows a parcel through several
        deadlines instead of one cancelled timer each.
        """
        while not (ready() or self._must_yield()):
            if until and self.is_past(until):
                return False
            if self._should_renew():
                self._renew_while_waiting()  # raises ContinueAsNewError
            self._set_timer(until, what, shared_timer)
            await workflow.wait_condition(
                lambda: ready() or self._must_yield() or self._timer_fired() or self._should_renew()
            )
        return ready()

    def _must_yield(self) -> bool:
        due = self.view.cancelling or self.due() is not None
        return self.events_pending or self.cancel_requested or bool(due and not self.stuck)

    def _timer_fired(self) -> bool:
        return self._timer is not None and self._timer.done()

    def has_passed(self, deadline: str) -> bool:
        """True once there is a deadline and it is reached."""
        return bool(deadline) and self.is_past(deadline)

    def is_past(self, until: str) -> bool:
        """True once the deadline is reached."""
        return workflow.now() >= datetime.fromisoformat(until)

    def _set_timer(self, until: str, what: str, shared: bool) -> None:
        running = self._timer is not None and not self._timer.done()
        if running and until and (self._timer_until == until or (shared and self._timer_until <= until)):
            return
        if running and self._timer is not None:
            self._timer.cancel()
        self._timer = self._start_timer(until, what) if until else None
        self._timer_until = until

    def _start_timer(self, until: str, what: str) -> asyncio.Task[None]:
        left = max(datetime.fromisoformat(until) - workflow.now(), timedelta(milliseconds=1))
        return asyncio.create_task(workflow.sleep(left, summary=f"waiting for {what} until {until[:19]}Z"))

    def poll_interval(self, since: datetime) -> timedelta:
        """How long to wait before a provider that decides later is polled again: the interval grows."""
        least = timedelta(seconds=self.policy.payment_poll_s)
        return min(max(workflow.now() - since, least), max(LONGEST_POLL, least))

    def renew_if_long(self, start: m.StartOrder) -> None:
        """Start a new run from the database before the history grows too long."""
        waiting = self.stock_arrived and self.view.status == Status.RECEIVED
        if workflow.info().is_continue_as_new_suggested() and self._idle() and not waiting:
            workflow.continue_as_new(start)

    def _idle(self) -> bool:
        """True if everything in this run is also in the database."""
        pending = self.events_pending or self.cancel_requested or self.resolution or self.resolving
        return not pending and workflow.all_handlers_finished()

    def _should_renew(self) -> bool:
        """True when this run should end though the order goes on waiting. A run takes 2,000 updates, and those that are
        refused count; the next one begins with the stock, if that is what came."""
        return self._renews is not False and workflow.info().is_continue_as_new_suggested() and self._idle()

    def _renew_while_waiting(self) -> None:
        """Asked only when it is time: the mark that a patch leaves is an event."""
        if self._renews is None:
            self._renews = workflow.patched(RENEWS_WHILE_WAITING)
        if self._renews:
            workflow.continue_as_new(m.StartOrder(self.order_no))

    # ── showing ────────────────────────────────────────────────────────────────────────────────────────────

    def show(self) -> None:
        """Tell Temporal UI: search attributes only when they change (each costs an event), details always."""
        parked = self.view.parked
        hold = self.view.hold.kind if self.view.hold else ""
        now = (self.view.status, parked.step if parked else "", parked.error if parked else "", hold)
        if now != self._published:
            self._upsert(now, self._published or (Status.RECEIVED, "", "", ""))
            self._published = now
        workflow.set_current_details(self._details())

    def _upsert(self, now: tuple[str, ...], before: tuple[str, ...]) -> None:
        keys = (STATUS, PARKED_STEP, PARKED_ERROR, HOLD)
        changes: list[SearchAttributeUpdate[str]] = []
        for key, value, known in zip(keys, now, before, strict=True):
            if value != known:
                changes.append(key.value_set(value) if value else key.value_unset())
        if changes:
            workflow.upsert_search_attributes(changes)

    def _details(self) -> str:
        """Markdown for Temporal UI's current details."""
        view = self.view
        lines = [f"**{view.status}**", sentence(situation_of(self._situation_facts()), "en", utc)]
        if view.parked:
            lines.append(f"Support can: {', '.join(view.parked.options)}, in the console, by `oms stuck` or HTTP")
        if self.cancel_refused:
            lines.append("a cancellation requested in Temporal was refused: the order could not be cancelled then")
        if view.attempt:
            lines.append(f"payment attempt {view.attempt}: {view.attempt_state}")
        for part in view.fulfilments:
            lines.append(
                f"fulfilment {part.number} of {len(view.fulfilments)}, warehouse {part.warehouse}: {part.status}"
            )
        if view.parcel and not view.fulfilments:
            lines.append(f"parcel: {view.parcel}")
        if view.returns:
            lines.append(f"open returns: {', '.join(names.return_workflow(one) for one in view.returns)}")
        return "\n\n".join(lines)

    def _situation_facts(self) -> SituationFacts:
        """What the workflow knows of where the order stands; the rest is in the database alone."""
        view, parked, hold = self.view, self.view.parked, self.view.hold
        return SituationFacts(
            Status(view.status),
            view.cancelling or None,
            self._awaited(),
            OpenHold(HoldKind(hold.kind), HOLDS[HoldKind(hold.kind)].owner, hold.due)
            if hold and (self.held() or self.holds_parts())
            else None,
            ParkedStep(Step(parked.step), parked.error, 0, part=self._number_of(parked.subject)) if parked else None,
            parts=tuple(
                PartOfOrder(part.number, FulfilmentStatus(part.status), FulfilmentKind(part.kind))
                for part in view.fulfilments
            ),
        )

    def _number_of(self, fulfilment_id: str) -> int:
        """0 where a step is about the order as a whole."""
        return next((part.number for part in self.view.fulfilments if part.id == fulfilment_id), 0)

    def _awaited(self) -> Waiting | None:
        """What is waited for, where the status alone does not say it."""
        status, view = Status(self.view.status), self.view
        if status is Status.SHIPPED and view.reship:
            return Waiting("pickup" if view.parcel not in ("", "booking") else "carrier", view.deadline)
        if status is Status.DELIVERED and view.returns and self.has_passed(view.deadline):
            return Waiting("returns")
        if status is Status.DELIVERED and view.terms == Terms.OWED and self.has_passed(view.deadline):
            return Waiting("terms_payment")
        if status in (Status.PAID, Status.PREPARING) and (planned := self._last_planned()):
            return planned
        untried = status is Status.RECEIVED and not view.deadline
        what = None if untried else WAITS.get(status)
        return Waiting(what, view.deadline) if what else None

    def _last_planned(self) -> Waiting | None:
        """What its planned parts wait for, once nothing else of the order is on its way."""
        over = (FulfilmentStatus.DELIVERED, FulfilmentStatus.CANCELLED)
        open_ones = [part for part in self.view.fulfilments if part.status not in over]
        waits = open_ones and all(part.status == FulfilmentStatus.PLANNED for part in open_ones)
        if not waits:
            return None
        kind = next(kind for kind in PLANNED_WAITS if any(part.kind == kind for part in open_ones))
        return Waiting(PLANNED_WAITS[kind], next(part.deadline for part in open_ones if part.kind == kind))

    # ── what comes from outside ────────────────────────────────────────────────────────────────────────────

    @workflow.signal(
        name=names.PAYMENT_NOTIFIED, description="The payment provider reported an event; it is in the database"
    )
    def payment_notified(self, payload: Any = None) -> None:
        self.events_pending = self.payment_event_received = True

    @workflow.signal(name=names.CARRIER_REPORTED, description="The carrier reported an event; it is in the database")
    def carrier_reported(self, payload: Any = None) -> None:
        self.events_pending = True

    @workflow.signal(name=names.STOCK_ARRIVED, description="A receipt may let a backorder go on")
    def on_stock_arrived(self, payload: Any = None) -> None:
        self.stock_arrived = self.codes_arrived = True

    @workflow.signal(name=names.HOLD_CHANGED, description="A hold was placed or released; it is in the database")
    def on_hold_changed(self, payload: Any = None) -> None:
        self.events_pending = True

    @workflow.signal(name=names.AFTER_SALES, description="Something was decided for this order; it is in the database")
    def on_after_sales(self, payload: Any = None) -> None:
        self.events_pending = True
        # A return whose own workflow is not there (any more) is started again.
        if isinstance(payload, dict) and payload.get("unfollowed"):
            self.followed.discard(str(payload["unfollowed"]))

    @workflow.signal(name=names.ORDER_CHANGED, description="Address, lines or note were changed; it is in the database")
    def on_order_changed(self, payload: Any = None) -> None:
        """What was short may now be there, and what the carrier refused may now be right: both are tried again."""
        self.events_pending = True
        what = payload.get("what", []) if isinstance(payload, dict) else []
        if not self.has_view or self.view.status == Status.RECEIVED:
            self.stock_arrived = True
        self.shipment_data_changed = self.shipment_data_changed or "address" in what or "lines" in what

    @workflow.signal(name=names.RETRY_PARKED, description="Retry the parked step (batch operations cannot update)")
    def on_retry_parked(self, payload: Any = None) -> None:
        self.retry_requested = self.has_view and self.view.parked is not None
