"""The portal in a real browser, on a telephone, against the running stack: a test for each act of a customer."""

import pytest
from playwright.async_api import Browser

from tests.e2e.test_console import browser, found_by_axe, pytestmark  # noqa: F401
from tests.e2e.visitors import DESK, PHONE, Customer, fits, page_for, visiting
from tests.faults import driver
from tests.faults.stackrun import StackRun


async def test_a_customer_cancels_after_seeing_what_it_means(live: StackRun, browser: Browser) -> None:  # noqa: F811
    customer = Customer()
    order_no = await driver.place(live, customer.basket(await driver.stocked(live, 10), quantity=2))
    await live.reaches(order_no, "preparing")
    page = await visiting(live, browser, customer, locale="zh-CN")
    await page.goto("/portal")
    await page.get_by_role("link", name="正在备货").click()
    await page.get_by_role("link", name="取消订单").click()
    said = await page.locator(".means").inner_text()
    assert "¥20.00" in said and "2 件商品" in said and "召回" in said
    await page.select_option("select[name=reason]", "changed_mind")
    await page.get_by_role("button", name="确认取消订单").click()
    await page.wait_for_url(f"**/portal/orders/{order_no}")
    await live.reaches(order_no, "cancelled")
    await page.get_by_role("heading", name="已取消").wait_for()  # by itself
    await page.get_by_text("已退还给您", exact=True).wait_for()
    assert not await page.get_by_role("link", name="取消订单").count()
    asked = "SELECT actor FROM order_events WHERE order_no = %(o)s AND type = 'cancel_requested'"
    assert (await live.sql(asked, o=order_no))[0]["actor"] == f"customer:{customer.id}"


async def test_a_customer_pays_again_after_a_decline(live: StackRun, browser: Browser) -> None:  # noqa: F811
    customer = Customer()
    order_no = await driver.place(live, customer.basket(await driver.stocked(live, 10), token="tok_decline"))
    await live.reaches(order_no, "pending_payment")
    page = await visiting(live, browser, customer)
    await page.goto(f"/portal/orders/{order_no}")
    await page.get_by_text("Your last payment was declined").wait_for()
    await page.get_by_role("link", name="Pay", exact=True).click()
    await page.select_option("select[name=token]", "tok_insufficient_funds")
    await page.get_by_role("button", name="Pay ¥10.00").click()
    await page.wait_for_url(f"**/portal/orders/{order_no}")
    await page.get_by_text("Your last payment was declined").wait_for()
    await page.get_by_role("link", name="Pay", exact=True).click()
    await page.get_by_role("button", name="Pay ¥10.00").click()
    await page.wait_for_url(f"**/portal/orders/{order_no}")
    await live.reaches(order_no, "preparing")
    assert [p["status"] for p in await live.items("/payments", order_no=order_no) if p["kind"] == "capture"] == [
        "succeeded"
    ]


async def test_a_customer_changes_quantity_address_and_note(live: StackRun, browser: Browser) -> None:  # noqa: F811
    customer = Customer()
    await live.fault("carriers", "down")  # the order stays paid: no label is made
    try:
        order_no = await driver.place(live, customer.basket(await driver.stocked(live, 10), quantity=3))
        await live.reaches(order_no, "paid")
        page = await visiting(live, browser, customer)
        await page.goto(f"/portal/orders/{order_no}")
        await page.get_by_role("link", name="Change the note").click()
        await page.fill("textarea", "Ring twice.\nThank you")
        await page.get_by_role("button", name="See what it means").click()
        await page.get_by_role("button", name="Keep this note").click()
        await page.get_by_text("Ring twice.").wait_for()
    finally:
        await live.sandbox("DELETE", "/faults")


async def test_a_customer_changes_quantities_before_paying(live: StackRun, browser: Browser) -> None:  # noqa: F811
    customer = Customer()
    order_no = await driver.place(live, customer.basket(await driver.stocked(live, 10), quantity=3, token=None))
    await live.reaches(order_no, "pending_payment")
    page = await visiting(live, browser, customer)
    await page.goto(f"/portal/orders/{order_no}")
    await page.get_by_role("link", name="Change quantities").click()
    await page.get_by_label("Tea").fill("1")
    await page.get_by_role("button", name="See what it means").click()
    said = await page.locator(".means").inner_text()
    assert "¥10.00 instead of ¥30.00" in said and "You pay ¥10.00" in said and "back on sale: 2" in said
    await page.get_by_role("button", name="Change the quantities").click()
    await page.wait_for_url(f"**/portal/orders/{order_no}")
    await page.get_by_role("link", name="Change the address").click()
    await page.get_by_label("Street and number").fill("Another Road 9")
    await page.get_by_role("button", name="See what it means").click()
    assert "Another Road 9" in await page.locator(".means").inner_text()
    await page.get_by_role("button", name="Change the address").click()
    await page.wait_for_url(f"**/portal/orders/{order_no}")
    await page.get_by_text("Another Road 9").wait_for()
    assert (await live.order(order_no))["total_minor"] == 1000


async def test_without_scripts_everything_works(live: StackRun, browser: Browser) -> None:  # noqa: F811
    customer = Customer()
    order_no = await driver.place(live, customer.basket(await driver.stocked(live, 10)))
    await live.reaches(order_no, "preparing")
    page = await visiting(live, browser, customer, java_script_enabled=False)
    await page.goto(f"/portal/orders/{order_no}")
    await page.get_by_role("link", name="Cancel the order").click()
    await page.get_by_role("button", name="Cancel the order").click()
    await live.reaches(order_no, "cancelled")
    await page.get_by_role("link", name="My orders").first.click()
    await page.get_by_text("Cancelled", exact=True).wait_for()
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url("**/portal/sign-in")


@pytest.mark.parametrize(("viewport", "scheme"), [(PHONE, "light"), (PHONE, "dark"), (DESK, "light")])
async def test_no_page_keeps_anybody_out(
    live: StackRun,
    browser: Browser,  # noqa: F811
    viewport: dict[str, int],
    scheme: str,
) -> None:
    """axe-core finds nothing serious, nothing is wider than the screen, and what is touched is large enough."""
    customer = Customer()
    sku = await driver.stocked(live, 10)
    going = await driver.place(live, customer.basket(sku, note="ring twice"))
    unpaid = await driver.place(live, customer.basket(sku, token=None))
    await live.reaches(going, "preparing")
    await live.reaches(unpaid, "pending_payment")
    look = {"viewport": viewport, "color_scheme": scheme}
    grave: list[str] = []
    page = await page_for(live, browser, **look)
    for path in ("sign-in", "enter?token=x", "enter", "nothing"):
        await page.goto(f"/portal/{path}")
        await fits(page)
        grave += await found_by_axe(page, path)
    await page.goto("/portal/sign-in")
    await page.fill("input[name=contact]", customer.email)
    await page.get_by_role("button").click()
    await page.wait_for_url("**/portal/code")
    grave += await found_by_axe(page, "code")
    await page.fill("input[name=code]", "12 34")
    await page.get_by_role("button").click()
    await page.get_by_role("alert").wait_for()
    await fits(page)
    grave += await found_by_axe(page, "refused code")
    page = await visiting(live, browser, customer, **look)
    for path in ("", f"/orders/{going}", f"/orders/{going}/cancel", f"/orders/{unpaid}", f"/orders/{unpaid}/pay"):
        await page.goto(f"/portal{path}")
        await fits(page)
        grave += await found_by_axe(page, path)
    assert not grave, "\n".join(grave)
