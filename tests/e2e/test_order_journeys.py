"""What staff do with one order, counted in actions: a click, or a field that is filled."""

from dataclasses import dataclass
from typing import Any

from playwright.async_api import Browser, Page

from tests.e2e.test_console import found_by_axe, pytestmark, signed_in  # noqa: F401
from tests.e2e.visitors import STAFF
from tests.faults import driver
from tests.faults.stackrun import StackRun

NOWHERE = "UNDELIVERABLE"


@dataclass
class Hand:
    """Clicks and fills on a page, and counts."""

    page: Page
    actions: int = 0

    async def click(self, selector: str) -> None:
        self.actions += 1
        await self.page.locator(selector).first.click()

    async def fill(self, selector: str, text: str) -> None:
        self.actions += 1
        await self.page.locator(selector).first.fill(text)


async def with_a_wrong_postcode(live: StackRun) -> str:
    sku = await driver.stocked(live, 10)
    order_no = await driver.place(live, driver.basket(sku, ship_to=driver.ADDRESS | {"postcode": NOWHERE}))
    await live.parks(order_no, "book")
    return order_no


async def test_a_wrong_postcode_is_healed_in_five_actions(live: StackRun, browser: Browser) -> None:
    order_no = await with_a_wrong_postcode(live)
    page = await signed_in(live, browser, "support", locale="en", viewport=STAFF)
    hand = Hand(page)
    await hand.click(".navbar-vertical a[href='/console/stuck']")
    await page.wait_for_url("**/console/stuck")
    await page.wait_for_load_state()
    await hand.click(f"tr:has-text('{order_no}') [data-action=edit_address]")
    panel = page.locator("dialog[open]")
    postcode = panel.locator("[name='value.postcode']")
    assert await postcode.input_value() == NOWHERE
    grave = await found_by_axe(page, "panel")
    await hand.fill("dialog[open] [name='value.postcode']", "200000")
    await hand.click("dialog[open] button.btn-primary")
    await page.get_by_text("Edit address and retry: accepted.").wait_for()
    assert hand.actions <= 5
    await live.reaches(order_no, "preparing")
    assert not grave, "\n".join(grave)


async def test_one_of_two_items_is_refunded_in_six_actions_and_nothing_typed_is_lost(
    live: StackRun, browser: Browser
) -> None:
    order_no = await driver.place(live, driver.basket(await driver.stocked(live, 10), quantity=2))
    await live.reaches(order_no, "preparing")
    page = await signed_in(live, browser, "support", locale="en", viewport=STAFF)
    await page.goto(f"/console/orders/{order_no}")
    await on_the_first_screen(page, "Situation", "Items", "Payment", "Customer")
    link, panel = f"a[href='/console/orders/{order_no}/refund']", "dialog[open]"
    await refused_and_kept(page, link)
    await page.goto(f"/console/orders/{order_no}")
    hand = Hand(page)
    await hand.click(link)
    await hand.fill(f"{panel} [name='units.1']", "1")
    await hand.fill(f"{panel} [name=reason]", "a stain")
    await hand.click(f"{panel} button.btn-primary")
    await hand.click(f"{panel} button.btn-danger:has-text('Refund ¥10.00')")
    await page.get_by_text("The refund is opened.").wait_for()
    assert hand.actions <= 6
    rows = await live.sql("SELECT amount_minor FROM refunds WHERE order_no = %(o)s", o=order_no)
    assert [row["amount_minor"] for row in rows] == [1000]


async def on_the_first_screen(page: Page, *titles: str) -> None:
    ends: dict[str, Any] = await page.evaluate(
        """Object.fromEntries([...document.querySelectorAll('section.card')].map(card => [
             card.querySelector('.card-title')?.textContent || card.getAttribute('aria-label'),
             card.getBoundingClientRect().bottom]))"""
    )
    for title in titles:
        assert ends[title] <= STAFF["height"], (title, ends)


async def refused_and_kept(page: Page, link: str) -> None:
    """A refusal comes back into the panel with what was typed, and a panel that was closed opens as it was."""
    await page.locator(link).click()
    await page.fill("dialog[open] [name=amount]", "999")
    await page.fill("dialog[open] [name=reason]", "a stain")
    await page.locator("dialog[open] button.btn-primary").click()
    await page.locator("dialog[open] .invalid-feedback").get_by_text("At most ¥20.00").wait_for()
    assert await page.input_value("dialog[open] [name=reason]") == "a stain"
    await page.keyboard.press("Escape")
    await page.locator("dialog.side-panel").wait_for(state="hidden")
    await page.locator(link).click()
    assert await page.input_value("dialog[open] [name=amount]") == "999"
