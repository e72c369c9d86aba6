"""Refunding in a real browser, against the running stack: shown, made, paid."""

from playwright.async_api import Browser

from tests.e2e.test_console import found_by_axe, pytestmark, signed_in  # noqa: F401
from tests.e2e.test_desk import TELEPHONE, fits
from tests.faults import driver
from tests.faults.stackrun import StackRun, until


async def test_support_refunds_a_piece_and_then_an_amount(live: StackRun, browser: Browser) -> None:
    order_no = await driver.place(live, driver.basket(await driver.stocked(live, 10), quantity=2))
    await live.reaches(order_no, "preparing")
    page = await signed_in(live, browser, "support", locale="en", viewport=TELEPHONE)
    form = f"/console/orders/{order_no}/refund"
    await page.goto(form)
    assert await fits(page), "wider than the telephone"
    grave = await found_by_axe(page, "refund")
    await page.locator("input[name='units.1']").fill("1")
    await page.locator("input[name=reason]").fill("a stain")
    await page.get_by_role("button", name="Preview").click()
    assert "¥10.00" in await page.locator("dl").inner_text()
    assert await fits(page), "wider than the telephone"
    grave += await found_by_axe(page, "preview")
    await page.get_by_role("button", name="Refund ¥10.00").click()
    await page.get_by_text("The refund is opened.").wait_for()
    await page.goto(form)
    await page.get_by_text("a stain").wait_for()
    grave += await found_by_axe(page, "refunded")
    await page.locator("input[name=amount]").fill("2.50")
    await page.locator("input[name=reason]").fill("for the trouble")
    await page.get_by_role("button", name="Preview").click()
    await page.get_by_role("button", name="Refund ¥2.50").click()
    await page.get_by_text("The refund is opened.").wait_for()
    await page.goto(form)
    await page.get_by_text("for the trouble").wait_for()

    async def paid() -> bool:
        items = await live.items("/payments", order_no=order_no)
        back = [one["amount_minor"] for one in items if (one["kind"], one["status"]) == ("refund", "succeeded")]
        return sorted(back) == [250, 1000]

    await until(paid, "both refunds are paid")
    await page.goto(f"/console/orders/{order_no}")
    assert (await live.events(order_no)).count("payment_refunded") == 2
    await page.get_by_text("payment refunded").first.wait_for()
    assert not grave, "\n".join(grave)
