"""Counts SQL statements by the process that sent them, from the log of PostgreSQL."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.harness import baskets
from bench.harness.http_driver import as_spec
from bench.harness.lab import Lab, as_owner, program, stack
from bench.harness.lab import stock as stock_up
from bench.report import number, table

# "#pid# LOG:  statement: …" (simple protocol), "#pid# LOG:  execute name: …" (extended protocol)
_LINE = re.compile(r"^#(\d+)# LOG:  (?:statement|execute [^:]*): (.*)$")
_TURN_ON = ("ALTER SYSTEM SET log_line_prefix = '#%p# '", "ALTER SYSTEM SET log_statement = 'all'")
_CLIENTS = "SELECT pid, client_port FROM pg_stat_activity WHERE client_port > 0"
# What processes send without any order; counted apart.
POLLING = {
    "dispatcher's turns": ("WITH settled AS", "DELETE FROM workflow_requests", "UPDATE workflow_requests"),
    "relay's turns": ("WITH taken", "WITH claimed", "SELECT DISTINCT", "DELETE FROM idempotency_keys"),
}


@dataclass
class Log:
    """What was logged while the block ran: statements by backend."""

    statements: list[tuple[int, str]]


@asynccontextmanager
async def logged(owner_url: str, log: Path) -> AsyncIterator[Log]:
    """Every statement is logged inside the block; read `seen` after it."""
    found = Log([])
    async with as_owner(owner_url) as connection:
        await _logging(owner_url, *_TURN_ON)
        begin = log.stat().st_size
        try:
            yield found
        finally:
            await _logging(owner_url, "ALTER SYSTEM RESET log_statement")
        with log.open("rb") as file:
            file.seek(begin)
            text = file.read().decode(errors="replace")
        own = connection.info.backend_pid
        # PostgreSQL begins each further line of a statement with a tab.
        matches = [match for match in map(_LINE.match, text.replace("\n\t", " ").splitlines()) if match]
        found.statements = [(int(match[1]), match[2].strip()) for match in matches if int(match[1]) != own]


async def _logging(owner_url: str, *statements: str) -> None:
    async with as_owner(owner_url) as connection:
        for statement in (*statements, "SELECT pg_reload_conf()"):
            await connection.execute(statement.encode())
    await asyncio.sleep(0.3)  # backends read the new configuration when the signal reaches them


async def backends(owner_url: str, pids: Mapping[str, int]) -> dict[int, str]:
    """The process of each backend."""
    ports = {
        socket.laddr.port: name
        for name, pid in pids.items()
        for socket in psutil.Process(pid).net_connections(kind="tcp")
    }
    async with as_owner(owner_url) as connection:
        rows = await (await connection.execute(_CLIENTS)).fetchall()
    return {pid: ports[port] for pid, port in rows if port in ports}


@dataclass(frozen=True)
class PerOrder:
    """Statements per order by sender."""

    by_sender: dict[str, float]
    common: dict[str, float]

    @property
    def total(self) -> float:
        """Without the statements of polling."""
        return sum(value for name, value in self.by_sender.items() if name not in POLLING)

    def table(self) -> str:
        return table(("sender", "statements per order"), self.by_sender.items())


def _sender(owner: str, statement: str) -> str:
    for name, beginnings in POLLING.items():
        if statement.startswith(beginnings) or (owner == "relay"):
            return name if owner != "relay" else "relay's turns"
    return owner


async def of_orders(lab: Lab, count: int) -> PerOrder:
    """Place `count` plain orders and count the statements until they are delivered."""
    from bench.measurements.orders import WARM, delivered

    folder = lab.new_folder("statements")
    async with stack(lab, folder) as (running, pids):
        await stock_up(running.database_url, baskets.SKUS, 10**6)
        load = baskets.placing(running.api, running.tokens["support"], WARM, 8)
        await program("bench.harness.http_driver", as_spec(load))
        await delivered(running.database_url, WARM, 0.0)
        async with logged(running.database_url, folder / "logs" / "postgres.log") as log:
            load = baskets.placing(running.api, running.tokens["support"], count, 8, first=WARM)
            await program("bench.harness.http_driver", as_spec(load))
            await delivered(running.database_url, WARM + count, 0.0)
            owners = await backends(running.database_url, pids)
    senders = Counter(_sender(owners[pid], statement) for pid, statement in log.statements if pid in owners)
    texts = Counter(f"{owners[pid]}: {_beginning(statement)}" for pid, statement in log.statements if pid in owners)
    common = {text: n / count for text, n in texts.most_common(60)}
    return PerOrder({name: n / count for name, n in sorted(senders.items())}, common)


def _beginning(statement: str) -> str:
    return " ".join(statement.split())[:90]


def excerpt(common: Mapping[str, float]) -> str:
    return "\n".join(f"{number(n):>6}  {text}" for text, n in common.items())
