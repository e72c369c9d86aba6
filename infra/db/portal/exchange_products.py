"""The shop's goods as a customer chooses among them for an exchange: sold today, in the order's currency."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

MAX_PRODUCTS = 20

_FOUND = """
    SELECT p.sku, p.name, p.price_minor, trim(p.currency) AS currency,
           EXISTS (SELECT FROM stock_levels s JOIN warehouses w ON w.code = s.warehouse AND w.active
                    WHERE s.sku = p.sku AND s.available > 0) AS available
      FROM products p JOIN orders o ON o.currency = p.currency
     WHERE o.order_no = :order_no AND p.active"""
_OFFERED = text(
    rf"""{_FOUND} AND (:q = '' OR upper(p.sku) = upper(:q) OR p.name ILIKE :pattern ESCAPE '\')
          ORDER BY available DESC, p.sku LIMIT {MAX_PRODUCTS}"""
)
_KNOWN = text(f"{_FOUND} AND p.sku = ANY(CAST(:skus AS text[])) ORDER BY p.sku")


@dataclass(frozen=True, slots=True)
class OfferedProduct:
    """A product that may be chosen; `available` where some of it is in stock."""

    sku: str
    name: str
    price_minor: int
    currency: str
    available: bool


async def offered(conn: AsyncConnection, order_no: str, q: str) -> list[OfferedProduct]:
    """At most MAX_PRODUCTS goods whose name holds `q`, or whose number it is; what is sold out comes last."""
    pattern = "%" + q.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"
    rows = await conn.execute(_OFFERED, {"order_no": order_no, "q": q, "pattern": pattern})
    return [OfferedProduct(**row) for row in rows.mappings()]


async def known(conn: AsyncConnection, order_no: str, skus: Sequence[str]) -> list[OfferedProduct]:
    """Those of these goods that may be chosen."""
    rows = await conn.execute(_KNOWN, {"order_no": order_no, "skus": list(skus)})
    return [OfferedProduct(**row) for row in rows.mappings()]
