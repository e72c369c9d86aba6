"""Stock cases for what a run has found: low stock, oversold, dead and ageing stock. Each has an owner, and ends."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.stock.cases import StockCaseKind

# Of each kind the worst are opened: more than these nobody works through in a day.
MOST = 200
# Fewer days of demand say nothing about what is low, or about what nobody wants.
_LEARNED_DAYS, _DEAD_DAYS, _AGEING_DAYS = 7, 90, 365
# Who has decided about a case is not asked again so soon.
_QUIET_DAYS = 30
_FREE = "(s.on_hand - s.reserved - s.kept_back)"
# What is wrong, and how many units it is about. What was ordered since the run is incoming.
_CAUSES = {
    StockCaseKind.LOW_STOCK: (
        f"""s.demand_days >= {_LEARNED_DAYS} AND s.demand_per_day > 0 AND s.purchase_order IS NULL
            AND {_FREE} + s.incoming < s.demand_per_day * s.lead_time_days""",
        f"greatest({_FREE}, 0)",
    ),
    StockCaseKind.OVERSOLD: (
        f"s.waiting > 0 AND s.purchase_order IS NULL AND {_FREE} + s.incoming < s.waiting",
        f"least(s.waiting, s.waiting - {_FREE} - s.incoming)",
    ),
    StockCaseKind.DEAD_STOCK: (f"s.on_hand > 0 AND s.pattern = 'none' AND s.demand_days >= {_DEAD_DAYS}", "s.on_hand"),
    StockCaseKind.AGEING_STOCK: (
        f"s.demand_days >= {_DEAD_DAYS} AND s.pattern <> 'none' AND s.on_hand > s.demand_per_day * {_AGEING_DAYS}",
        "s.on_hand",
    ),
}
_OPEN = """
    INSERT INTO stock_cases (kind, subject, warehouse, sku, quantity, opened_by)
    SELECT '{kind}', s.sku || ' @ ' || s.warehouse, s.warehouse, s.sku, {units}, 'system'
      FROM replenishment_suggestions s
     WHERE s.run_id = :run_id AND {cause}
       AND NOT EXISTS (SELECT FROM stock_cases c
                        WHERE c.kind = '{kind}' AND c.subject = s.sku || ' @ ' || s.warehouse
                          AND (c.state = 'open' OR c.resolved_by <> 'system'
                               AND c.resolved_at > now() - make_interval(days => {quiet})))
     ORDER BY s.demand_per_day DESC, s.on_hand DESC, s.sku, s.warehouse
     LIMIT greatest(0, {most} - (SELECT count(*) FROM stock_cases c WHERE c.kind = '{kind}' AND c.state = 'open'))
    ON CONFLICT (kind, subject) WHERE state = 'open' DO NOTHING
    """
_OVER = """
    UPDATE stock_cases c SET state = 'resolved', resolution = 'corrected', reason = 'no longer so',
           resolved_by = 'system', resolved_at = now()
     WHERE c.kind = '{kind}' AND c.state = 'open'
       AND NOT EXISTS (SELECT FROM replenishment_suggestions s
                        WHERE s.sku = c.sku AND s.warehouse = c.warehouse AND {cause})
    """


async def note(conn: AsyncConnection, run_id: int) -> None:
    """End the cases whose cause is gone, and open those that the run has found."""
    for kind, (cause, units) in _CAUSES.items():
        await conn.execute(text(_OVER.format(kind=kind.value, cause=cause)))
        statement = _OPEN.format(kind=kind.value, cause=cause, units=units, quiet=_QUIET_DAYS, most=MOST)
        await conn.execute(text(statement), {"run_id": run_id})
