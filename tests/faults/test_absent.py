"""Something is away for a while: a worker stands still, Temporal does not answer, all connections are taken."""

import asyncio
import contextlib
import random
import secrets
from collections.abc import AsyncIterator

import httpx
import pytest

from infra.stack.data_dir.ports import any_free
from tests.faults.driver import ADDRESS, Crowd, basket, place, post, retry_all, stocked
from tests.faults.stackrun import TORTURE, StackRun, until
from tests.faults.verdict import settled, verify

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600 if TORTURE else 300)]

MANY = 60 if TORTURE else 8


@contextlib.asynccontextmanager
async def locked(stack: StackRun, statement: str, **values: str) -> AsyncIterator[None]:
    """Holds the rows that the statement locks to the end of the block."""
    async with await stack.owner() as connection, connection.transaction():
        await connection.execute(statement, values)
        yield


async def waiting(stack: StackRun, query: str) -> int:
    """How many of the services' connections wait for a lock in a query that begins so."""
    rows = await stack.sql(
        "SELECT 1 FROM pg_stat_activity WHERE usename = 'oms_app' AND wait_event_type = 'Lock'"
        " AND query LIKE %(query)s",
        query=f"{query}%",
    )
    return len(rows)


async def tries(stack: StackRun, order_no: str) -> int:
    """How often the authorisation was begun."""
    rows = await stack.sql(
        "SELECT tries FROM payments WHERE order_no = %(o)s AND kind = 'authorise' AND tries > 0", o=order_no
    )
    return rows[0]["tries"] if rows else 0


async def test_a_worker_that_stood_still_is_fenced_off(stack: StackRun) -> None:
    """It has the provider's answer and stops before it could write it; another worker goes on; its write is late."""
    sku = await stocked(stack, 1000)
    order_no = await place(stack, basket(sku, token=None))
    await stack.reaches(order_no, "pending_payment")
    await stack.fault("payments", "slow", order_no=order_no, kind="authorise")
    with contextlib.ExitStack() as resumed:
        async with contextlib.AsyncExitStack() as released:
            body = {"method": "sandbox", "token": "tok_ok"}
            http = await released.enter_async_context(stack.client())
            key = {"Idempotency-Key": secrets.token_hex(8)}
            paying = asyncio.create_task(http.post(f"/v1/orders/{order_no}/payments", json=body, headers=key))
            await until(lambda: tries(stack, order_no), "the authorisation is begun")
            # The provider takes its time to answer: the answer reaches a process that stands still.
            resumed.enter_context(stack.suspended("worker"))
            resumed.enter_context(stack.another("worker", OMS_WORKER_METRICS_PORT=str(any_free(set()))))
            await paying
            others = [await place(stack, basket(sku)) for _ in range(MANY // 2)]
            for other in others:
                await stack.reaches(other, "completed")
            # Temporal has given the step up and to the other worker, which asks the provider.
            await until(lambda: _more_than(stack, order_no, 1), "the other worker tries")
    await stack.reaches(order_no, "completed")
    await verify(stack, [order_no, *others])
    assert (await stack.events(order_no)).count("payment_authorised") == 1
    kinds = [item["kind"] for item in await stack.items("/payments", order_no=order_no)]
    assert sorted(kinds) == ["authorise", "capture"]
    late = await stack.sql("SELECT outcome FROM inbox WHERE order_no = %(o)s AND event_id LIKE 'late:%%'", o=order_no)
    assert [row["outcome"] for row in late] in ([], ["known"], ["settled"])


async def _more_than(stack: StackRun, order_no: str, n: int) -> bool:
    return await tries(stack, order_no) > n


@pytest.mark.skipif(not TORTURE, reason="make torture only")
async def test_a_worker_stands_still_at_a_random_moment(stack: StackRun, rng: random.Random) -> None:
    crowd = Crowd(stack, rng, 3 * MANY, await stocked(stack, 10_000))
    with stack.another("worker", OMS_WORKER_METRICS_PORT=str(any_free(set()))):
        running = asyncio.create_task(crowd.run())
        for _ in range(3):
            await asyncio.sleep(rng.uniform(0, 2))  # the moment is random, nothing waits for it
            with stack.suspended("worker"):
                await asyncio.sleep(rng.uniform(14, 30))  # past the time-outs of its steps
        await running
    await verify(stack, crowd.placed)
    while await retry_all(stack, crowd.placed):
        await settled(stack, crowd.placed)
    await verify(stack, crowd.placed)


async def test_orders_are_taken_while_temporal_does_not_answer(stack: StackRun) -> None:
    sku = await stocked(stack, 1000)
    async with stack.client() as http:
        with stack.suspended("temporal"):
            orders = await asyncio.gather(*(place(stack, basket(sku)) for _ in range(MANY)))
            assert (await http.get("/readyz")).status_code == 200
            unpaid = await place(stack, basket(sku, token=None))
            body, key = {"reason": "too slow"}, {"Idempotency-Key": secrets.token_hex(8)}
            refused = await http.post(f"/v1/orders/{unpaid}/cancel", json=body, headers=key)
            assert (refused.status_code, refused.json()["code"]) == (503, "workflow_unavailable")
            assert int(refused.headers["retry-after"]) >= 1
            assert {(await stack.order(order_no))["status"] for order_no in [*orders, unpaid]} == {"received"}

        async def answered() -> httpx.Response | None:
            response = await http.post(f"/v1/orders/{unpaid}/cancel", json=body, headers=key)
            return None if response.status_code == 503 else response

        outcome = await until(answered, "the same key gives the outcome")
    assert outcome.status_code == 200, outcome.text
    await verify(stack, [*orders, unpaid])
    assert (await stack.order(unpaid))["status"] == "cancelled"
    assert {(await stack.order(order_no))["status"] for order_no in orders} == {"completed"}


async def test_refunds_are_taken_while_temporal_does_not_answer_and_paid_later(stack: StackRun) -> None:
    """Of orders that are over, so that a run of their own begins for each."""
    sku = await stocked(stack, 1000)
    orders = await asyncio.gather(*(place(stack, basket(sku)) for _ in range(MANY)))
    for order_no in orders:
        await stack.reaches(order_no, "completed")
    body = {"amount_minor": 300, "reason": "late"}
    with stack.suspended("temporal"):
        answers = [await post(stack, f"/v1/orders/{order_no}/refunds", body) for order_no in orders]
        assert {answer.status_code for answer in answers} == {201}
        for answer in answers:
            status = "SELECT status FROM refunds WHERE refund_id = %(r)s"
            assert await stack.sql(status, r=answer.json()["refund_id"]) == [{"status": "approved"}]
    await verify(stack, orders)
    for order_no in orders:
        paid = [item["amount_minor"] for item in await stack.items("/payments", order_no=order_no)
                if (item["kind"], item["status"]) == ("refund", "succeeded")]  # fmt: skip
        assert paid == [300]


async def test_orders_are_taken_while_temporal_is_killed_again_and_again(stack: StackRun, rng: random.Random) -> None:
    crowd = Crowd(stack, rng, 2 * MANY, await stocked(stack, 1000))
    await asyncio.gather(crowd.run(), crowd.killed("temporal", 5 if TORTURE else 2))
    await verify(stack, crowd.placed)


async def test_no_connection_is_free(stack: StackRun) -> None:
    """A second front door with two connections, both made to wait: 503 to the others, and nothing of them is kept."""
    sku, port = await stocked(stack, 1000), any_free(set())
    buyer = f"c-{secrets.token_hex(6)}"
    customer = {"id": buyer, "name": "Made Up", "email": None, "phone": None}
    first = await place(stack, basket(sku, customer=customer))
    address = {"OMS_API_PORT": str(port), "OMS_DB_POOL_SIZE": "2", "OMS_DB_POOL_TIMEOUT_S": "0.3"}
    with stack.another("api", **address):
        async with stack.client(base=f"http://127.0.0.1:{port}") as http:
            await until(lambda: _ready(http), "the second front door is open")
            keys = [secrets.token_hex(8) for _ in range(10)]
            body = basket(sku, customer=customer, ship_to={**ADDRESS, "line1": "Another Street 2"})

            async def send(key: str) -> httpx.Response:
                return await http.post("/v1/orders", json=body, headers={"Idempotency-Key": key})

            async with locked(stack, "SELECT 1 FROM customers WHERE customer_id = %(c)s FOR UPDATE", c=buyer):
                sent = {key: asyncio.create_task(send(key)) for key in keys}
                await until(lambda: _done(sent) == 8, "eight found no connection")
                refused = {key: task.result() for key, task in sent.items() if task.done()}
            taken = [await task for key, task in sent.items() if key not in refused]
            for response in refused.values():
                assert (response.status_code, response.json()["code"]) == (503, "busy")
                assert int(response.headers["retry-after"]) >= 1
            assert [response.status_code for response in taken] == [201, 201]
            left = await stack.sql("SELECT key FROM idempotency_keys WHERE key = ANY(%(k)s)", k=list(refused))
            assert left == []
            assert len(await _orders_of(stack, buyer)) == 3
            again = await asyncio.gather(*(send(key) for key in keys[:1] + list(refused)[:1]))
            assert [response.status_code for response in again] == [201, 201]
    orders = await _orders_of(stack, buyer)
    assert first in orders
    known = {response.json()["order_no"] for response in [*taken, *again]}
    assert known <= set(orders)
    assert len(orders) == len({first} | known)
    await verify(stack, orders)


def _done(sent: "dict[str, asyncio.Task[httpx.Response]]") -> int:
    return sum(task.done() for task in sent.values())


async def _ready(http: httpx.AsyncClient) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return (await http.get("/readyz")).status_code == 200
    return False


async def _orders_of(stack: StackRun, customer: str) -> list[str]:
    rows = await stack.sql("SELECT order_no FROM orders WHERE customer_id = %(c)s", c=customer)
    return [row["order_no"] for row in rows]
