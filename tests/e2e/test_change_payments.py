"""A paid order that is made more expensive, in a real browser: by its customer, declined and paid, and by support."""

import pytest
from playwright.async_api import Browser, Page

from tests.e2e.test_console import found_by_axe, pytestmark, signed_in  # noqa: F401
from tests.e2e.test_desk import TELEPHONE
from tests.e2e.test_desk import fits as narrow
from tests.e2e.visitors import Customer, fits, visiting
from tests.faults import driver
from tests.faults.stackrun import StackRun, until


async def paid_and_held(live: StackRun, customer: Customer) -> str:
    """Paid, and kept from its carrier by a hold of support's."""
    order_no = await driver.place(live, customer.basket(await driver.stocked(live, 10)) | {"payment": None})
    await live.reaches(order_no, "pending_payment")
    hold = {"kind": "address", "reason": "is there such a street?"}
    (await driver.post(live, f"/v1/orders/{order_no}/holds", hold, "support")).raise_for_status()
    await driver.pay(live, order_no)
    await live.reaches(order_no, "paid")
    return order_no


async def total(live: StackRun, order_no: str) -> int:
    return int((await live.order(order_no))["total_minor"])


async def change_is(live: StackRun, order_no: str, status: str) -> None:
    async def there() -> bool:
        rows = await live.sql(
            "SELECT status FROM change_payments WHERE order_no = %(o)s ORDER BY payment_no DESC LIMIT 1",
            o=order_no,
        )
        return bool(rows) and rows[0]["status"] == status

    await until(there, f"the change is {status}")


async def wants_three(page: Page, order_no: str, card: str) -> list[str]:
    await page.goto(f"/portal/orders/{order_no}")
    await page.get_by_role("link", name="Change quantities").click()
    await page.get_by_label("Tea").fill("3")
    await page.get_by_role("button", name="Continue").click()
    await page.get_by_role("button", name="Change the quantities").wait_for()
    assert "You pay ¥20.00 more now" in await page.locator(".means").inner_text()
    await fits(page)
    grave = await found_by_axe(page, "what a dearer change means")
    await page.get_by_label("Payment method").select_option(card)
    await page.get_by_role("button", name="Change the quantities").click()
    await page.wait_for_url(f"**/portal/orders/{order_no}")
    return grave


@pytest.mark.parametrize("card, outcome", [("tok_decline", "undone"), ("tok_ok", "applied")])
async def test_a_customer_wants_more_and_pays_the_difference_or_nothing_changes(
    live: StackRun,
    browser: Browser,
    card: str,
    outcome: str,
) -> None:
    customer = Customer()
    order_no = await paid_and_held(live, customer)
    page = await visiting(live, browser, customer)
    grave = await wants_three(page, order_no, card)
    await change_is(live, order_no, outcome)
    assert await total(live, order_no) == (3_000 if outcome == "applied" else 1_000)
    await page.reload()
    await page.get_by_text("¥30.00" if outcome == "applied" else "¥10.00").first.wait_for()
    grave += await found_by_axe(page, outcome)
    assert not grave, "\n".join(grave)


async def test_support_makes_an_order_more_expensive_with_the_customers_token(live: StackRun, browser: Browser) -> None:
    order_no = await paid_and_held(live, Customer())
    page = await signed_in(live, browser, "support", locale="zh-CN", viewport=TELEPHONE)
    await page.goto(f"/console/orders/{order_no}/change")
    await page.locator("input[name^='quantity.']").first.fill("2")
    await page.get_by_role("button", name="查看影响").click()
    await page.get_by_label("客户付款令牌").fill("tok_ok")
    assert await narrow(page), "wider than the telephone"
    grave = await found_by_axe(page, "a dearer change in the console")
    await page.get_by_role("button", name="确认修改").click()
    await page.wait_for_url(f"**/console/orders/{order_no}")
    await change_is(live, order_no, "applied")
    assert await total(live, order_no) == 2_000
    await page.reload()
    await page.get_by_text("差额已付").first.wait_for()
    assert not grave, "\n".join(grave)
