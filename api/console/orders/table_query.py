"""The address of the table of orders: its parameters as filters, and the links of the page that change one of them."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, get_args
from urllib.parse import urlencode

from fastapi import Depends, Query, Request

from api.errors import Problem
from api.schemas.fields import LINE, PROSE
from api.services.orders.order_queries import NEWEST, OrderFilters, Sort
from api.services.orders.orders_table import TableQuery
from domain.access import STAFF_NAME
from domain.collaboration import normalised
from domain.errors import RuleBroken
from domain.orders.holds import HoldKind
from domain.orders.payment_status import PaymentState
from domain.orders.placed_days import MAX_DAYS, since_days
from domain.orders.priority import Priority
from domain.orders.status import Status
from domain.shipping.fulfilment_status import FulfilmentState
from domain.shipping.lateness import Lateness

PATH = "/console/orders"
PAGE_SIZE = 50
MAX_SEARCH_CHARS = 200
MAX_CHARS = 120
SORTS: tuple[str, ...] = get_args(Sort)
RANGES = (1, 7, 30, 90)
# What a saved view keeps, and how the API calls it; a text that is searched for may be personal data.
KEPT: Mapping[str, str] = {
    **{name: name for name in ("status", "payment_status", "fulfilment_status", "channel", "customer", "warehouse")},
    **{name: name for name in ("hold", "priority", "tag", "assignee", "sort", "late")},
    **{"placed_from": "created_from", "placed_to": "created_to", "placed_last": "created_last_days"},
}
FILTERS = (
    *("payment_status", "fulfilment_status", "late", "channel", "customer", "warehouse", "hold", "priority", "tag"),
    *("assignee", "placed_last", "placed_from", "placed_to"),
)
_LINE, _PROSE, _NAME = re.compile(LINE), re.compile(PROSE), re.compile(STAFF_NAME)


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters that are set, by name; `cursor` apart. `errors` names those that cannot be, with the key of the
    words that say why; `typed` has them as they came, and `values` does not."""

    values: Mapping[str, str] = field(default_factory=dict)
    cursor: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict)

    def link(self, **changed: str) -> str:
        """The address with some parameters changed (an empty one is left out), at its first page."""
        values = {name: value for name, value in {**self.values, **changed}.items() if value}
        return f"{PATH}?{urlencode(values)}" if values else PATH

    def get(self, name: str) -> str:
        """A parameter as it was typed, empty where it is not set."""
        return self.values.get(name) or self.typed.get(name, "")

    @property
    def kept(self) -> dict[str, str | int]:
        """What a saved view keeps of them."""
        return {
            KEPT[name]: int(value) if name == "placed_last" else value
            for name, value in self.values.items()
            if name in KEPT
        }

    @property
    def active(self) -> list[str]:
        """The filters of the panel that are set."""
        return [name for name in FILTERS if name in self.values]

    @property
    def here(self) -> str:
        """The query of this very page."""
        set_ = {**self.values, **self.typed}
        return urlencode({**set_, **({"cursor": self.cursor} if self.cursor else {})})

    def filters(self) -> OrderFilters:
        """As the services take them, without the customer."""
        get = self.values.get
        days = int(last) if (last := get("placed_last")) else None
        payment, fulfilment = get("payment_status"), get("fulfilment_status")
        return OrderFilters(
            status=Status(status) if (status := get("status")) else None,
            channel=get("channel"),
            warehouse=get("warehouse"),
            hold=get("hold"),
            priority=Priority(priority) if (priority := get("priority")) else None,
            tag=get("tag"),
            assignee=get("assignee"),
            created_from=since_days(_day(get("placed_from")), days, datetime.now(UTC)),
            created_to=_day(get("placed_to"), days=1),
            search=get("q"),
            payment_status=PaymentState(payment) if payment else None,
            fulfilment_status=FulfilmentState(fulfilment) if fulfilment else None,
            late=(Lateness(late) if late != "any" else "any") if (late := get("late")) else None,
        )

    def query(self) -> TableQuery:
        """The page that is asked for."""
        sort: Any = self.values.get("sort") or NEWEST
        return TableQuery(self.filters(), self.values.get("customer", ""), sort, self.cursor or None, PAGE_SIZE)


def parameters(request: Request, cursor: Annotated[str, Query(max_length=300)] = "") -> Parameters:
    """A dependency: the parameters of the request."""
    return parsed(request.query_params, cursor)


def parsed(params: Mapping[str, str], cursor: str = "") -> Parameters:
    """The parameters of a query, each checked alone."""
    given = {name: value.strip() for name in CHECKS if (value := params.get(name, "")).strip()}
    given = {name: value for name, value in given.items() if (name, value) != ("sort", NEWEST)}
    errors = {name: error for name, value in given.items() if (error := CHECKS[name](value))}
    right = {name: value for name, value in given.items() if name not in errors}
    wrong = {name: given[name][: 2 * MAX_SEARCH_CHARS] for name in errors}
    return Parameters(right, cursor, errors, wrong)


def right_parameters(asked: Annotated[Parameters, Depends(parameters)]) -> Parameters:
    """A dependency for what acts on all orders that match. Raises Problem `invalid_value`, naming the parameter."""
    for name in asked.errors:
        raise Problem("invalid_value", f"{name} has no value that the table of orders knows")
    return asked


def view_link(filters: Mapping[str, str | int]) -> str:
    """The address of the table with the filters of a saved view."""
    return Parameters({name: str(filters[kept]) for name, kept in KEPT.items() if kept in filters}).link()


Asked = Annotated[Parameters, Depends(parameters)]
AskedRightly = Annotated[Parameters, Depends(right_parameters)]

Check = Callable[[str], str]
"""The key of the words that say what is wrong with a value; empty where nothing is."""


def _one_of(known: Collection[str]) -> Check:
    return lambda typed: "" if typed in known else "orders.invalid.choice"


def _text(most: int, readable: re.Pattern[str]) -> Check:
    return lambda typed: "" if len(typed) <= most and readable.match(typed) else "orders.invalid.text"


def _tag(typed: str) -> str:
    try:
        normalised(typed)
    except RuleBroken:
        return "orders.invalid.tag"
    return ""


def _date(typed: str) -> str:
    try:
        _day(typed, days=1)
    except (ValueError, OverflowError):
        return "orders.invalid.date"
    return ""


def _days(typed: str) -> str:
    known = re.fullmatch("[0-9]{1,3}", typed) is not None and 1 <= int(typed) <= MAX_DAYS
    return "" if known else "orders.invalid.days"


CHECKS: Mapping[str, Check] = {
    "q": _text(MAX_SEARCH_CHARS, _PROSE),
    "status": _one_of([*Status]),
    "payment_status": _one_of([*PaymentState]),
    "fulfilment_status": _one_of([*FulfilmentState]),
    "late": _one_of([*Lateness, "any"]),
    "channel": _text(MAX_CHARS, _LINE),
    "customer": _text(MAX_CHARS, _LINE),
    "warehouse": _text(MAX_CHARS, _LINE),
    "hold": _one_of([*HoldKind, "any"]),
    "priority": _one_of([*Priority]),
    "tag": _tag,
    "assignee": lambda typed: "" if _NAME.match(typed) else "orders.invalid.staff",
    "placed_last": _days,
    "placed_from": _date,
    "placed_to": _date,
    "sort": _one_of(SORTS),
}


def _day(typed: str | None, days: int = 0) -> datetime | None:
    """The beginning of a day in UTC, `days` later. Raises ValueError, OverflowError."""
    if not typed:
        return None
    return datetime.combine(date.fromisoformat(typed) + timedelta(days=days), time(), UTC)
