"""Many at once: buyers for the same last units, and the same order again and again."""

import asyncio
import secrets
from collections import Counter

import httpx
import pytest

from tests.faults.driver import basket, place, stocked
from tests.faults.stackrun import StackRun
from tests.faults.verdict import verify

pytestmark = pytest.mark.faults

UNITS, BUYERS, REPEATS = 30, 100, 50


async def test_a_hundred_buyers_for_thirty_units(stack: StackRun) -> None:
    sku = await stocked(stack, UNITS)
    orders = await asyncio.gather(*(place(stack, basket(sku)) for _ in range(BUYERS)))
    assert len(set(orders)) == BUYERS
    await verify(stack, orders)
    rows = await stack.sql(
        "SELECT o.status, e.data ->> 'cause' AS cause, count(*) AS n FROM orders o LEFT JOIN order_events e"
        " ON e.order_no = o.order_no AND e.type = 'order_cancelled' WHERE o.order_no = ANY(%(orders)s) GROUP BY 1, 2",
        orders=list(orders),
    )
    ends = {(row["status"], row["cause"]): row["n"] for row in rows}
    assert ends == {("completed", None): UNITS, ("cancelled", "out_of_stock"): BUYERS - UNITS}
    level = (await stack.sql("SELECT sum(on_hand) h, sum(reserved) r FROM stock_levels WHERE sku = %(s)s", s=sku))[0]
    assert (level["h"], level["r"]) == (0, 0)


async def test_the_same_order_fifty_times_at_once(stack: StackRun) -> None:
    sku = await stocked(stack, 100)
    body, key = basket(sku), secrets.token_hex(8)
    async with stack.client() as http:

        async def send() -> httpx.Response:
            return await http.post("/v1/orders", json=body, headers={"Idempotency-Key": key})

        answers = await asyncio.gather(*(send() for _ in range(REPEATS)))
        last = await send()
    codes = Counter(answer.status_code for answer in answers)
    assert codes[201] >= 1
    assert codes[201] + codes[409] == REPEATS, codes
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"idempotency_in_progress"}
    bodies = [answer.json() for answer in [*answers, last] if answer.status_code == 201]
    assert all(one == bodies[0] for one in bodies)
    first = [answer for answer in answers if answer.status_code == 201 and "idempotent-replayed" not in answer.headers]
    assert len(first) == 1
    assert last.headers["idempotent-replayed"] == "true"
    rows = await stack.sql("SELECT order_no FROM orders WHERE customer_id = %(c)s", c=body["customer"]["id"])
    assert [row["order_no"] for row in rows] == [bodies[0]["order_no"]]
    await verify(stack, [bodies[0]["order_no"]])
