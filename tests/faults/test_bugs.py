"""A version with a bug in its workflow code goes live; the bug is seen, the good version comes back, a batch heals."""

import contextlib
import re
import secrets
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pyotp
import pytest
from temporalio.client import Client

from infra.settings import Settings
from infra.stack.data_dir.ports import any_free
from infra.temporal import worker_versions
from tests.faults.driver import basket, deliver, pay, place, post, stocked
from tests.faults.stackrun import PATIENCE_S, StackRun, until
from tests.faults.verdict import verify
from workers.cli.temporal.worker_promote import promote
from workflows import names

pytestmark = pytest.mark.faults

BROKEN = "broken-version"
MARK = "ZeroDivisionError: the next version is wrong"


@dataclass
class Person:
    """Somebody of support at the console, in English."""

    http: httpx.AsyncClient

    async def get(self, path: str) -> str:
        answer = await self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def send(self, path: str, **fields: str) -> httpx.Response:
        (csrf,) = set(re.findall(r'name="csrf" value="([^"]*)"', await self.get("/console")))
        return await self.http.post(path, data={"csrf": csrf, **fields})


@contextlib.asynccontextmanager
async def support(stack: StackRun) -> AsyncIterator[Person]:
    """A new member of staff who has signed in."""
    result = stack.oms("staff", "add", f"support-{secrets.token_hex(3)}", "--role", "support")
    known = dict(re.findall(r"^(Name|Password|Secret): +(\S+)", result.stdout, re.MULTILINE))
    code = pyotp.TOTP(known["Secret"]).generate_otp(int(time.time()) // 30)
    async with httpx.AsyncClient(base_url=stack.ready["api"], cookies={"oms_lang": "en"}, trust_env=False) as http:
        body = {"name": known["Name"], "password": known["Password"], "code": code}
        assert (await http.post("/console/sign-in", data=body)).status_code == 303
        yield Person(http)


async def made_current(stack: StackRun, build_id: str) -> None:
    """As an operator does it: it returns when the queue sends its tasks to this version."""
    await promote(Settings(temporal_address=stack.ready["temporal"]), build_id, PATIENCE_S)


async def runs_of(client: Client, order_no: str) -> int:
    """How many runs the order's workflow has had."""
    query = f"WorkflowId = '{names.order_workflow(order_no)}'"
    return (await client.count_workflows(query)).count


async def failing(stack: StackRun, member: Person, orders: list[str]) -> None:
    """Returns when the console names all of them as bugs, with error and version."""
    missing = orders

    async def observed() -> bool:
        nonlocal missing
        page = await member.get("/console/bugs")
        missing = [order_no for order_no in orders if f"/console/orders/{order_no}/running" not in page]
        return not missing

    try:
        await until(observed, "the bugs are seen", 60)
    except AssertionError:
        raise AssertionError("".join([await stack.story(order_no) for order_no in missing])) from None


async def reset_alone(stack: StackRun, client: Client, order_no: str) -> None:
    """Over HTTP, twice with the same key and once more by somebody else."""
    path, key = f"/v1/support/orders/{order_no}/reset", secrets.token_hex(8)
    for _ in range(2):
        answer = await post(stack, path, {"reason": "the good version is back"}, key=key)
        assert (answer.status_code, answer.json()["outcome"]) == (200, "reset"), answer.text
    await stack.reaches(order_no, "preparing")
    again = await post(stack, path, {"reason": "impatient"})
    assert (again.status_code, again.json()["code"]) == (409, "nothing_to_reset")

    async def listed() -> bool:
        return await runs_of(client, order_no) == 2

    await until(listed, "one run more, not two")


async def reset_rest(member: Person) -> str:
    """All that fail, as one batch from the console; its page when it is over."""
    response = await member.send("/console/bugs/reset", reason="the good version is back")
    (count,) = re.findall(r"Type the number of workflows, (\d+),", response.text)
    (key,) = re.findall(r'name="key" value="([^"]*)"', response.text)
    wrong = await member.send("/console/bugs/reset", reason="it is", key=key, count=str(int(count) + 1))
    assert wrong.status_code == 409
    reported = [await member.send("/console/bugs/reset", reason="it is", key=key, count=count) for _ in range(2)]
    assert [answer.status_code for answer in reported] == [303, 303], reported[0].text
    path = reported[0].headers["location"]
    assert path == reported[1].headers["location"], "sent twice, begun twice"

    async def over() -> bool:
        return "data-ended" in await member.get(path)

    await until(over, "the batch is over")
    return await member.get(path)


async def test_a_bug_that_marked_the_history_is_seen_and_healed_by_a_batch(still: StackRun) -> None:
    sku, env = await stocked(still, 100), {"OMS_WORKER_METRICS_PORT": str(any_free(set())), "OMS_BUILD_ID": BROKEN}
    client = await Client.connect(still.ready["temporal"])
    good = await worker_versions.current_version(client, "oms")
    assert good is not None
    begun_before = [await place(still, basket(sku, token=None)) for _ in range(2)]
    for order_no in begun_before:
        await still.reaches(order_no, "pending_payment")
    async with support(still) as member:
        with still.another("broken", sys.executable, "-m", "tests.faults.broken_worker", **env):
            await made_current(still, BROKEN)
            try:
                orders = begun_before + [await place(still, basket(sku)) for _ in range(3)]
                for order_no in begun_before:
                    await pay(still, order_no)
                await failing(still, member, orders)
                page = await member.get("/console/bugs")
                assert MARK in page and BROKEN in page and "the code raises an error" in page
                one = await member.get(f"/console/orders/{orders[0]}/running")
                assert "Bug: " in one and MARK in one and BROKEN in one and "restarts before its last" in one
            finally:
                await made_current(still, good)
        await reset_alone(still, client, orders[0])
        assert "4 reset, 0 refused, of 4" in await reset_rest(member)
        for order_no in orders:
            await deliver(still, order_no)
            assert await runs_of(client, order_no) == 2
        assert "No workflows are failing" in await member.get("/console/bugs")
    await verify(still, orders)
    kinds = [item["kind"] for item in await still.items("/payments", order_no=orders[1])]
    assert kinds.count("capture") == 1
    actions = await still.sql(
        "SELECT DISTINCT action, order_no, after FROM audit_log WHERE action LIKE 'workflow_%%' AND actor LIKE %(who)s",
        who="support:%",
    )
    assert sorted((row["action"], row["order_no"], row["after"]) for row in actions) == [
        ("workflow_batch_reset", None, "4 workflows"),
        ("workflow_reset", orders[0], None),
    ]
