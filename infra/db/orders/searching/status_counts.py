"""How many orders of each status a list would show: counted up to a limit, and within a time."""

from dataclasses import replace

from sqlalchemy import (
    ColumnElement,
    Executable,
    ScalarSelect,
    func,
    literal,
    literal_column,
    select,
    text,
    union_all,
)
from sqlalchemy.exc import DBAPIError

from domain.orders.status import Status
from infra.db.driver_types import Query
from infra.db.engine import Database
from infra.db.errors import sqlstate_of
from infra.db.orders.searching.list_sources import ORDERS
from infra.db.orders.searching.listing import OrderListFilter, filters, first_of, is_empty, of_warehouse

# A larger number is shown as "more than".
COUNTED = 1000
# A filter that fits few orders of a large shop may make the count long; the page does not wait for it.
LIMIT_MS = 250
_CANCELED = "57014"
_LIMIT = text("SELECT set_config('statement_timeout', :limit_ms, true)")


async def counts(database: Database, selection: OrderListFilter, limit_ms: int = LIMIT_MS) -> dict[str, int]:
    """Orders by status that fit the other filters; COUNTED + 1 stands for any larger number. Empty where the time was
    too short."""
    if is_empty(replace(selection, status=None)):
        return {status.value: 0 for status in Status}
    query = _query(selection)
    try:
        async with database.begin() as conn:
            await conn.execute(_LIMIT, {"limit_ms": str(limit_ms)})
            return {status: int(orders) for status, orders in await conn.execute(query)}
    except DBAPIError as error:
        if sqlstate_of(error) != _CANCELED:
            raise
        return {}


def _query(selection: OrderListFilter) -> Executable:
    """One count for each status. Without a search it is one statement over the statuses."""
    one = replace(selection, status=None, sort="-created_at", limit=COUNTED, after=None)
    if selection.among is not None:
        searched = [(status, first_of(replace(one, status=status.value), selection.among)) for status in Status]
        return union_all(*(select(literal(status.value), _number_of(found)) for status, found in searched))
    of_row: ColumnElement[str] = literal_column("s.status")
    every = select(ORDERS.c.order_no).where(ORDERS.c.status == of_row, *filters(one))
    parts = [part.where for part in of_warehouse(one.warehouse)]
    found = [(every if where is None else every.where(where)).limit(COUNTED + 1) for where in parts]
    both = select(union_all(*(select(part.subquery()) for part in found)).subquery()).limit(COUNTED + 1)
    number = _number_of(both if len(found) > 1 else found[0])
    return select(of_row, number).select_from(text("order_statuses s"))


def _number_of(found: Query) -> ScalarSelect[int]:
    return select(func.count()).select_from(found.subquery()).scalar_subquery()
