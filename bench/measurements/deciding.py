"""The time of a decision in the database, compared with the minimum time of a decision in the workflow."""

import asyncio
import secrets
import time
from dataclasses import dataclass
from typing import Any

import httpx
from temporalio.client import Client, WorkflowUpdateFailedError

from bench.harness import baskets
from bench.harness.http_driver import as_spec
from bench.harness.lab import Lab, as_owner, median, percentile, program, stack
from bench.harness.lab import stock as stock_up
from bench.report import Figure, Section, number, table
from infra.stack.running import Running
from workflows import names
from workflows import payloads as m

NAME, TITLE = "deciding", "A refund decided in the database"
PATIENCE_S = 120.0
_READY = "SELECT order_no FROM orders WHERE status = 'preparing' ORDER BY order_no"
_OWED = "SELECT count(*) FROM refunds WHERE status <> 'succeeded'"


@dataclass(frozen=True)
class Times:
    """Milliseconds, one of each kind for each order."""

    database: list[float]
    update: list[float]
    bare: list[float]
    paid_s: float


async def measure(lab: Lab) -> Section:
    orders = lab.scaled(300, 40)
    async with stack(lab, lab.new_folder("deciding"), manual_carrier=True) as (running, _):
        await stock_up(running.database_url, baskets.SKUS, 10**6)
        await program(
            "bench.harness.http_driver", as_spec(baskets.placing(running.api, running.tokens["support"], orders, 32))
        )
        times = await _timed(running, await _ready(running, orders))
    return _section(lab, orders, times)


async def _timed(running: Running, orders: list[str]) -> Times:
    """One refund of a cent for each order, one update, one bare call, in turn, so that all have the same load."""
    temporal = await Client.connect(running.temporal)
    database, update, bare = [], [], []
    async with httpx.AsyncClient(base_url=running.api, trust_env=False, timeout=60) as http:
        for order_no in orders:
            database.append(await _ms(_refund(http, running, order_no)))
            update.append(await _ms(_update(temporal, order_no)))
            bare.append(await _ms(http.get("/healthz")))
    begun = time.monotonic()
    await _until(running, _OWED, lambda rows: rows[0][0] == 0)
    return Times(database, update, bare, time.monotonic() - begun)


async def _refund(http: httpx.AsyncClient, running: Running, order_no: str) -> None:
    headers = {"Authorization": f"Bearer {running.tokens['support']}", "Idempotency-Key": secrets.token_hex(8)}
    body = {"amount_minor": 1, "reason": "bench"}
    (await http.post(f"/v1/orders/{order_no}/refunds", json=body, headers=headers)).raise_for_status()


async def _update(temporal: Client, order_no: str) -> None:
    """What the workflow's validator refuses at once: no activity, no event, no row."""
    handle = temporal.get_workflow_handle(names.order_workflow(order_no))
    try:
        await handle.execute_update(names.PAY, m.PayRequest(order_no, "none"), result_type=m.UpdateAnswer)
    except WorkflowUpdateFailedError:
        return
    raise AssertionError(f"{order_no} took a payment that does not exist")


async def _ms(action: Any) -> float:
    begun = time.perf_counter()
    await action
    return 1000 * (time.perf_counter() - begun)


async def _ready(running: Running, orders: int) -> list[str]:
    return [row[0] for row in await _until(running, _READY, lambda rows: len(rows) >= orders)]


async def _until(running: Running, statement: str, holds: Any) -> list[Any]:
    deadline = time.monotonic() + PATIENCE_S
    async with as_owner(running.database_url) as connection:
        while time.monotonic() < deadline:
            rows = await (await connection.execute(statement.encode())).fetchall()
            if holds(rows):
                return list(rows)
            await asyncio.sleep(0.05)
    raise TimeoutError(f"not so in {PATIENCE_S:.0f} s: {statement}")


def _section(lab: Lab, orders: int, times: Times) -> Section:
    rows = [
        (what, median(found), percentile(found, 0.95), median(found) / median(times.bare))
        for what, found in (
            ("POST /v1/orders/{no}/refunds, decided", times.database),
            ("an update that the workflow refuses at once", times.update),
            ("/healthz", times.bare),
        )
    ]
    body = (
        f"{orders} orders that are paid and booked. For each, one after the other: a refund of one cent over HTTP, a "
        "bare update that the validator of its workflow refuses (the minimum cost of a decision in a workflow: no "
        "HTTP, no transaction, no event), and a bare call. The workflows pay the refunds meanwhile; the last was paid "
        f"{number(times.paid_s)} s after it was decided.\n\n" + table(("", "ms", "p95", "× healthz"), rows)
    )
    figure = Figure(
        "refund decided, over HTTP",
        median(times.database),
        "ms",
        median(times.update),
        "ms bare update",
        at_least=False,
    )
    data = {"books": median(times.database), "update": median(times.update), "bare": median(times.bare)}
    return Section(NAME, TITLE, [figure], body, lab.quick, data)
