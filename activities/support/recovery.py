"""Restart the workflows that Temporal has lost, from the database, one page at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import astuple, dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities import workflow_starts
from infra.db.engine import Database
from infra.db.messaging import workflow_requests
from infra.db.messaging.workflow_requests import OrderSummary
from infra.db.stock.transfers import open_ones
from infra.temporal import namespace_setup
from workflows.payloads import ReturnRef, StartJob

AT_ONCE = 20
Item = TypeVar("Item")


class Part(StrEnum):
    """What is started again, in this order; bulk jobs follow with the last page of closed orders that still owe."""

    ORDERS = "orders"
    RETURNS = "returns"
    OWING = "owing"


@dataclass(frozen=True, slots=True)
class Place:
    """How far the walk is: behind this order, or this return of it."""

    part: Part = Part.ORDERS
    order_no: str = ""
    return_id: str = ""


@dataclass(slots=True)
class Recovered:
    """What there was and what was done. `open_orders` = `started` + `running`; closed ones that still owe count."""

    open_orders: int = 0
    started: int = 0
    running: int = 0
    jobs: int = 0
    returns: int = 0
    transfers: int = 0

    def plus(self, other: "Recovered") -> "Recovered":
        """Both together."""
        return Recovered(*map(sum, zip(astuple(self), astuple(other), strict=True)))


async def prepare(client: Client, retention_days: int) -> None:
    """Make the namespace ready for orders: writing an unknown search attribute would wedge them. Raises RPCError."""
    await namespace_setup.ensure_search_attributes(client)
    await namespace_setup.ensure_retention(client, timedelta(days=retention_days))


async def restart_page(
    client: Client, database: Database, task_queue: str, place: Place, limit: int
) -> tuple[Recovered, Place | None]:
    """Start what does not run of at most `limit` orders and as many returns behind `place`; where to go on, None at
    the end. Safe to repeat and to run beside everything else: running ones are left alone. Raises RPCError."""
    found = Recovered()
    for part, restart in _STAGES.items():
        if place.part is part:
            after = await restart(client, database, task_queue, place, limit, found)
            if after is not None:
                return found, after
            place = Place(_NEXT.get(part, part))
    await _jobs(client, database, task_queue, found)
    return found, None


async def _orders(
    client: Client, database: Database, task_queue: str, place: Place, limit: int, found: Recovered
) -> Place | None:
    """Those that are not over."""
    async with database.begin() as connection:
        page = await workflow_requests.open_orders(connection, place.order_no, limit)
    await _begun(client, task_queue, page, found)
    return Place(Part.ORDERS, page[-1].order_no) if len(page) == limit else None


async def _owing(
    client: Client, database: Database, task_queue: str, place: Place, limit: int, found: Recovered
) -> Place | None:
    """Those that are closed and still owe or hold something."""
    async with database.begin() as connection:
        page, after = await workflow_requests.owing_orders(connection, place.order_no, limit)
    await _begun(client, task_queue, page, found)
    return Place(Part.OWING, after) if after is not None else None


async def _begun(client: Client, task_queue: str, page: Sequence[OrderSummary], found: Recovered) -> None:
    started = await _started(page, lambda order: workflow_starts.start_again(client, order, task_queue))
    found.open_orders += len(page)
    found.started += started
    found.running += len(page) - started


async def _returns(
    client: Client, database: Database, task_queue: str, place: Place, limit: int, found: Recovered
) -> Place | None:
    """Those that no order has begun yet, or whose order runs and does not know that they are gone; and those that are
    over and have a label to give back."""
    async with database.begin() as connection:
        page = await workflow_requests.open_returns(connection, (place.order_no, place.return_id), limit)
    refs = [ReturnRef(order_no, return_id) for return_id, order_no in page]
    found.returns = await _started(refs, lambda ref: workflow_starts.start_return(client, ref, task_queue))
    return Place(Part.RETURNS, refs[-1].order_no, refs[-1].return_id) if len(refs) == limit else None


_STAGES = {Part.ORDERS: _orders, Part.RETURNS: _returns, Part.OWING: _owing}
_NEXT = {Part.ORDERS: Part.RETURNS, Part.RETURNS: Part.OWING}


async def _jobs(client: Client, database: Database, task_queue: str, found: Recovered) -> None:
    """Bulk acts that run, and transfers that are open: both are few."""
    async with database.begin() as connection:
        jobs = [StartJob(*row) for row in await workflow_requests.running_jobs(connection)]
        transfers = await open_ones(connection)
    found.transfers = await _started(transfers, lambda one: workflow_starts.start_transfer(client, one, task_queue))
    found.jobs = await _started(jobs, lambda job: workflow_starts.start_job(client, job, task_queue))


async def _started(items: Sequence[Item], start: Callable[[Item], Awaitable[None]]) -> int:
    """Start each that does not run; how many that were."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def begun(item: Item) -> bool:
        async with gate:
            try:
                await start(item)
            except WorkflowAlreadyStartedError:
                return False
            return True

    return sum(await asyncio.gather(*map(begun, items)))
