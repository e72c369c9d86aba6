"""The time of the console's pages with thousands of parked orders: idle, and during a bulk operation."""

import asyncio
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from sqlalchemy.ext.asyncio import create_async_engine

from api.console.session import COOKIE
from bench.harness import baskets
from bench.harness.http_driver import Connection, as_spec
from bench.harness.lab import Lab, as_owner, median, percentile, program, stack
from bench.harness.lab import stock as stock_up
from bench.report import Figure, Section, number, table
from infra.db.engine import sqlalchemy_url
from infra.db.staff import staff_sessions
from infra.stack.running import Running

NAME, TITLE = "console_pages", "The console on a bad day"
RATE_PER_S, PATIENCE_S, SESSION_S = 100, 1800.0, 86_400.0
YARDSTICK = "/healthz"
_PARKED = "SELECT count(*) FROM parked_steps WHERE step = 'book' AND resolved_at IS NULL"


@dataclass(frozen=True)
class Phase:
    """Milliseconds of each page, by its name; `load` is the machine's load average over the last minute, afterwards."""

    times_ms: dict[str, list[float]]
    load: float

    def p50(self, page: str) -> float:
        return median(self.times_ms[page])

    def p95(self, page: str) -> float:
        return percentile(self.times_ms[page], 0.95)

    def summary(self) -> dict[str, Any]:
        """{load, pages: {page: [p50, p95]}}."""
        return {"load": self.load, "pages": {page: [self.p50(page), self.p95(page)] for page in self.times_ms}}

    def ratio(self, page: str) -> float:
        """To the yardstick, which the same process answered in between."""
        return self.p50(page) / self.p50(YARDSTICK)


async def measure(lab: Lab) -> Section:
    orders, rounds = lab.scaled(5000, 300), lab.scaled(200, 40)
    folder = lab.new_folder("console")
    # No order ends unpaid while so many wait; one attempt, then the order is parked.
    async with stack(lab, folder, OMS_PAYMENT_TIMEOUT_S="86400", OMS_GATEWAY_ATTEMPTS="1") as (running, _):
        await stock_up(running.database_url, baskets.SKUS, 10**6)
        await _fault(running, "POST")
        load = baskets.placing(running.api, running.tokens["support"], orders, 32)
        await program("bench.harness.http_driver", as_spec(load))
        await _until(running, orders)
        order_no, cookie = await _an_order(running), await _signed_in(running)
        # One act is begun at a crawl and stopped at once, so that there is a page of an act while nothing moves.
        crawl = await _run_action(running, 0.01)
        await _call(running, f"/v1/support/jobs/{crawl}/stop")
        idle = await _timed(running, cookie, _pages(order_no, crawl), rounds)
        await _fault(running, "DELETE")
        job = await _run_action(running, RATE_PER_S)
        begun = time.monotonic()
        action_ms = await _timed(running, cookie, _pages(order_no, job), rounds)
        seconds, moved = time.monotonic() - begun, await _progress(running, job)
    assert moved["state"] == "running", "the bulk operation ended before the pages were measured"
    return _section(lab, orders, rounds, idle, action_ms, moved["done"] / seconds)


def _pages(order_no: str, job: str) -> dict[str, str]:
    return {
        YARDSTICK: YARDSTICK,
        "/console/orders": "/console/orders",
        "/console/orders?status=paid": "/console/orders?status=paid",
        "an order": f"/console/orders/{order_no}",
        "/console/stuck": "/console/stuck",
        "/console/stuck/group": "/console/stuck/group?step=book",
        "/console/jobs/{id}": f"/console/jobs/{job}",
    }


async def _timed(running: Running, cookie: str, pages: Mapping[str, str], rounds: int) -> Phase:
    """Each page in turn, over one kept connection, so that all of them have the same load."""
    address = urlsplit(running.api)
    assert address.hostname is not None
    assert address.port is not None
    _, connection = await asyncio.get_running_loop().create_connection(Connection, address.hostname, address.port)
    times_ms: dict[str, list[float]] = {page: [] for page in pages}
    for turn in range(rounds + 1):
        for page, path in pages.items():
            head = f"GET {path} HTTP/1.1\r\nhost: {address.netloc}\r\ncookie: {COOKIE}={cookie}\r\n\r\n"
            begun = time.perf_counter()
            status, body = await connection.send(head.encode())
            if turn:  # the first of each fills caches
                times_ms[page].append(1000 * (time.perf_counter() - begun))
            assert status == 200, f"{page}: {status} {body[:500]!r}"
    assert connection.transport is not None
    connection.transport.close()
    return Phase(times_ms, os.getloadavg()[0])


# ── the stack ──────────────────────────────────────────────────────────────────────────────────────────────────


async def _fault(running: Running, method: str) -> None:
    """POST: the carrier is down; DELETE: it is back."""
    async with httpx.AsyncClient(trust_env=False) as http:
        body = {"target": "carriers", "mode": "down"} if method == "POST" else None
        (await http.request(method, f"{running.sandbox}/faults", json=body)).raise_for_status()


async def _call(running: Running, path: str, body: Any = None, method: str = "POST", role: str = "support") -> Any:
    headers = {"Authorization": f"Bearer {running.tokens[role]}", "Idempotency-Key": secrets.token_hex(8)}
    async with httpx.AsyncClient(base_url=running.api, headers=headers, trust_env=False, timeout=60) as http:
        answer = await http.request(method, path, json=body)
    answer.raise_for_status()
    return answer.json()


async def _run_action(running: Running, rate_per_s: float) -> str:
    """A bulk retry of all orders that are parked at the carrier; the job."""
    body = {"filter": {"step": "book"}, "action": "retry", "reason": "the carrier is back", "rate_per_s": rate_per_s}
    return str((await _call(running, "/v1/support/resolve", body))["job_id"])


async def _progress(running: Running, job: str) -> dict[str, Any]:
    moved: dict[str, Any] = await _call(running, f"/v1/support/jobs/{job}", method="GET")
    return moved


async def _until(running: Running, orders: int) -> None:
    """Wait until so many orders are stuck at the carrier."""
    deadline = time.monotonic() + PATIENCE_S
    async with as_owner(running.database_url) as connection:
        while time.monotonic() < deadline:
            row = await (await connection.execute(_PARKED)).fetchone()
            if row is not None and row[0] >= orders:
                return
            await asyncio.sleep(0.5)
    raise TimeoutError(f"{orders} orders did not get stuck in {PATIENCE_S:.0f} s")


async def _an_order(running: Running) -> str:
    async with as_owner(running.database_url) as connection:
        row = await (await connection.execute("SELECT max(order_no) FROM orders")).fetchone()
    assert row is not None
    return str(row[0])


async def _signed_in(running: Running) -> str:
    """The cookie of a session."""
    await _call(running, "/v1/staff", {"name": "bench", "role": "support"}, role="admin")
    engine = create_async_engine(sqlalchemy_url(running.database_url))
    async with engine.begin() as conn:
        cookie = await staff_sessions.open_session(conn, "bench", SESSION_S)
    await engine.dispose()
    return cookie


# ── the section ────────────────────────────────────────────────────────────────────────────────────────────────


def _section(lab: Lab, orders: int, rounds: int, idle: Phase, action: Phase, per_s: float) -> Section:
    pages = list(idle.times_ms)
    head = ("", "idle ms", "p95", "× healthz", "during bulk ms", "p95", "× healthz", "bulk ÷ idle")
    rows = [
        (page, idle.p50(page), idle.p95(page), idle.ratio(page), action.p50(page), action.p95(page), action.ratio(page),
         action.p50(page) / idle.p50(page))
        for page in pages
    ]  # fmt: skip
    body = [
        f"{orders:,} orders are parked because their carrier is down. Then it is up again, and a bulk operation "
        f"retries all of them at {RATE_PER_S} a second. While the pages were measured, {number(per_s)}/s were "
        "accepted, and the sandbox booked and moved each of them at once. Median and 95th percentile of "
        f"{rounds} requests for each page, all pages in turn over one connection, `{YARDSTICK}` of the same process "
        f"between them. Load average of the machine: {number(idle.load)} after the idle round, {number(action.load)} "
        "after the bulk operation.",
        table(head, rows),
    ]
    slowest = max((page for page in pages if page != YARDSTICK), key=action.p95)
    figures = [
        Figure(
            f"console, {page}, during a bulk operation",
            action.p50(page),
            "ms",
            idle.p50(page),
            "ms idle",
            at_least=False,
        )
        for page in pages
        if page != YARDSTICK
    ]
    figures.append(
        Figure(
            "console, slowest page during a bulk operation, p95", action.p95(slowest), "ms", bound=1000, at_least=False
        )
    )
    data = {phase: found.summary() for phase, found in (("idle", idle), ("act", action))} | {"act_per_s": per_s}
    return Section(NAME, TITLE, figures, "\n\n".join(body), lab.quick, data)
