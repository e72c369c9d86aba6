"""`oms up`: the stack in the foreground until a signal."""

import asyncio
import logging
import signal
import sys

from rich.console import Console

from infra.stack.errors import StackError, TakenError
from infra.stack.stack import Options, Stack
from workers.stack_console import FAILED, LOG_FORMAT, OK, TAKEN, print_addresses


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
