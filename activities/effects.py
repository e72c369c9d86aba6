"""How an activity fails: codes that Temporal UI can show, final refusals told from passing weather."""

import functools
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities import failing
from domain.errors import RuleBroken
from infra.db.engine import PoolExhausted
from infra.db.faults import constraint_of, fault_of
from infra.db.reservations import StockGone
from infra.gateways.protocol import GatewayError, ProviderRefused, ProviderUnavailable
from infra.metrics import activity_timer
from infra.telemetry import bind_order

_log = logging.getLogger(__name__)
Self = TypeVar("Self")
Out = TypeVar("Out")
P = ParamSpec("P")
Method = Callable[Concatenate[Self, P], Awaitable[Out]]


def effect(name: str) -> Callable[[Method[Self, P, Out]], Method[Self, P, Out]]:
    """Register a method as the activity `name`; its failures become ApplicationErrors with stable types.

    The error's details are (provider, attempt), and behind an open circuit the failure that keeps it open. No message
    of a provider or of the database goes into a history. A provider's step that fails is recorded in the books, and so
    is every step that fails by a fault of the program (activities/failing.py).
    """

    def decorate(method: Method[Self, P, Out]) -> Method[Self, P, Out]:
        @activity.defn(name=name)
        @functools.wraps(method)
        async def run(self: Self, *args: P.args, **kwargs: P.kwargs) -> Out:
            order_no = getattr(args[0], "order_no", None) if args else None
            database = getattr(self, "_db", None) if order_no else None
            # Not undone at the end: Temporal's own line about a failure comes after it, in the same task.
            bind_order(order_no, step=failing.STEP_OF.get(name, name), attempt=_attempt())
            with activity_timer(name):
                try:
                    answer = await method(self, *args, **kwargs)
                except (RuleBroken, GatewayError, SQLAlchemyError, PoolExhausted, StockGone) as error:
                    failure = as_failure(error)
                    if database is not None and activity.in_activity():
                        await failing.failed(database, str(order_no), failure)
                    raise failure from None
                if database is not None and activity.in_activity():
                    await failing.went_through(database, str(order_no))
                return answer

        return run  # type: ignore[return-value]

    return decorate


def as_failure(error: Exception) -> ApplicationError:
    """The failure that a workflow sees for `error`."""
    attempt = _attempt()
    match error:
        case RuleBroken():
            return ApplicationError(error.code, "", attempt, type=error.code, non_retryable=True)
        case ProviderRefused():
            return ApplicationError(error.code, error.provider, attempt, type=error.code, non_retryable=True)
        case ProviderUnavailable():
            pause = timedelta(seconds=error.retry_after_s) if error.retry_after_s else None
            said = (error.provider, attempt, *([error.cause] if error.cause else []))
            return ApplicationError(error.code, *said, type=error.code, next_retry_delay=pause)
        case DBAPIError() if bug := fault_of(error):
            _log.error(
                "the books refuse what the program wants", extra={"code": bug, "constraint": constraint_of(error)}
            )
            return ApplicationError(bug, "", attempt, type=bug)
        case DBAPIError():
            code = f"database_{getattr(error.orig, 'sqlstate', None) or 'unreachable'}"
            return ApplicationError(code, "postgresql", attempt, type=code)
        case StockGone():
            return ApplicationError("stock_contended", "", attempt, type="stock_contended")
    return ApplicationError("database_busy", "postgresql", attempt, type="database_busy")


def _attempt() -> int:
    return activity.info().attempt if activity.in_activity() else 1
