"""Stock as people look at it: levels of all products, and the movements of one."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TypedDict

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db.catalogue.products import SOUGHT, patterns

# No index on what is left: levels move with every order, and must stay cheap to write.
_LEVELS = """
    SELECT l.sku, p.name, p.names, p.active, p.picture_id, l.warehouse, l.on_hand, l.reserved, l.available, l.incoming,
           l.safety_stock, l.quarantined
      FROM stock_levels l JOIN products p ON p.sku = l.sku
     WHERE (l.sku, l.warehouse) > (:sku, :after)
       AND (CAST(:warehouse AS text) IS NULL OR l.warehouse = CAST(:warehouse AS text))
       AND (NOT :low OR (l.available = 0 AND p.active))
       {sought}
     ORDER BY l.sku, l.warehouse LIMIT :limit
    """
_ALL_LEVELS = text(_LEVELS.format(sought=""))
# Each product is looked at once, not each of its levels.
_SOUGHT_LEVELS = text(
    f"WITH sought AS MATERIALIZED (SELECT p.sku FROM products p WHERE {SOUGHT})"  # noqa: S608
    + _LEVELS.format(sought="AND l.sku IN (SELECT sku FROM sought)")
)
_MOVEMENTS = """
    SELECT movement_id, kind, warehouse, quantity, on_hand_delta, reserved_delta, quarantined_delta, order_no,
           reference, actor, created_at
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


async def levels(conn: AsyncConnection, filters: StockFilters, after: tuple[str, str], limit: int) -> list[ListedLevel]:
    """At most `limit` levels behind this SKU and warehouse."""
    question = {**asdict(filters), **patterns(filters.q), "sku": after[0], "after": after[1], "limit": limit}
    statement = _SOUGHT_LEVELS if filters.q else _ALL_LEVELS
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
