"""Products at warehouses with all that their replenishment is calculated from, some at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.replenishment.demand import DemandHistory
from domain.replenishment.policy import Position, ReplenishmentRule
from infra.db.driver_types import DriverRow

_RULE = tuple(field.name for field in fields(ReplenishmentRule))
# Of a pair: the rule that names most, its days of demand as numbers from the first day of the window on, and its
# position. A product that was not known yet had no demand of zero.
_DETAILS = f"""
    SELECT p.sku, p.warehouse, p.active, r.rule_id, {", ".join(f"r.{name}" for name in _RULE)},
           w.first_day, CAST(:until_day AS date) - w.first_day AS length,
           coalesce(d.days, '{{}}') AS days, coalesce(d.units, '{{}}') AS units,
           coalesce(s.first_days, '{{}}') AS first_days, coalesce(s.last_days, '{{}}') AS last_days,
           coalesce(l.on_hand, 0) AS on_hand, coalesce(l.reserved, 0) AS reserved,
           coalesce(l.safety_stock, 0) AS safety_stock,
           coalesce(l.incoming, 0) + coalesce(t.units, 0) AS incoming, coalesce(b.units, 0) AS waiting
      FROM pairs p
      LEFT JOIN stock_levels l ON l.sku = p.sku AND l.warehouse = p.warehouse
      LEFT JOIN replenishment_rules r1 ON r1.sku = p.sku AND r1.warehouse = p.warehouse
      LEFT JOIN replenishment_rules r2 ON r2.sku = p.sku AND r2.warehouse IS NULL
      LEFT JOIN replenishment_rules r3 ON r3.sku IS NULL AND r3.warehouse = p.warehouse
      LEFT JOIN replenishment_rules r4 ON r4.sku IS NULL AND r4.warehouse IS NULL
      LEFT JOIN replenishment_rules r
        ON r.rule_id = coalesce(r1.rule_id, r2.rule_id, r3.rule_id, r4.rule_id)
     CROSS JOIN LATERAL (
       SELECT greatest(CAST(:until_day AS date) - coalesce(r.window_days, :window_days),
                       least(p.known_since, (SELECT min(d.day) FROM stock_demand d
                                              WHERE d.sku = p.sku AND d.warehouse = p.warehouse))) AS first_day) w
      LEFT JOIN LATERAL (
        SELECT array_agg(d.day - w.first_day) AS days, array_agg(d.units) AS units FROM stock_demand d
         WHERE d.sku = p.sku AND d.warehouse = p.warehouse AND d.day >= w.first_day AND d.day < :until_day) d ON true
      LEFT JOIN LATERAL (
        SELECT array_agg(s.first_day - w.first_day ORDER BY s.first_day) AS first_days,
               array_agg(s.last_day - w.first_day ORDER BY s.first_day) AS last_days FROM stock_outs s
         WHERE s.sku = p.sku AND s.warehouse = p.warehouse AND s.last_day >= w.first_day) s ON true
      LEFT JOIN (
        SELECT n.sku, t.target, sum(n.shipped - n.received - n.lost) AS units
          FROM stock_transfers t JOIN stock_transfer_lines n USING (transfer_id)
         WHERE t.status = 'shipped' GROUP BY n.sku, t.target) t ON t.sku = p.sku AND t.target = p.warehouse
      LEFT JOIN (
        SELECT n.sku, preferred_warehouse(n.sku, o.country, o.province, o.city) AS warehouse,
               sum(n.quantity - n.cancelled_quantity) AS units
          FROM orders o JOIN order_lines n USING (order_no)
         WHERE o.status = 'received' AND o.waiting ->> 'what' = 'stock' AND o.cancelling IS NULL
           AND n.quantity > n.cancelled_quantity AND n.sku IN (SELECT sku FROM pairs)
         GROUP BY 1, 2) b ON b.sku = p.sku AND b.warehouse = p.warehouse
     ORDER BY p.sku, p.warehouse
    """  # noqa: S608
_KNOWN = """CAST(c.created_at AT TIME ZONE 'UTC' AS date) AS known_since, c.active AND w.active AS active"""
_AFTER = text(
    f"""
    WITH pairs AS MATERIALIZED (
      SELECT l.sku, l.warehouse, {_KNOWN}
        FROM (SELECT sku, warehouse FROM stock_levels WHERE (sku, warehouse) > (:sku, :warehouse)
               ORDER BY sku, warehouse LIMIT :limit) l
        JOIN products c ON c.sku = l.sku JOIN warehouses w ON w.code = l.warehouse
    ){_DETAILS}
    """  # noqa: S608
)
_NAMED = text(
    f"""
    WITH pairs AS MATERIALIZED (
      SELECT g.sku, g.warehouse, {_KNOWN}
        FROM unnest(CAST(:skus AS text[]), CAST(:warehouses AS text[])) AS g (sku, warehouse)
        JOIN products c ON c.sku = g.sku JOIN warehouses w ON w.code = g.warehouse
    ){_DETAILS}
    """  # noqa: S608
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A product at a warehouse: whether both are active, its rule, its demand and its position."""

    sku: str
    warehouse: str
    active: bool
    rule: ReplenishmentRule
    history: DemandHistory
    position: Position


async def after(
    conn: AsyncConnection, until_day: date, last: tuple[str, str], limit: int, default: ReplenishmentRule
) -> list[Pair]:
    """At most `limit` behind this SKU and warehouse, with demand until the day before `until_day`."""
    question = {"sku": last[0], "warehouse": last[1], "limit": limit}
    return await _read(conn, until_day, default, question, of_all=True)


async def named(
    conn: AsyncConnection, until_day: date, wanted: Sequence[tuple[str, str]], default: ReplenishmentRule
) -> list[Pair]:
    """These products at these warehouses; one that does not exist is left out."""
    question = {"skus": [sku for sku, _ in wanted], "warehouses": [place for _, place in wanted]}
    return await _read(conn, until_day, default, question, of_all=False)


async def _read(
    conn: AsyncConnection, until_day: date, default: ReplenishmentRule, question: Mapping[str, object], *, of_all: bool
) -> list[Pair]:
    asked = {**question, "until_day": until_day, "window_days": default.window_days}
    found = await conn.execute(_AFTER if of_all else _NAMED, asked)
    return [_pair(row, default) for row in found]


def _pair(row: DriverRow, default: ReplenishmentRule) -> Pair:
    rule = default if row.rule_id is None else ReplenishmentRule(*(getattr(row, name) for name in _RULE))
    history = DemandHistory(
        max(0, row.length), list(zip(row.days, row.units, strict=True)),
        list(zip(row.first_days, row.last_days, strict=True)),
    )  # fmt: skip
    position = Position(row.on_hand, row.reserved, row.safety_stock, int(row.incoming), int(row.waiting))
    return Pair(row.sku, row.warehouse, row.active, rule, history, position)
