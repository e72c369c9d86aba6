"""`oms recover`: restart the workflows from the database, after Temporal has lost some or all of them."""

import asyncio
import json
from dataclasses import asdict

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from temporalio.service import RPCError, RPCStatusCode

from activities.support import recovery
from activities.support.recovery import Place, Recovered
from domain.access import Role
from infra.db.engine import Database
from infra.db.errors import UNREACHABLE
from infra.db.messaging import workflow_requests
from infra.settings import Settings, settings
from infra.stack.program import command
from infra.temporal import temporal_client
from workers.cli import database_errors
from workers.cli.installation import calling

PAGE = 500
PATIENCE_S = 10.0
OK, FAILED = 0, 1


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
    except UNREACHABLE as error:
        console.print(f"The database cannot be read: {database_errors.describe(error)}", style="red", markup=False)
        return FAILED
    return _report(found, console, as_json)


def run_by_api(api: str, token: str | None, *, as_json: bool) -> int:
    """The same by the API at this address, page by page."""
    found = Recovered()
    cursor: str | None = ""
    with calling(api, token, Role.OPERATIONS) as client:
        while cursor is not None:
            page = client.call("POST", "/v1/recover", params={"cursor": cursor} if cursor else None)
            cursor = page.pop("next_cursor")
            found = found.plus(Recovered(**page))
    return _report(found, Console(soft_wrap=True, stderr=as_json), as_json)


async def recover(configuration: Settings, console: Console) -> Recovered:
    """Walk all open orders once.

    Raises RuntimeError, RPCError or TimeoutError when Temporal cannot be used.
    """
    client = await temporal_client.connect(configuration)
    async with asyncio.timeout(PATIENCE_S):
        await recovery.prepare(client, configuration.temporal_retention_days)
    database = Database.from_settings(configuration)
    found = Recovered()
    place: Place | None = Place()
    try:
        async with database.begin() as connection:
            total = await workflow_requests.count_open_orders(connection)
        with _bar(console) as progress:
            bar = progress.add_task("orders", total=total)
            while place is not None:
                page, place = await recovery.restart_page(client, database, configuration.task_queue, place, PAGE)
                found = found.plus(page)
                progress.update(bar, completed=found.open_orders)
    finally:
        await database.close()
    return found


def _report(found: Recovered, console: Console, as_json: bool) -> int:
    if as_json:
        print(json.dumps(asdict(found)))
        return OK
    jobs = f", {_counted(found.jobs, 'bulk act')} started again" if found.jobs else ""
    returns = f", {_counted(found.returns, 'return')} started again" if found.returns else ""
    transfers = f", {_counted(found.transfers, 'transfer')} started again" if found.transfers else ""
    started = f"{found.started} started, {found.running} already running"
    console.print(f"{_counted(found.open_orders, 'order')} open: {started}{returns}{transfers}{jobs}")
    return OK


def _counted(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number} {noun}s"


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
