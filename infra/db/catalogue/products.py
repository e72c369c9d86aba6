"""Products and warehouses."""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict

_ADD_PRODUCT = text(
    """
    INSERT INTO products (sku, name, price_minor, currency, active, weight_g)
    VALUES (:sku, :name, :price_minor, :currency, :active, :weight_g)
    ON CONFLICT (sku) DO NOTHING RETURNING created_at
    """
)
_PRODUCT = text("SELECT sku, name, price_minor, currency, active, weight_g, created_at FROM products WHERE sku = :sku")
_ADD_WAREHOUSE = text(
    """
    INSERT INTO warehouses (code, name, country, province, city, priority, is_default)
    VALUES (:code, :name, :country, :province, :city, :priority,
            NOT EXISTS (SELECT FROM warehouses WHERE is_default))
    ON CONFLICT (code) DO NOTHING RETURNING is_default
    """
)


@dataclass(frozen=True, slots=True)
class NewProduct:
    """A product to add, its price in minor units, its weight in grams."""

    sku: str
    name: str
    price_minor: int
    currency: str
    active: bool
    weight_g: int


@dataclass(frozen=True, slots=True)
class NewWarehouse:
    """A warehouse to add; a smaller priority is preferred."""

    code: str
    name: str
    country: str
    province: str
    city: str
    priority: int


@dataclass(frozen=True, slots=True)
class CatalogueProduct(NewProduct):
    """A product of the catalogue."""

    created_at: datetime


@dataclass(frozen=True, slots=True)
class Warehouse(NewWarehouse):
    """A warehouse; orders that name none go to the default one."""

    is_default: bool


async def add_product(conn: AsyncConnection, product: NewProduct) -> CatalogueProduct:
    """Insert a product. Raises Conflict `product_exists`."""
    row = (await conn.execute(_ADD_PRODUCT, asdict(product))).one_or_none()
    if row is None:
        raise Conflict("product_exists", "a product with this SKU exists already")
    return CatalogueProduct(**asdict(product), created_at=row.created_at)


async def product(conn: AsyncConnection, sku: str) -> CatalogueProduct | None:
    """The product, or None."""
    row = (await conn.execute(_PRODUCT, {"sku": sku})).mappings().one_or_none()
    return CatalogueProduct(**row) if row else None


async def add_warehouse(conn: AsyncConnection, warehouse: NewWarehouse) -> Warehouse:
    """Insert a warehouse; the first one becomes the default. Raises Conflict `warehouse_exists`."""
    row = (await conn.execute(_ADD_WAREHOUSE, asdict(warehouse))).one_or_none()
    if row is None:
        raise Conflict("warehouse_exists", "a warehouse with this code exists already")
    return Warehouse(**asdict(warehouse), is_default=row.is_default)
