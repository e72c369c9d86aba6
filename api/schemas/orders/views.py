"""What the calls on saved views take and answer."""

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from api.schemas.answers import Time
from api.schemas.collaboration.labels import StaffName, Tag
from api.schemas.fields import LINE, Body, Code, Identity, Visible
from domain.orders.holds import HoldKind
from domain.orders.payment_status import PaymentState
from domain.orders.placed_days import MAX_DAYS
from domain.orders.priority import Priority
from domain.orders.status import Status
from domain.shipping.fulfilment_status import FulfilmentState
from domain.shipping.lateness import Lateness
from domain.text import trimmed
from infra.db.orders.searching.listing import Sort

ViewName = Annotated[
    str, StringConstraints(strict=True, min_length=1, max_length=60, pattern=LINE), Visible, AfterValidator(trimmed)
]


def _day(typed: str) -> str:
    """Raises ValueError, which is shown at the field."""
    if date.fromisoformat(typed).isoformat() != typed:
        raise ValueError("not a day")
    return typed


Day = Annotated[str, StringConstraints(strict=True, max_length=10), AfterValidator(_day)]


class ViewFilters(Body):
    """Parameters of `GET /v1/orders` that a view keeps: a customer by their id, days as they are written or relative.
    A text that is searched for is not kept."""

    status: Annotated[Status, Field(strict=False)] | None = None
    payment_status: Annotated[PaymentState, Field(strict=False)] | None = None
    fulfilment_status: Annotated[FulfilmentState, Field(strict=False)] | None = None
    late: Annotated[Lateness, Field(strict=False)] | Annotated[str, Field(pattern="^any$")] | None = None
    customer: Identity | None = None
    created_from: Day | None = None
    created_to: Day | None = None
    created_last_days: Annotated[int, Field(strict=True, ge=1, le=MAX_DAYS)] | None = None
    channel: Code | None = None
    warehouse: Code | None = None
    hold: Annotated[HoldKind, Field(strict=False)] | Annotated[str, Field(pattern="^any$")] | None = None
    priority: Annotated[Priority, Field(strict=False)] | None = None
    tag: Tag | None = None
    assignee: StaffName | None = None
    sort: Sort | None = None


class SaveView(Body):
    """A view of the table of orders. `shared` shows it to all staff."""

    name: ViewName
    filters: ViewFilters
    shared: bool = False


class SavedView(BaseModel):
    """A view; `owner` is the person who saved it."""

    view_id: str
    owner: str
    name: str
    filters: dict[str, str | int]
    shared: bool
    created_at: Time


class SavedViewList(BaseModel):
    """The caller's own views, then the shared ones of others."""

    items: list[SavedView]
