"""`oms demo`: everything starts, real baskets walk to their ends, and what became of them is told."""

import asyncio
import contextlib
import json
import logging
import secrets
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import psutil
from rich.console import Console

from domain.access import Role
from domain.orders.status import Status
from infra.security import tokens
from infra.settings import Settings
from infra.stack import role_tokens
from infra.stack.errors import StackError, TakenError
from infra.stack.running import Running
from infra.stack.stack import Options, Stack
from workers import first_order
from workers.cli.up import FAILED, LOG_FORMAT, OK, TAKEN, print_addresses
from workers.demo import checks, plan, report, stock_loading
from workers.demo.actors import until
from workers.demo.checks import Check
from workers.demo.client import Client, Lanes, RefusedError
from workers.demo.dataset import BUNDLED, TooFewBaskets
from workers.demo.order_runner import OrderRunner
from workers.demo.orders import CHANNEL
from workers.demo.plan import Plan
from workers.demo.progress import Bars
from workers.demo.scenario_scripts import GATEWAY_ATTEMPTS
from workers.demo.statistics import STAGE_NAMES, Statistics

# Clocks that run in days elsewhere run in seconds here, so that every order ends while one watches.
SETTINGS = {
    "OMS_RETURN_WINDOW_S": "5",
    "OMS_PAYMENT_TIMEOUT_S": "20",
    "OMS_GATEWAY_TIMEOUT_S": "2",
    "OMS_GATEWAY_BACKOFF_S": "0.2",
    "OMS_GATEWAY_ATTEMPTS": str(GATEWAY_ATTEMPTS),
    "OMS_SANDBOX_CARRIER_STEP_S": "1",
}
LOG_WIDTH = 150
FIRST_LIMIT_S = 60.0  # then the baskets are walked all the same
ARRIVED = (Status.DELIVERED, Status.COMPLETED)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A whole run."""

    tally: Statistics
    checks: list[Check]
    seconds: float

    @property
    def right(self) -> bool:
        return all(not check.wrong for check in self.checks)


def demo(options: Options, baskets: Path | None, orders: int, seed: int, *, once: bool, as_json: bool) -> int:
    """Runs the demo on a stack with these options and SETTINGS.

    Returns the exit code: 0, 1 failed or not all ended as it should, 2 port or directory taken. With `as_json` one JSON
    document goes to stdout and everything else to stderr.
    """
    logging.basicConfig(level=logging.WARNING, format=LOG_FORMAT, stream=sys.stderr)
    shown = Console(stderr=as_json)
    if not shown.is_terminal:
        shown.width = LOG_WIDTH
    failed = Console(stderr=True, soft_wrap=True, style="red", markup=False)
    try:
        run = _Demo(replace(options, settings=SETTINGS), shown, as_json)
        return asyncio.run(run.run(baskets or BUNDLED, orders, seed, once))
    except TakenError as error:
        failed.print(str(error))
        return TAKEN
    except (StackError, TooFewBaskets) as error:
        failed.print(str(error))
        return FAILED


class _Demo:
    def __init__(self, options: Options, console: Console, as_json: bool) -> None:
        self._stack, self._console, self._as_json = Stack(options), console, as_json

    async def run(self, folder: Path, orders: int, seed: int, once: bool) -> int:
        """Starts, shows, stays unless `once`, stops. A signal ends it early; with `once` that is a failure."""
        ended = _until_signal()
        ending = asyncio.create_task(ended.wait())
        showing = asyncio.create_task(self._show(folder, orders, seed))
        try:
            await asyncio.wait({showing, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not showing.done():
                return FAILED if once else OK
            right = showing.result()
            if not once:
                self._console.print("Everything stays up until Ctrl-C; look around.")
                await ending
            return OK if right or not once else FAILED
        finally:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)
            if self._stack.holds_directory:
                self._console.print("Stopping …")
            await self._stack.stop()

    async def _show(self, folder: Path, count: int, seed: int) -> bool:
        planning = asyncio.create_task(asyncio.to_thread(plan.make, folder, count, seed))
        with self._console.status("Starting PostgreSQL, Temporal, sandbox, API, worker and relay …"):
            running = await self._stack.start()
        print_addresses(running, self._console)
        http, first = Lanes(), None
        try:
            client = await _client(http, running)
            first = asyncio.create_task(self._first(client))
            await asyncio.wait({first}, timeout=FIRST_LIMIT_S)
            outcome = await self._walk(client, await planning, running)
        except (RefusedError, httpx.TransportError, ExceptionGroup) as error:
            for leaf in _leaves(error):
                self._console.print(f"The demo broke off: {leaf!r}", style="red", markup=False)
            return False
        finally:
            if first is not None:
                first.cancel()
                await asyncio.gather(first, return_exceptions=True)
            await http.close()
        self._tell(outcome, count, seed)
        return outcome.right

    async def _first(self, client: Client) -> None:
        """One order before all the baskets, to see how soon it is delivered. An older catalogue may refuse it."""
        placed = await client.post("support", "/v1/orders", first_order.body(), "first-order")
        path = f"/v1/orders/{placed['order_no']}"
        status = await until(lambda: _arrived(client, path))
        seconds = time.time() - psutil.Process().create_time()
        self._console.print(
            f"First order {placed['order_no']}: {status} {seconds:.0f} s after oms demo was started: "
            f"{client.api}/console/orders/{placed['order_no']}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )

    async def _walk(self, client: Client, made: Plan, running: Running) -> Outcome:
        started = time.monotonic()
        stocked = await self._fill(client, made)
        walk = OrderRunner(client, made, Settings().max_order_lines)
        async with Bars(self._console, "orders", made.count, lambda: _figures(walk)):
            await walk.run()
        self._console.print("Comparing orders, stock, money and the sandbox's own ledger …")
        answers = await checks.all_of(client, walk.tally, stocked, running.environment)
        return Outcome(walk.tally, answers, time.monotonic() - started)

    async def _fill(self, client: Client, made: Plan) -> stock_loading.StockLoading:
        done = 0

        def tick() -> None:
            nonlocal done
            done += 1

        held = await stock_loading.held_skus(client.pages("support", "/v1/orders", channel=CHANNEL), client)
        total = len(made.articles) + len(made.demand)
        async with Bars(self._console, "catalogue", total, lambda: {"products and receipts": done}):
            stocked = await stock_loading.fill(client, made, tick)
        stocked.ignored = held
        return stocked

    def _tell(self, outcome: Outcome, count: int, seed: int) -> None:
        report.show(self._console, outcome.tally, outcome.checks, outcome.seconds)
        if self._as_json:
            print(json.dumps(_document(outcome, count, seed), ensure_ascii=False), flush=True)


async def _client(http: Lanes, running: Running) -> Client:
    """The stack's tokens for staff, and one for a channel of the demo's own, as `oms token` gives them."""
    own = tokens.make(running.environment["OMS_TOKEN_SECRET"], Role.CHANNEL, CHANNEL, role_tokens.LIFETIME_S)
    await role_tokens.register(running.environment["OMS_DATABASE_URL"], [own], "oms demo")
    given = {**running.tokens, "channel": own.token}
    return Client(http, running.api, running.sandbox, given, secrets.token_hex(4))


async def _arrived(client: Client, path: str) -> str | None:
    status = str((await client.get("support", path))["status"])
    return status if status in ARRIVED else None


def _figures(walk: OrderRunner) -> dict[str, int]:
    figures = {name: walk.tally.reached[stage] for stage, name in enumerate(STAGE_NAMES)}
    return {**figures, "cancelled": walk.tally.statuses["cancelled"], "stuck now": walk.board.stuck}


def _document(outcome: Outcome, count: int, seed: int) -> dict[str, Any]:
    return {
        "ok": outcome.right,
        "orders": count,
        "seed": seed,
        "seconds": round(outcome.seconds, 1),
        **outcome.tally.summary(),
        "checks": [check.shown() for check in outcome.checks],
    }


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _until_signal() -> asyncio.Event:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with contextlib.suppress(ValueError, OSError):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup means it
                loop.add_signal_handler(number, ended.set)
    return ended
