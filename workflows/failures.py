"""The failure of an activity as the workflow sees it: codes, never a provider's words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from temporalio.exceptions import ActivityError, ApplicationError, FailureError, TimeoutError


@dataclass(frozen=True)
class Failure:
    """`code` is stable, `provider` may be empty, `attempts` is how often it was tried: 0 when an open circuit let
    no call out.

    Behind an open circuit the code is that of the failure which keeps it open: one outage is one cause to support.
    """

    code: str
    provider: str
    attempts: int

    @classmethod
    def of(cls, error: FailureError) -> "Failure":
        """Read an activity's failure; its ApplicationError carries (provider, attempts[, cause]) as details."""
        cause = error.cause if isinstance(error, ActivityError) else error
        if isinstance(cause, ApplicationError):
            details = [*cause.details, "", 1]
            code = circuit_cause(cause.details) or cause.type or "unexpected"
            return cls(code, str(details[0]), int(details[1]))
        if isinstance(cause, TimeoutError):
            return cls("activity_timeout", "", 1)
        return cls("unexpected", "", 1)


def circuit_cause(details: Sequence[Any]) -> str:
    """The failure behind an open circuit; empty when no circuit was open."""
    return str(details[2]) if len(details) > 2 else ""


def refusal_from(error: FailureError) -> ApplicationError:
    """The refusal with which an update answers its caller."""
    code = Failure.of(error).code
    return ApplicationError(code, type=code, non_retryable=True)
