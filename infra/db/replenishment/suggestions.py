"""Suggestions: what to order of a product for a warehouse, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.replenishment.demand import Demand, DemandPattern
from domain.replenishment.policy import Policy, Position
from infra.db.driver_types import DriverRow
from infra.db.replenishment.pairs import Pair

# Column and its type as an array of a statement's parameter.
_TYPES = {
    "sku": "text", "warehouse": "text", "supplier": "text", "service_level": "float8", "lead_time_days": "float8",
    "lead_time_deviation_days": "float8", "review_days": "integer", "automatic": "boolean",
    "demand_per_day": "float8", "deviation": "float8", "pattern": "text", "demand_days": "integer",
    "safety_stock": "bigint", "reorder_point": "bigint", "lot": "bigint", "pack_size": "integer",
    "on_hand": "bigint", "reserved": "bigint", "kept_back": "bigint", "incoming": "bigint", "waiting": "bigint",
    "quantity": "bigint",
}  # fmt: skip
_VALUES = [name for name in _TYPES if name not in ("sku", "warehouse")]
_WRITE = text(
    f"""
    INSERT INTO replenishment_suggestions (run_id, {", ".join(_TYPES)})
    SELECT :run_id, {", ".join(f"g.{name}" for name in _TYPES)}
      FROM unnest({", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in _TYPES.items())})
        AS g ({", ".join(_TYPES)})
    ON CONFLICT (sku, warehouse) DO UPDATE
       SET run_id = excluded.run_id, computed_at = now(), purchase_order = NULL,
           {", ".join(f"{name} = excluded.{name}" for name in _VALUES)}
    """  # noqa: S608
)
_COLUMNS = f"""SELECT {", ".join(f"s.{name}" for name in _TYPES)}, s.run_id, s.computed_at, s.purchase_order, p.name,
                      p.names
                 FROM replenishment_suggestions s JOIN products p ON p.sku = s.sku"""  # noqa: S608
_PAGE = text(
    f"""{_COLUMNS}
    WHERE s.quantity > 0 AND s.purchase_order IS NULL AND (s.sku, s.warehouse) > (:sku, :after)
      AND (CAST(:warehouse AS text) IS NULL OR s.warehouse = :warehouse)
      AND (CAST(:supplier AS text) IS NULL OR s.supplier = :supplier)
    ORDER BY s.sku, s.warehouse LIMIT :limit"""
)
_LOCKED = text(
    f"""{_COLUMNS} JOIN unnest(CAST(:skus AS text[]), CAST(:warehouses AS text[])) AS g (sku, warehouse)
        ON g.sku = s.sku AND g.warehouse = s.warehouse ORDER BY s.sku, s.warehouse FOR UPDATE OF s"""
)
_ORDERED = text(
    """UPDATE replenishment_suggestions s SET purchase_order = :number
         FROM unnest(CAST(:skus AS text[])) AS g (sku) WHERE s.sku = g.sku AND s.warehouse = :warehouse"""
)
# Of the first supplier and warehouse with any.
_AUTOMATIC = text(
    """
    WITH due AS MATERIALIZED (
      SELECT sku, warehouse, supplier FROM replenishment_suggestions
       WHERE quantity > 0 AND purchase_order IS NULL AND automatic AND run_id = :run_id
    ), first AS (SELECT warehouse, supplier FROM due ORDER BY supplier, warehouse LIMIT 1)
    SELECT d.sku, d.warehouse FROM due d JOIN first USING (warehouse, supplier) ORDER BY d.sku LIMIT :limit
    """
)
_SETTLED = text(
    """UPDATE replenishment_suggestions s SET quantity = 0
         FROM unnest(CAST(:skus AS text[]), CAST(:warehouses AS text[])) AS g (sku, warehouse)
        WHERE s.sku = g.sku AND s.warehouse = g.warehouse"""
)


@dataclass(frozen=True, slots=True)
class Calculated:
    """What follows for a pair."""

    pair: Pair
    demand: Demand
    policy: Policy

    @property
    def quantity(self) -> int:
        """Units to order; none where product or warehouse is inactive."""
        return self.policy.quantity(self.pair.position.units) if self.pair.active else 0


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A suggestion of the newest run. `purchase_order` is the one that it became."""

    sku: str
    name: str
    names: dict[str, str]
    warehouse: str
    supplier: str
    service_level: float
    lead_time_days: float
    lead_time_deviation_days: float
    review_days: int
    automatic: bool
    demand: Demand
    policy: Policy
    position: Position
    quantity: int
    run_id: int
    computed_at: datetime
    purchase_order: str | None


async def write(conn: AsyncConnection, run_id: int, found: Sequence[Calculated]) -> None:
    """What the run found, in the place of what the one before had."""
    rows = [_row(one) for one in found]
    await conn.execute(_WRITE, {"run_id": run_id, **{name: [row[name] for row in rows] for name in _TYPES}})


def _row(one: Calculated) -> dict[str, object]:
    rule, position, demand, policy = one.pair.rule, one.pair.position, one.demand, one.policy
    return {
        "sku": one.pair.sku, "warehouse": one.pair.warehouse, "supplier": rule.supplier,
        "service_level": rule.service_level, "lead_time_days": rule.lead_time_days,
        "lead_time_deviation_days": rule.lead_time_deviation_days, "review_days": rule.review_days,
        "automatic": rule.automatic, "demand_per_day": demand.per_day, "deviation": demand.deviation,
        "pattern": demand.pattern.value, "demand_days": demand.days, "safety_stock": policy.safety_stock,
        "reorder_point": policy.reorder_point, "lot": policy.lot, "pack_size": policy.pack_size,
        "on_hand": position.on_hand, "reserved": position.reserved, "kept_back": position.safety_stock,
        "incoming": position.incoming, "waiting": position.waiting, "quantity": one.quantity,
    }  # fmt: skip


async def page(
    conn: AsyncConnection, warehouse: str | None, supplier: str | None, after: tuple[str, str], limit: int
) -> list[Suggestion]:
    """At most `limit` that are to be ordered, behind this SKU and warehouse."""
    question = {
        "warehouse": warehouse,
        "supplier": supplier,
        "sku": after[0],
        "after": after[1],
        "limit": limit,
    }
    return [_suggestion(row) for row in await conn.execute(_PAGE, question)]


async def locked(conn: AsyncConnection, wanted: Sequence[tuple[str, str]]) -> list[Suggestion]:
    """The suggestions for these products at these warehouses, locked in one order."""
    question = {"skus": [sku for sku, _ in wanted], "warehouses": [place for _, place in wanted]}
    return [_suggestion(row) for row in await conn.execute(_LOCKED, question)]


async def automatic(conn: AsyncConnection, run_id: int, limit: int) -> list[tuple[str, str]]:
    """At most `limit` of one supplier and warehouse that the run is to order without a person."""
    rows = await conn.execute(_AUTOMATIC, {"run_id": run_id, "limit": limit})
    return [(row.sku, row.warehouse) for row in rows]


async def ordered(conn: AsyncConnection, warehouse: str, skus: Sequence[str], number: str) -> None:
    """They are on this purchase order."""
    await conn.execute(_ORDERED, {"number": number, "skus": list(skus), "warehouse": warehouse})


async def settled(conn: AsyncConnection, pairs: Sequence[tuple[str, str]]) -> None:
    """Nothing is to be ordered of them any more: what was short has arrived or is on its way."""
    await conn.execute(_SETTLED, {"skus": [sku for sku, _ in pairs], "warehouses": [place for _, place in pairs]})


def _suggestion(row: DriverRow) -> Suggestion:
    return Suggestion(
        row.sku, row.name, row.names, row.warehouse, row.supplier, row.service_level, row.lead_time_days,
        row.lead_time_deviation_days, row.review_days, row.automatic,
        Demand(row.demand_per_day, row.deviation, DemandPattern(row.pattern), row.demand_days),
        Policy(row.safety_stock, row.reorder_point, row.lot, row.pack_size),
        Position(row.on_hand, row.reserved, row.kept_back, row.incoming, row.waiting),
        row.quantity, row.run_id, row.computed_at, row.purchase_order,
    )  # fmt: skip
