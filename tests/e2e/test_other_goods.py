"""Exchanging for other goods in a real browser, on a telephone, and without a script."""

import secrets

from playwright.async_api import Browser

from tests.e2e.test_console import found_by_axe, pytestmark  # noqa: F401
from tests.e2e.visitors import Customer, delivered_order, fits, visiting
from tests.faults import driver
from tests.faults.stackrun import StackRun


async def test_a_customer_exchanges_for_other_goods(live: StackRun, browser: Browser) -> None:
    customer, word = Customer(), secrets.token_hex(4)
    order_no = await delivered_order(live, customer, await driver.stocked(live, 10), 2)
    sku = f"POT-{word}"
    pot = {"sku": sku, "name": f"紫砂壶 {word}", "price_minor": 1_250, "currency": "CNY", "active": True}
    (await driver.post(live, "/v1/products", pot, "operations")).raise_for_status()
    page = await visiting(live, browser, customer, locale="zh-CN", java_script_enabled=False)
    await page.goto(f"/portal/orders/{order_no}/return")
    await page.get_by_label("Tea").select_option("1")
    await page.get_by_label("退货原因").select_option("other")
    await page.get_by_label("换其他商品").check()
    await page.get_by_role("button", name="下一步").click()
    await page.get_by_role("heading", name="选择其他商品").wait_for()
    await page.get_by_label("商品名称或编号").fill(word)
    await page.get_by_role("button", name="搜索").click()
    await page.get_by_label(f"紫砂壶 {word}").fill("2")
    await page.get_by_role("button", name="下一步").click()
    text = page.locator(".means")
    await text.get_by_text("紫砂壶").wait_for()
    assert "可抵 ¥10.00" in await text.inner_text() and "补付 ¥15.00" in await text.inner_text()
    await page.get_by_role("button", name="提交退货申请").click()
    await page.wait_for_url("**/returns/rt_*")
    rows = await live.sql(
        "SELECT l.sku, l.quantity FROM exchange_lines l JOIN returns r USING (return_id) WHERE r.order_no = %(o)s",
        o=order_no,
    )
    assert [(row["sku"], row["quantity"]) for row in rows] == [(sku, 2)]


async def test_the_page_of_other_goods_fits_a_telephone(live: StackRun, browser: Browser) -> None:
    customer = Customer()
    order_no = await delivered_order(live, customer, await driver.stocked(live, 10), 2)
    page = await visiting(live, browser, customer)
    await page.goto(f"/portal/orders/{order_no}/return")
    await page.get_by_label("Tea").select_option("1")
    await page.get_by_label("Return reason").select_option("other")
    await page.get_by_label("Exchange for another item").check()
    await page.get_by_role("button", name="Continue").click()
    await page.get_by_role("heading", name="Choose other items").wait_for()
    await fits(page)
    grave = await found_by_axe(page, "other goods")
    await page.get_by_role("button", name="Continue").click()
    await page.get_by_text("at least one item").wait_for()
    assert not await page.get_by_label("Card for the hold").is_visible()
    await page.get_by_label("Send them before mine are back").check()
    await page.get_by_label("Card for the hold").wait_for()
    grave += await found_by_axe(page, "nothing chosen")
    assert not grave, "\n".join(grave)
