"""After-sales by support on a customer's behalf, in a real browser against the running stack."""

from collections.abc import Awaitable, Callable
from typing import Any

from playwright.async_api import Browser, Page

from tests.e2e.test_console import found_by_axe, found_day_and_night, loaded_anew, pytestmark, signed_in  # noqa: F401
from tests.e2e.visitors import PHONE, STAFF, Customer, delivered_order
from tests.faults import driver
from tests.faults.stackrun import StackRun, until


async def fine(page: Page, found: Callable[[Page, str], Awaitable[list[str]]] = found_by_axe) -> list[str]:
    """Not wider than the screen; and what axe-core finds grave."""
    await page.wait_for_load_state()  # a page just begun has no root yet
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{page.url} is too wide"
    return await found(page, page.url)


async def lost(live: StackRun) -> str:
    """An order whose parcel the carrier has lost, as the database knows."""
    order_no = await driver.place(live, driver.basket(await driver.stocked(live, 10), quantity=2))
    await live.reaches(order_no, "preparing")
    await driver.carry(live, order_no, "picked_up", "lost")

    async def known() -> list[Any]:
        return await live.sql(
            "SELECT 1 FROM parked_steps WHERE order_no = %(o)s AND step = 'deliver' AND resolved_at IS NULL", o=order_no
        )

    await until(known, "the lost parcel is known")
    return order_no


async def settled(live: StackRun, page: Page, sku: str, status: str) -> str:
    """The warehouse takes in one piece of the return whose page this is; the return is `status` then."""
    return_id = page.url.rpartition("/")[2]
    lines = {"lines": [{"sku": sku, "quantity": 1, "condition": "as_new"}]}
    for verb in ("receive", "inspect"):
        (await driver.post(live, f"/v1/returns/{return_id}/{verb}", lines, "warehouse")).raise_for_status()

    async def there() -> bool:
        rows = await live.sql("SELECT status FROM returns WHERE return_id = %(r)s", r=return_id)
        return bool(rows[0]["status"] == status)

    await until(there, f"the return is {status}")
    return return_id


async def test_support_has_a_lost_parcel_sent_again(live: StackRun, browser: Browser) -> None:
    order_no = await lost(live)
    page = await signed_in(live, browser, "support", locale="en", viewport=PHONE)
    await page.goto(f"/console/orders/{order_no}")
    await page.get_by_role("link", name="Send again").click()
    again = page.locator("dialog[open]")
    await again.get_by_label("Reason").wait_for()
    assert "The customer pays nothing more" in await again.inner_text()
    assert "Refund ¥20.00" in await page.locator("main").inner_text()
    grave = await fine(page)
    await again.get_by_label("Reason").fill("she rang")
    await again.get_by_role("button", name="Send again").click()
    await loaded_anew(page)

    async def two() -> bool:
        return len(await live.items("/shipments", order_no=order_no)) == 2

    await until(two, "a second parcel is booked")
    await page.goto(f"/console/orders/{order_no}/audit")
    await page.get_by_role("cell", name="she rang").wait_for()
    grave += await fine(page)
    assert not grave, "\n".join(grave)


async def test_support_pays_a_lost_parcel_back_without_scripts_and_by_keyboard(
    live: StackRun,
    browser: Browser,
) -> None:
    order_no = await lost(live)
    page = await signed_in(live, browser, "support", locale="zh-CN", java_script_enabled=False)
    await page.goto(f"/console/orders/{order_no}/parcel")
    back = page.locator("section", has=page.get_by_role("heading", name="退款"))
    await back.get_by_label("原因").fill("客户要求退款")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/console/orders/{order_no}")
    await live.reaches(order_no, "cancelled")
    await page.goto(f"/console/orders/{order_no}")
    await page.get_by_text("客户要求退款").wait_for()


async def test_support_exchanges_a_piece_for_other_goods(live: StackRun, browser: Browser) -> None:
    customer, sku, other = Customer(), await driver.stocked(live, 10), await driver.stocked(live, 10, 1250)
    order_no = await delivered_order(live, customer, sku, 2)
    page = await signed_in(live, browser, "support", locale="en", viewport=PHONE)
    await page.goto(f"/console/orders/{order_no}")
    await page.get_by_role("link", name="Create return").click()
    await page.get_by_label(f"Quantity of {sku} (of 2)").fill("1")
    await page.select_option("select[name=reason_code]", "does_not_fit")
    await page.get_by_label("Reason", exact=True).last.fill("too small")
    await page.get_by_role("button", name="Add lines").click()
    await page.locator("input[name='want.sku.6']").fill(other)
    await page.locator("input[name='want.units.6']").fill("1")
    grave = await fine(page)
    await page.get_by_role("button", name="Preview").click()
    await page.get_by_role("alert").get_by_text("Different goods can be chosen for an exchange only").wait_for()
    grave += await fine(page)
    await page.get_by_label("Exchange", exact=True).check()
    await page.get_by_role("button", name="Preview").click()
    await page.get_by_role("button", name="Create return").wait_for()
    text = await page.locator(".side-panel dl").inner_text()
    assert "Amount due" in text and "¥2.50" in text and "¥10.00" in text
    grave += await fine(page)
    await page.get_by_role("button", name="Create return").click()
    await page.get_by_text("The return is created").wait_for()
    await page.get_by_role("link", name="-R1").first.click()
    await page.wait_for_url("**/console/returns/rt_*")
    grave += await fine(page)
    await settled(live, page, sku, "inspected")
    await page.reload()
    await page.locator("dl a.no").click()
    await page.wait_for_url("**/console/orders/*")
    await page.get_by_role("cell", name=other).wait_for()
    new_no = page.url.rpartition("/")[2]
    assert (await live.order(new_no))["total_minor"] == 250
    assert not grave, "\n".join(grave)


async def test_support_sends_the_new_piece_first_against_a_guarantee(live: StackRun, browser: Browser) -> None:
    sku = await driver.stocked(live, 10)
    order_no = await delivered_order(live, Customer(), sku, 2)
    page = await signed_in(live, browser, "support", locale="zh-CN", viewport=STAFF)
    await page.goto(f"/console/orders/{order_no}/return")
    await page.locator(f"input[name='units.{sku}']").fill("1")
    await page.select_option("select[name=reason_code]", "other")
    await page.locator("input[name=reason]").fill("客户来电")
    await page.get_by_label("换货（先发新品）").check()
    await page.get_by_role("button", name="预览结果").click()
    await page.get_by_role("alert").get_by_text("先发新品须有担保支付").wait_for()
    await page.get_by_label("支付凭证").fill("tok_ok")
    await page.get_by_role("button", name="预览结果").click()
    await page.get_by_text("担保成立后立即生成换货订单").wait_for()
    assert "¥10.00" in await page.locator("dl").inner_text()
    grave = await fine(page)
    await page.get_by_role("button", name="创建退货").click()
    await page.wait_for_url("**/console/returns/rt_*")
    return_id = page.url.rpartition("/")[2]

    async def authorised() -> bool:
        rows = await live.sql("SELECT status FROM guarantees WHERE return_id = %(r)s", r=return_id)
        return bool(rows[0]["status"] == "authorised")

    await until(authorised, "the guarantee is authorised")
    await page.reload()
    await page.get_by_text("¥10.00 已预授权").wait_for()
    await page.locator("dl a.no").wait_for()
    assert not grave + await fine(page)


async def test_support_gives_store_credit_and_sees_it(live: StackRun, browser: Browser) -> None:
    customer, sku = Customer(), await driver.stocked(live, 10)
    order_no = await delivered_order(live, customer, sku, 2)
    page = await signed_in(live, browser, "support", locale="en", viewport=PHONE)
    await page.goto(f"/console/orders/{order_no}")
    await page.get_by_role("link", name="Store credit of the customer").click()
    await page.get_by_text("never had store credit").wait_for()
    grave = await fine(page, found_day_and_night)
    await page.goto(f"/console/orders/{order_no}/return")
    await page.locator(f"input[name='units.{sku}']").fill("1")
    await page.select_option("select[name=reason_code]", "other")
    await page.locator("input[name=reason]").fill("she rang")
    await page.get_by_label("Store credit", exact=True).check()
    await page.locator("input[name=reason]").press("Enter")
    await page.get_by_text("Store credit, if all items are resellable").wait_for()
    grave += await fine(page, found_day_and_night)
    await page.get_by_role("button", name="Create return").click()
    await page.wait_for_url("**/console/returns/rt_*")
    return_id = await settled(live, page, sku, "completed")
    await page.reload()
    await page.get_by_role("link", name="Store credit of the customer").click()
    await page.get_by_text("Available (CNY)").wait_for()
    assert "¥10.00" in await page.locator("dl").inner_text()
    grave += await fine(page, found_day_and_night)
    await page.get_by_role("link", name="-R1").click()
    await page.wait_for_url(f"**/console/returns/{return_id}")
    assert not grave, "\n".join(grave)
