"""Reserve, release, split, pick short, ship, lose, send again, return, transfer, count, receive and adjust at the same
time, over few products and many connections: no deadlock, and books that balance. Ten minutes of it in `make torture`.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import httpx
import pytest
from temporalio.exceptions import ApplicationError

from activities.orders.inbox import apply_inbox
from activities.orders.lifecycle import OrderActivities
from domain.errors import RuleBroken
from domain.orders.status import OrderEvent, Status
from infra.db.checks import consistency_checks
from infra.db.errors import DatabaseError, sqlstate_of
from infra.db.orders.state import timeline
from tests.api.conftest import ApiClient, an_order, open_api, settings_for, unique
from tests.conftest import DatabaseUrls
from workflows import payloads as m

TORTURE = os.environ.get("OMS_TORTURE") == "1"
SECONDS, CLIENTS = (600.0, 24) if TORTURE else (8.0, 12)
pytestmark = [pytest.mark.faults, pytest.mark.timeout(SECONDS + 600)]
EAST, SOUTH = "WH-EAST", "WH-SOUTH"
PAYMENT = """
INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key, provider_ref)
SELECT order_no, 'capture', 1, 'sandbox', total_minor, currency, 'succeeded', order_no || '/c', order_no || '/c'
  FROM orders WHERE order_no = %s"""
SHIPMENT = """
INSERT INTO shipments (shipment_id, order_no, warehouse, carrier, status, idempotency_key, address_rev, carrier_ref,
                       tracking_no)
SELECT o.order_no || '-S' || n.n, o.order_no, f.warehouse, 'sandbox', 'booked', o.order_no || '/book/' || n.n,
       o.address_rev, 'ref-' || o.order_no || n.n, 'T' || n.n || '-' || o.order_no
  FROM orders o JOIN fulfilments f ON f.order_no = o.order_no AND f.number = 1,
       (SELECT count(*) + 1 AS n FROM shipments WHERE order_no = %s) n
 WHERE o.order_no = %s RETURNING carrier_ref, tracking_no"""
SCAN = """
INSERT INTO inbox (provider, event_id, kind, order_no, fact) VALUES ('sandbox', %s, 'shipment', %s,
  jsonb_build_object('carrier_ref', %s::text, 'tracking_no', %s::text, 'status', %s::text))"""
# What the rules refuse when others were faster; everything else is a fault.
REFUSED = (409, 422, 503)
# What is tried again in production: others took the units, or a statement waited too long on a busy machine.
PASSING = ("stock_contended", "database_57014", "database_55P03", "database_busy")


class Crowd:
    """Clients that each do one thing after the other, chosen by chance."""

    def __init__(self, shop: ApiClient, orders: OrderActivities, skus: list[str], seed: int) -> None:
        self.shop, self.orders, self.skus, self.chance = shop, orders, skus, Random(seed)
        self.name = f"crowd-{seed}"  # a person does one thing at a time
        self.done, self.refused, self.faults = Counter[str](), Counter[str](), list[str]()
        self.database, self.settings = shop.app.state.services.database, shop.app.state.services.settings
        self.acts: dict[str, Callable[[], Awaitable[None]]] = {
            "order": self.order, "order sent": self.sent, "cancel": self.cancel, "receipt": self.receipt,
            "adjustment": self.adjust, "count": self.count, "transfer": self.transfer,
        }  # fmt: skip

    async def work(self, until: float) -> None:
        while time.monotonic() < until:
            name = self.chance.choices(list(self.acts), (4, 6, 3, 3, 2, 2, 2))[0]
            try:
                await self.acts[name]()
            except (RuleBroken, Refused) as refusal:
                self.refused[f"{name}: {refusal}"] += 1
            except (ApplicationError, DatabaseError) as error:
                code = str(getattr(error, "type", "")) or f"database_{sqlstate_of(error)}"
                if code in PASSING:
                    self.refused[f"{name}: {code}"] += 1
                else:
                    self.faults.append(f"{name}: {error!r}")

    async def call(self, who: str, path: str, body: Any, what: str) -> dict[str, Any]:
        answer: httpx.Response = await self.shop.as_(who, self.name).post(path, body)
        if answer.status_code in REFUSED and answer.json()["code"] != "database_unavailable":
            raise Refused(answer.json()["code"])
        if answer.status_code not in (200, 201, 202):
            self.faults.append(f"{what}: {answer.status_code} {answer.text}")
            raise Refused(str(answer.status_code))
        self.done[what] += 1
        found: dict[str, Any] = answer.json()
        return found

    def sku(self) -> str:
        return self.chance.choice(self.skus)

    # ── stock that people move ─────────────────────────────────────────────────────────────────────────────

    async def receipt(self) -> None:
        body = {"sku": self.sku(), "quantity": self.chance.randint(1, 9), "reference": unique("PO")}
        house = self.chance.choice((EAST, SOUTH))
        await self.call("warehouse", "/v1/stock/receipts", {**body, "warehouse": house}, "receive")

    async def adjust(self) -> None:
        body = {"sku": self.sku(), "quantity": self.chance.choice((-1, 1)), "reason": "counted", "warehouse": EAST}
        await self.call("warehouse", "/v1/stock/adjustments", body, "adjust")

    async def count(self) -> None:
        skus = self.chance.sample(self.skus, 2)
        rows = await self.shop.sql(
            "SELECT sku, on_hand FROM stock_levels WHERE warehouse = %s AND sku = ANY(%s)", EAST, skus
        )
        lines = [{"sku": row["sku"], "counted": row["on_hand"] + self.chance.choice((0, 1))} for row in rows]
        body = {"warehouse": EAST, "lines": lines, "reference": unique("C")}
        await self.call("warehouse", "/v1/stock/counts", body, "count")

    async def transfer(self) -> None:
        ways = self.chance.sample((EAST, SOUTH), 2)
        lines = [{"sku": sku, "quantity": self.chance.randint(1, 3)} for sku in self.chance.sample(self.skus, 2)]
        body = {"from": ways[0], "to": ways[1], "reference": unique("T"), "lines": lines}
        number = (await self.call("warehouse", "/v1/stock/transfers", body, "ask for a transfer"))["transfer_id"]
        await self.call("warehouse", f"/v1/stock/transfers/{number}/ship", {}, "send a transfer")
        await self.call("warehouse", f"/v1/stock/transfers/{number}/receive", {}, "receive a transfer")

    # ── orders ─────────────────────────────────────────────────────────────────────────────────────────────

    async def order(self) -> str:
        """Placed and reserved, at one warehouse or at two."""
        skus = self.chance.sample(self.skus, self.chance.choice((1, 2, 3)))
        lines = [{"sku": sku, "quantity": self.chance.randint(1, 4)} for sku in skus]
        body = an_order(lines=lines, backorder=self.chance.random() < 0.2, payment=None)
        number = str((await self.call("support", "/v1/orders", body, "place"))["order_no"])
        view = await self.orders.reserve_stock(m.OrderRef(number))
        if view.status != Status.PENDING_PAYMENT:
            raise Refused("short")
        self.done["split" if view.fulfilments else "reserve"] += 1
        return number

    async def cancel(self) -> None:
        """An order that is not paid, and gives its units back."""
        number = await self.order()
        await self.orders.begin_cancel(m.CancelRequest(number, "customer_request", "system", ""))
        await self.orders.finish_cancel(m.OrderRef(number))
        self.done["release"] += 1

    async def sent(self) -> None:
        """Paid and booked; then picked short, shipped and returned, or lost and sent again."""
        number = await self.order()
        (one,) = await self.shop.sql("SELECT count(*) AS parts FROM fulfilments WHERE order_no = %s", number)
        if one["parts"] > 1:
            return
        await self.shop.sql(PAYMENT, number)
        async with self.database.begin() as conn:
            await timeline.lock_order(conn, number)
            await timeline.transition(conn, number, Status.PENDING_PAYMENT, OrderEvent.PAYMENT_CAPTURED)
        (parcel,) = await self.shop.sql(SHIPMENT, number, number)
        async with self.database.begin() as conn:
            await timeline.lock_order(conn, number)
            await timeline.transition(conn, number, Status.PAID, OrderEvent.SHIPMENT_BOOKED)
        if self.chance.random() < 0.3:
            await self.pick_short(number)
            return
        await self.scan(number, parcel, "picked_up", "ship")
        if self.chance.random() < 0.4:
            await self.scan(number, parcel, "lost", "lose")
            await self.call("support", f"/v1/orders/{number}/delivery-problem", {"choice": "reship"}, "send again")
            (second,) = await self.shop.sql(SHIPMENT, number, number)
            await self.scan(number, second, "picked_up", "ship again")
            return
        await self.scan(number, parcel, "delivered", "deliver")
        await self.give_back(number)

    async def scan(self, number: str, parcel: dict[str, Any], status: str, what: str) -> None:
        await self.shop.sql(SCAN, unique("e"), number, parcel["carrier_ref"], parcel["tracking_no"], status)
        async with self.database.begin() as conn:
            await apply_inbox(conn, number, self.settings)
        self.done[what] += 1

    async def pick_short(self, number: str) -> None:
        body = {"lines": [{"line_no": 1, "quantity": 0}]}
        await self.call("warehouse", f"/v1/fulfilments/{number}-F1/pick", body, "pick short")

    async def give_back(self, number: str) -> None:
        (line,) = await self.shop.sql("SELECT sku FROM order_lines WHERE order_no = %s AND line_no = 1", number)
        goods = {"lines": [{"sku": line["sku"], "quantity": 1}], "reason": "too big", "resolution": "refund"}
        made = await self.call("support", f"/v1/orders/{number}/returns", goods, "ask for a return")
        found = {"lines": [{"sku": line["sku"], "quantity": 1, "condition": "as_new"}]}
        path = f"/v1/returns/{made['return_id']}"
        await self.call("warehouse", f"{path}/receive", found, "receive a return")
        await self.call("warehouse", f"{path}/inspect", found, "return")


class Refused(Exception):
    """The rules did not take it."""


async def deadlocks(shop: ApiClient) -> int:
    await shop.sql("SELECT pg_stat_clear_snapshot()")
    return int(
        (await shop.sql("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))[0]["deadlocks"]
    )


async def test_everything_at_once_ends_in_no_deadlock_and_in_books_that_balance(database_url: DatabaseUrls) -> None:
    changed = {"db_pool_size": CLIENTS, "db_pool_timeout_s": 60.0}
    settings = settings_for(database_url, **changed)
    async with open_api(database_url, **changed) as shop:
        skus = [unique("ALL") for _ in range(6)]
        for sku in skus:
            product = {"sku": sku, "name": sku, "price_minor": 1_000, "currency": "CNY"}
            assert (await shop.as_("operations").post("/v1/products", product)).status_code == 201
            for house in (EAST, SOUTH):
                receipt = {"sku": sku, "quantity": 30, "reference": unique("PO"), "warehouse": house}
                assert (await shop.as_("warehouse").post("/v1/stock/receipts", receipt)).status_code == 201
        orders = OrderActivities(shop.app.state.services.database, settings)
        crowds = [Crowd(shop, orders, skus, seed) for seed in range(CLIENTS)]
        until = time.monotonic() + SECONDS
        await asyncio.gather(*(crowd.work(until) for crowd in crowds))
        done, refused = Counter[str](), Counter[str]()
        for crowd in crowds:
            done.update(crowd.done)
            refused.update(crowd.refused)
        print(f"done {dict(done)}\nrefused {dict(refused)}")
        assert not [fault for crowd in crowds for fault in crowd.faults]
        assert await deadlocks(shop) == 0
        if TORTURE:
            missing = {"reserve", "split", "release", "pick short", "ship", "lose", "ship again", "return",
                       "receive a transfer", "count", "receive", "adjust"} - set(done)  # fmt: skip
            assert not missing
    answers = await consistency_checks.run_all(settings)
    assert not [f"{answer.question.name}: {answer.examples}" for answer in answers if answer.count]
