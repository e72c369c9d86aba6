"""SIGKILL to each process in the middle of a run of orders; the supervisor starts it again."""

import asyncio
import random
import secrets

import pytest
from temporalio.client import Client

from tests.faults.driver import Crowd, post, retry_all, stocked
from tests.faults.stackrun import PATIENCE_S, PROCESSES, TORTURE, StackRun, until
from tests.faults.verdict import consistent, settled, verify
from workflows import names

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600 if TORTURE else 300)]

ORDERS, KILLS = (100, 5) if TORTURE else (25, 1)
PLENTY = 10_000


@pytest.mark.parametrize("name", PROCESSES)
async def test_a_killed_process_loses_nothing(stack: StackRun, name: str, rng: random.Random) -> None:
    crowd = Crowd(stack, rng, ORDERS, await stocked(stack, PLENTY))
    await asyncio.gather(crowd.run(), crowd.killed(name, KILLS))
    await verify(stack, crowd.placed)
    # What parked because a provider was away too long goes on once it is back.
    while await retry_all(stack, crowd.placed):
        await settled(stack, crowd.placed)
    await verify(stack, crowd.placed)
    assert len(crowd.placed) == ORDERS


async def test_a_transfer_goes_on_after_the_worker_that_followed_it_was_killed(stack: StackRun) -> None:
    """Before it is shipped, and while its receipt is on its way to the workflow."""
    sku, target = await stocked(stack, 10), f"W-{secrets.token_hex(4)}"
    place = {"code": target, "name": "Second", "country": "CN", "province": "广东省", "city": "广州市"}
    assert (await post(stack, "/v1/warehouses", place, "operations")).status_code == 201
    source = (await stack.sql("SELECT warehouse FROM stock_levels WHERE sku = %(sku)s", sku=sku))[0]["warehouse"]
    body = {"sku": sku, "quantity": 6, "from": source, "to": target, "reference": secrets.token_hex(4)}
    one = (await post(stack, "/v1/stock/transfers", body, "warehouse")).json()["transfer_id"]
    path, cases = f"/v1/stock/transfers/{one}", "SELECT kind FROM stock_cases WHERE transfer_id = %(one)s ORDER BY 1"
    await stack.kill("worker")
    assert (await post(stack, f"{path}/ship", {}, "warehouse")).status_code == 200
    await until(lambda: stack.sql(cases, one=one), "the late transfer is a case")
    some = {"lines": [{"sku": sku, "quantity": 5}]}
    _, received = await asyncio.gather(stack.kill("worker"), post(stack, f"{path}/receive", some, "warehouse"))
    assert received.json()["status"] == "received"
    client = await Client.connect(stack.ready["temporal"])
    ends = client.get_workflow_handle(names.transfer_workflow(one)).result()
    assert await asyncio.wait_for(ends, PATIENCE_S) == "received"
    found = [row["kind"] for row in await stack.sql(cases, one=one)]
    assert found == ["transfer_difference", "transfer_overdue"], "each of them once"
    await consistent(stack)


@pytest.mark.skipif(not TORTURE, reason="make torture only")
async def test_processes_killed_one_after_the_other(stack: StackRun, rng: random.Random) -> None:
    crowd = Crowd(stack, rng, 3 * ORDERS, await stocked(stack, PLENTY))
    running = asyncio.create_task(crowd.run())
    while not running.done():
        await stack.kill(rng.choice(PROCESSES))
    await running
    await verify(stack)
    while await retry_all(stack, crowd.placed):
        await settled(stack, crowd.placed)
    await verify(stack, crowd.placed)
