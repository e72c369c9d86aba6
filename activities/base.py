"""How an activity fails: codes that Temporal UI can show; final refusals and temporary failures are distinct."""

import functools
import logging
import random
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Concatenate, ParamSpec, TypeVar

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities import retry_limits, retry_log
from domain.errors import RuleBroken
from domain.gateways import GatewayError, ProviderRefused, ProviderUnavailable
from infra.db.engine import Database, PoolExhausted
from infra.db.errors import DatabaseError, StatementFailed, constraint_of, fault_of, sqlstate_of
from infra.db.stock.reservations import StockContended
from infra.observability.metrics import activity_timer
from infra.observability.telemetry import bind_order

_log = logging.getLogger(__name__)
Self = TypeVar("Self")
Out = TypeVar("Out")
P = ParamSpec("P")
LONGEST_PAUSE_S = 15.0
Method = Callable[Concatenate[Self, P], Awaitable[Out]]


def oms_activity(name: str) -> Callable[[Method[Self, P, Out]], Method[Self, P, Out]]:
    """Register a method as the activity `name`; its failures become ApplicationErrors with stable types.

    The error's details are (provider, attempts), and behind an open circuit the failure that keeps it open. No message
    of a provider or of the database goes into a history. A provider's step that fails is recorded in the database,
    and so is every step that fails because of a bug (activities/retry_log.py). A provider's step is final once its
    patience is over (activities/retry_limits.py).
    """

    def decorate(method: Method[Self, P, Out]) -> Method[Self, P, Out]:
        @activity.defn(name=name)
        @functools.wraps(method)
        async def run(self: Self, *args: P.args, **kwargs: P.kwargs) -> Out:
            order_no = getattr(args[0], "order_no", None) if args else None
            database = getattr(self, "_db", None) if order_no else None
            watched = database if activity.in_activity() else None
            # Not undone at the end: Temporal's own line about a failure comes after it, in the same task.
            bind_order(order_no, step=retry_log.STEP_OF.get(name, name), attempt=_attempt())
            with activity_timer(name):
                try:
                    answer = await method(self, *args, **kwargs)
                except (RuleBroken, GatewayError, DatabaseError, PoolExhausted, StockContended) as error:
                    raise await _failed(error, watched, str(order_no)) from None
                except Exception as error:
                    if retry_limits.of_this_step() is None:
                        raise
                    raise await _failed(error, watched, str(order_no)) from error
                if watched is not None:
                    await retry_log.clear(watched, str(order_no))
                return answer

        return run  # type: ignore[return-value]

    return decorate


async def _failed(error: Exception, database: Database | None, order_no: str) -> ApplicationError:
    """The failure of this try, recorded; of a provider's step it is final when its patience is over."""
    failure, given = as_failure(error), retry_limits.of_this_step()
    if given is None or retry_log.is_ours(failure):
        if database is not None:
            await retry_log.record_failure(database, order_no, failure)
        return failure
    tried = retry_limits.tried_so_far().again(real=_is_real(error), now=time.time())
    failure = retry_limits.judged(failure, tried, given)
    if database is not None:
        await retry_log.record_failure(database, order_no, failure, max_attempts=given.attempts)
    retry_limits.keep(tried)
    return failure


def _is_real(error: Exception) -> bool:
    """False when nothing was sent, or only to learn for everybody whether the provider is back."""
    return not (isinstance(error, ProviderUnavailable) and (error.code == "circuit_open" or error.is_probe))


def as_failure(error: Exception) -> ApplicationError:
    """The failure that a workflow sees for `error`."""
    attempt = _attempt()
    match error:
        case RuleBroken():
            return ApplicationError(error.code, "", attempt, type=error.code, non_retryable=True)
        case ProviderRefused():
            return ApplicationError(error.code, error.provider, attempt, type=error.code, non_retryable=True)
        case ProviderUnavailable():
            pause = _pause(error, attempt)
            details = (error.provider, attempt, *([error.cause] if error.cause else []))
            return ApplicationError(error.code, *details, type=error.code, next_retry_delay=pause)
        case DatabaseError() if bug := fault_of(error):
            _log.error(
                "the database rejects a statement of the program",
                extra={"code": bug, "constraint": constraint_of(error)},
            )
            return ApplicationError(bug, "", attempt, type=bug)
        case StatementFailed():
            code = f"database_{sqlstate_of(error) or 'unreachable'}"
            return ApplicationError(code, "postgresql", attempt, type=code)
        case StockContended():
            return ApplicationError("stock_contended", "", attempt, type="stock_contended")
        case DatabaseError() | PoolExhausted():
            return ApplicationError("database_busy", "postgresql", attempt, type="database_busy")
    return ApplicationError(type(error).__name__, "", attempt, type=type(error).__name__)


def _pause(error: ProviderUnavailable, attempt: int) -> timedelta | None:
    """What the provider or the circuit asks for. Behind an open circuit it grows, and differs from order to order:
    thousands that wait shall not all ask every other second."""
    if not error.retry_after_s or error.code != "circuit_open":
        return timedelta(seconds=error.retry_after_s) if error.retry_after_s else None
    grown_s = min(error.retry_after_s * 1.5 ** min(attempt - 1, 20), max(LONGEST_PAUSE_S, error.retry_after_s))
    return timedelta(seconds=grown_s * random.uniform(0.8, 1.0))


def _attempt() -> int:
    return activity.info().attempt if activity.in_activity() else 1
