"""What customers, support and the carrier's driver do to one order, through HTTP alone."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar

from domain.support.steps import Action
from workers.demo.client import Client, RefusedError
from workers.demo.order_poller import Open
from workers.demo.orders import payment
from workers.demo.statistics import Statistics

LOOK_S = 0.15
# Unplanned sticking, for instance on a machine that is too busy: support tries again so often.
PATIENCE = 3
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Overtaken:
    """On a busy machine the order may be faster, or the deadline: what happened, and the end that is right then."""

    words: str
    end: str


UNPAID_IN_TIME = Overtaken("too late to pay", "cancelled: payment_expired")
SENT_BEFORE_CANCEL = Overtaken("too late to cancel", "completed")
ARRIVED_BEFORE_LOSS = Overtaken("at the door before it could be lost", "completed")


class ApiActors:
    """Acts on one order. `overtaken` says that an act came too late, and which end is right then."""

    def __init__(self, client: Client, tally: Statistics, order: Open) -> None:
        self._client, self._tally, self._order = client, tally, order
        self._acts = count(1)
        self._unplanned = 0
        self.overtaken: Overtaken | None = None
        # What after-sales did: money returned, units on sale again, units sent in a second parcel.
        self.given_back_minor = 0
        self.back: Counter[str] = Counter()
        self.sent_anew: Counter[str] = Counter()

    async def order_fault(self, target: str, kind: str, mode: str, times: int) -> None:
        """Let the provider's next calls of this kind for this order go wrong."""
        match = {"order_no": self._order.order_no, "kind": kind}
        await self._client.sandbox_post("/faults", {"target": target, "mode": mode, "count": times, "match": match})

    async def pay(self, token: str) -> None:
        """The customer pays; answered when the provider has decided. After the deadline that is refused."""
        try:
            await until(lambda: self._paid(token))
        except RefusedError as refused:
            if refused.code not in ("order_closed", "not_payable"):
                raise
            self.overtaken = UNPAID_IN_TIME

    async def _paid(self, token: str) -> bool:
        """False where the order still hears of an earlier payment's decline."""
        try:
            await self._post("channel", "payments", payment(token))
        except RefusedError as refused:
            if refused.code != "payment_in_progress":
                raise
            return False
        return True

    async def pay_again(self, token: str) -> None:
        """The customer pays anew once the first payment was declined."""

        async def declined() -> bool:
            order = await self.read()
            return order["status"] == "cancelled" or ("pay" in order["allowed_actions"] and bool(order["payments"]))

        await until(declined)
        await self.pay(token)

    async def cancel(self, reason: str) -> None:
        """The customer cancels, unless the deadline did; refused when the parcel has left: then the order goes on."""
        if self.overtaken:
            return
        try:
            await self._post("channel", "cancel", {"reason": reason})
        except RefusedError as refused:
            if refused.code not in ("parcel_on_its_way", "not_cancellable"):
                raise
            self.overtaken = SENT_BEFORE_CANCEL

    def told(self, timeline: list[dict[str, Any]]) -> None:
        """A cancellation that was accepted may still find the parcel on its way: the timeline says so."""
        if any(event["type"] == "cancel_refused" for event in timeline):
            self.overtaken = SENT_BEFORE_CANCEL

    async def lose_parcel(self) -> None:
        """The parcel leaves the warehouse and is never seen again, unless it is at the door by now."""
        if self.overtaken:
            return

        async def booked() -> list[dict[str, Any]]:
            return await self._client.sandbox_list("shipments", self._order.order_no)

        parcels = await until(booked)
        for status in ("picked_up", "lost"):
            parcel = await self._client.sandbox_post(f"/shipments/{parcels[0]['id']}/advance", {"status": status})
        if parcel["status"] == "delivered":
            self.overtaken = ARRIVED_BEFORE_LOSS

    async def resolve(self, step: str, action: Action, value: dict[str, Any] | None = None) -> None:
        """Wait until the order sticks at this step, then act as support; nothing where it will not stick."""
        if self.overtaken:
            return
        await self._order.until(lambda: self._order.stuck_at is not None or self._order.gone)
        while self._order.stuck_at not in (step, None):
            await self._try_again()
            await self._order.until(lambda: self._order.stuck_at is not None or self._order.gone)
        if self._order.stuck_at == step:
            self._tally.parked[step] += 1
            await self._resolve(action, value)
            self._tally.resolved[f"{step}: {action}"] += 1

    async def to_the_end(self) -> dict[str, Any]:
        """Wait until the order has ended; what sticks without being meant to is tried again. Answers with the order."""
        while True:
            await self._order.until(lambda: self._order.stuck_at is not None or self._order.gone)
            if self._order.stuck_at is not None:
                await self._try_again()
                continue
            order = await self.read()
            if order["status"] in ("completed", "cancelled"):
                return order
            self._order.gone = False

    async def read(self) -> dict[str, Any]:
        """The whole order."""
        return await self._client.get("support", f"/v1/orders/{self._order.order_no}")

    async def sees(self, holds: Callable[[dict[str, Any]], Any]) -> None:
        """Wait until this holds of the whole order."""

        async def look() -> bool:
            return bool(holds(await self.read()))

        await until(look)

    async def call(self, role: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """An act that this order's demo does once. Raises RefusedError."""
        return await self._client.post(role, path, body, self._key(path.rpartition("/")[2]))

    def acted(self) -> None:
        """What the lists said of the order before this act counts no longer."""
        self._order.acted()

    async def get(self, path: str) -> dict[str, Any]:
        """Read something as support. Raises RefusedError."""
        return await self._client.get("support", path)

    async def _try_again(self) -> None:
        step = str(self._order.stuck_at)
        if self._unplanned == PATIENCE:
            # Left to a person: the order does not end, and the run says so.
            await asyncio.Event().wait()
        if await self._resolve(Action.RETRY, None):
            self._unplanned += 1
            self._tally.unplanned[step] += 1
            self._tally.resolved[f"{step}: {Action.RETRY}"] += 1

    async def _resolve(self, action: Action, value: dict[str, Any] | None) -> bool:
        """False when nothing was parked any more, which may also be the work of an answer that was lost."""
        body = {"action": action.value, "reason": "demo", **({"value": value} if value is not None else {})}
        path = f"/v1/support/orders/{self._order.order_no}/resolve"
        try:
            await self._client.post("support", path, body, self._key("resolve"))
        except RefusedError as refused:
            if refused.code != "not_parked":
                raise
            return False
        else:
            return True
        finally:
            self._order.acted()

    async def _post(self, role: str, act: str, body: dict[str, Any]) -> dict[str, Any]:
        return await self._client.post(role, f"/v1/orders/{self._order.order_no}/{act}", body, self._key(act))

    def _key(self, act: str) -> str:
        return f"{self._order.order_no}-{act}-{next(self._acts)}"


async def until(look: Callable[[], Awaitable[Found]]) -> Found:
    """Looks again until there is something; the order's own time limit ends it."""
    while True:
        if found := await look():
            return found
        await asyncio.sleep(LOOK_S)
