"""The address of the table of orders: its parameters as filters, and the links of the page that change one of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, get_args
from urllib.parse import urlencode

from fastapi import Depends, Query

from api.errors import Problem
from api.schemas.fields import LINE, PROSE
from api.services.orders.order_queries import NEWEST, OrderFilters, Sort
from api.services.orders.orders_table import TableQuery
from domain.access import STAFF_NAME
from domain.orders.holds import HoldKind
from domain.orders.priority import Priority
from domain.orders.status import Status

PATH = "/console/orders"
PAGE_SIZE = 50
MAX_SEARCH_CHARS = 200
SORTS: tuple[str, ...] = get_args(Sort)
# What a saved view keeps; a search text and a customer are personal data.
KEPT = ("status", "channel", "warehouse", "hold", "priority", "tag", "assignee", "sort")
FILTERS = ("channel", "customer", "warehouse", "hold", "priority", "tag", "assignee", "placed_from", "placed_to")
_READABLE = re.compile(PROSE)
Text = Annotated[str, Query(max_length=120, pattern=LINE)]


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters that are set, by name; `cursor` apart."""

    values: Mapping[str, str] = field(default_factory=dict)
    cursor: str = ""

    def link(self, **changed: str) -> str:
        """The address with some parameters changed (an empty one is left out), at its first page."""
        values = {name: value for name, value in {**self.values, **changed}.items() if value}
        return f"{PATH}?{urlencode(values)}" if values else PATH

    def get(self, name: str) -> str:
        """A parameter, empty where it is not set."""
        return self.values.get(name, "")

    @property
    def active(self) -> list[str]:
        """The filters of the panel that are set."""
        return [name for name in FILTERS if name in self.values]

    @property
    def here(self) -> str:
        """The query of this very page."""
        return urlencode({**self.values, **({"cursor": self.cursor} if self.cursor else {})})

    def filters(self) -> OrderFilters:
        """As the services take them, without the customer. Raises Problem `invalid_date`."""
        get = self.values.get
        return OrderFilters(
            status=Status(status) if (status := get("status")) else None,
            channel=get("channel"),
            warehouse=get("warehouse"),
            hold=get("hold"),
            priority=Priority(priority) if (priority := get("priority")) else None,
            tag=get("tag"),
            assignee=get("assignee"),
            created_from=_day(self.get("placed_from")),
            created_to=_day(self.get("placed_to"), days=1),
            search=get("q"),
        )

    def query(self) -> TableQuery:
        """The page that is asked for. Raises Problem `invalid_date`."""
        sort: Any = self.get("sort") or NEWEST
        return TableQuery(self.filters(), self.get("customer"), sort, self.cursor or None, PAGE_SIZE)


def parameters(
    q: Annotated[str, Query(max_length=MAX_SEARCH_CHARS)] = "",
    status: Status | Annotated[str, Query(max_length=0)] = "",
    channel: Text = "",
    customer: Text = "",
    warehouse: Text = "",
    hold: HoldKind | Annotated[str, Query(pattern="^(any)?$")] = "",
    priority: Priority | Annotated[str, Query(max_length=0)] = "",
    tag: Text = "",
    assignee: Annotated[str, Query(pattern=f"{STAFF_NAME}|^$")] = "",
    placed_from: Text = "",
    placed_to: Text = "",
    sort: Sort | Annotated[str, Query(max_length=0)] = "",
    cursor: Annotated[str, Query(max_length=300)] = "",
) -> Parameters:
    """A dependency: the parameters of the request. Raises Problem `invalid_text`."""
    if not _READABLE.match(q):
        raise Problem("invalid_text", "the search text holds control characters")
    values = {"q": q, "status": str(status), "channel": channel, "customer": customer, "warehouse": warehouse}
    values |= {"hold": str(hold), "priority": str(priority), "tag": tag, "assignee": assignee}
    values |= {"placed_from": placed_from, "placed_to": placed_to, "sort": "" if sort == NEWEST else str(sort)}
    return Parameters({name: value.strip() for name, value in values.items() if value.strip()}, cursor)


Asked = Annotated[Parameters, Depends(parameters)]


def _day(typed: str, days: int = 0) -> datetime | None:
    """The beginning of a day in UTC, `days` later. Raises Problem `invalid_date`."""
    if not typed:
        return None
    try:
        return datetime.combine(date.fromisoformat(typed) + timedelta(days=days), time(), UTC)
    except (ValueError, OverflowError):
        raise Problem("invalid_date", "a date is written like 2026-11-24") from None
