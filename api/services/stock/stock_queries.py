"""Stock as people look at it: levels of all products, and the movements of one."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from api import pagination
from api.dependencies import Services
from api.services.catalogue.product_entries import require_sku
from infra.db.stock import stock_lists
from infra.db.stock.stock_lists import StockFilters, StockMovement

ListedLevel = stock_lists.ListedLevel
_EXPORTED = 500


@dataclass(frozen=True, slots=True)
class Movements:
    """Which movements of which product: of all warehouses or of one, by people alone or of orders too."""

    sku: str
    warehouse: str | None = None
    by_people: bool = False


def filters(q: str, warehouse: str | None, low: bool) -> StockFilters:
    """What a list of levels holds."""
    return StockFilters(q, warehouse, low)


async def page(
    services: Services, wanted: StockFilters, limit: int, cursor: str | None
) -> tuple[list[ListedLevel], str | None]:
    """A page of levels by SKU and warehouse, and the cursor of the next one. Raises Problem `invalid_cursor`."""
    sku, warehouse = pagination.decoded(cursor, str, str) if cursor else ("", "")
    async with services.database.begin() as conn:
        found = await stock_lists.levels(conn, wanted, (sku, warehouse), limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    return found[:limit], pagination.encoded([last.sku, last.warehouse]) if last else None


async def every_page(services: Services, wanted: StockFilters) -> AsyncIterator[list[ListedLevel]]:
    """All levels of a list, page by page."""
    cursor: str | None = None
    while True:
        found, cursor = await page(services, wanted, _EXPORTED, cursor)
        yield found
        if cursor is None:
            return


async def movements(
    services: Services, wanted: Movements, limit: int, cursor: str | None
) -> tuple[list[StockMovement], str | None]:
    """A page of movements, the newest first. Raises Problem `invalid_cursor`, NotFound `product_not_found`."""
    sku, before = require_sku(wanted.sku), pagination.large_number(cursor) if cursor else stock_lists.NEWEST
    async with services.database.begin() as conn:
        found = await stock_lists.movements(conn, sku, wanted.warehouse, wanted.by_people, before, limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    return found[:limit], pagination.encoded([last.movement_id]) if last else None
