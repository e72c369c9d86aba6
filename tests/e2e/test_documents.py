"""Invoices and feedback in a real browser, against the running stack."""

import re

import pypdfium2
from playwright.async_api import Browser

from tests.e2e.test_console import pytestmark, signed_in  # noqa: F401
from tests.faults import driver
from tests.faults.stackrun import StackRun


async def test_support_issues_an_invoice_and_keeps_it_as_pdf(live: StackRun, browser: Browser) -> None:
    order_no = await driver.place(live, driver.basket(await driver.stocked(live, 10)))
    await live.reaches(order_no, "preparing")
    page = await signed_in(live, browser, "support", locale="zh-CN")
    await page.goto(f"/console/orders/{order_no}")
    await page.get_by_role("link", name="开具或下载 PDF").click()
    await page.get_by_label("发票抬头").fill("上海示例科技有限公司")
    await page.get_by_label("税号").fill("91310115MA1H7X2K3B")
    await page.get_by_role("button", name="开具发票").click()
    async with page.expect_download() as caught:
        await page.get_by_role("link", name=re.compile("INV-.* 中文")).click()
    download = await caught.value
    pdf = pypdfium2.PdfDocument(await download.path())
    text = pdf[0].get_textpage().get_text_bounded()
    assert order_no in text and "上海示例科技有限公司" in text and "91310115MA1H7X2K3B" in text
    assert download.suggested_filename.startswith("INV-")
    await page.goto(f"/console/orders/{order_no}")
    await page.get_by_text("已开票").wait_for()


async def test_support_answers_what_a_customer_wrote(live: StackRun, browser: Browser) -> None:
    order_no = await driver.place(live, driver.basket(await driver.stocked(live, 10)))
    body = {"rating": 2, "kind": "complaint", "text": "<img src=x onerror=alert(1)> too slow"}
    (await driver.post(live, f"/v1/orders/{order_no}/feedback", body, "support")).raise_for_status()
    page = await signed_in(live, browser, "support", locale="en")
    await page.goto("/console/feedback")
    card = page.locator(".card", has_text=order_no)
    await card.get_by_text("<img src=x onerror=alert(1)> too slow").wait_for()
    await card.get_by_label("Reply").fill("We are sorry.")
    await card.get_by_role("button", name="Reply").click()
    await page.locator(".card", has_text=order_no).get_by_text("We are sorry.").wait_for()
    async with live.client("support") as http:
        answer = await http.get(f"/v1/orders/{order_no}/feedback")
    assert [item["answer"] for item in answer.json()["items"]] == ["We are sorry."]
