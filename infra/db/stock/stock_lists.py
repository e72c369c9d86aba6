"""Stock as people look at it: levels of all products, and the movements of one."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TypedDict

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db.catalogue.products import SOUGHT, patterns

_LEVEL = """l.sku, p.name, p.names, p.active, p.picture_id, l.warehouse, l.on_hand, l.reserved, l.available, l.incoming,
           l.safety_stock, l.quarantined"""
_WANTED = """(l.sku, l.warehouse) > (:sku, :after)
       AND (CAST(:warehouse AS text) IS NULL OR l.warehouse = CAST(:warehouse AS text))"""
_ALL = f"SELECT {_LEVEL} FROM stock_levels l JOIN products p ON p.sku = l.sku WHERE {_WANTED}"  # noqa: S608
_IN_ORDER = "ORDER BY l.sku, l.warehouse LIMIT :limit"
_ALL_LEVELS = text(f"{_ALL} {_IN_ORDER}")
# No index on what is left: levels move with every order, and must stay cheap to write.
_LOW = f"{_ALL} AND l.available = 0 AND p.active"
_LOW_LEVELS = text(f"{_LOW} {_IN_ORDER}")
_SOUGHT_LOW_LEVELS = text(
    f"{_LOW} AND EXISTS (SELECT FROM product_search s WHERE s.sku = l.sku AND {SOUGHT}) {_IN_ORDER}"
)
# Product by product in their order, so that it ends with the page.
_SOUGHT_LEVELS = text(
    f"""
    SELECT {_LEVEL}
      FROM (SELECT s.sku FROM product_search s WHERE s.sku >= :sku AND {SOUGHT} ORDER BY s.sku) f
     CROSS JOIN LATERAL (SELECT l.* FROM stock_levels l WHERE l.sku = f.sku AND {_WANTED} OFFSET 0) l
      JOIN products p ON p.sku = f.sku
     ORDER BY f.sku, l.warehouse LIMIT :limit
    """  # noqa: S608
)
# By whether something is sought, and whether only what is low.
_STATEMENTS = {
    (False, False): _ALL_LEVELS,
    (False, True): _LOW_LEVELS,
    (True, False): _SOUGHT_LEVELS,
    (True, True): _SOUGHT_LOW_LEVELS,
}
_MOVEMENTS = """
    SELECT movement_id, kind, warehouse, quantity, on_hand_delta, reserved_delta, quarantined_delta, order_no,
           reference, actor, created_at, location
      FROM stock_movements
     WHERE sku = :sku AND movement_id < :before
       AND (CAST(:warehouse AS text) IS NULL OR warehouse = CAST(:warehouse AS text))
       {of_kind}
     ORDER BY movement_id DESC LIMIT :limit
    """
_ALL_MOVEMENTS = text(_MOVEMENTS.format(of_kind=""))
# An index of its own: of a product that sells well, people move little and orders millions of times.
_BY_PEOPLE = text(_MOVEMENTS.format(of_kind="AND kind NOT IN ('reserve', 'release', 'ship')"))
_SAFETY = text(
    """
    UPDATE stock_levels SET safety_stock = :units WHERE sku = :sku AND warehouse = :warehouse
    RETURNING warehouse, on_hand, reserved, available, incoming, safety_stock, quarantined
    """
)
NEWEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class StockFilters:
    """What a list holds; `low`: products on sale of which nothing is left but the safety stock."""

    q: str = ""
    warehouse: str | None = None
    low: bool = False


@dataclass(frozen=True, slots=True)
class ListedLevel:
    """The level of a product at a warehouse."""

    sku: str
    name: str
    names: dict[str, str]
    active: bool
    picture_id: str | None
    warehouse: str
    on_hand: int
    reserved: int
    available: int
    incoming: int
    safety_stock: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class StockMovement:
    """A movement; `reference` is what a receipt came with, or the reason of an adjustment."""

    movement_id: int
    kind: str
    warehouse: str
    quantity: int
    on_hand_delta: int
    reserved_delta: int
    quarantined_delta: int
    order_no: str | None
    reference: str | None
    actor: str
    created_at: datetime
    location: str | None


async def levels(conn: AsyncConnection, filters: StockFilters, after: tuple[str, str], limit: int) -> list[ListedLevel]:
    """At most `limit` levels behind this SKU and warehouse."""
    question = {**asdict(filters), **patterns(filters.q), "sku": after[0], "after": after[1], "limit": limit}
    statement = _STATEMENTS[bool(filters.q), filters.low]
    return [ListedLevel(**row) for row in (await conn.execute(statement, question)).mappings()]


async def movements(
    conn: AsyncConnection, sku: str, warehouse: str | None, by_people: bool, before: int, limit: int
) -> list[StockMovement]:
    """At most `limit` movements of a SKU, the newest first; those that orders cause are left out with `by_people`."""
    question = {"sku": sku, "warehouse": warehouse, "before": before, "limit": limit}
    statement = _BY_PEOPLE if by_people else _ALL_MOVEMENTS
    return [StockMovement(**row) for row in (await conn.execute(statement, question)).mappings()]


class LevelFields(TypedDict):
    """The level of a product at a warehouse."""

    warehouse: str
    on_hand: int
    reserved: int
    available: int
    incoming: int
    safety_stock: int
    quarantined: int


async def set_safety_stock(conn: AsyncConnection, sku: str, warehouse: str, units: int) -> LevelFields:
    """Keep `units` back at a warehouse that has a level, and return the level."""
    row = (await conn.execute(_SAFETY, {"sku": sku, "warehouse": warehouse, "units": units})).mappings().one()
    return LevelFields(
        warehouse=row["warehouse"],
        on_hand=row["on_hand"],
        reserved=row["reserved"],
        available=row["available"],
        incoming=row["incoming"],
        safety_stock=row["safety_stock"],
        quarantined=row["quarantined"],
    )
