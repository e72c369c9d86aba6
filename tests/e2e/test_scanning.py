"""Scan to pick on a telephone, against the running stack: on a bad network no scan is lost and none counts twice."""

from playwright.async_api import Browser, FilePayload, Page, Route

from tests.e2e.test_console import found_by_axe, pytestmark, signed_in  # noqa: F401
from tests.e2e.test_desk import TELEPHONE, fits
from tests.factories.barcodes import photograph
from tests.faults import driver
from tests.faults.stackrun import StackRun
from tests.order_stage import eventually


async def scan(page: Page, code: str) -> None:
    await page.fill("#f-code", code)
    await page.press("#f-code", "Enter")


async def test_no_scan_is_lost_and_none_counts_twice(live: StackRun, browser: Browser) -> None:
    sku = await driver.stocked(live, 20)
    order_no = await driver.place(live, driver.basket(sku, quantity=4))
    await live.reaches(order_no, "preparing")
    page = await signed_in(live, browser, "warehouse", locale="en", viewport=TELEPHONE)
    await page.goto(f"/console/fulfilment/pick?id={order_no}-F1")
    result = page.locator("[data-scan-result]")
    await scan(page, "NO-SUCH")
    await result.get_by_text("Wrong piece").wait_for()
    grave = await found_by_axe(page, "picking")
    await scan(page, sku)
    await result.get_by_text("Right").wait_for()

    # The server counts it and the answer is lost.
    async def lose(route: Route) -> None:
        await route.fetch()
        await route.abort()

    await page.route("**/console/fulfilment/scan", lose, times=1)
    await scan(page, sku)
    await page.get_by_text("to be sent: 1").wait_for()
    await page.context.set_offline(True)
    await scan(page, sku)
    await scan(page, sku)
    await page.get_by_text("to be sent: 3").wait_for()
    assert await fits(page), "wider than the telephone"
    await page.context.set_offline(False)
    await page.locator("[data-scan-waiting]").wait_for(state="hidden", timeout=60_000)
    await page.get_by_text("Everything is picked.").wait_for(timeout=60_000)

    async def picks() -> bool:
        rows = await live.sql(
            "SELECT sum(quantity)::int AS n, count(*) AS rows FROM picks WHERE order_no = %(o)s", o=order_no
        )
        return (rows[0]["n"], rows[0]["rows"]) == (4, 4)

    await eventually(picks)
    assert not grave, "\n".join(grave)


async def test_a_photograph_is_a_scan_where_the_browser_reads_no_barcodes(live: StackRun, browser: Browser) -> None:
    sku = await driver.stocked(live, 5)
    order_no = await driver.place(live, driver.basket(sku, quantity=1))
    await live.reaches(order_no, "preparing")
    page = await signed_in(live, browser, "warehouse", locale="en", viewport=TELEPHONE)
    await page.goto(f"/console/fulfilment/pick?id={order_no}-F1")
    result = page.locator("[data-scan-result]")
    taken: FilePayload = {"name": "code.jpg", "mimeType": "image/jpeg", "buffer": photograph()}
    await page.set_input_files("#f-photograph", taken)
    await result.get_by_text("No barcode can be read").wait_for()
    assert await fits(page), "wider than the telephone"
    await page.set_input_files("#f-photograph", {**taken, "buffer": photograph(sku)})
    await result.get_by_text("Right").wait_for()
    await page.get_by_text("Everything is picked.").wait_for(timeout=60_000)
