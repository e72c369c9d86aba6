"""Bodies and answers of the calls on running workflows: activities under way, and the reset."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from api.schemas.answers import Time
from api.schemas.fields import Body, Reason, Reference
from infra.temporal.running_activities import ActivityAction

MAX_TIMEOUT_S = 3600


class ActivityAct(Body):
    """What to do with an activity that is being tried. `timeout_s` goes with `set_timeout` alone."""

    activity: Reference
    action: Annotated[ActivityAction, Field(strict=False)]
    reason: Reason
    timeout_s: Annotated[int, Field(ge=1, le=MAX_TIMEOUT_S)] | None = None


class Reset(Body):
    """Begin the order's workflow again before its last good task."""

    reason: Reason


class RunningActivity(BaseModel):
    """An activity that has not ended. `max_attempts` is null where there is no limit."""

    activity_id: str
    activity: str = Field(description="The activity's type")
    attempt: int
    max_attempts: int | None
    running: bool = Field(description="False while it waits for its next attempt")
    paused: bool
    error: str | None = Field(description="Code of the last error, null before the first")
    timeout_s: float
    next_try_at: Time | None
    actions: list[ActivityAction] = Field(description="Actions that are possible now")


class WorkflowTaskFailure(BaseModel):
    """The workflow's own code fails in the version `build_id`."""

    attempt: int
    build_id: str
    error: str = Field(description="The error's type with its message")


class RunningWorkflow(BaseModel):
    """What the order's workflow does now. `ended` says how the newest run ended, null while it is open."""

    order_no: str
    open: bool
    ended: str | None
    activities: list[RunningActivity]
    bug: WorkflowTaskFailure | None
    resettable: bool


class ChangedActivity(BaseModel):
    """The action was applied to the activity, or the activity was over when a lost answer was asked for again."""

    order_no: str
    activity_id: str
    activity: str
    action: ActivityAction


class ResetWorkflow(BaseModel):
    """`runs_anew_already` where this request had reset the workflow before."""

    order_no: str
    outcome: Literal["reset", "runs_anew_already"]
