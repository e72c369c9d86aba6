"""Bodies of the support calls."""

from typing import Annotated, Any

from pydantic import Field

from api.schemas.text import Body, Code, Reason, Reference
from domain.steps import Action, Step

ActionField = Annotated[Action, Field(strict=False)]


class Resolve(Body):
    """What to do with a parked step. `value` has the shape that the step and the action ask for."""

    action: ActionField
    reason: Reason
    value: dict[str, Any] | None = None


class StuckFilter(Body):
    """Which parked orders; what is left out matches everything."""

    step: Annotated[Step, Field(strict=False)] | None = None
    error: Reference | None = None
    provider: Code | None = None


class BulkResolve(Body):
    """The same act on every parked order that the filter finds, at most `rate_per_s` a second."""

    filter: StuckFilter
    action: ActionField
    reason: Reason
    value: dict[str, Any] | None = None
    rate_per_s: Annotated[float, Field(strict=False, gt=0, le=1000)]
