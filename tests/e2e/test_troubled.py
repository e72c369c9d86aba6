"""What support does about trouble, in a real browser: a bug's workflows, a step under way, a bulk act that is stopped.

It leaves stuck orders behind, so it has a stack of its own.
"""

import re
import sys
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Locator, Page
from temporalio.client import Client

from infra.stack.data_dir.ports import any_free
from infra.temporal import worker_versions
from tests.e2e.test_console import found_by_axe, pytestmark, signed_in  # noqa: F401
from tests.faults import driver
from tests.faults.stackrun import StackRun, until
from tests.faults.test_bugs import BROKEN, MARK, made_current, runs_of
from workflows import names


@pytest.fixture(scope="module")
async def troubled(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[StackRun]:
    """Parcels are moved manually, nobody is hurried, and a step that failed is not retried before somebody acts."""
    unhurried = {"OMS_PAYMENT_TIMEOUT_S": "600", "OMS_GATEWAY_ATTEMPTS": "12", "OMS_GATEWAY_BACKOFF_S": "15"}
    unhurried |= {"OMS_GATEWAY_PATIENCE_S": "600", "OMS_GATEWAY_TIMEOUT_S": "60"}
    async with StackRun(tmp_path_factory.mktemp("troubled"), unhurried, ("--manual-carrier",)).standing() as stack:
        yield stack


def form(page: Page, action: str) -> Locator:
    return page.locator("form", has=page.locator(f"input[name=action][value={action}]"))


async def send(page: Page, request: Locator, **fields: str) -> None:
    """Fill a form and send it; on a live page it stays while somebody types."""
    for name, value in {"reason": "the carrier telephoned", **fields}.items():
        await request.locator(f"input[name={name}]").fill(value)
    await request.get_by_role("button").click()
    await page.wait_for_load_state()


async def test_workflows_that_a_bug_holds_up_are_reset_alone_and_as_a_batch(
    troubled: StackRun,
    browser: Browser,
) -> None:
    client = await Client.connect(troubled.ready["temporal"])
    good = await worker_versions.current_version(client, "oms")
    assert good is not None
    sku = await driver.stocked(troubled, 10)
    env = {"OMS_WORKER_METRICS_PORT": str(any_free(set())), "OMS_BUILD_ID": BROKEN}
    with troubled.another("broken", sys.executable, "-m", "tests.faults.broken_worker", **env):
        await made_current(troubled, BROKEN)
        try:
            orders = [await driver.place(troubled, driver.basket(sku)) for _ in range(3)]
            page = await signed_in(troubled, browser, "support", locale="en")
            await page.goto("/console/bugs")
            for order_no in orders:  # the page lives
                await page.get_by_role("link", name=order_no).wait_for(timeout=60_000)
            grave = await found_by_axe(page, "bugs")
            await page.get_by_role("link", name=orders[0]).click()
            await page.get_by_text(MARK).first.wait_for()
        finally:
            await made_current(troubled, good)

    await page.goto(f"/console/orders/{orders[0]}/running")
    await send(page, page.locator(f"form[action='/console/orders/{orders[0]}/reset']"))
    await troubled.reaches(orders[0], "preparing")

    await page.goto("/console/bugs")
    await page.get_by_role("heading", name="Reset all 2").wait_for(timeout=60_000)
    await send(page, page.locator("form[action='/console/bugs/reset']"))
    await page.fill("input[name=count]", "2")
    await page.get_by_role("button", name=re.compile("Reset × 2")).click()
    await page.wait_for_url("**/console/bugs/resets/rst_*")
    await page.locator("[data-ended]").wait_for(timeout=60_000)
    await page.get_by_text("2 reset, 0 refused, of 2").wait_for()
    grave += await found_by_axe(page, "a batch that is over")
    for order_no in orders:
        await troubled.reaches(order_no, "preparing")

        async def begun_again(of: str = order_no) -> bool:
            return await runs_of(client, of) == 2

        await until(begun_again, "one run more, not two")
        assert len(await troubled.items("/shipments", order_no=order_no)) == 1
    assert not grave, "\n".join(grave)


async def test_a_step_under_way_gets_another_timeout_is_paused_and_retried(
    troubled: StackRun,
    browser: Browser,
) -> None:
    order_no = await driver.retrying_at_booking(troubled, await driver.stocked(troubled, 10))
    page = await signed_in(troubled, browser, "support", locale="en", viewport={"width": 390, "height": 844})
    await page.goto(f"/console/orders/{order_no}/running")
    await send(page, form(page, "set_timeout"), timeout_s="77")
    await page.locator("dd", has_text=re.compile(r"^77 s$")).wait_for()
    await send(page, form(page, "pause"))
    await page.get_by_text("paused", exact=True).wait_for()
    await send(page, form(page, "unpause"))
    await form(page, "retry_now").wait_for()  # it was tried at most once more, and waits again
    await send(page, form(page, "retry_now"))  # the carrier is still down: the step is not over before this is sent
    wanted = ["activity_set_timeout", "activity_pause", "activity_unpause", "activity_retry_now"]

    async def recorded() -> bool:
        actions = await troubled.sql(
            "SELECT action FROM audit_log WHERE order_no = %(o)s AND action LIKE 'activity_%%' ORDER BY entry_id",
            o=order_no,
        )
        return [row["action"] for row in actions] == wanted

    await until(recorded, "all actions are recorded")
    await troubled.sandbox("DELETE", "/faults")
    await troubled.reaches(order_no, "preparing")
    assert len(await troubled.items("/shipments", order_no=order_no)) == 1


async def test_a_bulk_act_is_stopped_before_its_next_order(troubled: StackRun, browser: Browser) -> None:
    orders = await driver.stuck_at_booking(troubled, await driver.stocked(troubled, 10), 2)
    page = await signed_in(troubled, browser, "support", locale="en")
    await page.goto("/console/stuck/group?step=book&error=rejected&provider=sandbox")
    await send(page, form(page, "retry"), rate_per_s="0.15")
    await page.fill("input[name=count]", "2")
    await page.get_by_role("button", name=re.compile("Retry × 2")).click()
    await page.wait_for_url("**/console/jobs/job_*")
    await page.get_by_text("1 accepted, 0 refused, of 2").wait_for(timeout=60_000)
    await page.get_by_role("button", name="Stop before the next order").click()
    await page.locator("[data-ended]").wait_for()
    await page.get_by_text("stopped", exact=True).wait_for()
    assert not await page.get_by_role("button", name=re.compile("Stop")).count()
    job = (await Client.connect(troubled.ready["temporal"])).get_workflow_handle(
        names.job_workflow(page.url.rpartition("/")[2])
    )
    await job.result()
    found = [(await troubled.order(order_no))["parked"] for order_no in orders]
    assert sorted(found, key=str) == [None, "book"]
    moved = orders[found.index(None)]
    await troubled.reaches(moved, "preparing")
    await driver.resolve(troubled, orders[found.index("book")], "retry")
    await troubled.reaches(orders[found.index("book")], "preparing")
