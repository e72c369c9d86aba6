"""An order for a customer on the telephone, and a note on it, as a person of support makes them in a browser."""

import re
import secrets

from playwright.async_api import Browser, expect

from tests.e2e.test_console import found_by_axe, pytestmark, signed_in  # noqa: F401
from tests.e2e.visitors import STAFF
from tests.faults import driver
from tests.faults.stackrun import StackRun


async def test_support_places_an_order_for_a_caller_and_notes_it(live: StackRun, browser: Browser) -> None:
    sku, email = await driver.stocked(live, 10), f"{secrets.token_hex(4)}@example.com"
    page = await signed_in(live, browser, "support", locale="en", viewport=STAFF)
    await page.add_init_script("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    await page.goto("/console/orders/new")
    await page.fill("[name=name]", "Ann Caller")
    await page.fill("[name=email]", email)
    for name, typed in {"country": "CN", "province": "上海市", "city": "上海市", "line1": "Road 1"}.items():
        await page.fill(f"[name='ship_to.{name}']", typed)
    await page.fill("[name=find]", sku)
    await page.press("[name=find]", "Enter")  # finds, and keeps what was typed
    await page.click(f"button[name=add_sku][value='{sku}']")
    await expect(page.locator("[name=email]")).to_have_value(email)
    grave = await found_by_axe(page, "create order")
    await page.click("button:has-text('Place order for ¥10.00')")
    link = await page.locator("#payment-link").input_value()
    number = re.findall(r"/portal/orders/([0-9A-Z-]+)/pay$", link)[0]
    await page.click("button:has-text('Copy link')")
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert await page.evaluate("window.copied") == link
    await live.reaches(number, "pending_payment")
    await page.goto(f"/console/orders/{number}")
    await page.fill("#note-text", "calls back")
    async with page.expect_response(lambda answer: answer.request.headers.get("x-live") == "1", timeout=60_000):
        pass  # the live part of the page was read again meanwhile
    await expect(page.locator("#note-text")).to_have_value("calls back")
    await page.click("button:has-text('Add note')")
    await expect(page.locator("#notes .prose")).to_have_text("calls back")
    grave += await found_by_axe(page, "order with a note")
    assert not grave, "\n".join(grave)
