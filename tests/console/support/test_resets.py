"""Resets from the console and over HTTP, alone and as a batch, against a real Temporal and real books."""

import asyncio
import contextlib
import re
import secrets
from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from infra.temporal import failing_workflows, running_activities, workflow_resets
from tests.api.conftest import ApiClient, unique
from tests.console.conftest import StaffBrowser, sign_in
from tests.console.support.test_workflow_operations import WORLD, begun, browser, client  # noqa: F401
from tests.console.test_pages import placed
from tests.faults.stackrun import until
from workflows import names

MANY = 60  # more than the server resets in two seconds


@pytest.fixture
async def bug(client: Client) -> AsyncIterator[None]:  # noqa: F811
    """The code is wrong; what still runs at the end is ended."""
    WORLD["bug"] = True
    yield
    WORLD["bug"] = False

    async def none_left() -> bool:
        found = [run async for run in client.list_workflows("ExecutionStatus = 'Running' AND WorkflowType = 'Buggy'")]
        for run in found:
            with contextlib.suppress(RPCError):  # the list may be older than its end
                await client.get_workflow_handle(run.id).terminate()
        return not found

    await until(none_left, "no bug is left to other tests")


async def runs_of(client: Client, order_no: str) -> int:  # noqa: F811
    return (await client.count_workflows(f"WorkflowId = '{names.order_workflow(order_no)}'")).count


async def recorded_actions(browser: StaffBrowser, order_no: str) -> list[tuple[str, str]]:  # noqa: F811
    rows = await browser.api.sql(
        "SELECT actor, action FROM audit_log WHERE order_no = %s AND action LIKE 'workflow_%%'", order_no
    )
    return [(row["actor"], row["action"]) for row in rows]


async def test_a_reset_begins_again_at_once_and_once_only(browser: StaffBrowser, client: Client, bug: None) -> None:  # noqa: F811
    order_no = await begun(browser, client, "Buggy")
    handle = client.get_workflow_handle(names.order_workflow(order_no))
    first = (await handle.describe()).run_id
    assert f"/console/orders/{order_no}/reset" in (await browser.get(f"/console/orders/{order_no}/running")).text
    for _ in range(2):  # sent twice, done once
        answer = await browser.post(f"/console/orders/{order_no}/reset", reason="is deployed", key="k" * 32)
        assert answer.status_code == 303, answer.text
    second = (await handle.describe()).run_id
    assert second != first
    for _ in range(2):  # whoever still means the first run comes too late
        assert not await workflow_resets.reset(client, handle.id, first, "act_0")
    assert (await handle.describe()).run_id == second
    assert await recorded_actions(browser, order_no) == [(f"support:{browser.name}", "workflow_reset")]
    assert "is deployed" in (await browser.get(f"/console/orders/{order_no}")).text
    history = await client.get_workflow_handle(handle.id, run_id=second).fetch_history()
    assert "act_" in history.to_json() and "is deployed" not in history.to_json()
    WORLD["bug"] = False
    assert await asyncio.wait_for(client.get_workflow_handle(handle.id).result(), 30) == order_no


async def test_a_workflow_that_ended_before_its_order_is_begun_again(browser: StaffBrowser, client: Client) -> None:  # noqa: F811
    order_no = await begun(browser, client, "StillTrying")
    await client.get_workflow_handle(names.order_workflow(order_no)).terminate("by mistake")
    page = (await browser.get(f"/console/orders/{order_no}/running")).text
    assert "ended before its order: terminated" in page
    WORLD["carrier"] = True
    assert (await browser.post(f"/console/orders/{order_no}/reset", reason="a mistake")).status_code == 303
    handle = client.get_workflow_handle(names.order_workflow(order_no))
    assert await asyncio.wait_for(handle.result(), 20) == order_no
    late = await browser.post(f"/console/orders/{order_no}/reset", reason="again")
    assert (late.status_code, "nothing_to_reset" in late.text) == (409, True)


async def test_a_workflow_that_failed_is_listed_until_it_is_begun_again(
    browser: StaffBrowser,  # noqa: F811
    client: Client,  # noqa: F811
    bug: None,
) -> None:
    order_no = await placed(browser)
    handle = await client.start_workflow("Dying", order_no, id=names.order_workflow(order_no), task_queue="running")

    async def listed() -> bool:
        return f"/console/orders/{order_no}/running" in (await browser.get("/console/bugs")).text

    async def gone() -> bool:
        return not await listed()

    await until(listed, "it is listed as ended")
    WORLD["bug"] = False
    assert (await browser.post(f"/console/orders/{order_no}/reset", reason="is deployed")).status_code == 303
    assert await asyncio.wait_for(client.get_workflow_handle(handle.id).result(), 20) == order_no
    await until(gone, "it is not listed any more")


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({}, 409, "nothing_to_reset"),
        ({"reason": " "}, 422, "reason_missing"),
        ({"reason": "a\0b"}, 422, "invalid_text"),
        ({"csrf": "0" * 32}, 403, "form_expired"),
    ],
)
async def test_a_healthy_order_is_left_alone(
    browser: StaffBrowser,  # noqa: F811
    client: Client,  # noqa: F811
    fields: dict[str, str],
    status: int,
    code: str,
) -> None:
    order_no = await begun(browser, client, "StillTrying")
    answer = await browser.post(f"/console/orders/{order_no}/reset", **({"reason": "hm"} | fields))
    assert (answer.status_code, code in answer.text) == (status, True), answer.text
    assert not await recorded_actions(browser, order_no)
    assert await runs_of(client, order_no) == 1


async def test_over_http_it_is_shown_acted_on_and_reset(
    shop: ApiClient,
    browser: StaffBrowser,  # noqa: F811
    client: Client,  # noqa: F811
    bug: None,
) -> None:
    order_no, broken = await begun(browser, client, "StillTrying"), await begun(browser, client, "Buggy")
    caller = shop.as_("support", "ann")
    path = f"/v1/support/orders/{order_no}/running"
    shown = (await caller.get(path)).json()
    (step,) = shown["activities"]
    assert (shown["open"], shown["bug"], shown["resettable"], shown["ended"]) == (True, None, False, None)
    assert (step["activity"], step["attempt"], step["max_attempts"], step["error"]) == (
        "book_shipment",
        2,
        7,
        "http_503",
    )
    assert step["actions"] == ["retry_now", "pause", "set_timeout"] and step["next_try_at"]
    payload, key = {"activity": "book_shipment", "action": "pause", "reason": "wait"}, unique("key")
    answers = [await caller.post(f"{path}/{step['activity_id']}", payload, key=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
    assert answers[0].json() == answers[1].json() and answers[1].headers["idempotent-replayed"] == "true"
    assert (await caller.get(path)).json()["activities"][0]["paused"]
    other = await caller.post(f"{path}/{step['activity_id']}", {**payload, "action": "unpause"}, key=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    for body, code in (
        ({**payload, "timeout_s": 5}, "invalid_timeout"),
        ({**payload, "action": "set_timeout"}, "invalid_timeout"),
        ({**payload, "action": "explode"}, "validation_failed"),
        ({"activity": "book_shipment", "action": "pause"}, "validation_failed"),
    ):
        refused = await caller.post(f"{path}/{step['activity_id']}", body)
        assert (refused.status_code, refused.json()["code"]) == (422, code), refused.text
    over = await caller.post(f"{path}/77", payload)
    assert (over.status_code, over.json()["code"]) == (409, "activity_over")
    content = (await caller.get(f"/v1/support/orders/{broken}/running")).json()
    assert content["resettable"] and content["bug"]["error"] == "ZeroDivisionError: the code is wrong"
    done = await caller.post(f"/v1/support/orders/{broken}/reset", {"reason": "fixed"})
    assert (done.status_code, done.json()) == (200, {"order_no": broken, "outcome": "reset"})


async def many_bugs(client: Client) -> None:  # noqa: F811
    ids = [f"buggy-{secrets.token_hex(6)}" for _ in range(MANY)]
    await asyncio.gather(*(client.start_workflow("Buggy", name, id=name, task_queue="running") for name in ids))

    async def reported() -> bool:
        return await failing_workflows.count(client) >= MANY

    await until(reported, "all bugs are reported")


async def confirmed(browser: StaffBrowser) -> dict[str, str]:  # noqa: F811
    """The fields of the question, answered."""
    page = (await browser.post("/console/bugs/reset", reason="is deployed")).text
    (count,) = re.findall(r"Type the number of workflows, (\d+),", page)
    (key,) = re.findall(r'name="key" value="([^"]*)"', page)
    return {"reason": "is deployed", "key": key, "count": count}


async def test_a_batch_is_shown_while_it_runs_and_can_be_stopped(
    browser: StaffBrowser,  # noqa: F811
    client: Client,  # noqa: F811
    bug: None,
) -> None:
    await many_bugs(client)

    async def reported() -> bool:
        bugs = (await browser.get("/console/bugs")).text
        return "ZeroDivisionError: the code is wrong" in bugs and re.search(r"Reset all \d+", bugs) is not None

    await until(reported, "the page says what fails")
    operations = await sign_in(browser.api, "operations")
    fields = await confirmed(browser)
    total = fields["count"]
    assert int(total) >= MANY
    wrong = await browser.post("/console/bugs/reset", **(fields | {"count": "1"}))
    assert (wrong.status_code, f"There are {total} workflows now" in wrong.text) == (409, True)
    page = (await browser.post("/console/bugs/reset", **fields)).headers["location"]
    running = (await browser.get(page)).text
    assert "running" in running and "Stop before the next" in running and f"of {total}" in running
    watched = await operations.http.get(page, headers={"X-Live": "1"})
    assert "<progress" in watched.text and "Stop" not in watched.text
    assert (await operations.post(f"{page}/stop")).status_code == 403
    assert (await browser.post(f"{page}/stop")).status_code == 303

    async def over() -> bool:
        return "data-ended" in (await browser.get(page)).text

    await until(over, "the batch is over")
    assert f"by {browser.name} (support)" in (html := (await browser.get(page)).text) and "stopped" in html
    assert await failing_workflows.count(client) > 0, "it was stopped before the last"
    assert (await browser.post(f"{page}/stop")).status_code == 303  # once more changes nothing
    rows = await browser.api.sql(
        "SELECT action, after FROM audit_log WHERE reference = %s ORDER BY entry_id", page.rpartition("/")[2]
    )
    assert [tuple(row.values()) for row in rows] == [
        ("workflow_batch_reset", f"{total} workflows"),
        ("workflow_batch_stop", None),
    ]


async def test_a_batch_that_cannot_be_is_refused(
    browser: StaffBrowser,  # noqa: F811
    client: Client,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def none() -> bool:
        return await failing_workflows.count(client) == 0

    await until(none, "no bug is left of other tests")
    for fields, status, code in (({"reason": "x"}, 422, "nothing_to_reset"), ({}, 422, "reason_missing")):
        answer = await browser.post("/console/bugs/reset", **fields)
        assert (answer.status_code in (status, 409), code in answer.text) == (True, True), answer.text
    for unknown in ("rst_" + "0" * 32, "nothing"):
        assert (await browser.get(f"/console/bugs/resets/{unknown}")).status_code == 404
        assert (await browser.post(f"/console/bugs/resets/{unknown}/stop")).status_code == 404

    async def busy(*_: object) -> None:
        raise workflow_resets.AnotherBatch

    async def three(_: Client) -> int:
        return 3

    monkeypatch.setattr(workflow_resets, "reset_all", busy)
    monkeypatch.setattr(failing_workflows, "count", three)
    fields = await confirmed(browser)
    answer = await browser.post("/console/bugs/reset", **fields)
    assert (answer.status_code, "batch_running" in answer.text) == (409, True)
    monkeypatch.undo()
    html = (await browser.get("/console/bugs")).text
    (page,) = set(re.findall(r'href="(/console/bugs/resets/[^"]*)"', html)[:1])
    assert "Unknown to Temporal" in (await browser.get(page)).text


async def failing(browser: StaffBrowser, error: str, paused: bool = False) -> str:  # noqa: F811
    order_no = await placed(browser)
    await browser.api.sql(
        """INSERT INTO retrying_steps (order_no, activity, step, error, provider, attempt, max_attempts, event_seq,
                                      next_try_at, paused)
           SELECT order_no, 'book_shipment', 'book', %s, 'sandbox', 3, 5, event_seq, now() + interval '9 s', %s
             FROM orders WHERE order_no = %s""",
        error, paused, order_no,
    )  # fmt: skip
    return order_no


async def test_all_that_retries_is_in_one_list_and_beside_the_parked(browser: StaffBrowser, client: Client) -> None:  # noqa: F811
    error = unique("err")
    rows = [await failing(browser, error) for _ in range(3)]
    page = (await browser.get("/console/retrying", step="book", error=error, provider="sandbox")).text
    assert re.findall(r"/console/orders/([^/\"]+)/running", page) == rows
    assert "3 / 5" in page and error in page and "paused" not in page.split("</h1>")[1].split("</p>", 1)[1]
    queue = (await browser.get("/console/stuck")).text
    assert f'href="/console/retrying?step=book&amp;error={error}&amp;provider=sandbox">3</a>' in queue
    other = await begun(browser, client, "StillTrying")
    await running_activities.apply_action(
        client,
        names.order_workflow(other),
        "1",
        running_activities.ActivityAction.PAUSE,
        "by an engineer in Temporal UI",
    )

    async def first() -> bool:
        listed = (await browser.get("/console/retrying")).text
        numbers = re.findall(r"/console/orders/([^/\"]+)/running", listed)
        return other in numbers and numbers.index(other) < numbers.index(rows[0]) and "paused" in listed

    await until(first, "what was paused elsewhere is listed first")


async def test_the_list_has_pages_and_stands_without_temporal(browser: StaffBrowser) -> None:  # noqa: F811
    error = unique("err")
    made = {await failing(browser, error) for _ in range(51)} | {paused := await failing(browser, error, paused=True)}
    first = (await browser.get("/console/retrying", error=error)).text
    assert "Temporal does not respond" in first
    more = re.findall(r'href="/console/retrying\?([^"]*cursor=[^"]*)"', first)[0].replace("&amp;", "&")
    second = (await browser.http.get(f"/console/retrying?{more}")).text
    found = [re.findall(r"/console/orders/([^/\"]+)/running", text) for text in (first, second)]
    assert [len(page) for page in found] == [50, 2] and set(found[0]) | set(found[1]) == made
    assert found[0][0] == paused
    for bad in ("cursor=x", "step=" + "x" * 33, "error=" + "x" * 101):
        assert (await browser.http.get(f"/console/retrying?{bad}")).status_code == 422, bad


async def test_who_may_not_reset(browser: StaffBrowser, shop: ApiClient) -> None:  # noqa: F811
    order_no = await placed(browser)
    for role in ("warehouse", "finance", "operations"):
        other = await sign_in(shop, role)
        assert (await other.get("/console/retrying")).status_code == (200 if role == "operations" else 403)
        for path in (f"orders/{order_no}/reset", "bugs/reset", f"bugs/resets/rst_{'0' * 32}/stop"):
            assert (await other.post(f"/console/{path}", reason="x")).status_code == 403, path
