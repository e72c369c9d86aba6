"""Products and warehouses."""

from collections.abc import Mapping
from typing import Any

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


async def add_product(conn: AsyncConnection, product: Mapping[str, Any]) -> dict[str, Any]:
    """Insert a product (fields as in the table). Raises Conflict `product_exists`."""
    row = (await conn.execute(_ADD_PRODUCT, dict(product))).one_or_none()
    if row is None:
        raise Conflict("product_exists", "a product with this SKU exists already")
    return {**product, "created_at": row.created_at}


async def product(conn: AsyncConnection, sku: str) -> dict[str, Any] | None:
    """The product, or None."""
    row = (await conn.execute(_PRODUCT, {"sku": sku})).one_or_none()
    return None if row is None else dict(row._mapping)


async def add_warehouse(conn: AsyncConnection, warehouse: Mapping[str, Any]) -> dict[str, Any]:
    """Insert a warehouse; the first one becomes the default. Raises Conflict `warehouse_exists`."""
    row = (await conn.execute(_ADD_WAREHOUSE, dict(warehouse))).one_or_none()
    if row is None:
        raise Conflict("warehouse_exists", "a warehouse with this code exists already")
    return {**warehouse, "is_default": row.is_default}
