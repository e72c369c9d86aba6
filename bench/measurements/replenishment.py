"""What to order of 100,000 products at warehouses with a year of demand, beside an SQL aggregate over the same rows."""

import asyncio
import os
from datetime import UTC, datetime
from time import perf_counter

from bench.harness.lab import Lab, as_owner, clone, database_url, postgres, resident_mib
from bench.report import Figure, Section, table
from domain.replenishment.policy import ReplenishmentRule
from infra.db.engine import Database
from infra.db.replenishment import runs
from infra.settings import Settings

NAME, TITLE = "replenishment", "What to order, and when"
WAREHOUSES, DAYS = 4, 365
_PRODUCTS = """
INSERT INTO products (sku, name, price_minor, currency, created_at)
SELECT 'S' || n, 'Sample ' || n, 1000, 'CNY', now() - interval '2 years' FROM generate_series(1, %(skus)s) n"""
_PLACES = """
INSERT INTO warehouses (code, name, country, province, city, priority)
SELECT 'B' || n, 'Bench ' || n, 'CN', 'P', 'C', n FROM generate_series(1, %(warehouses)s) n"""
_LEVELS = """
INSERT INTO stock_levels (sku, warehouse, on_hand)
SELECT 'S' || s, 'B' || w, (random() * 40)::int
  FROM generate_series(1, %(skus)s) s, generate_series(1, %(warehouses)s) w"""
# A tenth of the products sells on most days, the others on few.
_DEMAND = """
INSERT INTO stock_demand (sku, warehouse, day, units)
SELECT 'S' || s, 'B' || w, current_date - d, 1 + (random() * 5)::int
  FROM generate_series(1, %(skus)s) s, generate_series(1, %(warehouses)s) w, generate_series(1, %(days)s) d
 WHERE random() < CASE s %% 10 WHEN 0 THEN 0.8 ELSE 0.1 END"""
_AGGREGATE = "SELECT sku, warehouse, sum(units), sum(units * units), count(*) FROM stock_demand GROUP BY sku, warehouse"


async def measure(lab: Lab) -> Section:
    pairs = lab.scaled(100_000, 4_000)
    async with postgres(lab) as (server, _):
        url = database_url(server, name := await clone(server), owner=True)
        rows = await _fill(url, pairs // WAREHOUSES)
        aggregate = await _aggregated(url)
        database = Database.from_settings(Settings(database_url=database_url(server, name)))
        before = resident_mib(os.getpid())
        seconds, most, suggested = await _run(database)
        await database.close()
    return _section(lab, pairs, rows, aggregate, seconds, most - before, suggested)


async def _fill(url: str, skus: int) -> int:
    """Rows of demand."""
    values = {"skus": skus, "warehouses": WAREHOUSES, "days": DAYS}
    async with as_owner(url) as connection:
        await connection.execute("SET session_replication_role = replica")
        for statement in (_PRODUCTS, _PLACES, _LEVELS, _DEMAND):
            await connection.execute(statement, values)
        await connection.execute("VACUUM ANALYZE")
        return int((await (await connection.execute("SELECT count(*) FROM stock_demand")).fetchall())[0][0])


async def _aggregated(url: str) -> float:
    """Seconds of one aggregate over all rows, read to its end."""
    async with as_owner(url) as connection:
        begun = perf_counter()
        await (await connection.execute(_AGGREGATE)).fetchall()
        return perf_counter() - begun


async def _run(database: Database) -> tuple[float, float, int]:
    """Seconds, the most MiB that this process took, and the number of suggestions."""
    begun, most = perf_counter(), 0.0
    async with database.begin() as conn:
        until_day = (await runs.request(conn, "bench", datetime.now(UTC).date())).until_day
    while True:
        async with database.begin() as conn:
            run = await runs.claim(conn)
            if run is None or run.calculated or run.until_day != until_day:
                break
            await runs.advance(conn, run, ReplenishmentRule(window_days=DAYS))
        most = max(most, resident_mib(os.getpid()))
        await asyncio.sleep(0)
    async with database.begin() as conn:
        found = (await runs.newest(conn, 1))[0]
    return perf_counter() - begun, most, found.suggested


def _section(
    lab: Lab, pairs: int, rows: int, aggregate: float, seconds: float, mib: float, suggested: int
) -> Section:  # fmt: skip
    body = (
        f"{pairs:,} products at warehouses with {DAYS} days of demand ({rows:,} rows), {runs.PAIRS_AT_ONCE} at a time: "
        "read, estimated, written. A tenth of the products sells on four days of five, the others on one of ten. The "
        "yardstick reads sums and sums of squares of all rows by one statement.\n\n"
        + table(
            ("", "s", "pairs per s", "MiB more"),
            [("a run", seconds, pairs / seconds, mib), ("one SQL aggregate", aggregate, pairs / aggregate, 0.0)],
        )
        + f"\n\n{suggested:,} of them are to be ordered."
    )
    figures = [
        Figure(f"replenishment of {pairs:,} pairs", seconds, "s", aggregate, "s one SQL aggregate", at_least=False),
        Figure("memory that a replenishment run takes", mib, "MiB", bound=64, at_least=False),
    ]
    return Section(NAME, TITLE, figures, body, lab.quick, {"seconds": seconds, "aggregate": aggregate, "mib": mib})
