"""Changing an order in a real browser, on a telephone, against the running stack."""

from playwright.async_api import Browser

from tests.e2e.test_console import found_by_axe, pytestmark, signed_in  # noqa: F401
from tests.e2e.test_desk import TELEPHONE, fits, unpaid
from tests.faults import driver
from tests.faults.stackrun import StackRun


async def test_support_corrects_the_address_of_a_stuck_order_and_it_goes_on(
    live: StackRun,
    browser: Browser,
) -> None:
    (order_no,) = await driver.stuck_at_booking(live, await driver.stocked(live, 10), 1)
    page = await signed_in(live, browser, "support", locale="zh-CN", viewport=TELEPHONE)
    await page.goto(f"/console/orders/{order_no}")
    await page.get_by_role("link", name="修改订单").click()
    await page.get_by_label("详细地址").fill("改正路 8 号")
    await page.get_by_role("button", name="查看影响").click()
    await page.get_by_role("button", name="确认修改").wait_for()
    assert await fits(page), "wider than the telephone"
    grave = await found_by_axe(page, "what a change means")
    await page.get_by_role("button", name="确认修改").click()
    await page.wait_for_url(f"**/console/orders/{order_no}")
    await live.reaches(order_no, "preparing")
    await page.get_by_text("改正路 8 号").first.wait_for()
    assert not grave, "\n".join(grave)


async def test_units_are_added_to_an_unpaid_order(live: StackRun, browser: Browser) -> None:
    order_no = await unpaid(live)
    before = (await live.order(order_no))["total_minor"]
    page = await signed_in(live, browser, "support", locale="en", viewport=TELEPHONE)
    await page.goto(f"/console/orders/{order_no}/change")
    assert await fits(page), "wider than the telephone"
    await page.locator("input[name^='quantity.']").first.fill("2")
    await page.get_by_role("button", name="Preview").click()
    await page.get_by_text("1 → 2 ×").wait_for()
    assert (await live.order(order_no))["total_minor"] == before, "nothing is changed yet"
    await page.get_by_role("button", name="Confirm change").click()
    await page.wait_for_url(f"**/console/orders/{order_no}")
    assert (await live.order(order_no))["total_minor"] == 2 * before
