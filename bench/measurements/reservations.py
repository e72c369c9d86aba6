"""Reservations through the project's own activity against pgbench running the very same statements."""

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.harness.lab import (
    TEMPLATE,
    Lab,
    Meter,
    as_owner,
    clone,
    cpu_ms,
    database_url,
    median,
    postgres,
    program,
    service_environment,
)
from bench.harness.lab import stock as stock_up
from bench.report import Figure, Section, number, table
from infra.stack.postgres.postgres_server import PostgresServer, programs

NAME, TITLE = "reservations", "Reservations"
# Buyers at a time of a product that all of them want, and of a thousand products.
HOT, SPREAD_SKUS = (16, 64), 1000
FIRST_ORDER = 10**11
LEVEL_LAST = f"one hot SKU, {HOT[-1]} buyers, pgbench, level last"

_ORDERS = """
INSERT INTO orders (order_no, channel, type, customer_id, currency, items_minor, total_minor, country, province, city,
                    ship_to_enc, placed_by)
SELECT (%(first)s + n)::text, 'web', 'standard', 'c-0', 'CNY', 1000, 1000, 'CN', '上海市', '上海市', '\\x00', 'bench'
  FROM generate_series(0, %(last)s) n"""
_LINES = """
INSERT INTO order_lines SELECT (%(first)s + n)::text, 1, 'S' || n %% %(skus)s, 'Sample', 1, 1000
  FROM generate_series(0, %(last)s) n"""


@dataclass(frozen=True)
class Run:
    """`cpu_ms` is per reservation, by process."""

    per_s: float
    cpu_ms: dict[str, float]


@dataclass(frozen=True)
class Case:
    """So many products that so many clients reserve."""

    skus: int
    clients: int

    @property
    def name(self) -> str:
        return f"{'one hot SKU' if self.skus == 1 else f'{self.skus:,} SKUs'}, {self.clients} buyers"


CASES = (*(Case(1, clients) for clients in HOT), Case(SPREAD_SKUS, HOT[0]))


async def measure(lab: Lab) -> Section:
    count = lab.scaled(6400, 1600)
    runs: dict[str, list[Run]] = {}
    async with postgres(lab) as (server, pid):
        templates = {skus: await _prepared(server, count + max(HOT), skus) for skus in (1, SPREAD_SKUS)}
        scripts = {skus: await _script(server, template, alone=True) for skus, template in templates.items()}
        # The same in the order in which a group sends them: level last.
        scripts[0] = await _script(server, templates[1], alone=False)
        for _ in range(lab.repetitions):
            for case in CASES:
                template, script = templates[case.skus], scripts[case.skus]
                ours, theirs = runs.setdefault(case.name, []), runs.setdefault(f"{case.name}, pgbench", [])
                ours.append(await _activity(server, pid, template, count, case.clients))
                theirs.append(await _pgbench(lab, server, pid, template, count, script, case.clients))
            last = runs.setdefault(LEVEL_LAST, [])
            last.append(await _pgbench(lab, server, pid, templates[1], count, scripts[0], HOT[-1]))
    script = scripts[1]
    return _section(lab, count, runs, len(script.text.splitlines()) - script.preamble)


async def _prepared(server: PostgresServer, count: int, skus: int) -> str:
    """A template with orders that wait for their stock; their first events are left out, nothing here reads them."""
    name = await clone(server, TEMPLATE)
    url = database_url(server, name, owner=True)
    await stock_up(url, skus, 10**9)
    values = {"first": FIRST_ORDER, "last": count - 1, "skus": skus}
    async with as_owner(url) as connection:
        await connection.execute("INSERT INTO customers (customer_id, data_key) VALUES ('c-0', '\\x00')")
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(_ORDERS, values)
        await connection.execute(_LINES, values)
        await connection.execute("ANALYZE")
    return name


def _environment(url: str) -> dict[str, str]:
    return service_environment(OMS_DATABASE_URL=url, OMS_DB_POOL_SIZE=str(HOT[0]))


async def _activity(server: PostgresServer, pid: int, template: str, count: int, clients: int) -> Run:
    url = database_url(server, await clone(server, template))
    before = cpu_ms(pid)
    spec = {"first": FIRST_ORDER, "count": count, "clients": clients, "alone": False}
    found = await program("bench.programs.reserving", spec, _environment(url))
    return Run(found["per_s"], {"process": found["cpu_ms"], "postgres": (cpu_ms(pid) - before) / count})


# ── pgbench ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Script:
    """A pgbench script and the values of the parameters that are the same for every order."""

    text: str
    values: dict[str, str]
    preamble: int


async def _script(server: PostgresServer, template: str, *, alone: bool) -> Script:
    """Records what the activity says to PostgreSQL for one order, and puts a variable in place of the order."""
    url = database_url(server, await clone(server, template))
    spec = {"first": FIRST_ORDER, "count": 0, "clients": 1, "alone": alone}
    recorded = await program("bench.programs.reserving", spec, _environment(url))
    # Numbers of one length, a range of them for each client.
    lines = ["\\set n :n + 1", f"\\set order_no {FIRST_ORDER} + :client_id * :per_client + :n"]
    preamble = len(lines)
    values: dict[str, str] = {}
    for statement, parameters in recorded["statements"]:
        names = {}
        for name, value in parameters.items():
            several = isinstance(value, list)
            values_of = [_parameter(one, values) for one in (value if several else [value])]
            names[name] = f"ARRAY[{', '.join(values_of)}]" if several else values_of[0]
        text = statement
        for name, variable in names.items():
            text = text.replace(f"%({name})s", variable)
        lines.append(" ".join(text.replace("%%", "%").split()) + ";")
    return Script("\n".join(lines) + "\n", values, preamble)


def _parameter(value: Any, values: dict[str, str]) -> str:
    """A parameter in the script: the order's variable, a literal, or a variable that is put into `values`."""
    if value == str(FIRST_ORDER):
        return ":order_no"
    if value is None or isinstance(value, bool | int | float):
        return "NULL" if value is None else str(value)
    variable = f"v{len(values)}"
    values[variable] = value
    return f":{variable}"


async def _pgbench(
    lab: Lab, server: PostgresServer, pid: int, template: str, count: int, script: Script, clients: int
) -> Run:
    url = database_url(server, await clone(server, template))
    file = lab.new_folder("pgbench") / "reserve.sql"
    file.write_text(script.text)
    per_client = count // clients
    argv = ["-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-t", str(per_client), "-f", str(file)]
    for name, value in {"n": "-1", "per_client": str(per_client), **script.values}.items():
        argv += ["-D", f"{name}={value}"]
    meter = Meter({"postgres": pid})
    output = await _run(programs() / "pgbench", *argv, url)
    tps = re.search(r"tps = ([\d.]+) \(without initial connection time\)", output)
    if tps is None or f"processed: {per_client * clients}/" not in output:
        raise RuntimeError(f"pgbench did not finish: {output}")
    return Run(float(tps[1]), {"postgres": meter.spent_ms()["postgres"] / count})


async def _run(file: Path, *argv: str) -> str:
    process = await asyncio.create_subprocess_exec(
        file, *argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(output.decode())
    return output.decode()


def _section(lab: Lab, count: int, runs: dict[str, list[Run]], statements: int) -> Section:
    rate = {name: median(run.per_s for run in found) for name, found in runs.items()}
    rows = []
    for name, found in runs.items():
        cpu = [median(run.cpu_ms.get(process, 0.0) for run in found) for process in ("process", "postgres")]
        rows.append((name, rate[name], *(value or "" for value in cpu), ", ".join(number(run.per_s) for run in found)))
    body = [
        f"{count} prepared orders: `OrderActivities.reserve_stock` in one process, whose concurrent reservations share "
        f"a transaction, against pgbench with as many clients and the {statements} statements that reserve one order "
        "in a transaction of its own (BEGIN and COMMIT among them), recorded in the same run. Such an order takes its "
        "units and writes its event afterwards; a group takes them last, and so does the pgbench of the last row.",
        table(("", "per s", "ms/reservation", "postgres ms", "repetitions"), rows),
    ]
    few, many, spread = (case.name for case in CASES)
    figures = [
        Figure(f"reservations, {name}", rate[name], "/s", rate[f"{name}, pgbench"], "/s pgbench", bound)
        for name, bound in ((few, 2.0), (many, 5.0), (spread, 0.5))
    ]
    figures.append(
        Figure(f"reservations, {many}, level last", rate[many], "/s", rate[LEVEL_LAST], "/s pgbench, level last")
    )
    figures.append(Figure(f"reservations, {many}", rate[many], "/s", rate[few], f"/s with {HOT[0]}", 0.95))
    data: dict[str, Any] = {name: [vars(run) for run in found] for name, found in runs.items()}
    return Section(NAME, TITLE, figures, "\n\n".join(body), lab.quick, data)
