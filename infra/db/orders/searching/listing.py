"""Lists of orders: keyset pages that follow an index, however many orders there are."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, cast

from sqlalchemy import (
    ColumnElement,
    and_,
    column,
    func,
    literal,
    literal_column,
    select,
    table,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.orders.payment_status import PaymentState
from domain.orders.status import Status
from domain.shipping.fulfilment_status import FulfilmentState
from domain.shipping.lateness import Lateness
from infra.db.driver_types import Column, Columns, DriverRow, Query
from infra.db.orders.searching import derived_statuses
from infra.db.orders.searching.list_sources import ORDERS, Branch
from infra.db.orders.searching.order_row import OrderRow
from infra.db.orders.state import situation_facts

Sort = Literal["-created_at", "created_at", "status", "-total", "total"]
BY_TOTAL = frozenset({"-total", "total"})
ANY_HOLD = "any"
# No index sorts by total: at most this many of the newest orders that match are sorted.
SORTED_BY_TOTAL = 10_000

_COLUMNS = (
    *("order_no", "status", "channel", "external_ref", "customer_id", "total_minor", "currency"),
    *("created_at", "updated_at", "cancelling", "waiting", "hold", "warehouse", "priority"),
    *("country", "province", "city"),
)
_FACTS: list[Column] = [
    literal_column(expression).label(name) for name, expression in situation_facts.parts("orders").items()
]
_PLACE = (ORDERS.c.order_no, ORDERS.c.created_at, ORDERS.c.total_minor)
Placed = tuple[Column, Column]
_parked = table("parked_steps", column("order_no"), column("step"), column("resolved_at"))
_tags = table("order_tags", column("order_no"), column("tag"))
_further = table("fulfilments", *(column(name) for name in ("order_no", "number", "warehouse", "placed_at")))
_assignees = table("order_assignees", column("order_no"), column("assignee"))


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a list with an index of its own: the orders `where` that is so, and the columns of the index that have
    their time and number."""

    where: ColumnElement[bool] | None = None
    placed: Placed = (ORDERS.c.created_at, ORDERS.c.order_no)


@dataclass(frozen=True, slots=True)
class Position:
    """The last row of a page; `status` and `total_minor` only where the page is sorted by it."""

    created_at: datetime
    order_no: str
    status: str = ""
    total_minor: int = 0


@dataclass(frozen=True, slots=True)
class OrderListFilter:
    """Filters of a list; None matches everything. `hold` is a kind, or ANY_HOLD; `priority` as the database stores it,
    `tag` normalised. `among`: only orders that one of these branches finds; `customers`: only those of one of these."""

    status: str | None = None
    channel: str | None = None
    customer_id: str | None = None
    customers: Sequence[str] | None = None
    warehouse: str | None = None
    hold: str | None = None
    priority: int | None = None
    tag: str | None = None
    assignee: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    sort: Sort = "-created_at"
    limit: int = 50
    after: Position | None = None
    payment: PaymentState | None = None
    fulfilment: FulfilmentState | None = None
    late: Collection[Lateness] | None = None
    among: Sequence[Branch] | None = None


async def page(conn: AsyncConnection, selection: OrderListFilter) -> list[OrderRow]:
    """At most `limit` + 1 rows: the one too many says that there is a next page. `matched` are the kinds of branches
    that found the order, sorted; empty where none were asked; `situation_facts` decide where it stands."""
    if is_empty(selection):
        return []
    rows = await conn.execute(_query(selection))
    return [_row(row._mapping) for row in rows]


def is_empty(selection: OrderListFilter) -> bool:
    """Whether no order can fit: the search means nothing, or no status fits payment and fulfilment."""
    return (selection.among is not None and not selection.among) or not _possible(selection)


def _possible(selection: OrderListFilter) -> frozenset[Status]:
    found = derived_statuses.statuses(selection.payment, selection.fulfilment)
    if selection.late is not None:
        found &= derived_statuses.LATE_ORDERS
    return found if selection.status is None else found & {Status(selection.status)}


def _query(selection: OrderListFilter) -> Query:
    if selection.sort in BY_TOTAL:
        return _by_total(selection)
    return _all(selection) if selection.among is None else _found(selection, selection.among)


def _row(found: DriverRow) -> OrderRow:
    row = {"matched": [], **found, "status": Status(found["status"])}
    row["situation_facts"] = situation_facts.facts_of(found)
    for name in situation_facts.COLUMNS:
        del row[name]
    return cast(OrderRow, row)


def _all(selection: OrderListFilter) -> Query:
    return _united(_rows, selection)


def _united(columns: Callable[[], Query], selection: OrderListFilter) -> Query:
    """The first rows of each part of the list, each over its index, and of those the first."""
    statuses = _single_statuses(selection)
    parts = [replace(one, where=_both(one.where, status)) for one in _parts(selection) for status in statuses]
    if len(parts) == 1:
        return _cut(columns(), selection, parts[0])
    all_of_them = union_all(*(select(_cut(columns(), selection, part).subquery()) for part in parts)).subquery()
    return select(all_of_them).order_by(*_order(all_of_them.c, selection.sort)).limit(selection.limit + 1)


def _single_statuses(selection: OrderListFilter) -> list[ColumnElement[bool] | None]:
    """The statuses that payment and fulfilment leave, where those are of few orders: then each is a list of its own."""
    left = _possible(selection)
    if selection.status is not None or Status.COMPLETED in left:
        return [None]
    return [ORDERS.c.status == status.value for status in sorted(left)]


def _both(one: ColumnElement[bool] | None, other: ColumnElement[bool] | None) -> ColumnElement[bool] | None:
    return one & other if one is not None and other is not None else one if one is not None else other


def _found(selection: OrderListFilter, branches: Sequence[Branch]) -> Query:
    """The first rows of each branch, each order once, with all that found it."""
    first = first_of(selection, branches).subquery("first_ones")
    query = _rows().add_columns(first.c.matched).join_from(ORDERS, first, ORDERS.c.order_no == first.c.order_no)
    return query.order_by(*_order(ORDERS.c, selection.sort))


def first_of(selection: OrderListFilter, branches: Sequence[Branch]) -> Query:
    """Number and `matched` of the first orders that the branches find, each once."""
    hits = union_all(
        *(
            branch.select(lambda query, part=part: _cut(query, selection, part))  # type: ignore[misc]
            for branch in branches
            for part in _parts(selection)
        )
    ).subquery("hits")
    h = hits.c
    return (
        select(h.order_no, func.array_agg(h.kind.distinct()).label("matched"))
        .group_by(h.order_no, h.created_at, h.status)
        .order_by(*_order(h, selection.sort))
        .limit(selection.limit + 1)
    )


def _by_total(selection: OrderListFilter) -> Query:
    """The page of the newest orders that match, sorted by total; what the rows show is read for the page only."""
    newest = replace(selection, sort="-created_at", limit=SORTED_BY_TOTAL - 1, after=None)
    if selection.among is None:
        window = _united(lambda: select(*_PLACE), newest).subquery("newest")
    else:
        found = first_of(newest, selection.among).subquery("found")
        both = select(*_PLACE, found.c.matched).join_from(ORDERS, found, ORDERS.c.order_no == found.c.order_no)
        window = both.subquery("newest")
    w = window.c
    page = select(window).order_by(*_order(w, selection.sort)).limit(selection.limit + 1)
    if selection.after is not None:
        last, place = selection.after, tuple_(w.total_minor, w.created_at, w.order_no)
        following = tuple_(literal(last.total_minor), literal(last.created_at), literal(last.order_no))
        page = page.where(place > following if selection.sort == "total" else place < following)
    first = page.subquery("page")
    query = _rows().join_from(ORDERS, first, ORDERS.c.order_no == first.c.order_no)
    if selection.among is not None:
        query = query.add_columns(first.c.matched)
    return query.order_by(*_order(ORDERS.c, selection.sort))


def _rows() -> Query:
    step = (
        select(_parked.c.step)
        .where(_parked.c.order_no == ORDERS.c.order_no, _parked.c.resolved_at.is_(None))
        .scalar_subquery()
    )
    return select(*(ORDERS.c[name] for name in _COLUMNS), step.label("needs_attention"), *_FACTS)


def _cut(query: Query, selection: OrderListFilter, part: Part) -> Query:
    query = query.where(*filters(selection))
    if part.where is not None:
        query = query.where(part.where)
    return query.order_by(*_order(ORDERS.c, selection.sort, part.placed)).limit(selection.limit + 1)


def filters(selection: OrderListFilter) -> list[ColumnElement[bool]]:
    """What the filters ask of an order, but for the warehouse: see `of_warehouse`."""
    c = ORDERS.c
    found: list[ColumnElement[bool]] = []
    for name, value in (
        ("status", selection.status),
        ("channel", selection.channel),
        ("customer_id", selection.customer_id),
        ("hold", selection.hold if selection.hold != ANY_HOLD else None),
        ("priority", selection.priority),
    ):
        if value is not None:
            found.append(c[name] == value)
    found += derived_statuses.conditions(selection.payment, selection.fulfilment)
    if selection.late is not None:
        found.append(derived_statuses.late(selection.late))
    if selection.customers is not None:
        found.append(c.customer_id.in_(list(selection.customers)))
    if selection.hold == ANY_HOLD:
        found.append(c.hold.is_not(None))
    if selection.tag is not None:
        found.append(tagged(selection.tag))
    if selection.assignee is not None:
        found.append(assigned(selection.assignee))
    if selection.created_from is not None:
        found.append(c.created_at >= selection.created_from)
    if selection.created_to is not None:
        found.append(c.created_at < selection.created_to)
    return found


def of_warehouse(warehouse: str | None) -> list[Part]:
    """The orders of which a part is or was this warehouse's: those of the first part over the index of orders, and
    those of a further part over the index of these. An order is found once."""
    if warehouse is None:
        return [Part()]
    c, before = _further.c, _further.alias("before")
    earlier = select(before.c.number).where(
        *(before.c.order_no == c.order_no, before.c.number.between(2, c.number - 1), before.c.warehouse == warehouse)
    )
    own = and_(c.number > 1, c.warehouse == warehouse, c.order_no == ORDERS.c.order_no)
    further = and_(own, ORDERS.c.warehouse != warehouse, ~earlier.exists())
    return [Part(ORDERS.c.warehouse == warehouse), Part(further, (c.placed_at, c.order_no))]


def tagged(tag: str) -> ColumnElement[bool]:
    """Orders with this tag."""
    return ORDERS.c.order_no.in_(select(_tags.c.order_no).where(_tags.c.tag == tag))


def assigned(name: str) -> ColumnElement[bool]:
    """Orders that this member of staff looks after."""
    return ORDERS.c.order_no.in_(select(_assignees.c.order_no).where(_assignees.c.assignee == name))


def _order(c: Columns, sort: Sort, placed: Placed | None = None) -> tuple[Column, ...]:
    """By the columns of `c`; `placed` are those of an index that has the time and the number, too."""
    created_at, order_no = placed or (c.created_at, c.order_no)
    if sort == "created_at":
        return created_at, order_no
    if sort == "total":
        return c.total_minor, created_at, order_no
    newest = (created_at.desc(), order_no.desc())
    if sort == "-total":
        return c.total_minor.desc(), *newest
    return (c.status, *newest) if sort == "status" else newest


def _parts(selection: OrderListFilter) -> list[Part]:
    """The parts of the list, each of which follows an index."""
    found = of_warehouse(selection.warehouse)
    return [replace(one, where=_both(one.where, place)) for one in found for place in _ranges(selection, one.placed)]


def _ranges(selection: OrderListFilter, placed: Placed) -> list[ColumnElement[bool] | None]:
    """What is left behind the position. By status, newest first in each: the rest of the status and the statuses
    after it are two index ranges."""
    c, after = ORDERS.c, selection.after
    if after is None:
        return [None]
    place, last = tuple_(*placed), tuple_(literal(after.created_at), literal(after.order_no))
    if selection.sort == "status":
        return [and_(c.status == after.status, place < last), c.status > after.status]
    return [place > last if selection.sort == "created_at" else place < last]
