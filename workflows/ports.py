"""The activities that workflows call: names, inputs, outputs, time-outs, retries.

`activities/` implements the same names; tests/test_ports.py compares the two.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, TimeoutError, is_cancelled_exception

from workflows import payloads as m

In = TypeVar("In")
Out = TypeVar("Out")

# A step that touches only PostgreSQL tries locally this long, then goes on where it can be seen, without limit.
_LOCAL = timedelta(seconds=5)
_LOCAL_RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_attempts=3)
_LONGEST_BACKOFF = timedelta(seconds=15)
_ENDLESS = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=_LONGEST_BACKOFF)
_WAITS = ": waits for the database"
_AGAIN = ": again, our own side failed"
_BUG = ": fails by a fault of the program"


@dataclass(frozen=True)
class DatabasePort(Generic[In, Out]):
    """A step that touches only PostgreSQL: one transaction, keyed, safe to repeat."""

    name: str
    takes: type[In]
    gives: type[Out]

    async def __call__(self, arg: In, summary: str | None = None) -> Out:
        """Run it; an unreachable database never fails it. A refusal raises ActivityError or ApplicationError.

        What fails by a fault of the program is repeated until the program is corrected, and shown as such.
        """
        try:
            result: Out = await workflow.execute_local_activity(
                self.name,
                arg,
                result_type=self.gives,
                start_to_close_timeout=_LOCAL,
                schedule_to_close_timeout=_LOCAL,
                retry_policy=_LOCAL_RETRY,
                summary=summary,
            )
        except FailureError as error:
            # A local activity's own failure comes without an ActivityError around it.
            if is_refusal(error) or is_cancelled_exception(error):
                raise
            why = _BUG if is_bug(error) else _WAITS
        else:
            return result
        visible: Out = await workflow.execute_activity(
            self.name,
            arg,
            result_type=self.gives,
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=_ENDLESS,
            summary=f"{summary or self.name}{why}",
        )
        return visible


@dataclass(frozen=True)
class GatewayPort(Generic[In, Out]):
    """A step with a provider's call inside: intent, call, outcome."""

    name: str
    takes: type[In]
    gives: type[Out]

    async def __call__(self, arg: In, policy: m.Policy, summary: str) -> Out:
        """Run it. Raises ActivityError when the provider refuses for good or the step's patience is over.

        The activity itself counts (activities/retry_limits.py): what our own side failed, and what an open circuit kept
        back, is no attempt. One that was begun when Temporal counted gets as many attempts again, without end.
        """
        # Temporal takes no retry policy whose first pause is longer than its longest.
        backoff_s = min(policy.gateway_backoff_s, _LONGEST_BACKOFF.total_seconds())
        while True:
            try:
                return await self._attempts(arg, policy, backoff_s, summary)
            except ActivityError as error:
                if not is_ours(error):
                    raise
            backoff_s = min(backoff_s * 2**policy.gateway_attempts, _LONGEST_BACKOFF.total_seconds())
            summary = f"{summary.removesuffix(_AGAIN)}{_AGAIN}"

    async def _attempts(self, arg: In, policy: m.Policy, backoff_s: float, summary: str) -> Out:
        result: Out = await workflow.execute_activity(
            self.name,
            arg,
            result_type=self.gives,
            # The call itself, the question about an earlier one, and the two transactions around them.
            start_to_close_timeout=timedelta(seconds=3 * policy.gateway_timeout_s + 10),
            retry_policy=RetryPolicy(
                initial_interval=timedelta(seconds=backoff_s),
                maximum_interval=_LONGEST_BACKOFF,
            ),
            summary=summary,
        )
        return result


@dataclass(frozen=True)
class JobPort(Generic[In, Out]):
    """A long activity that heartbeats and is repeated until it is through."""

    name: str
    takes: type[In]
    gives: type[Out]

    async def __call__(self, arg: In, summary: str) -> Out:
        """Run it without limit of attempts."""
        result: Out = await workflow.execute_activity(
            self.name,
            arg,
            result_type=self.gives,
            start_to_close_timeout=timedelta(hours=1),
            heartbeat_timeout=timedelta(seconds=30),
            retry_policy=_ENDLESS,
            summary=summary,
        )
        return result


def is_refusal(error: FailureError) -> bool:
    """True when the rules (not a temporary failure) refused."""
    cause = error.cause if isinstance(error, ActivityError) else error
    return isinstance(cause, ApplicationError) and cause.non_retryable


def is_bug(error: FailureError) -> bool:
    """True if the database refused a statement because of a bug: a retry does not help."""
    cause = error.cause if isinstance(error, ActivityError) else error
    return isinstance(cause, ApplicationError) and (cause.type or "").startswith("bug_")


def is_ours(error: ActivityError) -> bool:
    """True when our own side failed, not the provider: the database, or a worker that died or stood still.

    A provider's silence is no activity time-out: its calls are bounded well below that. A fault of the program
    (`bug_…`) is not meant: it parks.
    """
    cause = error.cause
    if isinstance(cause, ApplicationError):
        return (cause.type or "").startswith("database_")
    return isinstance(cause, TimeoutError)


# Reading and changing the database.
load_order = DatabasePort("load_order", m.OrderRef, m.OrderView)
expire_backorder = DatabasePort("expire_backorder", m.OrderRef, m.OrderView)
reserve_stock = DatabasePort("reserve_stock", m.OrderRef, m.OrderView)
apply_inbox = DatabasePort("apply_news", m.OrderRef, m.OrderView)
open_payment = DatabasePort("open_payment", m.PayRequest, m.OrderView)
expire_payment = DatabasePort("expire_payment", m.OrderRef, m.OrderView)
begin_cancel = DatabasePort("begin_cancel", m.CancelRequest, m.OrderView)
refuse_cancel = DatabasePort("refuse_cancel", m.OrderRef, m.OrderView)
finish_cancel = DatabasePort("finish_cancel", m.OrderRef, m.OrderView)
reserve_fulfilment = DatabasePort("reserve_fulfilment", m.FulfilmentRef, m.OrderView)
expire_fulfilment = DatabasePort("expire_fulfilment", m.FulfilmentRef, m.OrderView)
deliver_virtual = DatabasePort("deliver_virtual", m.FulfilmentRef, m.OrderView)
complete_order = DatabasePort("complete_order", m.OrderRef, m.OrderView)
park_step = DatabasePort("park_step", m.ParkRequest, m.OrderView)
unpark_step = DatabasePort("unpark_step", m.UnparkRequest, m.OrderView)
adjust_order = DatabasePort("adjust_order", m.AdjustRequest, m.OrderView)
process_due_hold = DatabasePort("tend_hold", m.HoldDue, m.OrderView)
escalate_step = DatabasePort("escalate_step", m.OrderRef, m.OrderView)
postpone_renewal = DatabasePort("put_off_renewal", m.RenewalRef, m.OrderView)

load_return = DatabasePort("load_return", m.ReturnRef, m.ReturnView)
process_due_return = DatabasePort("tend_return", m.ReturnActionDue, m.ReturnView)
fail_return_label = DatabasePort("fail_return_label", m.LabelFailed, m.ReturnView)

load_transfer = DatabasePort("load_transfer", m.TransferRef, m.TransferView)
remind_transfer = DatabasePort("remind_transfer", m.TransferRef, m.TransferView)

# Providers.
authorise_payment = GatewayPort("authorise_payment", m.AttemptRef, m.OrderView)
capture_payment = GatewayPort("capture_payment", m.AttemptRef, m.OrderView)
capture_fulfilment = GatewayPort("capture_fulfilment", m.FulfilmentCaptureRef, m.OrderView)
check_payment = GatewayPort("check_payment", m.AttemptRef, m.OrderView)
return_payment = GatewayPort("return_payment", m.ReturnRequest, m.OrderView)
process_due_guarantee = GatewayPort("tend_guarantee", m.GuaranteeRef, m.OrderView)
renew_authorisation = GatewayPort("renew_authorisation", m.RenewalRef, m.OrderView)
settle_receivable = GatewayPort("settle_receivable", m.AttemptRef, m.OrderView)
process_due_change_payment = GatewayPort("tend_supplement", m.ChangePaymentRef, m.OrderView)
pay_refund = GatewayPort("pay_refund", m.RefundRef, m.OrderView)
book_shipment = GatewayPort("book_shipment", m.OrderRef, m.OrderView)
book_fulfilment = GatewayPort("book_fulfilment", m.FulfilmentRef, m.OrderView)
stop_fulfilment = GatewayPort("stop_fulfilment", m.FulfilmentRef, m.OrderView)
recall_fulfilment = GatewayPort("recall_fulfilment", m.FulfilmentRef, m.OrderView)
book_return_label = GatewayPort("book_return_label", m.ReturnRef, m.ReturnView)
cancel_return_label = GatewayPort("cancel_return_label", m.ReturnRef, m.ReturnView)
cancel_shipment = GatewayPort("cancel_shipment", m.OrderRef, m.OrderView)
stop_replacement = GatewayPort("stop_replacement", m.OrderRef, m.OrderView)

# Bulk operations.
resolve_slice = JobPort("resolve_slice", m.StartJob, m.JobSlice)

ALL: dict[str, DatabasePort[Any, Any] | GatewayPort[Any, Any] | JobPort[Any, Any]] = {
    port.name: port for port in list(globals().values()) if isinstance(port, DatabasePort | GatewayPort | JobPort)
}
