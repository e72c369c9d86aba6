"""Fulfilments as the warehouse looks at them."""

from typing import Literal

from api import pagination
from api.dependencies import Services
from domain.shipping.fulfilments import FulfilmentStatus
from domain.shipping.lateness import Lateness, ways_of
from infra.db.shipping import fulfilments
from infra.db.shipping.fulfilments import FulfilmentFilters, ListedFulfilment

# A larger number is shown as "more than".
COUNTED = 1000


async def page(
    services: Services,
    warehouse: str | None,
    status: FulfilmentStatus | None,
    limit: int,
    cursor: str | None,
    late: Lateness | Literal["any"] | None = None,
) -> tuple[list[ListedFulfilment], str | None]:
    """A page of fulfilments, those of the oldest orders first, and the cursor of the next one. Raises Problem
    `invalid_cursor`."""
    filters = FulfilmentFilters(warehouse, status, ways_of(late))
    (after,) = pagination.decoded(cursor, str) if cursor else ("",)
    async with services.database.begin() as conn:
        found = await fulfilments.page(conn, filters, after, limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    return found[:limit], pagination.encoded([last.fulfilment_id]) if last else None


async def late_ones(services: Services) -> int:
    """How many are late; COUNTED + 1 stands for any larger number."""
    async with services.database.begin() as conn:
        return await fulfilments.late_ones(conn, COUNTED + 1)
