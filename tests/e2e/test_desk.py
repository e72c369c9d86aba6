"""Holds, priority, adjustments and approvals in a real browser, against the running stack."""

import re
import secrets

import pytest
from playwright.async_api import Browser, Page

from tests.e2e.test_console import found_by_axe, pytestmark, signed_in  # noqa: F401
from tests.faults import driver
from tests.faults.console import post
from tests.faults.stackrun import StackRun

TELEPHONE = {"width": 390, "height": 844}


async def unpaid(live: StackRun, price_minor: int = 1000) -> str:
    sku = await driver.stocked(live, 10, price_minor)
    order_no = await driver.place(live, driver.basket(sku) | {"payment": None})
    await live.reaches(order_no, "pending_payment")
    return order_no


async def status(live: StackRun, order_no: str) -> str:
    rows = await live.sql("SELECT status FROM orders WHERE order_no = %(o)s", o=order_no)
    return str(rows[0]["status"])


async def fits(page: Page) -> bool:
    await page.wait_for_load_state()  # a page just begun has no root yet
    found: bool = await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    return found


async def test_an_order_is_held_found_on_the_board_and_released(live: StackRun, browser: Browser) -> None:
    order_no = await unpaid(live)
    page = await signed_in(live, browser, "support", locale="en", viewport=TELEPHONE)
    await page.goto(f"/console/orders/{order_no}")
    await page.get_by_role("link", name="Holds and priority").click()
    form = page.locator("form", has=page.locator("select[name=kind]"))
    await form.locator("select[name=kind]").select_option("address")
    await form.locator("input[name=reason]").fill("no such street")
    await form.get_by_role("button").click()
    await page.get_by_text("The order is on hold.").wait_for()
    await page.goto(f"/console/orders/{order_no}/hold")
    await page.get_by_text("no such street").wait_for()
    assert await fits(page), "wider than the telephone"
    await driver.pay(live, order_no)
    await live.reaches(order_no, "paid")
    await page.goto("/console/orders?hold=address")
    await page.get_by_role("link", name=order_no).wait_for()
    await page.goto("/console/holds?kind=address")
    await page.get_by_role("link", name=order_no).click()
    grave = await found_by_axe(page, "held")
    assert await live.items("/shipments", order_no=order_no) == []
    release = page.locator("form", has=page.get_by_role("button", name="Release"))
    await release.locator("input[name=reason]").fill("he wrote the right one")
    await release.get_by_role("button").click()
    await live.reaches(order_no, "preparing")
    assert not grave, "\n".join(grave)


async def test_names_are_offered_while_somebody_is_mentioned(live: StackRun, browser: Browser) -> None:
    order_no, mark = await unpaid(live), secrets.token_hex(3)
    for name in ("kim", "lee"):
        answer = await post(live, "/v1/staff", {"name": f"{mark}-{name}", "role": "warehouse"}, "admin")
        assert answer.status_code == 201, answer.text
    page = await signed_in(live, browser, "support", locale="en", viewport=TELEPHONE)
    await page.goto(f"/console/orders/{order_no}")
    note, offered = page.locator("#note-text"), page.get_by_role("listbox", name="Colleagues").get_by_role("option")
    await note.press_sequentially(f"ask mail@{mark}")
    assert await offered.count() == 0, "an e-mail address"
    await note.fill("")
    await note.press_sequentially(f"please @{mark}")
    await offered.nth(1).wait_for()
    assert [await offered.nth(n).text_content() for n in (0, 1)] == [f"{mark}-kim", f"{mark}-lee"]
    grave = await found_by_axe(page, "names offered")
    assert await fits(page), "wider than the telephone"
    await note.press("Escape")
    assert await offered.count() == 0 and await note.input_value() == f"please @{mark}"
    await note.press_sequentially("-")
    await offered.nth(1).wait_for()
    await note.press("ArrowDown")
    assert await note.get_attribute("aria-activedescendant") == await offered.nth(1).get_attribute("id")
    await note.press("Enter")
    assert await note.input_value() == f"please @{mark}-lee " and await offered.count() == 0
    await note.press_sequentially(f"and @{mark}-K")
    await offered.filter(has_text="kim").click()
    assert await note.input_value() == f"please @{mark}-lee and @{mark}-kim "
    await page.get_by_role("button", name="Add note").click()
    await page.locator("strong", has_text=f"@{mark}-lee").first.wait_for()
    assert not grave, "\n".join(grave)


async def test_an_order_is_made_urgent(live: StackRun, browser: Browser) -> None:
    order_no = await unpaid(live)
    page = await signed_in(live, browser, "support", locale="zh-CN", viewport=TELEPHONE)
    await page.goto(f"/console/orders/{order_no}/hold")
    form = page.locator("form", has=page.locator("select[name=priority]"))
    await form.locator("select[name=priority]").select_option("urgent")
    await form.locator("input[name=reason]").fill("老客户")
    await form.get_by_role("button").click()
    await page.goto("/console/orders?priority=urgent")
    await page.get_by_role("link", name=order_no).wait_for()
    await page.locator("[data-orders] .badge", has_text="加急").first.wait_for()
    assert await fits(page), "wider than the telephone"


async def test_money_recorded_manually_goes_from_one_person_to_another(live: StackRun, browser: Browser) -> None:
    order_no = await unpaid(live)
    ann = await signed_in(live, browser, "support", locale="en")
    await ann.goto(f"/console/orders/{order_no}/adjust")
    form = ann.locator("form", has=ann.locator("input[value=payment_recorded]"))
    await form.locator("input[name='value.reference']").fill("bank 12")
    await form.locator("input[name=reason]").fill("seen on the statement")
    await form.get_by_role("button").click()
    await ann.wait_for_url("**/console/approvals/apr_*")
    await ann.get_by_text("another person must decide").wait_for()
    assert not await ann.get_by_role("button", name="Approve").count()
    fay = await signed_in(live, browser, "finance", locale="en")
    await fay.get_by_role("link", name="Needs attention").click()
    await fay.locator("tr", has_text=order_no).get_by_role("link").first.click()
    await fay.wait_for_url(re.compile("/console/approvals/apr_"))
    grave = await found_by_axe(fay, "approval")
    approve = fay.locator("form", has=fay.get_by_role("button", name="Approve"))
    await approve.locator("input[name=reason]").fill("it is there")
    await approve.get_by_role("button").click()
    await fay.get_by_text(re.compile("Carried out ")).wait_for()
    await live.reaches(order_no, "preparing")
    assert not grave, "\n".join(grave)


async def test_a_dear_refund_needs_an_approver(live: StackRun, browser: Browser) -> None:
    (order_no,) = await driver.stuck_at_booking(live, await driver.stocked(live, 10, 200_000), 1)
    ann = await signed_in(live, browser, "support", locale="en")
    await ann.goto(f"/console/stuck/{order_no}")
    undo = ann.locator("form", has=ann.locator("input[value=compensate]"))
    await undo.get_by_text("a second person must approve").wait_for()
    await undo.locator("input[name=reason]").fill("the carrier will not come")
    await undo.get_by_role("button").click()
    await ann.wait_for_url("**/console/approvals/apr_*")
    ben = await signed_in(live, browser, "support", locale="zh-CN", viewport=TELEPHONE)
    await ben.goto(ann.url)
    assert await fits(ben), "wider than the telephone"
    form = ben.locator("form", has=ben.get_by_role("button", name="批准"))
    await form.locator("input[name=reason]").fill("同意")
    await form.get_by_role("button").click()
    await live.reaches(order_no, "cancelled")
    refunds = [one for one in await live.items("/payments", order_no=order_no) if one["kind"] == "refund"]
    assert [one["amount_minor"] for one in refunds] == [200_000]


async def test_a_no_is_a_no(live: StackRun, browser: Browser) -> None:
    (order_no,) = await driver.stuck_at_booking(live, await driver.stocked(live, 10, 200_000), 1)
    ann = await signed_in(live, browser, "support", locale="en")
    await ann.goto(f"/console/stuck/{order_no}")
    await confirm_action(ann, "compensate", reason="the carrier will not come")
    await ann.wait_for_url("**/console/approvals/apr_*")
    fay = await signed_in(live, browser, "finance", locale="en")
    await fay.goto(ann.url)
    form = fay.locator("form", has=fay.get_by_role("button", name="Refuse"))
    await form.locator("input[name=reason]").fill("wait a day")
    await form.get_by_role("button").click()
    await fay.get_by_text("refused ·").wait_for()
    assert await status(live, order_no) == "paid"
    await driver.resolve(live, order_no, "retry")
    await live.reaches(order_no, "preparing")


async def test_a_parcel_booked_manually_and_an_address_amended(live: StackRun, browser: Browser) -> None:
    skipped, amended = await driver.stuck_at_booking(live, await driver.stocked(live, 10), 2)
    page = await signed_in(live, browser, "support", locale="en", viewport=TELEPHONE)
    await page.goto(f"/console/stuck/{skipped}")
    assert await fits(page), "wider than the telephone"
    await confirm_action(page, "skip", reason="booked at the counter", carrier="a neighbour", tracking_no="N-1")
    await page.wait_for_url(f"**/console/orders/{skipped}")
    await live.reaches(skipped, "preparing")
    assert await live.items("/shipments", order_no=skipped) == []
    await page.get_by_text("N-1").first.wait_for()
    await page.goto(f"/console/stuck/{amended}")
    address = {"name": "Han Meimei", "phone": "13900139000", "country": "CN", "province": "浙江省", "city": "杭州市"}
    rest = {"district": "西湖区", "line1": "Plum Road 8", "postcode": "310000"}
    await confirm_action(page, "amend", reason="the customer wrote", **address, **rest)
    await live.reaches(amended, "preparing")
    await page.goto(f"/console/orders/{amended}")
    await page.get_by_text("Plum Road 8").wait_for()


async def confirm_action(page: Page, action: str, reason: str, **value: str) -> None:
    """Fill one form of a stuck order's page and send it."""
    form = page.locator("form", has=page.locator(f"input[name=action][value={action}]"))
    for name, text in value.items():
        await form.locator(f"input[name='value.{name}']").fill(text)
    await form.locator("input[name=reason]").fill(reason)
    await form.get_by_role("button").click()


@pytest.fixture(autouse=True)
async def quiet(live: StackRun) -> None:
    """Nothing of another test's trouble at the sandbox."""
    async with live.client() as http:
        await http.delete(f"{live.ready['sandbox']}/faults")
