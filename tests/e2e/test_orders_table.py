"""The table of orders in a real browser: two journeys, counted in actions, and what only a browser can tell."""

import secrets
from dataclasses import dataclass

from playwright.async_api import Browser, Page

from tests.e2e.test_console import found_day_and_night, pytestmark, signed_in  # noqa: F401
from tests.e2e.test_desk import TELEPHONE, fits
from tests.faults import driver
from tests.faults.stackrun import StackRun

ROWS = "[data-orders] tbody tr"
ON_AN_ORDER = "!!document.activeElement.closest('[data-orders] tbody') && document.activeElement.matches('a.no')"


@dataclass
class Journey:
    """What a person does, counted: to type into a field, to press a key or a button, to follow a link."""

    page: Page
    actions: int = 0

    async def search(self, typed: str) -> None:
        await self.page.fill(".search input", typed)
        await self.page.press(".search input", "Enter")
        await self.page.wait_for_load_state()
        self.actions += 2


async def placed(live: StackRun, sku: str, customer: dict[str, str]) -> str:
    return await driver.place(live, driver.basket(sku, token=None) | {"customer": customer})


async def test_where_is_my_order_and_all_orders_of_who_changed_their_address(live: StackRun, browser: Browser) -> None:
    sku, mark = await driver.stocked(live, 20), secrets.token_hex(4)
    digits = f"{secrets.randbelow(10**4):04}"
    caller = {"id": f"c-{mark}-1", "name": "Phoebe Caller", "phone": f"+1 415 555 {digits}", "email": "p@x.example"}
    asked = await placed(live, sku, caller)
    ann = {"id": f"c-{mark}-2", "name": "Ann Mover", "phone": "+1 415 555 9999"}
    old, new = f"{mark}.old@example.com", f"{mark}.new@example.com"
    theirs = {await placed(live, sku, ann | {"email": email}) for email in (old, old, new)}
    page = await signed_in(live, browser, "support", locale="en")

    journey = Journey(page)
    await journey.search(f"(415) 555-{digits}")
    await page.wait_for_url(f"**/console/orders/{asked}")
    await page.get_by_text("Waiting for the customer's payment").first.wait_for()
    assert journey.actions <= 3

    for address in (old, new):
        journey = Journey(page)
        await journey.search(address)
        await page.locator(ROWS).nth(2).wait_for()
        assert set(await page.locator(f"{ROWS} a.no").all_inner_texts()) == theirs, address
        assert journey.actions <= 3


async def test_the_table_is_worked_by_keyboard_pointer_and_telephone(live: StackRun, browser: Browser) -> None:
    sku, mark = await driver.stocked(live, 20), f"c-{secrets.token_hex(4)}"
    orders = [await placed(live, sku, {"id": mark, "name": "Keys"}) for _ in "ab"]
    page = await signed_in(live, browser, "support", locale="en", viewport={"width": 1280, "height": 900})
    await page.goto(f"/console/orders?customer={mark}")
    pressed = 0
    while not await page.evaluate(ON_AN_ORDER):
        await page.keyboard.press("Tab")
        pressed += 1
        assert pressed <= 10
    await page.keyboard.press("j")
    assert await page.evaluate("document.activeElement.textContent") == orders[0]

    tallest = await page.evaluate(
        f"Math.max(...[...document.querySelectorAll('{ROWS}')].map((row) => row.offsetHeight))"
    )
    assert tallest < 60, "more than two lines"
    bulk = page.locator("#bulk")
    assert not await bulk.is_visible()
    box = page.locator(f"input[value='{orders[0]}']")
    await box.check()
    await bulk.wait_for()
    await page.get_by_text("(1)").wait_for()
    newer = await placed(live, sku, {"id": mark, "name": "Keys"})
    async with page.expect_response(lambda response: "x-live" in response.request.headers):
        pass  # a live update comes while a row is chosen
    assert await box.is_checked()
    await page.locator("#bulk").get_by_role("button", name="Preview").click()
    await page.get_by_role("button", name="Hold 1 order").wait_for()

    await page.goto(f"/console/orders?customer={mark}")
    await page.locator(f"tr[data-row-href$='{newer}'] td").nth(5).click()
    await page.wait_for_url(f"**/console/orders/{newer}")

    await page.set_viewport_size(TELEPHONE)
    await page.goto(f"/console/orders?customer={mark}")
    first = await page.locator(f"{ROWS} a.no").first.bounding_box()
    assert first is not None and first["y"] + first["height"] < TELEPHONE["height"]
    second = await page.locator(f"{ROWS} a.no").nth(1).bounding_box()
    assert second is not None and second["y"] + second["height"] < TELEPHONE["height"], "two orders on the first screen"
    assert await fits(page), "wider than the telephone"
    card = page.locator(ROWS).first
    items, low = card.locator("td", has_text="1 item"), await card.bounding_box()
    assert low is not None and low["height"] < 130 and not await items.is_visible(), "three lines"
    await card.locator(".at-more summary").click()
    await items.wait_for()
    await card.locator("input[name=order_no]").check()
    await bulk.wait_for()
    assert not await found_day_and_night(page, "orders")
