"""What every chapter of an order's story stands on: the view, waiting, hearing news, showing where it stands."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributeUpdate
from temporalio.exceptions import ActivityError, ApplicationError

from domain.orders import cancellation
from domain.orders.status import Status
from domain.payments.attempts import AttemptState
from domain.support.steps import STEPS, Step
from workflows import names, ports
from workflows import payloads as m

RENEWS_WHILE_WAITING = "renewed-while-waiting"
STATUS = SearchAttributeKey.for_keyword(names.OMS_STATUS)
STUCK_STEP = SearchAttributeKey.for_keyword(names.OMS_STUCK_STEP)
STUCK_ERROR = SearchAttributeKey.for_keyword(names.OMS_STUCK_ERROR)
HOLD = SearchAttributeKey.for_keyword(names.OMS_HOLD)

LONGEST_POLL = timedelta(hours=6)

WAITS: dict[str, str] = {
    Status.RECEIVED: "stock",
    Status.PENDING_PAYMENT: "payment",
    Status.PAID: "the carrier's booking",
    Status.PREPARING: "the carrier to pick up",
    Status.SHIPPED: "the carrier to deliver",
    Status.DELIVERED: "the return window to close",
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
        self.news = self.hearing = False
        self.paid_news = False
        self.cancel_asked = False
        self.cancel_refused = False
        self.stock_arrived = False
        self.retry_asked = False
        self.reworded = False
        self.booking = False
        self.followed: set[str] = set()
        self.resolution: m.ResolveRequest | None = None
        self.resolving = False
        self._view: m.OrderView | None = None
        self._timer: asyncio.Task[None] | None = None
        self._timer_until = ""
        self._renews: bool | None = None
        self._shown: tuple[str, str, str, str] | None = None

    # ── the view ───────────────────────────────────────────────────────────────────────────────────────────

    @property
    def view(self) -> m.OrderView:
        """The state of the order in the database, as last read."""
        assert self._view is not None, "the story begins by reading the books"
        return self._view

    @property
    def has_view(self) -> bool:
        """False only until the first activity has answered."""
        return self._view is not None

    @property
    def ref(self) -> m.OrderRef:
        """The order, for activities that derive the rest."""
        return m.OrderRef(self.order_no)

    def adopt(self, view: m.OrderView) -> None:
        """Take a view, unless a newer one is known (updates and the story run side by side)."""
        if self._view is None or view.seq >= self._view.seq:
            self._view = view
        if view.policy is not None:
            self.policy = view.policy
        self.news = self.news or view.unheard

    async def loaded(self) -> None:
        """Wait until the database was read: an update may arrive with the start."""
        await workflow.wait_condition(lambda: self.has_view)

    async def hear(self) -> None:
        """Apply the external events that are in the database."""
        self.news, self.hearing = False, True
        try:
            self.adopt(await ports.apply_news(self.ref, "apply news"))
        finally:
            self.hearing = False
        self.show()

    def on_cancel_asked(self) -> None:
        """Temporal's own "request cancellation": it takes effect between two steps, as a customer's does."""
        self.cancel_asked = True

    async def answer_cancellation(self) -> None:
        """Undo the order, or refuse: one that has shipped, or is being undone already, goes on."""
        self.cancel_asked = False
        if cancellation.refusal(Status(self.view.status), bool(self.view.cancelling)) is None:
            request = m.CancelRequest(self.order_no, "cancelled_in_temporal", "engineer")
            with suppress(ActivityError, ApplicationError):
                self.adopt(await ports.begin_cancel(request, "cancel: asked in Temporal"))
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

    def hold_due(self) -> bool:
        """True when escalation or the default outcome of a hold has come."""
        return self.view.hold is not None and self.passed(self.view.hold.due)

    async def tend_hold(self) -> None:
        """Do what is due on the hold."""
        hold = self.view.hold
        assert hold is not None, "something is due on it"
        due = m.HoldDue(self.order_no, hold.hold_no, hold.act)
        self.adopt(await ports.tend_hold(due, f"{hold.act} the {hold.kind} hold: its time has come"))

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
        """True when something other than the awaited thing needs the story's attention first."""
        called = self.news or self.cancel_asked or bool(self.view.cancelling)
        return called or self.view.stray or self.due() is not None

    async def wait(self, ready: Callable[[], bool], until: str, what: str, *, shared_timer: bool = False) -> bool:
        """Wait for `ready`, an interruption or the deadline `until` (RFC 3339, empty: none); False unless ready.

        With `shared_timer` a timer that fires too early may serve: one timer then follows a parcel through several
        deadlines instead of one cancelled timer each.
        """
        while not (ready() or self._called_away()):
            if until and self.passed(until):
                return False
            if self._worn():
                self._renew_while_waiting()  # raises ContinueAsNewError
            self._set_timer(until, what, shared_timer)
            await workflow.wait_condition(lambda: ready() or self._called_away() or self._timer_fired() or self._worn())
        return ready()

    def _called_away(self) -> bool:
        due = self.view.cancelling or self.due() is not None
        return self.news or self.cancel_asked or bool(due and not self.stuck)

    def _timer_fired(self) -> bool:
        return self._timer is not None and self._timer.done()

    def over(self, deadline: str) -> bool:
        """True once there is a deadline and it is reached."""
        return bool(deadline) and self.passed(deadline)

    def passed(self, until: str) -> bool:
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

    def until_asked_again(self, since: datetime) -> timedelta:
        """How long a provider that decides later is left alone: it is asked ever less often."""
        least = timedelta(seconds=self.policy.payment_poll_s)
        return min(max(workflow.now() - since, least), max(LONGEST_POLL, least))

    def renew_if_long(self, start: m.StartOrder) -> None:
        """Start a new run from the database before the history grows too long."""
        waiting = self.stock_arrived and self.view.status == Status.RECEIVED
        if workflow.info().is_continue_as_new_suggested() and self._idle() and not waiting:
            workflow.continue_as_new(start)

    def _idle(self) -> bool:
        """True if everything in this run is also in the database."""
        told = self.news or self.cancel_asked or self.resolution or self.resolving
        return not told and workflow.all_handlers_finished()

    def _worn(self) -> bool:
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
        if now != self._shown:
            self._upsert(now, self._shown or (Status.RECEIVED, "", "", ""))
            self._shown = now
        workflow.set_current_details(self._details())

    def _upsert(self, now: tuple[str, ...], before: tuple[str, ...]) -> None:
        keys = (STATUS, STUCK_STEP, STUCK_ERROR, HOLD)
        changes: list[SearchAttributeUpdate[str]] = []
        for key, value, known in zip(keys, now, before, strict=True):
            if value != known:
                changes.append(key.value_set(value) if value else key.value_unset())
        if changes:
            workflow.upsert_search_attributes(changes)

    def _details(self) -> str:
        """Markdown for Temporal UI's current details."""
        view = self.view
        lines = [f"**{view.status}**" + (f", being undone: {view.cancelling}" if view.cancelling else "")]
        if view.parked:
            rule = STEPS[Step(view.parked.step)]
            lines.append(f"**STUCK**: could not {rule.words}: `{view.parked.error}`")
            lines.append(f"Support can: {', '.join(view.parked.options)}, with `oms stuck` or over HTTP")
        elif self.held() and view.hold:
            lines.append(f"**HELD** ({view.hold.kind}): {view.hold.act} at {view.hold.due[:19]}Z unless it is released")
        elif view.status in WAITS:
            until = f" until {view.deadline[:19]}Z" if view.deadline else ""
            lines.append(f"waits for {'money and stock to go back' if view.cancelling else WAITS[view.status] + until}")
        if self.cancel_refused:
            lines.append("a cancellation asked for in Temporal was refused: the order could not be cancelled then")
        if view.attempt:
            lines.append(f"payment attempt {view.attempt}: {view.attempt_state}")
        if view.parcel:
            lines.append(f"parcel: {view.parcel}")
        if view.returns:
            lines.append(f"open returns: {', '.join(names.return_workflow(one) for one in view.returns)}")
        return "\n\n".join(lines)

    # ── what comes from outside ────────────────────────────────────────────────────────────────────────────

    @workflow.signal(name=names.PAYMENT_NOTIFIED, description="The payment provider told something; it is in the books")
    def payment_notified(self, payload: Any = None) -> None:
        self.news = self.paid_news = True

    @workflow.signal(name=names.CARRIER_REPORTED, description="The carrier told something; it is in the books")
    def carrier_reported(self, payload: Any = None) -> None:
        self.news = True

    @workflow.signal(name=names.STOCK_ARRIVED, description="A receipt may let a backorder go on")
    def on_stock_arrived(self, payload: Any = None) -> None:
        self.stock_arrived = True

    @workflow.signal(name=names.HOLD_CHANGED, description="A hold was put on or released; it is in the books")
    def on_hold_changed(self, payload: Any = None) -> None:
        self.news = True

    @workflow.signal(name=names.AFTER_SALES, description="Something was decided for this order; it is in the books")
    def on_after_sales(self, payload: Any = None) -> None:
        self.news = True
        # A return whose own workflow is not there (any more) is followed anew.
        if isinstance(payload, dict) and payload.get("unfollowed"):
            self.followed.discard(str(payload["unfollowed"]))

    @workflow.signal(name=names.ORDER_CHANGED, description="Address, lines or note were changed; it is in the books")
    def on_order_changed(self, payload: Any = None) -> None:
        """What was short may now be there, and what the carrier refused may now be right: both are tried again."""
        self.news = True
        what = payload.get("what", []) if isinstance(payload, dict) else []
        if not self.has_view or self.view.status == Status.RECEIVED:
            self.stock_arrived = True
        self.reworded = self.reworded or "address" in what or "lines" in what

    @workflow.signal(name=names.RETRY_PARKED, description="Retry the parked step (batch operations cannot update)")
    def on_retry_parked(self, payload: Any = None) -> None:
        self.retry_asked = self.has_view and self.view.parked is not None
