"""POST /v1/orders against a bare FastAPI handler that does one INSERT through the same pool."""

import base64
import secrets
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from bench.harness import baskets, statements
from bench.harness.http_driver import Load, as_spec
from bench.harness.lab import (
    ROOT,
    TEMPLATE,
    Lab,
    Meter,
    as_owner,
    clone,
    database_url,
    median,
    postgres,
    profiled,
    program,
    service_environment,
)
from bench.harness.lab import stock as stock_up
from bench.report import Figure, Section, number, table
from domain.access import Role
from infra.security import tokens
from infra.stack.data_dir.ports import HOST, any_free
from infra.stack.postgres.postgres_server import PostgresServer
from infra.stack.processes import probes
from infra.stack.processes.process import Command, standing

STAFF = "product, one member of staff"
NAME, TITLE = "front_door", "Accepting an order over HTTP"
CONNECTIONS, WARM, OPEN_SHARE = 16, 200, 0.5
SECRET = secrets.token_urlsafe(32)
BARE_TABLE = "CREATE TABLE bench_rows (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, content text NOT NULL)"


@dataclass(frozen=True)
class Run:
    """`cpu_ms` is per request, by process."""

    per_s: float
    p50_ms: float
    p99_ms: float
    driver_busy: float
    cpu_ms: dict[str, float]


async def measure(lab: Lab) -> Section:
    count = lab.scaled(4000, 1500)
    async with postgres(lab) as (server, pid):
        template_url = database_url(server, TEMPLATE, owner=True)
        await stock_up(template_url, baskets.SKUS, 10**6)
        product: list[Run] = []
        staff: list[Run] = []
        bare: list[Run] = []
        for _ in range(lab.repetitions):
            product.append(await _repetition(lab, server, pid, count, bare=False))
            bare.append(await _repetition(lab, server, pid, count, bare=True))
            staff.append(await _repetition(lab, server, pid, count, bare=False, token=staff_token()))
        open_loops = await _open_loops(lab, server, pid, median(run.per_s for run in product))
        per_post = await _statements(lab, server)
    return _section(lab, count, {"product": product, "bare handler": bare, STAFF: staff}, open_loops, per_post)


@asynccontextmanager
async def api(lab: Lab, server: PostgresServer, database: str, *, bare: bool = False) -> AsyncIterator[tuple[str, int]]:
    """The API, or the bare handler, alone on a database: its address and process id. There is no Temporal."""
    port = any_free(set())
    name = "bench.programs.bare_app" if bare else "workers.cli"
    log = lab.new_folder("api") / "api.log"
    environment = {"PYTHONPATH": str(ROOT), **({} if bare else profiled(lab))}
    environment = service_environment(**environment, **api_settings(database_url(server, database), port))
    command = Command([sys.executable, "-m", name, "api"], log, environment)

    async def ready() -> None:
        await probes.until(lambda: probes.http_ok(HOST, port, "/readyz"))

    async with standing(command, ready) as process:
        yield f"http://{HOST}:{port}", process.pid


def api_settings(url: str, port: int) -> dict[str, str]:
    return {
        "OMS_SERVICE": "api",
        "OMS_DATABASE_URL": url,
        "OMS_API_PORT": str(port),
        "OMS_TOKEN_SECRET": SECRET,
        "OMS_MASTER_KEY": base64.b64encode(b"k" * 32).decode(),
        "OMS_SANDBOX_WEBHOOK_SECRET": "whsec_" + base64.b64encode(b"s" * 24).decode(),
        "OMS_TEMPORAL_ADDRESS": f"{HOST}:1",
        "OMS_RATE_LIMIT_TOKEN": "1000000/second",  # counted, but never reached: one token places every order here
    }


def staff_token() -> str:
    return tokens.issue(SECRET, Role.SUPPORT, "support", 86_400)


def channel_token() -> str:
    """Of the shop whose orders these are."""
    return tokens.issue(SECRET, Role.CHANNEL, "web", 86_400)


def _load(address: str, count: int, *, first: int, rate: float | None = None, token: str | None = None) -> Load:
    connections = CONNECTIONS if rate is None else 4 * CONNECTIONS
    return baskets.placing(address, token or channel_token(), count, connections, first=first, rate=rate)


async def _prepared(server: PostgresServer, *, bare: bool) -> str:
    database = await clone(server)
    if bare:
        async with as_owner(database_url(server, database, owner=True)) as connection:
            await connection.execute(BARE_TABLE)
            await connection.execute("GRANT INSERT ON bench_rows TO oms_app")
    return database


async def _repetition(
    lab: Lab,
    server: PostgresServer,
    pid: int,
    count: int,
    *,
    bare: bool,
    rate: float | None = None,
    token: str | None = None,
) -> Run:
    database = await _prepared(server, bare=bare)
    async with api(lab, server, database, bare=bare) as (address, api_pid):
        await program("bench.harness.http_driver", as_spec(_load(address, WARM, first=0, token=token)))
        meter = Meter({"api": api_pid, "postgres": pid})
        found = await program(
            "bench.harness.http_driver", as_spec(_load(address, count, first=WARM, rate=rate, token=token))
        )
        spent = {name: value / count for name, value in meter.spent_ms().items()}
    return Run(found["per_s"], found["p50_ms"], found["p99_ms"], found["driver_busy"], spent)


async def _open_loops(lab: Lab, server: PostgresServer, pid: int, capacity_per_s: float) -> list[Run]:
    """At half of what the closed loop reached, ten seconds each."""
    rate = OPEN_SHARE * capacity_per_s
    count = int(rate * lab.scaled(10, 4))
    return [await _repetition(lab, server, pid, count, bare=False, rate=rate) for _ in range(lab.repetitions)]


async def _statements(lab: Lab, server: PostgresServer) -> dict[str, float]:
    """Statements per POST: of customers that are new, and of those whose profile is known."""
    database, found, count = await _prepared(server, bare=False), {}, 50
    owner_url = database_url(server, database, owner=True)
    async with api(lab, server, database) as (address, api_pid):
        # Pings of new connections are not the order's: they are opened before.
        await program("bench.harness.http_driver", as_spec(replace(_load(address, 500, first=0), customers=500)))
        for name, first in (("known customer", 2 * baskets.CUSTOMERS), ("new customer", 600)):
            async with statements.logged(owner_url, server.log) as log:
                await program("bench.harness.http_driver", as_spec(_load(address, count, first=first)))
                owners = await statements.backends(owner_url, {"api": api_pid})
            found[name] = sum(1 for pid, _ in log.statements if pid in owners) / count
    return found


def _section(
    lab: Lab, count: int, runs: Mapping[str, list[Run]], open_loops: list[Run], per_post: Mapping[str, float]
) -> Section:
    def middle(found: list[Run], what: str) -> float:
        return median(getattr(run, what) for run in found)

    rows: list[tuple[object, ...]] = []
    for name, found in {**runs, f"product, open loop at {OPEN_SHARE:.0%}": open_loops}.items():
        cpu = [median(run.cpu_ms[process] for run in found) for process in ("api", "postgres")]
        times = [middle(found, what) for what in ("per_s", "p50_ms", "p99_ms")]
        rows.append((name, *times, *cpu, f"{middle(found, 'driver_busy'):.0%}"))
    product, bare = runs["product"], runs["bare handler"]
    body = [
        f"{count} POSTs over {CONNECTIONS} connections, one API process, PostgreSQL with fsync; the bare handler uses "
        "the same Database, pool and uvicorn options. The open loop times each request from the moment it was due. "
        "A channel places the orders. The actions of a member of staff are chained in the audit log, one after the "
        "other, so all orders of one person wait for each other.",
        table(("", "per s", "p50 ms", "p99 ms", "api ms/request", "postgres ms/request", "driver busy"), rows),
        "Repetitions, per s: "
        + "; ".join(f"{name} {', '.join(number(run.per_s) for run in found)}" for name, found in runs.items())
        + ". SQL statements per POST: "
        + ", ".join(f"{name} {number(value)}" for name, value in per_post.items())
        + ".",
    ]
    figures = [
        Figure("POST /v1/orders", middle(product, "per_s"), "/s", middle(bare, "per_s"), "/s bare handler", 0.35, 0.5),
        Figure("SQL statements per POST", max(per_post.values()), "", bound=8, at_least=False),
        Figure("p99 of an open loop at half capacity", middle(open_loops, "p99_ms"), "ms"),
    ]
    data: dict[str, Any] = {name: [vars(run) for run in found] for name, found in runs.items()}
    return Section(NAME, TITLE, figures, "\n\n".join(body), lab.quick, {**data, "statements": dict(per_post)})
