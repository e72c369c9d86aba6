"""The record of steps that fail and are retried. Only a failure writes, and only a successful retry deletes.

Of the steps that use only the database, only those that fail because of a bug are recorded: without a database there
is nothing to write to.
"""

import contextlib
from datetime import timedelta

from temporalio import activity
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

from domain.support.steps import Step
from infra.db.autocommit import autocommit
from infra.db.engine import Database, PoolExhausted
from infra.db.errors import PREFIX, DatabaseError
from infra.db.support import retrying_steps
from infra.db.support.retrying_steps import Attempt
from workflows.failures import circuit_cause

# The activities that call a provider, and the step that support knows them by.
STEP_OF: dict[str, Step] = {
    "authorise_payment": Step.AUTHORISE,
    "check_payment": Step.AUTHORISE,
    "capture_payment": Step.CAPTURE,
    "capture_fulfilment": Step.CAPTURE,
    "return_payment": Step.RETURN_PAYMENT,
    "pay_refund": Step.REFUND,
    "tend_guarantee": Step.GUARANTEE,
    "renew_authorisation": Step.AUTHORISE,
    "tend_supplement": Step.SUPPLEMENT,
    "settle_receivable": Step.AUTHORISE,
    "book_shipment": Step.BOOK,
    "book_fulfilment": Step.BOOK,
    "cancel_shipment": Step.CANCEL_SHIPMENT,
    "recall_fulfilment": Step.CANCEL_SHIPMENT,
    "stop_fulfilment": Step.CANCEL_SHIPMENT,
    "stop_replacement": Step.CANCEL_SHIPMENT,
}
_OURS = "database_"


def is_ours(failure: ApplicationError) -> bool:
    """True when the database was away, or busy: no fault of the provider's."""
    return (failure.type or "").startswith(_OURS)


async def record_failure(database: Database, order_no: str, failure: ApplicationError, max_attempts: int = 0) -> None:
    """Store a failed attempt that will be repeated; delete one that will not. An unavailable database is not recorded.

    With `max_attempts` the failure says how many were made; a call that an open circuit breaker blocked is none.
    """
    info = activity.info()
    code = failure.type or "unexpected"
    recorded = code.startswith(PREFIX) if info.activity_type not in STEP_OF else not is_ours(failure)
    if not recorded or info.is_local:
        return
    policy = info.retry_policy or RetryPolicy()
    used_up = bool(policy.maximum_attempts) and info.attempt >= policy.maximum_attempts
    if failure.non_retryable or used_up:
        await _forget(database, order_no, info.activity_type)
        return
    pause = failure.next_retry_delay or pause_after(info.attempt, policy)
    attempt = Attempt(
        order_no=order_no,
        activity=info.activity_type,
        step=STEP_OF.get(info.activity_type, info.activity_type),
        error=circuit_cause(failure.details) or code,
        provider=str(failure.details[0]) if failure.details else "",
        attempt=max(int(failure.details[1]), 1) if max_attempts else info.attempt,
        max_attempts=max_attempts or policy.maximum_attempts,
        pause_s=pause.total_seconds(),
    )
    with contextlib.suppress(DatabaseError, PoolExhausted):
        async with autocommit(database) as conn:
            await retrying_steps.note(conn, attempt)


async def clear(database: Database, order_no: str) -> None:
    """A repeat succeeded. A first attempt that does costs nothing."""
    info = activity.info()
    if not info.is_local and info.attempt > 1:
        await _forget(database, order_no, info.activity_type)


def pause_after(attempt: int, policy: RetryPolicy) -> timedelta:
    """How long the server waits after this attempt."""
    pause_s = policy.initial_interval.total_seconds() * policy.backoff_coefficient ** min(attempt - 1, 60)
    longest = policy.maximum_interval or 100 * policy.initial_interval
    return min(timedelta(seconds=min(pause_s, longest.total_seconds())), longest)


async def _forget(database: Database, order_no: str, name: str) -> None:
    with contextlib.suppress(DatabaseError, PoolExhausted):
        async with autocommit(database) as conn:
            await retrying_steps.forget(conn, order_no, name)
