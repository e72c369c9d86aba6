"""The filters of `GET /v1/orders`, which the export takes, too."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import Depends, Query

from api.http import query_times
from api.schemas.collaboration.labels import StaffName, Tag
from api.schemas.fields import Code, Identity, Reference
from api.services.orders.order_queries import OrderFilters
from domain.orders.holds import HoldKind
from domain.orders.payment_status import PaymentState
from domain.orders.placed_days import MAX_DAYS, since_days
from domain.orders.priority import Priority
from domain.orders.status import Status
from domain.shipping.fulfilment_status import FulfilmentState
from domain.shipping.lateness import Lateness

_DAY_OR_TIME = "A day (UTC), or an RFC 3339 time with its offset."
From = Annotated[str, Query(max_length=query_times.MAX_CHARS, description=f"{_DAY_OR_TIME} Orders from then on.")]
To = Annotated[
    str, Query(max_length=query_times.MAX_CHARS, description=f"{_DAY_OR_TIME} A day is included, a time is not.")
]
LastDays = Annotated[
    int,
    Query(ge=1, le=MAX_DAYS, description="Orders of so many days in UTC, of which today is the last."),
]
Late = Annotated[
    Lateness | Literal["any"],
    Query(description="Orders of which a part has not arrived when it was promised, or was promised again."),
]
Sought = Annotated[
    Reference,
    Query(
        description="An order number or its beginning (at least 4 symbols); the e-mail address, telephone number or"
        " name (whole words, in any order) of the customer or the receiver; a SKU or a part of a product's name in any"
        " case; an external_ref, a tracking number, or the reference of a payment, refund, return or document."
        " `matched` says which of them."
    ),
]


def order_filters(
    status: Status | None = None,
    payment_status: PaymentState | None = None,
    fulfilment_status: FulfilmentState | None = None,
    late: Late | None = None,
    channel: Code | None = None,
    customer: Identity | None = None,
    warehouse: Code | None = None,
    hold: HoldKind | Literal["any"] | None = None,
    priority: Priority | None = None,
    tag: Tag | None = None,
    assignee: StaffName | None = None,
    q: Sought | None = None,
    created_from: From | None = None,
    created_to: To | None = None,
    created_last_days: LastDays | None = None,
) -> OrderFilters:
    """A dependency. Raises Problem `invalid_time`, `time_without_offset`."""
    begin = query_times.begin_of(created_from, "created_from")
    return OrderFilters(
        status=status,
        channel=channel,
        customer=customer,
        warehouse=warehouse,
        hold=hold,
        priority=priority,
        tag=tag,
        assignee=assignee,
        created_from=since_days(begin, created_last_days, datetime.now(UTC)),
        created_to=query_times.end_of(created_to, "created_to"),
        search=q,
        payment_status=payment_status,
        fulfilment_status=fulfilment_status,
        late=late,
    )


Filters = Annotated[OrderFilters, Depends(order_filters)]
