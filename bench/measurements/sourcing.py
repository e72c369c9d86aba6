"""Sourcing of an order with ten lines over 50 warehouses and 5,000 products, beside the SQL that loads its inputs."""

from datetime import UTC, datetime
from random import Random
from time import perf_counter

from sqlalchemy.ext.asyncio import AsyncConnection

from bench.harness.lab import Lab, as_owner, clone, database_url, median, percentile, postgres
from bench.report import Figure, Section, table
from domain.sourcing.deciding import decide
from domain.sourcing.places import Destination
from domain.sourcing.profile import DEFAULT_PROFILE
from domain.sourcing.request import Line, SourcingRequest
from infra.db.engine import Database
from infra.db.sourcing import network
from infra.geography import coordinates_of
from infra.settings import Settings

NAME, TITLE = "sourcing", "Where an order ships from"
WAREHOUSES, SKUS, LINES = 50, 5000, 10
# Which share of the products a warehouse has: with most of them one ships all of an order, with few it takes several.
DENSITIES = (0.9, 0.6, 0.3)
PLACES = (
    *("上海市 上海市", "北京市 北京市", "广东省 广州市", "广东省 深圳市", "浙江省 杭州市"),
    *("江苏省 苏州市", "四川省 成都市", "湖北省 武汉市", "陕西省 西安市", "山东省 青岛市"),
)
_FILL = """
INSERT INTO warehouses (code, name, country, province, city, priority)
SELECT 'B' || n, 'Bench ' || n, 'CN', (%(provinces)s::text[])[n %% 10 + 1], (%(cities)s::text[])[n %% 10 + 1], n
  FROM generate_series(1, %(warehouses)s) n"""
_PRODUCTS = """
INSERT INTO products (sku, name, price_minor, currency)
SELECT 'S' || n, 'Sample ' || n, 1000, 'CNY' FROM generate_series(1, %(skus)s) n"""
_LEVELS = """
INSERT INTO stock_levels (sku, warehouse, on_hand)
SELECT 'S' || s, 'B' || w, 1 + (random() * 20)::int
  FROM generate_series(1, %(skus)s) s, generate_series(1, %(warehouses)s) w WHERE random() < %(density)s"""


async def measure(lab: Lab) -> Section:
    orders = lab.scaled(300, 60)
    found: dict[float, tuple[list[float], list[float]]] = {}
    async with postgres(lab) as (server, _):
        for density in DENSITIES:
            name = await clone(server)
            await _fill(database_url(server, name, owner=True), density)
            database = Database.from_settings(Settings(database_url=database_url(server, name)))
            async with database.begin() as conn:
                found[density] = await _measured(conn, orders)
            await database.close()
    return _section(lab, orders, found)


async def _fill(url: str, density: float) -> None:
    provinces, cities = zip(*(place.split() for place in PLACES), strict=True)
    values = {"provinces": list(provinces), "cities": list(cities), "warehouses": WAREHOUSES, "skus": SKUS,
              "density": density}  # fmt: skip
    async with as_owner(url) as connection:
        # What is there from the seed does not ship.
        await connection.execute("UPDATE warehouses SET active = false, is_default = false")
        await connection.execute("SET session_replication_role = replica")
        for statement in (_FILL, _PRODUCTS, _LEVELS):
            await connection.execute(statement, values)
        await connection.execute("VACUUM ANALYZE")


async def _measured(conn: AsyncConnection, orders: int) -> tuple[list[float], list[float]]:
    """Milliseconds of the SQL and of the decision, order by order."""
    chance = Random(14)
    loading, deciding = list[float](), list[float]()
    for _ in range(orders):
        skus = [f"S{n}" for n in chance.sample(range(1, SKUS + 1), LINES)]
        lines = tuple(Line(at, sku, chance.randint(1, 3), 500) for at, sku in enumerate(skus, 1))
        province, city = chance.choice(PLACES).split()
        to = Destination("CN", province, city, coordinates_of("CN", province, city))
        begun = perf_counter()
        await network.rows_of(conn, skus)
        loading.append((perf_counter() - begun) * 1000)
        request = SourcingRequest(lines, await network.of_skus(conn, skus, datetime.now(UTC)), to)
        begun = perf_counter()
        decide(request, DEFAULT_PROFILE)
        deciding.append((perf_counter() - begun) * 1000)
    return loading, deciding


def _section(lab: Lab, orders: int, found: dict[float, tuple[list[float], list[float]]]) -> Section:
    rows = [(f"{density:.0%}", median(sql), median(own), percentile(own, 0.95), median(own) / median(sql))
            for density, (sql, own) in found.items()]  # fmt: skip
    body = [
        f"{orders} orders with {LINES} products each, over {WAREHOUSES} warehouses and {SKUS:,} products; one process, "
        "one order at a time. The SQL is the one statement that reads all warehouses with their units of the products.",
        table(("products that a warehouse has", "ms SQL", "ms decision", "ms decision, p95", "ratio"), rows),
    ]
    figures = [
        Figure(f"sourcing, {density:.0%} of the products in each warehouse", median(own), "ms", median(sql), "ms SQL",
               1.0, at_least=False)
        for density, (sql, own) in found.items()
    ]  # fmt: skip
    data = {f"{what} at {density}": median(times) for density, both in found.items()
            for what, times in zip(("sql", "decision"), both, strict=True)}  # fmt: skip
    return Section(NAME, TITLE, figures, "\n\n".join(body), lab.quick, data)
