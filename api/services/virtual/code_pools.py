"""Pools of codes: what is added to them, and what is left."""

from dataclasses import dataclass

from api.dependencies import Services, actor
from api.replies import Reply
from api.schemas.codes import AddCodes
from api.services.catalogue.product_entries import require_sku
from api.services.stock.stock_movements import StockRequest
from domain.errors import Conflict, NotFound
from domain.products import DeliveredBy, ProductKind
from infra.db.catalogue import products
from infra.db.engine import Connection
from infra.db.virtual import code_pools
from infra.db.virtual.code_pools import Upload

_UPLOADS = 20
_BY_CODE = (ProductKind.VIRTUAL, DeliveredBy.CODE)


@dataclass(frozen=True, slots=True)
class ShownPool:
    """A pool with its newest uploads; `low`: fewer codes are left than the setting says."""

    sku: str
    left: int
    issued: int
    uploads: list[Upload]
    low: bool


async def add(asked: StockRequest, sku: str, new: AddCodes) -> Reply:
    """Add codes. Raises NotFound `product_not_found`, Conflict `product_without_codes`."""
    services = asked.services

    async def work(conn: Connection) -> dict[str, int]:
        await _require_pool(conn, sku)
        upload_id, who = f"cu_{asked.unique('codes')}", actor(asked.caller)
        added, duplicates = await code_pools.add(conn, services.keys, sku, upload_id, new.codes, who)
        return {"added": added, "duplicates": duplicates, "left": await code_pools.left(conn, sku)}

    return await asked.run(work, 201)


async def pool(services: Services, sku: str) -> ShownPool:
    """The pool of a product with its newest uploads. Raises as `add` does."""
    async with services.database.begin() as conn:
        await _require_pool(conn, sku)
        found = await code_pools.pool(conn, sku, _UPLOADS)
    return ShownPool(found.sku, found.left, found.issued, found.uploads, found.left < services.settings.codes_low)


async def has_pool(services: Services, sku: str) -> bool:
    """Whether the product is delivered by codes."""
    async with services.database.begin() as conn:
        return await products.supply(conn, sku) == _BY_CODE


async def _require_pool(conn: Connection, sku: str) -> None:
    supply = await products.supply(conn, require_sku(sku))
    if supply is None:
        raise NotFound("product_not_found")
    if supply != _BY_CODE:
        raise Conflict("product_without_codes")
