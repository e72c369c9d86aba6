"""How long a provider's step goes on trying before it parks: so many real failures, or so long.

Temporal counts every try alike, also one that an open circuit kept back. For these steps its own limit is off; what was
really tried travels in the activity's heartbeat, which the next try is given.
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
# Between two failures no more than this counts as waiting for the provider: a worker may have been away meanwhile.
_LONGEST_GAP_S = 30.0


@dataclass(frozen=True, slots=True)
class Patience:
    """A step parks at so many real failures, or after trying for so many seconds."""

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
    """The patience of the step that runs; None where Temporal counts the tries itself."""
    if not activity.in_activity():
        return None
    info = activity.info()
    counted = info.retry_policy is not None and info.retry_policy.maximum_attempts > 0
    return None if counted or info.activity_type not in STEPS else _PATIENCE.get()


def tried_so_far() -> Tried:
    """What the tries before this one were; a step that was reset begins anew."""
    info = activity.info()
    saved = info.heartbeat_details[0] if info.attempt > 1 and info.heartbeat_details else None
    return Tried(**saved) if isinstance(saved, Mapping) else Tried()


def judged(failure: ApplicationError, tried: Tried, patience: Patience) -> ApplicationError:
    """The same failure, naming the real tries; final when they or the time are used up."""
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
    """Hand it to the next try."""
    activity.heartbeat(asdict(tried))
