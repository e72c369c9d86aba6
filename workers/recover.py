"""`oms recover`: the books start the stories again, after Temporal has lost some or all of them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy.exc import SQLAlchemyError
from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from infra import temporal, temporal_namespace
from infra.db import dispatching
from infra.db.dispatching import OrderFacts
from infra.db.engine import Database, PoolExhausted
from infra.settings import Settings, settings
from infra.stack.program import command
from workers import books_trouble, starting
from workflows.messages import ReturnRef, StartJob

PAGE = 500
AT_ONCE = 20
PATIENCE_S = 10.0
OK, FAILED = 0, 1


@dataclass(slots=True)
class Recovered:
    """What there was and what was done. `open_orders` = `started` + `running`."""

    open_orders: int = 0
    started: int = 0
    running: int = 0
    jobs: int = 0
    returns: int = 0


def run(configuration: Settings | None = None, *, as_json: bool = False) -> int:
    """Start what Temporal does not know to be running; 0 when all open orders run, 1 with a message when not."""
    console = Console(soft_wrap=True, stderr=as_json)
    try:
        found = asyncio.run(recover(configuration or settings(), console))
    except (RuntimeError, RPCError, TimeoutError) as error:
        console.print(_refused(configuration or settings(), error), style="red", markup=False)
        again = f"When it is up, which {command('doctor')} tells, again: {command('recover')}"
        console.print(f"Nothing is lost. {again}", markup=False)
        return FAILED
    except (SQLAlchemyError, PoolExhausted, OSError) as error:
        console.print(f"The books cannot be read: {books_trouble.words(error)}", style="red", markup=False)
        return FAILED
    if as_json:
        print(json.dumps(asdict(found)))
        return OK
    jobs = f", {found.jobs} bulk acts started again" if found.jobs else ""
    returns = f", {found.returns} returns started again" if found.returns else ""
    started = f"{found.started} started, {found.running} already running"
    console.print(f"{found.open_orders} orders open: {started}{returns}{jobs}")
    return OK


async def recover(configuration: Settings, console: Console) -> Recovered:
    """Walk all open orders once. Safe to repeat and to run beside everything else: running orders are left alone.

    Raises RuntimeError, RPCError or TimeoutError when Temporal cannot be used.
    """
    client = await _prepared(configuration)
    database = Database.from_settings(configuration)
    found = Recovered()
    try:
        async with database.begin() as connection:
            total = await dispatching.count_open_orders(connection)
        with _bar(console) as progress:
            bar = progress.add_task("orders", total=total)
            async for page in _pages(database):
                await _start_all(client, page, configuration.task_queue, found)
                progress.update(bar, completed=found.open_orders)
        await _start_returns(client, database, configuration.task_queue, found)
        await _start_jobs(client, database, configuration.task_queue, found)
    finally:
        await database.close()
    return found


async def _prepared(configuration: Settings) -> Client:
    """A client to a namespace that is ready for orders: writing an unknown search attribute would wedge them."""
    client = await temporal.connect(configuration)
    async with asyncio.timeout(PATIENCE_S):
        await temporal_namespace.ensure_search_attributes(client)
        await temporal_namespace.ensure_retention(client, timedelta(days=configuration.temporal_retention_days))
    return client


async def _pages(database: Database) -> AsyncIterator[list[OrderFacts]]:
    after = ""
    while True:
        async with database.begin() as connection:
            page = await dispatching.open_orders(connection, after, PAGE)
        if not page:
            return
        yield page
        after = page[-1].order_no


async def _start_all(client: Client, page: list[OrderFacts], task_queue: str, found: Recovered) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def start(order: OrderFacts) -> None:
        async with gate:
            try:
                await starting.start_again(client, order, task_queue)
                found.started += 1
            except WorkflowAlreadyStartedError:
                found.running += 1
            found.open_orders += 1

    await asyncio.gather(*(start(order) for order in page))


async def _start_returns(client: Client, database: Database, task_queue: str, found: Recovered) -> None:
    """Those that no order has begun yet, or whose order runs and does not know that they are gone."""
    after = ("", "")
    while True:
        async with database.begin() as connection:
            page = await dispatching.open_returns(connection, after, PAGE)
        if not page:
            return
        for return_id, order_no in page:
            with suppress(WorkflowAlreadyStartedError):
                await starting.start_return(client, ReturnRef(order_no, return_id), task_queue)
                found.returns += 1
        after = (page[-1][1], page[-1][0])


async def _start_jobs(client: Client, database: Database, task_queue: str, found: Recovered) -> None:
    async with database.begin() as connection:
        jobs = await dispatching.running_jobs(connection)
    for job_id, rate_per_s in jobs:
        try:
            await starting.start_job(client, StartJob(job_id, rate_per_s), task_queue)
            found.jobs += 1
        except WorkflowAlreadyStartedError:
            continue


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=not console.is_terminal)


def _refused(configuration: Settings, error: BaseException) -> str:
    """Why Temporal is of no use. What the library says of a server that it does not reach is its own inside."""
    address = configuration.temporal_address
    if not isinstance(error, RPCError):
        return f"Temporal at {address} cannot be reached (OMS_TEMPORAL_ADDRESS)"
    if error.status == RPCStatusCode.NOT_FOUND:
        namespace = configuration.temporal_namespace
        return f"Temporal at {address} has no namespace {namespace!r}: {command('temporal prepare')}"
    return f"Temporal at {address} refuses: {next(iter(str(error).splitlines()), error.status.name)}"
