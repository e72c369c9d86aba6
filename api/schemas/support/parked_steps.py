"""Bodies of the support calls."""

from typing import Annotated, Any

from pydantic import Field

from api.schemas.fields import Body, Code, Reason, Reference
from domain.support.steps import Action, Step
from infra.temporal.running_activities import ActivityAction

MAX_TIMEOUT_S = 3600
MAX_ORDERS = 10**9
MAX_PARK_NO = 2**31 - 1
ActionField = Annotated[Action, Field(strict=False)]


class Resolve(Body):
    """What to do with a parked step. `value` has the shape that the step and the action ask for.

    `park_no` is the step that is meant, as the order's `needs_attention` and the queue show it; when the order is stuck
    at another one by then, nothing is done. Without it the step is meant that is open when the request arrives.
    """

    action: ActionField
    reason: Reason
    value: dict[str, Any] | None = None
    park_no: Annotated[int, Field(ge=1, le=MAX_PARK_NO)] | None = None


class StuckFilter(Body):
    """Which parked orders; what is left out matches everything. With nothing at all, the act says `all`."""

    step: Annotated[Step, Field(strict=False)] | None = None
    error: Reference | None = None
    provider: Code | None = None


class BulkResolve(Body):
    """The same act on every parked order that the filter finds, at most `rate_per_s` a second.

    Without a filter `all` must be true. `expected` is the number of orders that the caller means: when the filter finds
    another number, nothing is done.
    """

    filter: StuckFilter = StuckFilter()
    all: bool = False
    expected: Annotated[int, Field(ge=0, le=MAX_ORDERS)] | None = None
    action: ActionField
    reason: Reason
    value: dict[str, Any] | None = None
    rate_per_s: Annotated[float, Field(strict=False, gt=0, le=1000)]


class ActivityAct(Body):
    """What to do with an activity that is being tried. `timeout_s` goes with `set_timeout` alone."""

    activity: Reference
    action: Annotated[ActivityAction, Field(strict=False)]
    reason: Reason
    timeout_s: Annotated[int, Field(ge=1, le=MAX_TIMEOUT_S)] | None = None


class Reset(Body):
    """Begin the order's workflow again before its last good task."""

    reason: Reason
