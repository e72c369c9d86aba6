"""A page of the order list with a thousand orders and with a million."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

from api import pagination
from bench.harness.http_driver import Load, as_spec
from bench.harness.lab import TEMPLATE, Lab, as_owner, clone, database_url, median, postgres, program
from bench.measurements.front_door import api, staff_token
from bench.report import Figure, Section, table
from infra.stack.postgres.postgres_server import PostgresServer

NAME, TITLE = "listing", "A page of the order list"
SMALL, REPETITIONS = 1000, 3
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
CUSTOMER = "c-7"

# A tenth of a percent of the orders is open, a customer has at most a few hundred, as in a shop of that size.
_LOAD = """
INSERT INTO orders (order_no, channel, type, status, customer_id, currency, items_minor, total_minor, country, province,
                    city, ship_to_enc, placed_by, created_at, updated_at)
SELECT 'B' || lpad(n::text, 10, '0'), CASE n % 3 WHEN 0 THEN 'web' WHEN 1 THEN 'app' ELSE 'shop' END, 'standard',
       CASE WHEN n % 10 = 0 THEN 'paid' WHEN n % 10 < 3 THEN 'cancelled' ELSE 'completed' END,
       'c-' || n % greatest({count} / 100, 10), 'CNY', 1000, 1000, 'CN', '上海市', '上海市', '\\x00', 'bench',
       timestamptz '2026-01-01 00:00+00' + n * interval '1 second', now()
  FROM generate_series(1, {count}) n"""


async def measure(lab: Lab) -> Section:
    large, requests = lab.scaled(1_000_000, 200_000), lab.scaled(400, 150)
    async with postgres(lab) as (server, _), AsyncExitStack() as open_apis:
        addresses = {}
        for count in (SMALL, large):
            database = await _filled(server, count)
            addresses[count], _ = await open_apis.enter_async_context(api(lab, server, database))
        found: dict[tuple[str, int], list[float]] = {}
        for _ in range(REPETITIONS):
            for count, address in addresses.items():
                for what, query in _pages(count).items():
                    result = await program("bench.harness.http_driver", as_spec(_load(address, query, requests)))
                    found.setdefault((what, count), []).append(result["p50_ms"])
    return _section(lab, large, requests, {key: median(times) for key, times in found.items()})


async def _filled(server: PostgresServer, count: int) -> str:
    database = await clone(server, TEMPLATE)
    async with as_owner(database_url(server, database, owner=True)) as connection:
        # The rows are history: triggers, which would number and publish each, are off.
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(_LOAD.format(count=count).encode())
        await connection.execute("VACUUM ANALYZE orders")
        await connection.execute("CHECKPOINT")
    return database


def _pages(count: int) -> dict[str, str]:
    middle = count // 2
    cursor = pagination.after(
        {"created_at": EPOCH + timedelta(seconds=middle), "order_no": f"B{middle:010}", "status": "completed"},
        "-created_at",
    )
    return {
        "first page": "",
        "middle page": f"?cursor={quote(cursor)}",
        "one status": "?status=paid",
        "one customer": f"?customer={CUSTOMER}",
    }


def _load(address: str, query: str, requests: int) -> Load:
    parts = urlsplit(address)
    return Load(
        host=parts.hostname or "",
        port=parts.port or 80,
        method="GET",
        path=f"/v1/orders{query}",
        count=requests,
        connections=1,
        headers={"authorization": f"Bearer {staff_token()}"},
    )


def _section(lab: Lab, large: int, requests: int, times_ms: dict[tuple[str, int], float]) -> Section:
    pages = list(_pages(large))
    rows = [(what, times_ms[what, SMALL], times_ms[what, large], times_ms[what, large] / times_ms[what, SMALL])
            for what in pages]  # fmt: skip
    body = [
        f"Pages of 50 over HTTP, one request at a time, median of {requests}, three interleaved repetitions. "
        "One customer has 10 orders of the thousand and 100 of the million, so this page is longer there.",
        table(("", f"ms at {SMALL:,}", f"ms at {large:,}", "ratio"), rows),
    ]
    figures = [
        Figure(f"order list, {what}", times_ms[what, large], "ms", times_ms[what, SMALL], f"ms at {SMALL:,} orders",
               1.5, at_least=False)
        for what in pages
    ]  # fmt: skip
    data = {f"{what} at {count}": value for (what, count), value in times_ms.items()}
    return Section(NAME, TITLE, figures, "\n\n".join(body), lab.quick, data)
