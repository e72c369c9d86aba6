"""The reserve activity, called directly: `python -m bench.programs.reserving` reads {first, count, clients, alone}.

Prints {per_s, cpu_ms, statements}: the statements (with parameters) are those of the order `first`, `alone` or as a
group of one, and are recorded only when `count` is 0, so that recording costs nothing while it is measured.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import uvloop
from sqlalchemy import event

from activities.orders.lifecycle import OrderActivities
from infra.db.engine import Database
from infra.settings import settings
from workflows.payloads import OrderRef

WARM = 64
Statements = list[tuple[str, dict[str, Any]]]


def recording(database: Database) -> Statements:
    """The list into which every statement from now on is put."""
    statements: Statements = []
    engine = database.engine.sync_engine

    def executed(_: Any, __: Any, statement: str, parameters: Any, ___: Any, ____: Any) -> None:
        statements.append((statement, dict(parameters)))

    event.listen(engine, "before_cursor_execute", executed)
    event.listen(engine, "begin", lambda _: statements.append(("BEGIN", {})))
    event.listen(engine, "commit", lambda _: statements.append(("COMMIT", {})))
    event.listen(engine, "savepoint", lambda _, name: statements.append((f"SAVEPOINT {name}", {})))
    event.listen(engine, "release_savepoint", lambda _, name, __: statements.append((f"RELEASE SAVEPOINT {name}", {})))
    return statements


async def reserve(orders: OrderActivities, numbers: Iterator[int], clients: int) -> None:
    """`clients` tasks share the numbers."""

    async def work() -> None:
        for number in numbers:
            view = await orders.reserve_stock(OrderRef(str(number)))
            assert view.status == "pending_payment", view

    await asyncio.gather(*(work() for _ in range(clients)))


async def measure(first: int, count: int, clients: int, alone: bool) -> dict[str, Any]:
    database = Database.from_settings(settings())
    orders = OrderActivities(database, settings())
    if count == 0:
        # The first connection asks PostgreSQL about itself: not the reservation's.
        async with database.begin():
            pass
        statements = recording(database)
        await orders.reserve_alone(str(first)) if alone else await reserve(orders, iter([first]), 1)
        return {"statements": statements}
    await reserve(orders, iter(range(first + count, first + count + WARM)), clients)
    begun, cpu_s = time.perf_counter(), time.process_time()
    await reserve(orders, iter(range(first, first + count)), clients)
    seconds, cpu_s = time.perf_counter() - begun, time.process_time() - cpu_s
    await database.close()
    return {"per_s": count / seconds, "cpu_ms": 1000 * cpu_s / count}


def main() -> None:
    spec = json.load(sys.stdin)
    print(json.dumps(uvloop.run(measure(spec["first"], spec["count"], spec["clients"], spec["alone"]))))


if __name__ == "__main__":
    main()
