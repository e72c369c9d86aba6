"""Causes in the stock: cases that nobody owns, and cases that are open for too long."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts import Kind
from infra.db.alerts.findings import Finding
from infra.settings import Settings

# So many are counted; more is as bad.
LOOKED_AT = 10_000
_WAITING = text(
    """
    SELECT CASE WHEN owner IS NULL THEN 'no_owner' ELSE 'overdue' END AS reason, count(*) AS number,
           min(opened_at) AS oldest_at
      FROM (SELECT owner, opened_at FROM stock_cases
             WHERE state = 'open' AND (owner IS NULL OR opened_at <= now() - make_interval(secs => :overdue_s))
             ORDER BY case_id LIMIT :limit) c
     GROUP BY 1 ORDER BY 1
    """
)


async def stock_cases(conn: AsyncConnection, settings: Settings) -> list[Finding]:
    """Open cases without an owner, and those of an owner that are overdue."""
    rows = await conn.execute(_WAITING, {"overdue_s": settings.stock_case_overdue_s, "limit": LOOKED_AT})
    return [Finding(Kind.STOCK_CASES, {"delay": row.reason}, row.number, row.oldest_at) for row in rows]
