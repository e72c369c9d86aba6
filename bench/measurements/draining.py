"""A backlog and its end: orders delivered per second while 5,000 that came at once are worked off, against the steady
rate of a crowd that fits into the worker's cache."""

import time
from dataclasses import dataclass

from bench.harness import baskets
from bench.harness.http_driver import as_spec
from bench.harness.lab import Lab, as_owner, median, program, stack
from bench.harness.lab import stock as stock_up
from bench.measurements.orders import CONNECTIONS, WARM, delivered
from bench.report import Figure, Section, number, table

NAME, TITLE = "draining", "Draining a backlog"
PATIENCE_S = 3600.0

_DELIVERED_BY = """
SELECT count(*) FROM orders o JOIN order_events e USING (order_no)
 WHERE o.created_at >= to_timestamp(%s) AND e.to_status = 'delivered' AND e.occurred_at <= to_timestamp(%s)"""


@dataclass(frozen=True)
class Run:
    """`accepted_per_s` is the front door's rate in the burst; its first orders were delivered while it came, the
    `backlog` after it, at `per_s`."""

    steady_per_s: float
    accepted_per_s: float
    backlog: int
    per_s: float


async def measure(lab: Lab) -> Section:
    steady, burst = lab.scaled(600, 200), lab.scaled(5_000, 1_000)
    runs = [await _once(lab, steady, burst) for _ in range(lab.repetitions)]
    rows = [(str(n), run.steady_per_s, run.accepted_per_s, run.backlog, run.per_s) for n, run in enumerate(runs, 1)]
    body = (
        f"{steady} orders as in the measurement above, then {burst} at once over {CONNECTIONS} connections. The "
        "backlog is the number of orders that are not delivered when the last of them is accepted; its rate is "
        "measured from then to the last delivery.\n\n"
        + table(("run", "steady per s", "accepted per s", "backlog", "draining per s"), rows)
    )
    ratio = number(median(run.per_s / run.steady_per_s for run in runs))
    figures = [
        Figure(
            f"a backlog of {burst} drained, {ratio} of steady",
            median(run.per_s for run in runs),
            "/s",
            median(run.steady_per_s for run in runs),
            "/s steady",
            0.8,
        )
    ]
    return Section(NAME, TITLE, figures, body, lab.quick, {"runs": [vars(run) for run in runs]})


async def _once(lab: Lab, steady: int, burst: int) -> Run:
    async with stack(lab, lab.new_folder("draining")) as (running, _):
        url, token = running.database_url, running.tokens["support"]
        await stock_up(url, baskets.SKUS, 10**6)

        async def drive(count: int, first: int) -> None:
            load = baskets.placing(running.api, token, count, CONNECTIONS, first=first)
            await program("bench.harness.http_driver", as_spec(load))

        await drive(WARM, 0)
        await delivered(url, WARM, 0.0)
        since = time.time()
        await drive(steady, WARM)
        seconds, *_ = await delivered(url, steady, since)
        since = time.time()
        await drive(burst, WARM + steady)
        accepted = time.time()
        took, *_ = await delivered(url, burst, since, PATIENCE_S)
        async with as_owner(url) as connection:
            row = await (await connection.execute(_DELIVERED_BY, (since, accepted))).fetchone()
        backlog = burst - int(row[0] if row else 0)
        begun = await _first_acceptance(url, since)
        return Run(steady / seconds, burst / (accepted - begun), backlog, backlog / (begun + took - accepted))


async def _first_acceptance(url: str, since: float) -> float:
    async with as_owner(url) as connection:
        found = await connection.execute(
            "SELECT extract(epoch FROM min(created_at))::float8 FROM orders WHERE created_at >= to_timestamp(%s)",
            (since,),
        )
        row = await found.fetchone()
        assert row is not None, "orders were placed"
        return float(row[0])
