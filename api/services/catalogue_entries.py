"""Products and warehouses: added and read."""

from api.dependencies import Services
from api.idempotency import request_of, run_in_transaction
from api.replies import Reply
from api.schemas.stock import NewProduct, NewWarehouse
from domain.access import Principal
from domain.errors import NotFound
from domain.text import is_line
from infra.db.catalogue import products
from infra.db.catalogue.products import CatalogueProduct, Warehouse
from infra.db.engine import Connection

_MAX_SKU = 64


async def add_product(services: Services, caller: Principal, key: str, digest: bytes, new: NewProduct) -> Reply:
    """Raises Conflict `product_exists`."""
    product = products.NewProduct(**dict(new))

    async def work(conn: Connection) -> CatalogueProduct:
        return await products.add_product(conn, product)

    return await run_in_transaction(services, request_of(caller, key, digest), 201, work)


async def product(services: Services, sku: str) -> CatalogueProduct:
    """Raises NotFound `product_not_found`."""
    async with services.database.begin() as conn:
        found = await products.product(conn, require_sku(sku))
    if found is None:
        raise NotFound("product_not_found")
    return found


async def add_warehouse(services: Services, caller: Principal, key: str, digest: bytes, new: NewWarehouse) -> Reply:
    """Raises Conflict `warehouse_exists`."""
    warehouse = products.NewWarehouse(**dict(new))

    async def work(conn: Connection) -> Warehouse:
        return await products.add_warehouse(conn, warehouse)

    return await run_in_transaction(services, request_of(caller, key, digest), 201, work)


def require_sku(typed: str) -> str:
    """Raises NotFound `product_not_found` for what cannot be a SKU."""
    if len(typed) > _MAX_SKU or not is_line(typed):
        raise NotFound("product_not_found")
    return typed
