"""What a row of a list of orders has, by name."""

from datetime import datetime
from typing import NotRequired, TypedDict

from domain.orders.status import Status
from domain.orders.waiting import Waiting
from domain.situations.facts import SituationFacts
from infra.db.orders.searching.row_details import RowDetails


class OrderRow(TypedDict):
    """A row of a list. `matched` is what a search found of it; `details` are there where the list shows them."""

    order_no: str
    status: Status
    channel: str
    external_ref: str | None
    customer_id: str
    total_minor: int
    currency: str
    created_at: datetime
    updated_at: datetime
    cancelling: str | None
    waiting: Waiting | None
    hold: str | None
    warehouse: str | None
    priority: int
    country: str
    province: str
    city: str
    needs_attention: str | None
    matched: list[str]
    situation_facts: SituationFacts
    details: NotRequired[RowDetails]
