"""What customers, support and the carrier's driver do to one order, through HTTP alone."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar

from domain.support.steps import Action
from workers.demo.api_client.api.orders import cancel_order, get_order
from workers.demo.api_client.api.payments import pay_order
from workers.demo.api_client.api.stock import receive_stock
from workers.demo.api_client.api.support import resolve_step
from workers.demo.api_client.models import CancelOrder, Order, Receipt, Resolve, ResolveValueType0
from workers.demo.api_client.models.action import check_action
from workers.demo.api_client.types import UNSET
from workers.demo.arrangements import Arrangement
from workers.demo.http.client import Clients, RefusedError, accepted
from workers.demo.results.statistics import Statistics
from workers.demo.results.stock_ledger import Movement
from workers.demo.runner.order_poller import OpenOrder
from workers.demo.runner.orders import payment

POLL_S = 0.15
# A step that parks without being meant to, for instance on a busy machine: support tries again so often.
MAX_UNPLANNED_RETRIES = 3
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class TooLate:
    """On a busy machine the order or a deadline may be faster than an action: what happened, and the right end then."""

    description: str
    end: str


PAYMENT_TOO_LATE = TooLate("too late to pay", "cancelled: payment_expired")
CANCELLATION_TOO_LATE = TooLate("too late to cancel", "completed")
DELIVERED_BEFORE_LOSS = TooLate("at the door before it could be lost", "completed")


class ApiActors:
    """Actions on one order. `too_late` says that one came too late, and which end is right then."""

    def __init__(
        self, clients: Clients, statistics: Statistics, order: OpenOrder, arrangements: tuple[Arrangement, ...]
    ) -> None:
        self.clients, self.order = clients, order
        self.stock = statistics.stock
        self.arrangements = arrangements
        self.statistics = statistics
        self._actions = count(1)
        self._unplanned = 0
        self.too_late: TooLate | None = None
        # What was refunded after delivery.
        self.refunded_minor = 0

    async def order_fault(self, target: str, kind: str, mode: str, times: int) -> None:
        """Let the provider's next calls of this kind for this order go wrong."""
        match = {"order_no": self.order.order_no, "kind": kind}
        await self.clients.sandbox.post("/faults", {"target": target, "mode": mode, "count": times, "match": match})

    async def pay(self, token: str) -> None:
        """The customer pays; returns when the provider has decided. After the deadline the payment is refused."""
        try:
            await until(lambda: self._try_to_pay(token))
        except RefusedError as refused:
            if refused.code not in ("order_closed", "not_payable"):
                raise
            self.too_late = PAYMENT_TOO_LATE

    async def _try_to_pay(self, token: str) -> bool:
        """False while the order still processes the decline of an earlier payment."""
        key = self.key("payments")
        call = pay_order.asyncio(
            self.order.order_no, client=self.clients.channel, body=payment(token), idempotency_key=key
        )
        try:
            await accepted(call)
        except RefusedError as refused:
            if refused.code != "payment_in_progress":
                raise
            return False
        return True

    async def pay_again(self, token: str) -> None:
        """The customer pays with another card once the first payment was declined."""
        await self.wait_until(
            lambda order: order.status == "cancelled" or ("pay" in order.allowed_actions and bool(order.payments))
        )
        await self.pay(token)

    async def cancel(self, reason: str) -> None:
        """The customer cancels, unless the deadline did. Once the parcel has left, the order goes on."""
        if self.too_late:
            return
        body, key = CancelOrder(reason=reason), self.key("cancel")
        try:
            await accepted(
                cancel_order.asyncio(self.order.order_no, client=self.clients.channel, body=body, idempotency_key=key)
            )
        except RefusedError as refused:
            if refused.code not in ("parcel_on_its_way", "not_cancellable"):
                raise
            self.too_late = CANCELLATION_TOO_LATE

    async def lose_parcel(self) -> None:
        """The parcel leaves the warehouse and is lost, unless it is delivered by now."""
        if self.too_late:
            return
        parcels = await until(lambda: self.clients.sandbox.shipments(self.order.order_no))
        for status in ("picked_up", "lost"):
            parcel = await self.clients.sandbox.post(f"/shipments/{parcels[0]['id']}/advance", {"status": status})
        if parcel["status"] == "delivered":
            self.too_late = DELIVERED_BEFORE_LOSS

    async def receive_missing(self) -> None:
        """The warehouse receives the unit that the order waits for."""
        for arrangement in self.arrangements:
            body = Receipt(
                sku=arrangement.sku, warehouse=arrangement.home, quantity=1, reference=f"demo {self.order.order_no}"
            )
            key = self.key("receipt")
            await accepted(receive_stock.asyncio(client=self.clients.warehouse, body=body, idempotency_key=key))
            self.stock.add(Movement.RECEIVED, arrangement.sku, arrangement.home, 1)

    async def resolve(self, step: str, action: Action, value: dict[str, Any] | None = None) -> None:
        """Wait until the order is parked at this step, then resolve it as support; nothing where it will not park."""
        if self.too_late:
            return
        await self.order.wait_until_parked_or_closed()
        while self.order.parked_at not in (step, None):
            await self._retry_unplanned()
            await self.order.wait_until_parked_or_closed()
        if self.order.parked_at == step:
            self.statistics.parked[step] += 1
            await self._resolve(action, value)
            self.statistics.resolved[f"{step}: {action}"] += 1

    async def wait_for_end(self) -> Order:
        """Wait until the order has ended; steps that park without being meant to are retried."""
        while True:
            await self.order.wait_until_parked_or_closed()
            if self.order.parked_at is not None:
                await self._retry_unplanned()
                continue
            order = await self.read()
            if order.status in ("completed", "cancelled"):
                return order
            self.order.closed = False

    async def read(self) -> Order:
        """The whole order."""
        return await accepted(get_order.asyncio(self.order.order_no, client=self.clients.support))

    async def wait_until(self, condition: Callable[[Order], bool]) -> None:
        """Wait until this is true of the whole order."""

        async def check() -> bool:
            return condition(await self.read())

        await until(check)

    def key(self, action: str) -> str:
        """The idempotency key of this order's next action."""
        return self.clients.key(f"{self.order.order_no}-{action}-{next(self._actions)}")

    async def _retry_unplanned(self) -> None:
        step = str(self.order.parked_at)
        if self._unplanned == MAX_UNPLANNED_RETRIES:
            # Left to a person: the order does not end, and the run reports it.
            await asyncio.Event().wait()
        if await self._resolve(Action.RETRY, None):
            self._unplanned += 1
            self.statistics.unplanned[step] += 1
            self.statistics.resolved[f"{step}: {Action.RETRY}"] += 1

    async def _resolve(self, action: Action, value: dict[str, Any] | None) -> bool:
        """False when nothing is parked any more, which may also be the effect of an answer that was lost."""
        body = Resolve(
            action=check_action(action.value),
            reason="demo",
            value=UNSET if value is None else ResolveValueType0.from_dict(value),
        )
        key = self.key("resolve")
        try:
            await accepted(
                resolve_step.asyncio(self.order.order_no, client=self.clients.support, body=body, idempotency_key=key)
            )
        except RefusedError as refused:
            if refused.code != "not_parked":
                raise
            return False
        else:
            return True
        finally:
            self.order.note_action()


async def until(poll: Callable[[], Awaitable[Found]]) -> Found:
    """Look again and again until there is something; the order's time limit ends it."""
    while True:
        if found := await poll():
            return found
        await asyncio.sleep(POLL_S)
