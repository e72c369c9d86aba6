"""Bodies and answers of the calls on parked steps."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from api.schemas.answers import Time
from api.schemas.fields import Body, Code, Reason, Reference
from domain.orders.status import Status
from domain.support.steps import Action, Step

MAX_ORDERS = 10**9
MAX_PARK_NO = 2**31 - 1
ActionField = Annotated[Action, Field(strict=False)]


class Resolve(Body):
    """What to do with a parked step. `value` has the shape that the step and the action ask for.

    `park_no` is the step that is meant, as the order's `needs_attention` and the queue show it; when the order is
    parked at another one by then, nothing is done. Without it the step is meant that is open when the request arrives.
    """

    action: ActionField
    reason: Reason
    value: dict[str, Any] | None = None
    park_no: Annotated[int, Field(ge=1, le=MAX_PARK_NO)] | None = None


class StuckFilter(Body):
    """Which parked orders; what is left out matches everything. With nothing at all, the action says `all`."""

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


class ParkedOrder(BaseModel):
    """An order that is parked at a step. `subject` is the refund, return or change that the step is about."""

    order_no: str
    park_no: int = Field(description="Counts the parked steps of one order; name it to resolve this very step")
    step: Step
    subject: str | None
    error: str = Field(description="Code of the error that parked the step")
    provider: str | None
    since: Time
    attempts: int
    options: list[Action] = Field(description="Actions that resolve this step")
    amount_minor: int = Field(description="Money at stake, in minor units of the order's currency")
    escalated_at: Time | None


class ParkedOrderList(BaseModel):
    """A page of parked orders, the longest parked first."""

    items: list[ParkedOrder]
    next_cursor: str | None


class ResolvedStep(BaseModel):
    """The workflow accepted the action; `status` is the order's status at that time."""

    order_no: str
    status: Status
    outcome: str = Field(description="The action that was accepted")
