"""Fulfilments as the warehouse looks at them."""

from api import pagination
from api.dependencies import Services
from domain.shipping.fulfilments import FulfilmentStatus
from infra.db.shipping import fulfilments
from infra.db.shipping.fulfilments import FulfilmentFilters, ListedFulfilment


async def page(
    services: Services, warehouse: str | None, status: FulfilmentStatus | None, limit: int, cursor: str | None
) -> tuple[list[ListedFulfilment], str | None]:
    """A page of fulfilments, those of the oldest orders first, and the cursor of the next one. Raises Problem
    `invalid_cursor`."""
    (after,) = pagination.decoded(cursor, str) if cursor else ("",)
    async with services.database.begin() as conn:
        found = await fulfilments.page(conn, FulfilmentFilters(warehouse, status), after, limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    return found[:limit], pagination.encoded([last.fulfilment_id]) if last else None
