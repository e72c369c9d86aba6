"""Products of the catalogue."""

from dataclasses import asdict, dataclass, field
from datetime import datetime

import orjson
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict
from domain.products import DeliveredBy, ProductKind
from infra.db.errors import constraint_of, sqlstate_of

_DETAILS = (
    "name, names, price_minor, currency, active, weight_g, barcode, tax_category, category, picture_id, kind,"
    " lead_time_days, delivered_by, confirmed_after_days"
)
_COLUMNS = f"sku, {_DETAILS}, version, created_at"
_ADD = text(
    f"""
    INSERT INTO products (sku, {_DETAILS})
    VALUES (:sku, :name, CAST(:names AS jsonb), :price_minor, :currency, :active, :weight_g, CAST(:barcode AS text),
            :tax_category, CAST(:category AS text), CAST(:picture_id AS text), :kind,
            CAST(:lead_time_days AS smallint), :delivered_by, CAST(:confirmed_after_days AS smallint))
    ON CONFLICT (sku) DO NOTHING RETURNING {_COLUMNS}
    """  # noqa: S608
)
_PRODUCT = text(f"SELECT {_COLUMNS} FROM products WHERE sku = :sku")  # noqa: S608
_LOCKED = text(f"SELECT {_COLUMNS} FROM products WHERE sku = :sku FOR NO KEY UPDATE")  # noqa: S608
_CHANGE = text(
    f"""
    UPDATE products
       SET name = :name, names = CAST(:names AS jsonb), price_minor = :price_minor, active = :active,
           weight_g = :weight_g, barcode = CAST(:barcode AS text), tax_category = :tax_category,
           category = CAST(:category AS text), picture_id = CAST(:picture_id AS text),
           kind = :kind, lead_time_days = CAST(:lead_time_days AS smallint), delivered_by = :delivered_by,
           confirmed_after_days = CAST(:confirmed_after_days AS smallint)
     WHERE sku = :sku RETURNING {_COLUMNS}
    """  # noqa: S608
)
_SUPPLY = text("SELECT kind, delivered_by FROM products WHERE sku = :sku")
_SHOWN = text("SELECT sku, names, picture_id FROM products WHERE sku = ANY(CAST(:skus AS text[]))")
# The row `s` of product_search of a product that is sought.
SOUGHT = r"""(s.words LIKE lower(:pattern) ESCAPE '\'
            OR s.sku IN (SELECT b.sku FROM products b WHERE b.barcode = ANY(CAST(:barcodes AS text[]))))"""
_BY_SKUS = text(f"SELECT {_COLUMNS} FROM products WHERE sku = ANY(CAST(:skus AS text[]))")  # noqa: S608
# Products have few combinations of languages: each is read once, by the index.
_LANGUAGES = text(
    """
    WITH RECURSIVE sets AS (
      (SELECT languages FROM product_search ORDER BY languages LIMIT 1)
      UNION ALL
      SELECT (SELECT n.languages FROM product_search n WHERE n.languages > s.languages ORDER BY n.languages LIMIT 1)
        FROM sets s WHERE s.languages IS NOT NULL)
    SELECT DISTINCT unnest(string_to_array(languages, ' ')) AS lang FROM sets WHERE languages <> ''
    """
)
_LISTED = f"""
    SELECT {_COLUMNS},
           (SELECT coalesce(sum(l.available), 0)::bigint FROM stock_levels l JOIN warehouses w ON w.code = l.warehouse
             WHERE l.sku = p.sku AND w.active) AS available"""  # noqa: S608
_WANTED = "(CAST(:active AS boolean) IS NULL OR active = CAST(:active AS boolean)) AND sku > :after"
_PAGE = text(f"{_LISTED} FROM products p WHERE {_WANTED} ORDER BY sku LIMIT :limit")
_SOUGHT_PAGE = text(
    rf"""
    {_LISTED}
      FROM (SELECT sku AS found FROM product_search s WHERE {_WANTED} AND {SOUGHT} ORDER BY sku LIMIT :limit) f
      JOIN products p ON p.sku = f.found
     ORDER BY p.sku
    """  # noqa: S608
)
_BARCODE_DIGITS = (8, 12, 13, 14)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProduct:
    """A product to add, its price in minor units, its weight in grams; `names` by language. `kind` and `delivered_by`
    are a ProductKind and a DeliveredBy."""

    sku: str
    name: str
    names: dict[str, str] = field(default_factory=dict)
    price_minor: int
    currency: str
    active: bool = True
    weight_g: int = 500
    barcode: str | None = None
    tax_category: str = "standard"
    category: str | None = None
    picture_id: str | None = None
    kind: str = ProductKind.PHYSICAL
    lead_time_days: int | None = None
    delivered_by: str = DeliveredBy.CODE
    confirmed_after_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueProduct(NewProduct):
    """A product of the catalogue; `version` is new with each change."""

    version: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedProduct(CatalogueProduct):
    """A product in a list; `available` are the units that can be sold, of all warehouses."""

    available: int


@dataclass(frozen=True, slots=True)
class ProductFilters:
    """What a list holds; `q` is a part of a SKU or a name, or a barcode."""

    q: str = ""
    active: bool | None = None


async def add_product(conn: AsyncConnection, product: NewProduct) -> CatalogueProduct:
    """Insert a product. Raises Conflict `product_exists`, `barcode_exists`."""
    row = await _written(conn, _ADD, product)
    if row is None:
        raise Conflict("product_exists", "a product with this SKU exists already")
    return row


async def product(conn: AsyncConnection, sku: str, *, lock: bool = False) -> CatalogueProduct | None:
    """The product, or None; with `lock` nobody else changes it before the end of the transaction."""
    row = (await conn.execute(_LOCKED if lock else _PRODUCT, {"sku": sku})).mappings().one_or_none()
    return CatalogueProduct(**row) if row else None


async def supply(conn: AsyncConnection, sku: str) -> tuple[ProductKind, DeliveredBy] | None:
    """How a product is supplied; None where there is no such product."""
    row = (await conn.execute(_SUPPLY, {"sku": sku})).one_or_none()
    return (ProductKind(row.kind), DeliveredBy(row.delivered_by)) if row else None


async def by_skus(conn: AsyncConnection, skus: list[str]) -> dict[str, CatalogueProduct]:
    """Those of these products that there are."""
    rows = (await conn.execute(_BY_SKUS, {"skus": skus})).mappings()
    return {row["sku"]: CatalogueProduct(**row) for row in rows}


async def languages(conn: AsyncConnection) -> list[str]:
    """The languages in which some product has a name."""
    return sorted(row.lang for row in await conn.execute(_LANGUAGES))


async def change(conn: AsyncConnection, changed: CatalogueProduct) -> CatalogueProduct:
    """Write what a locked product is from now on; its currency stays. Raises Conflict `barcode_exists`,
    `product_kind_in_use`."""
    written = await _written(conn, _CHANGE, changed)
    assert written is not None  # its row is locked
    return written


async def page(conn: AsyncConnection, filters: ProductFilters, after: str, limit: int) -> list[ListedProduct]:
    """At most `limit` products with a SKU behind `after`."""
    question = {**asdict(filters), **patterns(filters.q), "after": after, "limit": limit}
    statement = _SOUGHT_PAGE if filters.q else _PAGE
    return [ListedProduct(**row) for row in (await conn.execute(statement, question)).mappings()]


def patterns(q: str) -> dict[str, object]:
    """What SOUGHT looks for: a part of a text, and the barcodes that differ from it in leading zeros alone."""
    part = "%" + q.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"
    digits = q.lstrip("0") if q.isascii() and q.isdigit() else ""
    return {"pattern": part, "barcodes": [digits.zfill(size) for size in _BARCODE_DIGITS] if digits else []}


async def shown(conn: AsyncConnection, skus: list[str]) -> list[tuple[str, dict[str, str], str | None]]:
    """The SKU, the names by language and the picture of each of these products."""
    return [(row.sku, row.names, row.picture_id) for row in await conn.execute(_SHOWN, {"skus": skus})]


async def _written(conn: AsyncConnection, statement: object, product: NewProduct) -> CatalogueProduct | None:
    values = asdict(product) | {"names": orjson.dumps(product.names).decode()}
    try:
        row = (await conn.execute(statement, values)).mappings().one_or_none()  # type: ignore[call-overload]
    except DBAPIError as error:
        if constraint_of(error) == "products_barcode":
            raise Conflict("barcode_exists") from None
        if sqlstate_of(error) == "OM193":
            raise Conflict("product_kind_in_use") from None
        raise
    return CatalogueProduct(**row) if row else None
