"""Orders placed to delivered per second: the product against its own workflow code with empty activities."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from bench.harness import baskets, statements
from bench.harness.http_driver import as_spec
from bench.harness.lab import (
    Lab,
    Meter,
    as_owner,
    cpu_ms,
    database_url,
    median,
    postgres,
    program,
    service_environment,
    stack,
    write_samples,
)
from bench.harness.lab import stock as stock_up
from bench.report import Figure, Section, number, table
from infra.stack.data_dir.ports import any_free
from infra.stack.processes.process import standing
from infra.stack.temporal.temporal_server import TemporalServer

NAME, TITLE = "orders", "Orders placed to delivered"
WARM, CONNECTIONS, PATIENCE_S = 20, 32, 300.0
STEPS = 6  # reserve, authorise, capture, book, picked up, delivered

_DELIVERED = """
SELECT count(e.at), extract(epoch FROM max(e.at) - min(o.created_at)),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM e.at - o.created_at)),
       percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM e.at - o.created_at))
  FROM orders o LEFT JOIN LATERAL (SELECT occurred_at AS at FROM order_events
                                    WHERE order_no = o.order_no AND to_status = 'delivered') e ON true
 WHERE o.created_at >= to_timestamp(%s)"""


@dataclass(frozen=True)
class Run:
    """`cpu_ms` is per order, by process; `p50_s` and `p99_s` are from an order's acceptance to its delivery."""

    per_s: float
    cpu_ms: dict[str, float]
    p50_s: float = 0.0
    p99_s: float = 0.0


async def measure(lab: Lab) -> Section:
    count = lab.scaled(600, 150)
    product: list[Run] = []
    bare: list[Run] = []
    dbos: list[Run] = []
    for _ in range(lab.repetitions):
        product.append(await the_product(lab, count))
        bare.append(await empty_activities(lab, count))
        dbos.append(await dbos_steps(lab, count))
    counted = await statements.of_orders(lab, lab.scaled(100, 40))
    return _section(lab, count, {"product": product, "empty activities": bare, "DBOS": dbos}, counted)


async def the_product(lab: Lab, count: int) -> Run:
    """API, dispatcher, worker, sandbox, webhooks, relay: all of `oms up`."""
    async with stack(lab, lab.new_folder("orders")) as (running, pids):
        await stock_up(running.database_url, baskets.SKUS, 10**6)
        token = running.tokens["support"]
        await _drive(running.api, token, WARM, 0)
        await delivered(running.database_url, WARM, 0.0)
        since = time.time()
        meter = Meter(pids)
        await _drive(running.api, token, count, WARM)
        seconds, p50_s, p99_s = await delivered(running.database_url, count, since)
        spent = {name: spent / count for name, spent in meter.spent_ms().items()}
        if lab.profile is not None:
            await write_samples(lab.profile, pids)
        return Run(count / seconds, spent, p50_s, p99_s)


async def _drive(api: str, token: str, count: int, first: int) -> dict[str, Any]:
    load = baskets.placing(api, token, count, CONNECTIONS, first=first)
    result: dict[str, Any] = await program("bench.harness.http_driver", as_spec(load))
    return result


async def delivered(url: str, count: int, since: float, patience_s: float = PATIENCE_S) -> tuple[float, float, float]:
    """Wait until `count` orders placed after `since` are delivered.

    Seconds from the first acceptance to the last delivery, and the median and the 99th percentile of an order's own.
    """
    deadline = time.monotonic() + patience_s
    async with as_owner(url) as connection:
        while time.monotonic() < deadline:
            row = await (await connection.execute(_DELIVERED, (since,))).fetchone()
            if row is not None and row[0] >= count:
                return float(row[1]), float(row[2]), float(row[3])
            await asyncio.sleep(0.25)
    raise TimeoutError(f"{count} orders were not delivered in {patience_s:.0f} s")


async def empty_activities(lab: Lab, count: int) -> Run:
    """The same workflow, worker settings, starts and signals; the activities answer from memory."""
    folder = lab.new_folder("bare-orders")
    server = TemporalServer(db=folder / "temporal.db", port=any_free(set()), log=folder / "temporal.log")
    await server.make_folder()
    async with standing(server.command(), server.ready) as process:
        environment = service_environment(OMS_TEMPORAL_ADDRESS=server.address, OMS_BUILD_ID="bench")
        before = cpu_ms(process.pid)
        spec = {"count": count, "warm": WARM}
        found = await program("bench.programs.bare_orders", spec, environment)
        temporal = (cpu_ms(process.pid) - before) / (count + WARM)
    return Run(found["per_s"], {"temporal": temporal, "worker": found["cpu_ms"]})


async def dbos_steps(lab: Lab, count: int) -> Run:
    """As many no-op DBOS steps as an order has activities, on PostgreSQL with the same settings."""
    async with postgres(lab) as (server, pid):
        before = cpu_ms(pid)
        spec = {"count": count, "steps": STEPS, "url": database_url(server, "postgres", owner=True)}
        found = await program("bench.programs.dbos_steps", spec)
        return Run(found["per_s"], {"postgres": (cpu_ms(pid) - before) / count, "worker": found["cpu_ms"]})


def _section(lab: Lab, count: int, runs: dict[str, list[Run]], counted: statements.PerOrder) -> Section:
    rate = {name: median(run.per_s for run in found) for name, found in runs.items()}
    processes = ["api", "worker", "relay", "sandbox", "temporal", "postgres"]
    rows = []
    for name, found in runs.items():
        spent = [median(run.cpu_ms.get(process, 0.0) for run in found) for process in processes]
        rows.append((name, rate[name], *(value or "" for value in spent), sum(spent)))
    body = [
        f"{count} orders, placed over {CONNECTIONS} connections as fast as the API accepts them; from the first "
        "acceptance to the last delivery. The sandbox picks a parcel up 0.3 s after the booking and delivers it "
        "0.3 s later. The yardstick starts its workflows as fast as Temporal accepts them and signals at the same "
        "points. The other columns are processor milliseconds for each order:",
        table(("", "per s", *processes, "ms in all"), rows),
        f"From its acceptance to its delivery an order took {number(median(run.p50_s for run in runs['product']))} s "
        f"(median) and {number(median(run.p99_s for run in runs['product']))} s (99th percentile) under this load. "
        "Repetitions, per s: "
        + "; ".join(f"{name} {', '.join(number(run.per_s) for run in found)}" for name, found in runs.items())
        + ".",
        "SQL statements of one order from POST to delivered, including BEGIN and COMMIT, by the process that sent "
        "them:",
        counted.table(),
    ]
    figures = [
        Figure("orders to delivered", rate["product"], "/s", rate["empty activities"], "/s empty activities", 0.5, 0.7),
        Figure(f"orders against {STEPS} no-op DBOS steps", rate["product"], "/s", rate["DBOS"], "/s DBOS"),
        Figure("SQL statements per order", counted.total, ""),
    ]
    data = {name: [vars(run) for run in found] for name, found in runs.items()}
    return Section(NAME, TITLE, figures, "\n\n".join(body), lab.quick, data)
