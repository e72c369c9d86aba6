"""What the calls on many orders at once take and answer."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from api.schemas.answers import Time
from api.schemas.collaboration.labels import StaffName, Tag
from api.schemas.fields import Body, Reason, Reference
from domain.orders.bulk_actions import MAX_ORDERS, BulkAction
from domain.orders.holds import HoldKind
from domain.orders.priority import Priority


class BulkOrders(Body):
    """One action on the named orders. A `hold` needs its `kind`, `prioritise` the new `priority`, `tag` and `untag` the
    `tag`, `assign` the `assignee` (empty for nobody). All but the last three need a `reason`."""

    action: Annotated[BulkAction, Field(strict=False)]
    order_nos: Annotated[list[Reference], Field(min_length=1, max_length=MAX_ORDERS)]
    reason: Reason | None = None
    kind: Annotated[HoldKind, Field(strict=False)] | None = None
    priority: Annotated[Priority, Field(strict=False)] | None = None
    tag: Tag | None = None
    assignee: StaffName | Annotated[str, Field(strict=True, max_length=0)] | None = None


class UnfitOrder(BaseModel):
    """An order that the action does not fit, and why."""

    order_no: str
    code: str


class ReturnedMoney(BaseModel):
    """The money of one currency that an action returns."""

    currency: str
    amount_minor: int


class BulkPreview(BaseModel):
    """Which of the orders the action fits now. Nothing was done."""

    fits: list[str]
    unfit: list[UnfitOrder]
    returns: list[ReturnedMoney] = Field(description="What `cancel` returns to customers; empty for other actions")
    needs_approval: bool = Field(
        description="With what the caller cancelled in bulk within an hour, it returns more than one person may: "
        "another person approves the job first"
    )


class OpenedOrderJob(BaseModel):
    """A job over the `total` orders that the action fits; the others are left out. A job that returns more money than
    one person may begins when `approval_id` is approved: until then there is no job of `job_id`, and `total` is 0."""

    job_id: str
    total: int
    unfit: list[UnfitOrder]
    approval_id: str | None = Field(default=None, description="The approval that the job waits for")
    waiting: int | None = Field(default=None, description="The number of orders that wait with it")
    expires_at: Time | None = Field(default=None, description="When the request for approval expires")


class OrderOutcome(BaseModel):
    """What became of one order."""

    order_no: str
    state: Literal["open", "done", "failed"]
    error: str | None = Field(description="Why it failed, as a code")


class OrderJob(BaseModel):
    """A job over orders, and what became of each."""

    job_id: str
    action: BulkAction
    actor: str
    state: Literal["running", "finished", "stopped"]
    total: int
    done: int
    failed: int
    created_at: Time
    finished_at: Time | None
    orders: list[OrderOutcome]
