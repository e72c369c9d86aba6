"""Where things are measured: servers as in production, fresh databases, and the processor time of each process."""

import asyncio
import json
import os
import secrets
import signal
import statistics
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql

from infra.db import migrate, seed
from infra.db.roles import APP
from infra.stack.data_dir.ports import any_free
from infra.stack.postgres.postgres_server import SUPERUSER, PostgresServer
from infra.stack.processes.process import Command, standing
from infra.stack.running import Running
from infra.stack.running import load as load_running

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = "bench_template"
STOP_S = 60.0
# What is measured is the product, not its limit of 500 calls a second for each token.
UNLIMITED = {"OMS_RATE_LIMIT_TOKEN": "1000000/second"}
_numbers = count(1)


@dataclass(frozen=True)
class Lab:
    """One run of the benchmarks; `quick` measures less, for a look."""

    folder: Path
    quick: bool
    profile: Path | None = None
    against: Path | None = None  # an earlier checkout
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def repetitions(self) -> int:
        return 1 if self.quick else 3

    def new_folder(self, name: str) -> Path:
        """An empty folder that the database's user may pass."""
        folder = self.folder / f"{name}-{next(_numbers)}"
        folder.mkdir(mode=0o711, parents=True)
        return folder

    def scaled(self, full: int, quick: int) -> int:
        return quick if self.quick else full


def median(values: Iterable[float]) -> float:
    return statistics.median(list(values))


def percentile(values: list[float], share: float) -> float:
    """The value that `share` (0…1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def service_environment(**more: str) -> dict[str, str]:
    """This process's environment for a program of ours, without settings that happen to be set here."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OMS_")}
    return {**inherited, "PYTHONUNBUFFERED": "1", **more}


def profiled(lab: Lab) -> dict[str, str]:
    """What makes the services sample themselves into `lab.profile`; empty when nobody asked for it."""
    if lab.profile is None:
        return {}
    return {"PYTHONPATH": str(ROOT / "bench" / "hook"), "BENCH_PROFILE_DIR": str(lab.profile)}


async def write_samples(folder: Path, pids: Mapping[str, int]) -> None:
    """Has the services write what they sampled (see bench/hook) and waits for the files."""
    wanted = [folder / f"{name}-{pids[name]}.txt" for name in ("api", "worker", "relay", "sandbox") if name in pids]
    for file in wanted:
        os.kill(int(file.stem.rpartition("-")[2]), signal.SIGUSR2)
    for _ in range(300):
        if all(file.exists() for file in wanted):
            return
        await asyncio.sleep(0.1)
    raise TimeoutError("not every service wrote its samples")


# ── programs ───────────────────────────────────────────────────────────────────────────────────────────────────


async def program(module: str, spec: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> Any:
    """Run `python -m module` with `spec` as JSON on its input; its output as JSON. Raises RuntimeError."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        cwd=ROOT,
        env=dict(environment or service_environment()),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(json.dumps(spec).encode())
    if process.returncode != 0 or not out:
        raise RuntimeError(f"{module} ended with {process.returncode}: {err.decode(errors='replace')[-4000:]}")
    return json.loads(out.splitlines()[-1])


@asynccontextmanager
async def stack(
    lab: Lab, folder: Path, *, manual_carrier: bool = False, **settings: str
) -> AsyncIterator[tuple[Running, dict[str, int]]]:
    """`oms up` without Temporal's web interface; its addresses and the process ids by name."""
    argv = [sys.executable, "-P", "-m", "workers.cli", "up", "--data-dir", str(folder), "--port", "0", "--headless"]
    argv += ["--manual-carrier"] if manual_carrier else []
    environment = service_environment(**profiled(lab), **lab.environment, **{**UNLIMITED, **settings})
    command = Command(argv, folder.with_suffix(".log"), environment, stop_timeout_s=STOP_S)

    async def ready() -> None:
        while True:
            with suppress(Exception):
                load_running(folder)
                return
            await asyncio.sleep(0.02)

    async with standing(command, ready):
        running = load_running(folder)
        yield running, running.pids


# ── PostgreSQL ─────────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def postgres(lab: Lab) -> AsyncIterator[tuple[PostgresServer, int]]:
    """A server with production's settings, holding a migrated and seeded template; and its process id."""
    folder = lab.new_folder("postgres")
    server = PostgresServer(
        data=folder / "postgres",
        port=any_free(set()),
        log=folder / "postgres.log",
        owner_password=secrets.token_urlsafe(),
        app_password=secrets.token_urlsafe(),
    )
    await server.prepare()
    async with standing(server.command(), server.ready) as process:
        await server.ensure_roles()
        await _create(server, TEMPLATE, "template1")
        await asyncio.to_thread(migrate.upgrade, server.url(SUPERUSER, TEMPLATE))
        await asyncio.to_thread(seed.seed, server.url(SUPERUSER, TEMPLATE))
        yield server, process.pid


async def _create(server: PostgresServer, name: str, template: str) -> None:
    async with await psycopg.AsyncConnection.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as connection:
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        await connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        await connection.execute("CHECKPOINT")


async def clone(server: PostgresServer, template: str = TEMPLATE) -> str:
    """A fresh database; its name. Nobody may be connected to the template."""
    name = f"bench_{next(_numbers)}"
    await _create(server, name, template)
    return name


@asynccontextmanager
async def as_owner(url: str) -> AsyncIterator[psycopg.AsyncConnection[tuple[Any, ...]]]:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        yield connection


async def stock(url: str, skus: int, units: int) -> None:
    """Products S0 … with `units` in the default warehouse each, through movements."""
    async with as_owner(url) as connection:
        await connection.execute(
            "INSERT INTO products (sku, name, price_minor, currency) "
            "SELECT 'S' || n, 'Sample ' || n, 1000, 'CNY' FROM generate_series(0, %s) n",
            (skus - 1,),
        )
        await connection.execute(
            "INSERT INTO stock_levels (sku, warehouse) SELECT 'S' || n, 'WH-EAST' FROM generate_series(0, %s) n",
            (skus - 1,),
        )
        await connection.execute(
            "INSERT INTO stock_movements (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, "
            "reserved_delta, actor) SELECT 'receipt/S' || n, 'receipt', 'S' || n, 'WH-EAST', %s, %s, 0, 'bench' "
            "FROM generate_series(0, %s) n",
            (units, units, skus - 1),
        )
        await connection.execute("ANALYZE")


def database_url(server: PostgresServer, name: str, *, owner: bool = False) -> str:
    return server.url(SUPERUSER if owner else APP, name)


# ── processor time ─────────────────────────────────────────────────────────────────────────────────────────────


def cpu_ms(pid: int) -> float:
    """Processor milliseconds of a process and its children, those that have ended included."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        times = process.cpu_times()
        total = times.user + times.system + times.children_user + times.children_system
        for child in process.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                used = child.cpu_times()
                total += used.user + used.system
        return total * 1000
    return 0.0


class Meter:
    """Processor milliseconds by process name since it was made."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self._before = {name: cpu_ms(pid) for name, pid in self._pids.items()}

    def spent_ms(self) -> dict[str, float]:
        return {name: cpu_ms(pid) - self._before[name] for name, pid in self._pids.items()}


def resident_mib(pid: int) -> float:
    return float(psutil.Process(pid).memory_info().rss) / 2**20
