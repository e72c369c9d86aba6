"""What products cost and how many units there are, for an order that is being prepared."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_OFFERS = text(
    """
    SELECT p.sku, p.name, p.price_minor, trim(p.currency) AS currency, p.active, l.warehouse,
           coalesce(l.available, 0) AS available
      FROM products p
      LEFT JOIN (stock_levels l JOIN warehouses w ON w.code = l.warehouse AND w.active) USING (sku)
     WHERE p.sku = ANY(CAST(:skus AS text[]))
    """
)


@dataclass(frozen=True, slots=True)
class Offer:
    """A product with its units at each warehouse."""

    sku: str
    name: str
    price_minor: int
    currency: str
    active: bool
    by_warehouse: dict[str, int]

    @property
    def available(self) -> int:
        """The most units that one warehouse can send."""
        return max(self.by_warehouse.values(), default=0)


async def of(conn: AsyncConnection, skus: Sequence[str]) -> dict[str, Offer]:
    """What there is of these SKUs; an unknown one is missing."""
    found: dict[str, Offer] = {}
    for row in await conn.execute(_OFFERS, {"skus": list(skus)}):
        offer = found.setdefault(row.sku, Offer(row.sku, row.name, row.price_minor, row.currency, row.active, {}))
        if row.warehouse is not None:
            offer.by_warehouse[row.warehouse] = row.available
    return found
