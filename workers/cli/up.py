"""`oms up`: the stack in the foreground until a signal."""

import asyncio
import logging
import signal
import sys

from rich.console import Console
from rich.table import Table

from infra.stack.errors import StackError, TakenError
from infra.stack.program import command
from infra.stack.running import Running
from infra.stack.stack import Options, Stack
from workers import first_order
from workers.cli.tables import print_whole

OK, FAILED, TAKEN = 0, 1, 2
LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"


def run(options: Options) -> int:
    """Starts the stack, stays until SIGINT or SIGTERM, stops it; returns the exit code: 0, 1 failed, 2 taken."""
    logging.basicConfig(level=logging.WARNING, format=LOG_FORMAT, stream=sys.stderr)
    console = Console(stderr=True)
    try:
        asyncio.run(_stay(options, Console(soft_wrap=True)))
    except TakenError as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        return TAKEN
    except (StackError, OSError) as error:  # such as a folder that may not be written
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        return FAILED
    return OK


async def _stay(options: Options, console: Console) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup means it
            loop.add_signal_handler(number, ended.set)
    stack = Stack(options)
    ending = asyncio.create_task(ended.wait())
    starting = asyncio.create_task(stack.start())
    with console.status("Starting PostgreSQL, Temporal, sandbox, API, worker and relay …"):
        await asyncio.wait({starting, ending}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()  # it stops what it has started
        await asyncio.wait({starting})
        return
    running = starting.result()
    print_addresses(running, console)
    await ending
    console.print("Stopping …")
    await stack.stop()


def print_addresses(running: Running, console: Console) -> None:
    """Where everything is, for a person."""
    table = Table(title="The order management system is up", title_justify="left", show_header=False, box=None)
    rows = {
        "API": running.api,
        "API's documentation": f"{running.api}/docs",
        "Console": running.console,
        "Portal": running.portal,
        "Temporal UI": running.temporal_ui or "left out (--headless)",
        "Temporal": running.temporal,
        "Sandbox": running.sandbox,
        "Data": running.data_dir,
    }
    for name, value in rows.items():
        table.add_row(name, value)
    print_whole(console, table)
    console.print("A token for the API:")
    _command(console, command("token --role support", running.data_dir))
    if line := first_order.command_line(running):
        console.print("A first order:")
        _command(console, line)
    console.print("Ctrl-C stops everything and loses nothing.")


def _command(console: Console, line: str) -> None:
    """On one line however long it is, so that it can be copied."""
    console.print(f"  {line}", style="bold", markup=False, highlight=False, soft_wrap=True)
