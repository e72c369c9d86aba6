"""When a provider's step parks: after a number of real failures, or after a time.

Temporal counts every attempt, also one that an open circuit refused. For these steps its own limit is off; the number
of real attempts is in the activity's heartbeat, which the next attempt receives.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from infra.settings import Settings
from workflows import ports

STEPS = frozenset(name for name, port in ports.ALL.items() if isinstance(port, ports.GatewayPort))
# At most this much time between two failures counts as waiting for the provider: the worker may have been down.
_LONGEST_GAP_S = 30.0


@dataclass(frozen=True, slots=True)
class Patience:
    """A step parks after this many real failures, or after this many seconds."""

    attempts: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Tried:
    """`failures` of the step's own calls; `waited_s` since the first failure of any kind; `at` is the newest's time."""

    failures: int = 0
    waited_s: float = 0.0
    at: float = 0.0

    def again(self, *, real: bool, now: float) -> "Tried":
        """After one more failure; one that an open circuit caused is not `real`."""
        gap_s = min(max(now - self.at, 0.0), _LONGEST_GAP_S) if self.at else 0.0
        return Tried(self.failures + real, self.waited_s + gap_s, now)


_PATIENCE: ContextVar[Patience | None] = ContextVar("patience", default=None)


class PatienceInterceptor(Interceptor):
    """Lets the activities of a worker know its settings."""

    def __init__(self, settings: Settings) -> None:
        self._patience = Patience(settings.gateway_attempts, settings.gateway_patience_s)

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Inbound(next, self._patience)


class _Inbound(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, patience: Patience) -> None:
        super().__init__(next)
        self._patience = patience

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        _PATIENCE.set(self._patience)
        return await super().execute_activity(input)


def of_this_step() -> Patience | None:
    """The limits of the step that runs; None where Temporal counts the attempts itself."""
    if not activity.in_activity():
        return None
    info = activity.info()
    counted = info.retry_policy is not None and info.retry_policy.maximum_attempts > 0
    return None if counted or info.activity_type not in STEPS else _PATIENCE.get()


def tried_so_far() -> Tried:
    """The attempts before this one; a step that was reset starts from zero."""
    info = activity.info()
    saved = info.heartbeat_details[0] if info.attempt > 1 and info.heartbeat_details else None
    return Tried(**saved) if isinstance(saved, Mapping) else Tried()


def judged(failure: ApplicationError, tried: Tried, patience: Patience) -> ApplicationError:
    """The same failure with the number of real attempts; final when the limit of attempts or of time is reached."""
    over = tried.failures >= patience.attempts or tried.waited_s >= patience.seconds
    provider, _, *cause = failure.details
    return ApplicationError(
        failure.message,
        provider,
        tried.failures,
        *cause,
        type=failure.type,
        non_retryable=failure.non_retryable or over,
        next_retry_delay=failure.next_retry_delay,
    )


def keep(tried: Tried) -> None:
    """Pass it on to the next attempt."""
    activity.heartbeat(asdict(tried))
