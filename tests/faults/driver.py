"""Customers and staff: they place, pay, cancel and resolve, and ask again with the same key when nobody answers."""

import asyncio
import itertools
import random
import secrets
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx

from tests.faults.stackrun import PATIENCE_S, POLL_S, TORTURE, StackRun, until

_numbers = itertools.count(1)
ADDRESS = {
    "name": "Made Up", "phone": "000", "country": "CN", "province": "上海市", "city": "上海市",
    "district": "", "line1": "No Such Street 1", "postcode": "200000",
}  # fmt: skip


def basket(sku: str, *, token: str | None = "tok_ok", quantity: int = 1, **changes: Any) -> dict[str, Any]:
    """The body of an order by a customer of its own."""
    customer = {"id": f"c-{next(_numbers)}-{secrets.token_hex(4)}", "name": "Made Up", "email": None, "phone": None}
    body = {
        "channel": "web", "type": "standard", "currency": "CNY", "customer": customer, "ship_to": ADDRESS,
        "lines": [{"sku": sku, "quantity": quantity}],
    }  # fmt: skip
    if token is not None:
        body["payment"] = {"method": "sandbox", "token": token}
    return {**body, **changes}


def _again(response: httpx.Response, patient: bool) -> bool:
    """True when the same key may ask again: a 500 is an answer, and a fault of the product."""
    if response.status_code == 503:
        assert response.headers.get("retry-after"), response.text
        return True
    return patient and response.status_code == 409 and response.json()["code"] == "idempotency_in_progress"


async def post(
    stack: StackRun,
    path: str,
    body: Any,
    role: str = "support",
    key: str | None = None,
    patient: bool = True,
) -> httpx.Response:
    """The first answer that is final; the same key is sent until then. `patient`: also while a first request runs."""
    headers, end = {"Idempotency-Key": key or secrets.token_hex(8)}, time.monotonic() + PATIENCE_S
    async with stack.client(role) as http:
        while True:
            try:
                response = await http.post(path, json=body, headers=headers)
                if not _again(response, patient):
                    return response
                last = f"{response.status_code} {response.text}"
            except httpx.TransportError as error:
                last = repr(error)
            assert time.monotonic() < end, f"no final answer from {path} in {PATIENCE_S:.0f} s: {last}"
            await asyncio.sleep(POLL_S)


async def stocked(stack: StackRun, units: int, price_minor: int = 1000) -> str:
    """A new product with so many units at the default warehouse; its SKU."""
    sku = f"SKU-{secrets.token_hex(4)}"
    product = {"sku": sku, "name": "Tea", "price_minor": price_minor, "currency": "CNY"}
    answer = await post(stack, "/v1/products", product, "operations")
    assert answer.status_code == 201, answer.text
    if units:
        await receipt(stack, sku, units)
    return sku


async def receipt(stack: StackRun, sku: str, units: int) -> None:
    body = {"sku": sku, "quantity": units, "reference": secrets.token_hex(4)}
    response = await post(stack, "/v1/stock/receipts", body, "warehouse")
    assert response.status_code == 201, response.text


async def place(stack: StackRun, body: dict[str, Any]) -> str:
    """An accepted order; recorded."""
    response = await post(stack, "/v1/orders", body, "channel")
    assert response.status_code == 201, response.text
    answer = response.json()
    stack.accepted[answer["order_no"]] = answer["total_minor"]
    return str(answer["order_no"])


async def pay(stack: StackRun, order_no: str, token: str = "tok_ok") -> None:
    body = {"method": "sandbox", "token": token}
    response = await post(stack, f"/v1/orders/{order_no}/payments", body, "channel")
    assert response.is_success, response.text


async def cancel(stack: StackRun, order_no: str, *, patient: bool = True) -> httpx.Response:
    body = {"reason": "changed my mind"}
    return await post(stack, f"/v1/orders/{order_no}/cancel", body, "channel", patient=patient)


async def resolve(stack: StackRun, order_no: str, action: str, value: Any = None) -> None:
    body = {"action": action, "reason": "a test"} | ({} if value is None else {"value": value})
    response = await post(stack, f"/v1/support/orders/{order_no}/resolve", body)
    assert response.status_code == 200, response.text


async def retry_all(stack: StackRun, orders: list[str]) -> int:
    """Every parked step of these orders is tried once more; how many there were."""
    parked = "SELECT order_no FROM parked_steps WHERE resolved_at IS NULL AND order_no = ANY(%(orders)s)"
    rows = await stack.sql(parked, orders=orders)
    for row in rows:
        await resolve(stack, row["order_no"], "retry")
    return len(rows)


async def stuck_at_booking(stack: StackRun, sku: str, count: int) -> list[str]:
    """Orders that the carrier refuses, so that they stick at once; the faults are for these alone."""
    orders = [await place(stack, basket(sku, token=None)) for _ in range(count)]
    for order_no in orders:
        await stack.reaches(order_no, "pending_payment")
        await stack.fault("carriers", "reject", 1, order_no=order_no)
        await pay(stack, order_no)
        await stack.parks(order_no, "book")
    return orders


async def retrying_at_booking(stack: StackRun, sku: str) -> str:
    """An order whose booking fails and is tried again, because for it the carrier is down until faults are deleted."""
    order_no = await place(stack, basket(sku, token=None))
    await stack.reaches(order_no, "pending_payment")
    await stack.sandbox("POST", "/faults", json={"target": "carriers", "mode": "down", "match": {"order_no": order_no}})
    await pay(stack, order_no)

    async def failing() -> bool:
        return bool(await stack.sql("SELECT 1 FROM retrying_steps WHERE order_no = %(o)s", o=order_no))

    await until(failing, f"{order_no} fails at booking and is tried again")
    return order_no


async def carry(stack: StackRun, order_no: str, *statuses: str) -> None:
    """The carrier moves the order's live parcel."""
    for parcel in await stack.items("/shipments", order_no=order_no):
        if parcel["status"] != "cancelled":
            for status in statuses:
                await stack.sandbox("POST", f"/shipments/{parcel['id']}/advance", json={"status": status})


async def deliver(stack: StackRun, order_no: str) -> None:
    """From paid to the end of the return window, parcels moved manually."""
    await stack.reaches(order_no, "preparing")
    await carry(stack, order_no, "picked_up", "delivered")
    await stack.reaches(order_no, "completed")


@dataclass
class Crowd:
    """A run of different orders, placed one after the other with random pauses; some buyers change their minds."""

    stack: StackRun
    rng: random.Random
    orders: int
    sku: str
    placed: list[str] = field(default_factory=list)
    _second_thoughts: list["asyncio.Task[None]"] = field(default_factory=list)

    async def run(self) -> None:
        tokens = self.rng.choices(["tok_ok", "tok_pending", "tok_decline"], [8, 1, 1], k=self.orders)
        pauses = [self.rng.uniform(0, 0.15) for _ in tokens]
        regrets = [self.rng.random() < 0.1 for _ in tokens]
        for token, pause_s, regret in zip(tokens, pauses, regrets, strict=True):
            await asyncio.sleep(pause_s)  # the distance between two buyers
            order_no = await place(self.stack, basket(self.sku, token=token, quantity=self.rng.randint(1, 3)))
            self.placed.append(order_no)
            if regret:
                self._second_thoughts.append(asyncio.create_task(self._cancel(order_no)))
        await asyncio.gather(*self._second_thoughts)

    async def _cancel(self, order_no: str) -> None:
        # The key of a front door that was killed stays claimed for a minute.
        response = await cancel(self.stack, order_no, patient=TORTURE)
        assert response.status_code in (200, 409), response.text
        if response.status_code == 200 and response.json()["status"] == "cancelled":
            assert (await self.stack.order(order_no))["status"] == "cancelled"

    def _accepted(self, least: int) -> bool:
        return len(self.placed) >= least

    async def killed(self, name: str, times: int) -> None:
        """SIGKILL to the process when so many orders are accepted, at random, and a random while later."""
        for threshold in sorted(self.rng.sample(range(2, self.orders - 2), times)):
            await until(partial(self._accepted, threshold), f"{threshold} orders are accepted")
            await asyncio.sleep(self.rng.uniform(0, 0.5))  # the moment is random, nothing waits for it
            await self.stack.kill(name)
