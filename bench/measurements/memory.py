"""Resident memory of worker and API with many open orders."""

import asyncio
import time

from bench.harness import baskets
from bench.harness.http_driver import as_spec
from bench.harness.lab import Lab, as_owner, program, resident_mib, stack
from bench.harness.lab import stock as stock_up
from bench.report import Figure, Section, number, table
from infra.settings import Settings

NAME, TITLE = "memory", "Memory with many open orders"
PATIENCE_S = 900.0
WARM = 20
_COUNT = "SELECT count(*) FROM orders WHERE status = %s"


def _default_cache() -> int:
    """The default cache size of a worker: the bound is for the default settings."""
    return int(Settings.model_fields["max_cached_workflows"].default)


async def measure(lab: Lab) -> Section:
    orders, cache = lab.scaled(10_000, 1000), lab.scaled(_default_cache(), 200)
    settings = {"OMS_MAX_CACHED_WORKFLOWS": str(cache)}
    async with stack(lab, lab.new_folder("memory"), manual_carrier=True, **settings) as (running, pids):
        url, token = running.database_url, running.tokens["support"]
        await stock_up(url, baskets.SKUS, 10**6)
        await _place(running.api, token, WARM, 0, paid=True)
        await _reach(url, "preparing", WARM)
        base = {name: resident_mib(pid) for name, pid in pids.items()}
        # Most wait for money, which is soon done; the last ones, which fill the cache, wait for the carrier.
        await _place(running.api, token, orders - cache - WARM, WARM, paid=False)
        await _reach(url, "pending_payment", orders - cache - WARM)
        begun = time.monotonic()
        await _place(running.api, token, cache, orders - cache, paid=True)
        await _reach(url, "preparing", cache + WARM)
        seconds = time.monotonic() - begun
        grown = {name: resident_mib(pid) for name, pid in pids.items()}
    return _section(lab, orders, cache, base, grown, cache / seconds)


async def _place(api: str, token: str, count: int, first: int, *, paid: bool) -> None:
    await program("bench.harness.http_driver", as_spec(baskets.placing(api, token, count, 32, first=first, paid=paid)))


async def _reach(url: str, status: str, count: int) -> None:
    """Wait until `count` orders show `status`."""
    deadline = time.monotonic() + PATIENCE_S
    async with as_owner(url) as connection:
        while time.monotonic() < deadline:
            row = await (await connection.execute(_COUNT, (status,))).fetchone()
            if row is not None and row[0] >= count:
                return
            await asyncio.sleep(0.5)
    raise TimeoutError(f"{count} orders did not become {status}")


def _section(
    lab: Lab, orders: int, cache: int, base: dict[str, float], grown: dict[str, float], per_s: float
) -> Section:
    cached_kib = (grown["worker"] - base["worker"]) * 1024 / cache
    rows = [(name, base[name], grown[name]) for name in ("api", "worker", "relay", "sandbox", "temporal")]
    body = [
        f"{orders:,} open orders, the newest {cache:,} of them in the worker's cache, waiting for their carrier "
        f"(booked at {number(per_s)} orders/s).",
        table(("MiB resident", f"{WARM} orders", f"{orders:,} orders"), rows),
    ]
    figures = [
        Figure("worker's memory", grown["worker"], "MiB", bound=400, at_least=False),
        Figure("API's memory", grown["api"], "MiB", bound=200, at_least=False),
        Figure("memory of a cached order", cached_kib, "KiB"),
    ]
    return Section(NAME, TITLE, figures, "\n\n".join(body), lab.quick, {"base_mib": base, "grown_mib": grown})
