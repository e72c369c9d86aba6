"""`oms demo`: starts everything, runs real baskets to their ends and reports what happened to them."""

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
from infra.security import tokens
from infra.settings import Settings
from infra.stack import role_tokens
from infra.stack.errors import StackError, TakenError
from infra.stack.running import Running
from infra.stack.stack import Options, Stack
from workers import first_order
from workers.demo import plan, stock_loading
from workers.demo.api_client.api.orders import get_order, place_order
from workers.demo.api_client.models import PlaceOrder
from workers.demo.api_client.models.status import Status
from workers.demo.baskets.dataset import BUNDLED, TooFewBaskets
from workers.demo.behaviour import stock_work
from workers.demo.behaviour.actors import until
from workers.demo.behaviour.scenario_scripts import GATEWAY_ATTEMPTS
from workers.demo.http.client import Clients, RefusedError, accepted, connect
from workers.demo.http.transport import PatientTransport
from workers.demo.plan import Plan
from workers.demo.progress import Bars
from workers.demo.results import checks, report
from workers.demo.results.checks import Check
from workers.demo.results.statistics import STAGE_NAMES, Statistics
from workers.demo.results.stock_ledger import StockLedger, WarehouseBalance
from workers.demo.runner.order_runner import OrderRunner
from workers.demo.runner.orders import CHANNEL
from workers.stack_console import FAILED, LOG_FORMAT, OK, TAKEN, print_addresses

# Time limits of days are seconds here, so that every order ends while a person watches.
SETTINGS = {
    "OMS_RETURN_WINDOW_S": "5",
    "OMS_PAYMENT_TIMEOUT_S": "20",
    "OMS_GATEWAY_TIMEOUT_S": "2",
    "OMS_GATEWAY_BACKOFF_S": "0.2",
    "OMS_GATEWAY_ATTEMPTS": str(GATEWAY_ATTEMPTS),
    "OMS_SANDBOX_CARRIER_STEP_S": "1",
}
LOG_WIDTH = 150
FIRST_LIMIT_S = 60.0  # then the baskets are placed all the same


@dataclass(frozen=True, slots=True)
class Outcome:
    """A whole run."""

    statistics: Statistics
    checks: list[Check]
    balances: list[WarehouseBalance]
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
    console = Console(stderr=as_json)
    if not console.is_terminal:
        console.width = LOG_WIDTH
    failed = Console(stderr=True, soft_wrap=True, style="red", markup=False)
    try:
        run = _Demo(replace(options, settings=SETTINGS), console, as_json)
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
        transport, first = PatientTransport(), None
        try:
            clients = await _connect(transport, running)
            first = asyncio.create_task(self._place_first(clients, running))
            await asyncio.wait({first}, timeout=FIRST_LIMIT_S)
            outcome = await self._run_orders(clients, await planning, running)
        except (RefusedError, httpx.TransportError, ExceptionGroup) as error:
            for leaf in _leaves(error):
                self._console.print(f"The demo failed: {leaf!r}", style="red", markup=False)
            return False
        finally:
            if first is not None:
                first.cancel()
                await asyncio.gather(first, return_exceptions=True)
            await transport.aclose()
        self._report(outcome, count, seed)
        return outcome.right

    async def _place_first(self, clients: Clients, running: Running) -> None:
        """One order before all the baskets, to see how soon it is delivered. An older catalogue may refuse it."""
        body, key = PlaceOrder.from_dict(first_order.body()), clients.key("first-order")
        placed = await accepted(place_order.asyncio(client=clients.support, body=body, idempotency_key=key))
        status = await until(lambda: _delivered(clients, placed.order_no))
        seconds = time.time() - psutil.Process().create_time()
        self._console.print(
            f"First order {placed.order_no}: {status} {seconds:.0f} s after oms demo was started: "
            f"{running.console}/orders/{placed.order_no}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )

    async def _run_orders(self, clients: Clients, plan: Plan, running: Running) -> Outcome:
        started = time.monotonic()
        stock = await self._load_stock(clients, plan)
        runner = OrderRunner(clients, plan, stock, Settings().max_order_lines)
        async with Bars(self._console, "orders", plan.count, lambda: _figures(runner)):
            await runner.run()
        await stock_work.work(clients, runner.statistics)
        self._console.print("Comparing orders, stock, money and the sandbox's own ledger …")
        results, balances = await checks.run_all(clients, runner.statistics, running.environment)
        return Outcome(runner.statistics, results, balances, time.monotonic() - started)

    async def _load_stock(self, clients: Clients, plan: Plan) -> StockLedger:
        done = 0

        def tick() -> None:
            nonlocal done
            done += 1

        total = len(plan.articles) + len(plan.demand)
        async with Bars(self._console, "catalogue", total, lambda: {"products and receipts": done}):
            return await stock_loading.load(clients, plan, tick)

    def _report(self, outcome: Outcome, count: int, seed: int) -> None:
        report.show(self._console, outcome.statistics, outcome.checks, outcome.balances, outcome.seconds)
        if self._as_json:
            print(json.dumps(_document(outcome, count, seed), ensure_ascii=False), flush=True)


async def _connect(transport: PatientTransport, running: Running) -> Clients:
    """With the stack's tokens for staff, and one for a channel of the demo, as `oms token` issues them."""
    own = tokens.make(running.environment["OMS_TOKEN_SECRET"], Role.CHANNEL, CHANNEL, role_tokens.LIFETIME_S)
    await role_tokens.register(running.environment["OMS_DATABASE_URL"], [own], "oms demo")
    by_role = {**running.tokens, Role.CHANNEL: own.token}
    return connect(running.api, running.sandbox, by_role, secrets.token_hex(4), transport)


async def _delivered(clients: Clients, order_no: str) -> Status | None:
    order = await accepted(get_order.asyncio(order_no, client=clients.support))
    return order.status if order.status in ("delivered", "completed") else None


def _figures(runner: OrderRunner) -> dict[str, int]:
    reached = {name: runner.statistics.reached[stage] for stage, name in enumerate(STAGE_NAMES)}
    return {**reached, "cancelled": runner.statistics.statuses["cancelled"], "parked now": runner.poller.parked}


def _document(outcome: Outcome, count: int, seed: int) -> dict[str, Any]:
    return {
        "ok": outcome.right,
        "orders": count,
        "seed": seed,
        "seconds": round(outcome.seconds, 1),
        **outcome.statistics.summary(),
        "balances": [balance.as_json() for balance in outcome.balances],
        "checks": [check.as_json() for check in outcome.checks],
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
