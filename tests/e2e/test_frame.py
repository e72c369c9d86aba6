"""What all pages do in a browser: live parts that disturb nobody, menus, themes, toasts, exact times, keys."""

from typing import Any

from playwright.async_api import Browser, Page, Route

from tests.e2e.test_console import pytestmark, signed_in  # noqa: F401
from tests.faults.stackrun import StackRun

WIDE = "<td>" + "</td><td>".join("wide" * 9 for _ in range(9)) + "</td>"
# What the reader works in, as a live part may hold it: a menu, a form, a time, a table that scrolls sideways.
FRAGMENT = """
<p id="said">{said}</p>
<details data-key="more"><summary>More</summary><p>{said}</p></details>
<form action="/console/orders"><input name="note" value=""><input type="checkbox" name="all">
<button>Send</button></form>
<time datetime="2026-01-01T00:00:00+00:00" title="2026-01-01 00:00:00 UTC">{said} min ago</time>
<div class="table-responsive" tabindex="0" id="wide"><table><tbody>{rows}</tbody></table></div>
"""


def fragment(version: int) -> str:
    rows = "".join(f'<tr data-row-href="/console/orders/{n}"><td>row {n}</td>{WIDE}</tr>' for n in range(version, 9))
    return FRAGMENT.format(said=version, rows=rows)


async def live_page(live: StackRun, browser: Browser, answers: list[str]) -> Page:
    """The page of alerts, whose live part shows what stands first in `answers`."""
    page = await signed_in(live, browser, "operations", locale="en", viewport={"width": 390, "height": 844})

    async def answer(route: Route) -> None:
        if "x-live" in route.request.headers:
            await route.fulfill(body=answers[0], content_type="text/html")
        else:
            await route.continue_()

    await page.route(lambda url: "/console/notices" in url, answer)
    await page.goto("/console/notices")
    await updated(page)
    return page


async def updated(page: Page) -> None:
    """The live part is asked again now, as it is every few seconds."""
    await page.evaluate("Promise.all([...document.querySelectorAll('[data-live]')].map(oms.refresh))")


async def test_a_live_part_disturbs_nobody(live: StackRun, browser: Browser) -> None:
    answers = [fragment(1)]
    page = await live_page(live, browser, answers)
    await page.fill("[name=q]", "typed in the head")
    await page.locator("details[data-key=more] > summary").click()
    await page.check("[name=all]")
    await page.evaluate("document.getElementById('wide').scrollLeft = 120")
    await page.locator("time").first.click()
    await page.locator("[data-live] [name=note]").type("half a sent")
    kept = await page.evaluate("window.kept = [...document.querySelectorAll('tr')]; kept.length")
    answers[0] = fragment(2)
    await updated(page)
    await page.locator("#said", has_text="2").wait_for()
    await page.keyboard.type("ence")
    state: dict[str, Any] = await page.evaluate(
        """() => ({
            note: document.querySelector('[data-live] [name=note]').value, q: document.querySelector('[name=q]').value,
            all: document.querySelector('[name=all]').checked, left: document.getElementById('wide').scrollLeft,
            open: document.querySelector('details[data-key=more]').open, time: document.querySelector('time').innerText,
            focus: document.activeElement.name, rows: document.querySelectorAll('tbody tr').length,
            same: kept.filter((row) => row.isConnected).length })"""
    )
    assert state == {
        "note": "half a sentence", "q": "typed in the head", "all": True, "left": 120, "open": True,
        "time": "2026-01-01 00:00:00 UTC", "focus": "note", "rows": 7, "same": kept - 1,
    }  # fmt: skip
    answers[0] = '<p id="said">gone</p>'
    await updated(page)
    await page.locator("#said", has_text="gone").wait_for()
    assert await page.locator("[data-live] [name=note]").input_value() == "half a sentence", "its subject is gone"


async def test_a_selection_is_kept_until_it_is_given_up(live: StackRun, browser: Browser) -> None:
    answers = [fragment(1)]
    page = await live_page(live, browser, answers)
    await page.evaluate("getSelection().selectAllChildren(document.querySelector('tbody td'))")
    answers[0] = fragment(2)
    await updated(page)
    assert await page.evaluate("String(getSelection())") == "row 1"
    await page.evaluate("getSelection().removeAllRanges()")
    await updated(page)
    await page.locator("#said", has_text="2").wait_for()


async def test_the_theme_is_the_systems_until_somebody_chooses(live: StackRun, browser: Browser) -> None:
    page = await signed_in(live, browser, "support", locale="en", color_scheme="dark")
    root = page.locator("html")
    assert await root.get_attribute("data-bs-theme") == "dark"
    await page.locator(".account > summary").click()
    await page.get_by_role("button", name="Light").click()
    assert await root.get_attribute("data-bs-theme") == "light"
    await page.goto("/console/returns")
    assert await root.get_attribute("data-bs-theme") == "light"
    await page.locator(".account > summary").click()
    assert await page.get_by_role("button", name="Light").get_attribute("aria-pressed") == "true"
    await page.get_by_role("button", name="As the system").click()
    await page.keyboard.press("Escape")
    assert await root.get_attribute("data-bs-theme") == "dark"
    assert not await page.get_by_role("button", name="As the system").is_visible()


async def test_a_telephone_opens_the_navigation_and_the_keyboard_skips_it(live: StackRun, browser: Browser) -> None:
    page = await signed_in(live, browser, "support", locale="en", viewport={"width": 390, "height": 844})
    link = page.get_by_role("link", name="Returns", exact=True)
    assert not await link.is_visible()
    await page.get_by_role("button", name="Main").click()
    await link.wait_for()
    await link.click()
    await page.wait_for_url("**/console/returns")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.innerText") == "Skip to content"
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"


async def test_the_keyboard_opens_pages_and_moves_between_rows(live: StackRun, browser: Browser) -> None:
    page = await signed_in(live, browser, "support", locale="en")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("retur")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/console/returns")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("nobody & co")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/console/orders?q=nobody%20%26%20co")
    await page.goto("/console/products")
    rows = [await row.get_attribute("data-row-href") for row in await page.locator("[data-row-href]").all()]
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("k")
    await page.keyboard.press("j")
    assert await page.evaluate("document.activeElement.getAttribute('href')") == rows[1]
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**{rows[1]}")
