"""What staff see first: how many orders are where, what waits, and a list."""

from dataclasses import dataclass
from typing import Any

from api import pagination
from api.dependencies import Services
from api.services.orders.order_queries import NEWEST, OrderFilters, cut, listing_filter_of
from infra.db.messaging import start_backlog
from infra.db.messaging.start_backlog import Backlog
from infra.db.orders.searching import listing
from infra.db.read_models import dashboard

# A larger number than this is shown as "more than".
COUNTED = dashboard.COUNTED


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The counts, the returns that wait, the orders that are not started yet, and a page of orders; no cursor on the
    last page."""

    counts: dict[str, Any]
    returns: dict[str, int]
    backlog: Backlog
    rows: list[dict[str, Any]]
    next_cursor: str | None


async def read(
    services: Services, filters: OrderFilters, cursor: str | None, limit: int, *, with_returns: bool
) -> Dashboard:
    """All of it in one transaction. Raises Problem `invalid_cursor`."""
    listing_filter = listing_filter_of(filters, NEWEST, limit, pagination.position(cursor, NEWEST))
    async with services.database.begin() as conn:
        counts = await dashboard.counts(conn)
        backlog = await start_backlog.poll(conn, COUNTED + 1)
        returns = await dashboard.returns_waiting(conn) if with_returns else {}
        rows = await listing.page(conn, listing_filter)
    return Dashboard(counts, returns, backlog, *cut([services.failing.marked(row) for row in rows], limit, NEWEST))


async def needing_attention(services: Services) -> int:
    """How many orders wait for support, at most COUNTED + 1."""
    async with services.database.begin() as conn:
        return await dashboard.needing_attention(conn)
