"""The delivery slot in a real browser: a customer chooses it on a telephone, support sees and changes it."""

from datetime import UTC, datetime, timedelta

from playwright.async_api import Browser

from tests.e2e.test_console import found_by_axe, pytestmark, signed_in  # noqa: F401
from tests.e2e.test_desk import TELEPHONE
from tests.e2e.test_desk import fits as narrow
from tests.e2e.visitors import Customer, fits, visiting
from tests.faults import driver
from tests.faults.stackrun import StackRun

DAY = (datetime.now(UTC) + timedelta(days=3)).date()


async def test_a_customer_chooses_when_and_support_sees_it(live: StackRun, browser: Browser) -> None:
    customer = Customer()
    order_no = await driver.place(live, customer.basket(await driver.stocked(live, 10)) | {"payment": None})
    await live.reaches(order_no, "pending_payment")
    page = await visiting(live, browser, customer, locale="zh-CN")
    await page.goto(f"/portal/orders/{order_no}")
    await page.get_by_role("link", name="选择送货时段").click()
    await page.get_by_label("日期").fill(f"{DAY}")
    await page.get_by_label("开始时间").fill("09:00")
    await page.get_by_label("结束时间").fill("12:00")
    await fits(page)
    grave = await found_by_axe(page, "slot form")
    await page.get_by_role("button", name="下一步").click()
    await page.get_by_text("期望送货时段").wait_for()
    grave += await found_by_axe(page, "what a slot means")
    await page.get_by_role("button", name="确认送货时段").click()
    await page.wait_for_url(f"**/portal/orders/{order_no}")
    await page.get_by_text("期望送货时段").wait_for()
    await fits(page)
    console = await signed_in(live, browser, "support", locale="en", viewport=TELEPHONE)
    await console.goto(f"/console/orders/{order_no}/change")
    assert await console.get_by_label("From", exact=True).input_value() == "09:00"
    assert await narrow(console), "wider than the telephone"
    grave += await found_by_axe(console, "slot in the console")
    await console.get_by_label("Until", exact=True).fill("15:00")
    await console.get_by_role("button", name="Preview").click()
    await console.get_by_text(f"{DAY} 09:00–15:00").wait_for()
    await console.get_by_role("button", name="Confirm change").click()
    await console.wait_for_url(f"**/console/orders/{order_no}")
    await console.get_by_text(f"{DAY} 09:00–15:00").first.wait_for()
    (rows,) = await live.sql("SELECT slot_from, slot_to FROM orders WHERE order_no = %(o)s", o=order_no)
    assert [f"{at.astimezone(UTC):%F %R}" for at in rows.values()] == [f"{DAY} 01:00", f"{DAY} 07:00"]
    assert not grave, "\n".join(grave)
