"""The page of what an order's workflow does now, and its acts, against a real Temporal and real books."""

import asyncio
import dataclasses
import re
import secrets
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from api.background.workflow_client import WorkflowClient
from infra.stack.temporal.temporal_server import TemporalServer
from infra.temporal import running_activities
from tests.api.conftest import ApiClient, unique
from tests.console.conftest import StaffBrowser, sign_in
from tests.console.test_pages import placed
from tests.faults.stackrun import until
from workflows import names

WORLD = {"carrier": False, "bug": False}


@activity.defn(name="book_shipment")
async def book_shipment(order_no: str) -> str:
    if not WORLD["carrier"]:
        raise ApplicationError("a text of the provider", type="http_503")
    return order_no


@workflow.defn(name="StillTrying")
class StillTrying:
    @workflow.run
    async def run(self, order_no: str) -> str:
        answer: str = await workflow.execute_activity(
            "book_shipment",
            order_no,
            start_to_close_timeout=timedelta(seconds=25),
            retry_policy=RetryPolicy(initial_interval=timedelta(minutes=10), maximum_attempts=7),
        )
        return answer


@workflow.defn(name="Buggy")
class Buggy:
    @workflow.run
    async def run(self, order_no: str) -> str:
        if WORLD["bug"]:
            raise ZeroDivisionError("the code is wrong")
        return order_no


@workflow.defn(name="Dying")
class Dying:
    @workflow.run
    async def run(self, order_no: str) -> str:
        if WORLD["bug"]:
            raise ApplicationError("ends the workflow")
        return order_no


@pytest.fixture
async def client(shop: ApiClient, temporal: TemporalServer) -> AsyncIterator[Client]:
    """The console's application gets a Temporal; a worker runs the workflows above."""
    app = shop.app
    patient = {"temporal_address": temporal.address, "workflow_timeout_s": 5.0}
    configured = app.state.services.settings.model_copy(update=patient)
    known, reached = app.state.services, WorkflowClient(configured)
    app.state.services = dataclasses.replace(known, workflows=reached)
    reached.start()
    WORLD["carrier"] = False
    client = await Client.connect(temporal.address)
    runner = UnsandboxedWorkflowRunner()
    try:
        async with Worker(
            client,
            task_queue="running",
            workflows=[StillTrying, Buggy, Dying],
            activities=[book_shipment],
            workflow_runner=runner,
        ):
            yield client
    finally:
        app.state.services = known
        await reached.close()


@pytest.fixture
async def browser(shop: ApiClient) -> StaffBrowser:
    return await sign_in(shop, "support")


async def begun(browser: StaffBrowser, client: Client, kind: str) -> str:
    """An order whose workflow is `kind`, when it has failed once."""
    order_no = await placed(browser)
    workflow_id = names.order_workflow(order_no)
    await client.start_workflow(kind, order_no, id=workflow_id, task_queue="running")

    async def failed() -> bool:
        found = await running_activities.under_way(client, workflow_id)
        return found.failing is not None or any(step.error and not step.running for step in found.activities)

    await until(failed, f"{kind} has failed once")
    return order_no


async def post_action(browser: StaffBrowser, order_no: str, action: str, **fields: str) -> tuple[int, str]:
    body = {"activity": "book_shipment", "action": action, "reason": "the carrier telephoned", **fields}
    answer = await browser.post(f"/console/orders/{order_no}/running/1", **body)
    return answer.status_code, answer.text


async def step(client: Client, order_no: str) -> running_activities.RunningActivity:
    return (await running_activities.under_way(client, names.order_workflow(order_no))).activities[0]


async def test_a_step_that_still_tries_is_shown_paused_changed_and_tried_at_once(
    browser: StaffBrowser, client: Client
) -> None:
    order_no = await begun(browser, client, "StillTrying")
    page = (await browser.get(f"/console/orders/{order_no}/running")).text
    assert "Carrier booking" in page and "http_503" in page and "/ 7" in page and "25 s" in page
    assert "a text of the provider" not in page
    assert (await post_action(browser, order_no, "pause"))[0] == 303
    assert (await step(client, order_no)).paused
    assert "paused" in (await browser.get(f"/console/orders/{order_no}/running")).text
    assert (await post_action(browser, order_no, "unpause"))[0] == 303
    assert not (await step(client, order_no)).paused
    assert (await post_action(browser, order_no, "set_timeout", timeout_s="90"))[0] == 303
    assert (await step(client, order_no)).timeout_s == 90
    WORLD["carrier"] = True
    assert (await post_action(browser, order_no, "retry_now"))[0] == 303
    handle = client.get_workflow_handle(names.order_workflow(order_no))
    assert await asyncio.wait_for(handle.result(), 20) == order_no  # ten minutes before its time
    assert "not running" in (await browser.get(f"/console/orders/{order_no}/running")).text


async def test_forms_stand_outside_the_live_part_which_says_when_others_are_possible(
    browser: StaffBrowser, client: Client
) -> None:
    order_no = await begun(browser, client, "StillTrying")
    (live,) = re.findall(r'data-live="([^"]+)"', (await browser.get(f"/console/orders/{order_no}/running")).text)

    async def part() -> str:
        return (await browser.http.get(live, headers={"x-live": "1"})).text

    before = await part()
    assert "Carrier booking" in before and "<form" not in before and "Show the actions" not in before
    assert (await post_action(browser, order_no, "pause"))[0] == 303
    assert "Show the actions that are possible now" in await part()


async def test_each_act_is_in_the_audit_log_and_its_reason_on_the_order(browser: StaffBrowser, client: Client) -> None:
    order_no = await begun(browser, client, "StillTrying")
    for _ in range(2):  # sent twice, done once
        assert (await post_action(browser, order_no, "set_timeout", timeout_s="60", key="k" * 32))[0] == 303
    rows = await browser.api.sql(
        "SELECT actor, action, after FROM audit_log WHERE order_no = %s AND action LIKE 'activity_%%'", order_no
    )
    assert [tuple(row.values()) for row in rows] == [
        (f"support:{browser.name}", "activity_set_timeout", "book_shipment 60 s")
    ]
    assert "the carrier telephoned" in (await browser.get(f"/console/orders/{order_no}")).text
    paused = await post_action(browser, order_no, "pause")
    assert paused[0] == 303
    description = await client.get_workflow_handle(names.order_workflow(order_no)).describe()
    assert "telephoned" not in str(description.raw_description), "a person's words reached Temporal"


async def test_an_act_whose_answer_was_lost_is_answered_when_its_step_is_over(
    browser: StaffBrowser, client: Client
) -> None:
    """The process dies after Temporal has heard of it, and before the answer is kept."""
    order_no, key = await begun(browser, client, "StillTrying"), "r" * 32
    WORLD["carrier"] = True
    assert (await post_action(browser, order_no, "retry_now", key=key))[0] == 303
    await asyncio.wait_for(client.get_workflow_handle(names.order_workflow(order_no)).result(), 60)
    lost = (
        "UPDATE idempotency_keys SET state = 'running', status_code = NULL, response_enc = NULL, locked_until = now()"
        " WHERE key = %s"
    )
    await browser.api.sql(lost, key)
    assert (await post_action(browser, order_no, "retry_now", key=key))[0] == 303
    assert (await post_action(browser, order_no, "retry_now", key="s" * 32))[0] == 409


async def test_a_bug_is_named_as_such_and_gone_from_the_list_once_a_good_version_runs(
    browser: StaffBrowser, client: Client
) -> None:
    WORLD["bug"] = True
    order_no = await begun(browser, client, "Buggy")
    page = (await browser.get(f"/console/orders/{order_no}/running")).text
    assert "Bug: " in page and "ZeroDivisionError: the code is wrong" in page

    async def listed() -> bool:
        return f"/console/orders/{order_no}/running" in (await browser.get("/console/bugs")).text

    async def gone() -> bool:
        return not await listed()

    await until(listed, "the bug is in the list")
    WORLD["bug"] = False
    handle = client.get_workflow_handle(names.order_workflow(order_no))
    assert await asyncio.wait_for(handle.result(), 60) == order_no
    await until(gone, "the bug is not in the list any more")
    warehouse = await sign_in(browser.api, "warehouse")
    assert (await warehouse.get("/console/bugs")).status_code == 403


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"reason": " "}, 422, "reason_missing"),
        ({"action": "explode"}, 422, "unknown_action"),
        ({"action": "set_timeout"}, 422, "invalid_timeout"),
        ({"action": "set_timeout", "timeout_s": "0"}, 422, "invalid_timeout"),
        ({"action": "set_timeout", "timeout_s": "3601"}, 422, "invalid_timeout"),
        ({"action": "set_timeout", "timeout_s": "٣"}, 422, "invalid_timeout"),
        ({"activity": "capture_payment"}, 409, "activity_over"),
        ({"csrf": "0" * 32}, 403, "form_expired"),
    ],
)
async def test_what_does_not_fit_is_refused_and_leaves_no_trace(
    browser: StaffBrowser, client: Client, fields: dict[str, str], status: int, code: str
) -> None:
    order_no = await begun(browser, client, "StillTrying")
    answer = await post_action(browser, order_no, **({"action": "pause"} | fields))
    assert (answer[0], code in answer[1]) == (status, True), answer[1]
    assert not await browser.api.sql("SELECT 1 FROM activity_actions WHERE order_no = %s", order_no)
    assert not (await step(client, order_no)).paused


async def test_without_an_order_or_a_temporal_it_says_so(browser: StaffBrowser) -> None:
    order_no = await placed(browser)
    response = await browser.get(f"/console/orders/{order_no}/running")
    assert (response.status_code, "workflow_unavailable" in response.text) == (503, True)
    for unknown in (f"{secrets.token_hex(5)}", "0" * 20, unique("x"), uuid.uuid4().hex):
        assert (await browser.get(f"/console/orders/{unknown}/running")).status_code == 404
