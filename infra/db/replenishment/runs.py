"""Runs that calculate all suggestions, some pairs at a time, in memory that does not grow with their number."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.replenishment.demand import estimated
from domain.replenishment.policy import ReplenishmentRule, policy_of
from infra.db.replenishment import pairs, suggestions
from infra.db.replenishment.suggestions import Calculated

PAIRS_AT_ONCE = 500
_REQUEST = text(
    """
    INSERT INTO replenishment_runs (requested_by, until_day) VALUES (:requested_by, :until_day)
    ON CONFLICT ((true)) WHERE finished_at IS NULL DO NOTHING RETURNING run_id
    """
)
_COLUMNS = """SELECT run_id, requested_by, requested_at, until_day, pairs, suggested, calculated_at, finished_at
                FROM replenishment_runs"""
_NEWEST = text(f"{_COLUMNS} ORDER BY run_id DESC LIMIT :limit")
# Another relay that works on it has its lock.
_OPEN = text(
    """SELECT run_id, until_day, after_sku, after_warehouse, calculated_at FROM replenishment_runs
        WHERE finished_at IS NULL FOR UPDATE SKIP LOCKED"""
)
_DUE = text(
    """SELECT NOT EXISTS (SELECT FROM replenishment_runs WHERE until_day >= :until_day)
          AND EXISTS (SELECT FROM stock_levels)"""
)
_PROGRESS = text(
    """UPDATE replenishment_runs
          SET after_sku = :sku, after_warehouse = :warehouse, pairs = pairs + :pairs,
              suggested = suggested + :suggested, calculated_at = CASE WHEN :done THEN now() END
        WHERE run_id = :run_id"""
)
_FINISHED = text("UPDATE replenishment_runs SET finished_at = now() WHERE run_id = :run_id")


@dataclass(frozen=True, slots=True)
class ReplenishmentRun:
    """A run over demand until the day before `until_day`: `pairs` are calculated, `suggested` of them are to be
    ordered. After `calculated_at` it places what rules order automatically."""

    run_id: int
    requested_by: str
    requested_at: datetime
    until_day: date
    pairs: int
    suggested: int
    calculated_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that goes on behind this SKU and warehouse."""

    run_id: int
    until_day: date
    after: tuple[str, str]
    calculated: bool


async def request(conn: AsyncConnection, requested_by: str, until_day: date) -> ReplenishmentRun:
    """A new run, or the one that is open."""
    await conn.execute(_REQUEST, {"requested_by": requested_by, "until_day": until_day})
    return (await newest(conn, 1))[0]


async def request_due(conn: AsyncConnection, until_day: date) -> None:
    """The run of the day, once."""
    if (await conn.execute(_DUE, {"until_day": until_day})).scalar_one():
        await conn.execute(_REQUEST, {"requested_by": "system", "until_day": until_day})


async def newest(conn: AsyncConnection, limit: int) -> list[ReplenishmentRun]:
    """The newest first."""
    return [ReplenishmentRun(**row) for row in (await conn.execute(_NEWEST, {"limit": limit})).mappings()]


async def claim(conn: AsyncConnection) -> OpenRun | None:
    """The run that is open, locked until the transaction ends; None where another process has it."""
    row = (await conn.execute(_OPEN)).one_or_none()
    if row is None:
        return None
    return OpenRun(row.run_id, row.until_day, (row.after_sku, row.after_warehouse), row.calculated_at is not None)


async def advance(conn: AsyncConnection, run: OpenRun, default: ReplenishmentRule) -> int:
    """Calculate the next pairs of a run; their number, less than PAIRS_AT_ONCE at the end."""
    found = await pairs.after(conn, run.until_day, run.after, PAIRS_AT_ONCE, default)
    calculated = [calculate(pair) for pair in found]
    if calculated:
        await suggestions.write(conn, run.run_id, calculated)
    last = (found[-1].sku, found[-1].warehouse) if found else run.after
    row = {
        "run_id": run.run_id, "sku": last[0], "warehouse": last[1], "pairs": len(found),
        "suggested": sum(one.quantity > 0 for one in calculated), "done": len(found) < PAIRS_AT_ONCE,
    }  # fmt: skip
    await conn.execute(_PROGRESS, row)
    return len(found)


def calculate(pair: pairs.Pair) -> Calculated:
    """Demand and policy of a pair."""
    demand = estimated(pair.history)
    return Calculated(pair, demand, policy_of(demand, pair.rule))


async def finish(conn: AsyncConnection, run: OpenRun) -> None:
    """Everything is calculated and ordered."""
    await conn.execute(_FINISHED, {"run_id": run.run_id})
