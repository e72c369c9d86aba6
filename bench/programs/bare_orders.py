"""The order's workflow with empty activities: what Temporal and the workflow code alone can do.

`python -m bench.programs.bare_orders` reads {count, warm} and prints {per_s, cpu_ms}; settings come from OMS_*.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import uvloop
from temporalio import activity
from temporalio.client import Client

from activities import bootstrap, workflow_starts
from domain.orders.order_no import new_order_no
from infra.db.engine import Database
from infra.db.messaging.workflow_requests import OrderSummary
from infra.settings import Settings
from infra.stack.temporal.temporal_setup import set_current_version
from infra.system.heartbeat import Condition
from infra.temporal import temporal_client
from workers.dispatcher import IN_FLIGHT
from workers.worker import build
from workflows import names, ports
from workflows import payloads as m

CARRIER_STEP_S = 0.3  # as the sandbox


class World:
    """The database and the carrier, in memory: the minimum for a plain order."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client, self._settings = client, settings
        self._seq: dict[str, int] = {}
        self._scans: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.delivered = 0
        self.last_delivery_s = 0.0

    def activities(self) -> list[Callable[..., Any]]:
        """One for each port that a plain order calls."""
        bodies: dict[str, Callable[[Any], m.OrderView]] = {
            ports.reserve_stock.name: lambda ref: self._view(ref, "pending_payment", "open", policy=m.Policy()),
            ports.authorise_payment.name: lambda ref: self._view(ref, "pending_payment", "authorised"),
            ports.capture_payment.name: lambda ref: self._view(ref, "paid", "captured"),
            ports.book_shipment.name: self._book,
            ports.apply_inbox.name: self._apply_inbox,
        }
        return [_as_activity(name, body) for name, body in bodies.items()]

    def _view(self, ref: Any, status: str, attempt_state: str, **more: Any) -> m.OrderView:
        order_no = ref.order_no
        self._seq[order_no] = seq = self._seq.get(order_no, 0) + 1
        deadline = (datetime.now(UTC) + timedelta(days=2 if status != "delivered" else 7)).isoformat()
        return m.OrderView(order_no, status, seq, attempt=1, attempt_state=attempt_state, deadline=deadline, **more)

    def _book(self, ref: m.OrderRef) -> m.OrderView:
        task = asyncio.create_task(self._carry(ref.order_no))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return self._view(ref, "preparing", "captured", parcel="booked")

    async def _carry(self, order_no: str) -> None:
        for number in (1, 2):
            await asyncio.sleep(CARRIER_STEP_S)
            self._scans[order_no] = number
            await workflow_starts.signal(
                self._client, facts(order_no), self._settings.task_queue, names.CARRIER_REPORTED, {"inbox_id": number}
            )

    def _apply_inbox(self, ref: m.OrderRef) -> m.OrderView:
        if self._scans.get(ref.order_no, 0) < 2:
            return self._view(ref, "shipped", "captured", parcel="picked_up")
        self.delivered += 1
        self.last_delivery_s = time.perf_counter()
        return self._view(ref, "delivered", "captured", parcel="delivered")


def _as_activity(name: str, body: Callable[[Any], m.OrderView]) -> Callable[..., Any]:
    takes = ports.ALL[name].takes

    async def run(arg: Any) -> m.OrderView:
        return body(arg)

    run.__annotations__["arg"] = takes
    return activity.defn(name=name)(run)


def facts(order_no: str) -> OrderSummary:
    return OrderSummary(order_no, "received", "web", 1000, "CNY", 1)


async def place(client: Client, world: World, settings: Settings, count: int) -> float:
    """Start `count` orders, as many at a time as the dispatcher would, and wait for the last; seconds."""
    gate, wanted, begun = asyncio.Semaphore(IN_FLIGHT), world.delivered + count, time.perf_counter()

    async def start() -> None:
        async with gate:
            order_no = new_order_no(time.time_ns() // 1_000_000)
            await workflow_starts.start_once(client, facts(order_no), settings.task_queue, eager=True)

    await asyncio.gather(*(start() for _ in range(count)))
    while world.delivered < wanted:
        await asyncio.sleep(0.02)
    return world.last_delivery_s - begun


async def measure(count: int, warm: int) -> dict[str, float]:
    settings = Settings()
    client = await temporal_client.connect(settings)
    world = World(client, settings)
    # The production worker itself, with other activities.
    bootstrap.build = lambda *_: world.activities()
    async with build(client, Database.from_settings(settings), settings, Condition()):
        await set_current_version(client, settings.deployment_name, settings.build_id)
        await place(client, world, settings, warm)
        cpu_s = time.process_time()
        seconds = await place(client, world, settings, count)
        cpu_ms = 1000 * (time.process_time() - cpu_s) / count
    return {"per_s": count / seconds, "cpu_ms": cpu_ms}


def main() -> None:
    spec = json.load(sys.stdin)
    print(json.dumps(uvloop.run(measure(spec["count"], spec["warm"]))), flush=True)


if __name__ == "__main__":
    main()
