"""What staff see first: how many orders are where, what waits, and a list."""

from dataclasses import dataclass
from typing import Any

from api.dependencies import Services
from infra.db.messaging import start_backlog
from infra.db.messaging.start_backlog import Backlog
from infra.db.orders.searching import listing
from infra.db.read_models import dashboard


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The counts, the returns that wait, the orders that are not started yet, and a page of orders."""

    counts: dict[str, Any]
    returns: dict[str, int]
    backlog: Backlog
    rows: list[dict[str, Any]]


async def read(services: Services, wanted: listing.Wanted, *, with_returns: bool) -> Dashboard:
    """All of it in one transaction."""
    async with services.database.begin() as conn:
        counts = await dashboard.counts(conn)
        backlog = await start_backlog.look(conn, dashboard.COUNTED + 1)
        returns = await dashboard.returns_waiting(conn) if with_returns else {}
        return Dashboard(counts, returns, backlog, await listing.page(conn, wanted))
