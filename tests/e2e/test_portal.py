"""The portal in a real browser, on a telephone, against the running stack: a test for each act of a customer."""

import pypdfium2
import pytest
from playwright.async_api import Browser, Page

from tests.e2e.test_console import found_by_axe, found_day_and_night, pytestmark  # noqa: F401
from tests.e2e.visitors import PHONE, STAFF, Customer, code_and_link, delivered_order, fits, page_for, visiting
from tests.faults import driver
from tests.faults.stackrun import StackRun, until


async def test_a_customer_cancels_after_seeing_what_it_means(live: StackRun, browser: Browser) -> None:
    customer = Customer()
    order_no = await driver.place(live, customer.basket(await driver.stocked(live, 10), quantity=2))
    await live.reaches(order_no, "preparing")
    page = await visiting(live, browser, customer, locale="zh-CN")
    await page.goto("/portal")
    await page.get_by_role("link", name="正在备货").click()
    await page.get_by_role("link", name="取消订单").click()
    text = await page.locator(".means").inner_text()
    assert "¥20.00" in text and "2 件商品" in text and "召回" in text
    await page.select_option("select[name=reason]", "changed_mind")
    await page.get_by_role("button", name="确认取消订单").click()
    await page.wait_for_url(f"**/portal/orders/{order_no}")
    await live.reaches(order_no, "cancelled")
    await page.get_by_role("heading", name="已取消").wait_for()  # automatically
    await page.get_by_text("已退款", exact=True).wait_for()
    assert not await page.get_by_role("link", name="取消订单").count()
    requested = "SELECT actor FROM order_events WHERE order_no = %(o)s AND type = 'cancel_requested'"
    assert (await live.sql(requested, o=order_no))[0]["actor"] == f"customer:{customer.id}"


async def test_a_customer_pays_again_after_a_decline(live: StackRun, browser: Browser) -> None:
    customer = Customer()
    order_no = await driver.place(live, customer.basket(await driver.stocked(live, 10), token="tok_decline"))
    await live.reaches(order_no, "pending_payment")
    page = await visiting(live, browser, customer)
    await page.goto(f"/portal/orders/{order_no}")
    await page.get_by_text("Your last payment was declined").wait_for()
    await page.get_by_role("link", name="Pay", exact=True).click()
    await page.select_option("select[name=by]", "tok_insufficient_funds")
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


async def test_a_customer_changes_quantity_address_and_note(live: StackRun, browser: Browser) -> None:
    customer = Customer()
    await live.fault("carriers", "down")  # the order stays paid: no label is made
    try:
        order_no = await driver.place(live, customer.basket(await driver.stocked(live, 10), quantity=3))
        await live.reaches(order_no, "paid")
        page = await visiting(live, browser, customer)
        await page.goto(f"/portal/orders/{order_no}")
        await page.get_by_role("link", name="Change the note").click()
        await page.fill("textarea", "Ring twice.\nThank you")
        await page.get_by_role("button", name="Continue").click()
        await page.get_by_role("button", name="Save note").click()
        await page.get_by_text("Ring twice.").wait_for()
    finally:
        await live.sandbox("DELETE", "/faults")


async def test_a_customer_changes_quantities_before_paying(live: StackRun, browser: Browser) -> None:
    customer = Customer()
    order_no = await driver.place(live, customer.basket(await driver.stocked(live, 10), quantity=3, token=None))
    await live.reaches(order_no, "pending_payment")
    page = await visiting(live, browser, customer)
    await page.goto(f"/portal/orders/{order_no}")
    await page.get_by_role("link", name="Change quantities").click()
    await page.get_by_label("Tea").fill("1")
    await page.get_by_role("button", name="Continue").click()
    text = await page.locator(".means").inner_text()
    assert "¥10.00 instead of ¥30.00" in text and "You pay ¥10.00" in text and "back on sale: 2" in text
    await page.get_by_role("button", name="Change the quantities").click()
    await page.wait_for_url(f"**/portal/orders/{order_no}")
    await page.get_by_role("link", name="Change the address").click()
    await page.get_by_label("Street and number").fill("Another Road 9")
    await page.get_by_role("button", name="Continue").click()
    assert "Another Road 9" in await page.locator(".means").inner_text()
    await page.get_by_role("button", name="Change the address").click()
    await page.wait_for_url(f"**/portal/orders/{order_no}")
    await page.get_by_text("Another Road 9").wait_for()
    assert (await live.order(order_no))["total_minor"] == 1000


async def test_a_customer_signs_in_by_the_code_that_they_are_sent(live: StackRun, browser: Browser) -> None:
    customer = Customer()
    order_no = await driver.place(live, customer.basket(await driver.stocked(live, 10)))
    page = await page_for(live, browser)
    await page.goto(f"/portal/orders/{order_no}")
    await page.get_by_label("E-mail, telephone or order number").fill(order_no.lower())
    await page.get_by_role("button", name="Send me a code").click()
    await page.get_by_label("Six digits").wait_for()
    code, _ = await code_and_link(live, customer.email)
    await page.get_by_label("Six digits").fill("000000" if code != "000000" else "000001")
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_text("Tries left: 4").wait_for()
    await page.get_by_label("Six digits").fill(code)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(f"**/portal/orders/{order_no}")
    logs = "".join(file.read_text() for file in (live.data_dir / "logs").glob("*.log"))
    assert "token=" not in logs and code not in logs and customer.email not in logs


async def test_a_customer_signs_in_by_the_link_on_their_telephone(live: StackRun, browser: Browser) -> None:
    customer = Customer()
    order_no = await driver.place(live, customer.basket(await driver.stocked(live, 10)))
    other_browser = await page_for(live, browser, viewport=STAFF)
    await other_browser.goto("/portal")
    await other_browser.get_by_label("E-mail, telephone or order number").fill(customer.email)
    await other_browser.get_by_role("button", name="Send me a code").click()
    await other_browser.get_by_label("Six digits").wait_for()
    code, link = await code_and_link(live, customer.email)
    page = await page_for(live, browser, locale="zh-CN")
    for _ in range(2):  # looking uses nothing up
        await page.goto(link)
    await page.get_by_role("button", name="查看我的订单").click()
    await page.get_by_text(order_no).wait_for()
    await other_browser.get_by_label("Six digits").fill(code)
    await other_browser.get_by_role("button", name="Sign in").click()
    await other_browser.get_by_text("The code was used already").wait_for()


async def test_a_customer_sends_a_piece_back_and_gets_the_money(live: StackRun, browser: Browser) -> None:
    customer = Customer()
    sku = await driver.stocked(live, 10)
    order_no = await delivered_order(live, customer, sku, 2)
    page = await visiting(live, browser, customer)
    await page.goto(f"/portal/orders/{order_no}")
    await page.get_by_role("link", name="Start a return").click()
    await page.get_by_role("button", name="Continue").click()
    await page.get_by_text("Please select items").wait_for()
    await page.get_by_label("Tea").select_option("1")
    await page.get_by_label("Return reason").select_option("does_not_fit")
    await page.get_by_label("Comment (optional)").fill("too small <b>")
    await page.get_by_role("button", name="Continue").click()
    text = await page.locator(".means").inner_text()
    assert "1 × Tea" in text and "refund of ¥10.00" in text and "approved at once" in text
    grave = await fine(page)
    await page.get_by_role("button", name="Submit return").click()
    await page.wait_for_url("**/returns/rt_*")
    await page.get_by_role("heading", name="Approved: please send it").wait_for()
    async with page.expect_download() as caught:
        await page.get_by_role("link", name="Download the label").click()  # once it is there, automatically
    assert (await caught.value).suggested_filename.startswith("rt_")
    grave += await fine(page)
    return_id = page.url.rpartition("/")[2]
    lines = {"lines": [{"sku": sku, "quantity": 1, "condition": "as_new"}]}
    for verb in ("receive", "inspect"):
        (await driver.post(live, f"/v1/returns/{return_id}/{verb}", lines, "warehouse")).raise_for_status()

    async def over() -> bool:
        rows = await live.sql("SELECT status FROM returns WHERE return_id = %(r)s", r=return_id)
        return bool(rows[0]["status"] == "completed")

    await until(over, "the return is completed")
    await page.reload()  # the label's link has the focus: what somebody is at is not replaced meanwhile
    await page.get_by_role("heading", name="Completed").wait_for()
    await page.get_by_text("¥10.00, returned to you").wait_for()
    await page.get_by_role("link", name=f"Order {order_no}").click()
    await page.get_by_text("Refund for a return").wait_for()
    refunds = [p["amount_minor"] for p in await live.items("/payments", order_no=order_no) if p["kind"] == "refund"]
    assert refunds == [1000] and not grave, grave


async def test_a_customer_says_by_whom_they_sent_it_or_keeps_it(live: StackRun, browser: Browser) -> None:
    customer = Customer()
    order_no = await delivered_order(live, customer, await driver.stocked(live, 10), 2)
    page = await visiting(live, browser, customer, locale="zh-CN", java_script_enabled=False)
    for name, done in (("我已寄出", "退货运输中"), ("确认取消退货", "退货已取消")):
        await page.goto(f"/portal/orders/{order_no}/return")
        await page.get_by_label("Tea").select_option("1")
        await page.get_by_label("退货原因").select_option("other")
        await page.get_by_role("button", name="下一步").click()
        await page.get_by_role("button", name="提交退货申请").click()
        if name == "我已寄出":
            await page.get_by_label("快递公司").fill("SF")
            await page.get_by_label("运单号").fill("SF1234567890")
        else:
            await page.get_by_role("link", name="取消退货").click()
        await page.get_by_role("button", name=name).click()
        await page.get_by_role("heading", name=done).wait_for()


@pytest.mark.parametrize("choice", ["Send it again", "Refund my order"])
async def test_a_customer_chooses_what_becomes_of_a_lost_parcel(
    live: StackRun,
    browser: Browser,
    choice: str,
) -> None:
    customer = Customer()
    order_no = await driver.place(live, customer.basket(await driver.stocked(live, 10), quantity=2))
    await live.reaches(order_no, "preparing")
    (parcel,) = await live.items("/shipments", order_no=order_no)
    for status in ("picked_up", "lost"):
        await live.sandbox("POST", f"/shipments/{parcel['id']}/advance", json={"status": status})
    page = await visiting(live, browser, customer)
    await page.goto(f"/portal/orders/{order_no}")
    await page.get_by_text("We can send it again or refund it").wait_for()  # automatically
    await page.get_by_role("link", name="Choose what happens now").click()
    text = await page.locator("main").inner_text()
    assert "refund of ¥20.00" in text and "You pay nothing more" in text
    grave = await fine(page)
    await page.get_by_role("button", name=choice).click()
    await page.wait_for_url(f"**/portal/orders/{order_no}")
    if choice == "Send it again":

        async def two() -> bool:
            return len(await live.items("/shipments", order_no=order_no)) == 2

        await until(two, "a second parcel is booked")
    else:
        await live.reaches(order_no, "cancelled")
    await page.reload()
    assert not await page.get_by_role("link", name="Choose what happens now").count()
    assert not grave, grave


async def test_a_customer_exchanges_a_piece(live: StackRun, browser: Browser) -> None:
    customer = Customer()
    sku = await driver.stocked(live, 10)
    order_no = await delivered_order(live, customer, sku, 2)
    page = await visiting(live, browser, customer)
    await page.goto(f"/portal/orders/{order_no}/return")
    await page.get_by_label("Tea").select_option("1")
    await page.get_by_label("Return reason").select_option("other")
    await page.get_by_label("Exchange for the same item", exact=True).check()
    await page.get_by_role("button", name="Continue").click()
    assert "the same items new, worth ¥10.00" in await page.locator(".means").inner_text()
    await page.get_by_role("button", name="Submit return").click()
    await page.wait_for_url("**/returns/rt_*")
    lines = {"lines": [{"sku": sku, "quantity": 1, "condition": "as_new"}]}
    for verb in ("receive", "inspect"):
        path = f"/v1/returns/{page.url.rpartition('/')[2]}/{verb}"
        (await driver.post(live, path, lines, "warehouse")).raise_for_status()
    await page.get_by_text("The new goods are order").wait_for()  # automatically
    await page.locator(".alert a.no").click()
    await page.get_by_text("Exchange for goods from order").wait_for()
    assert order_no in await page.locator(".alert a.no").inner_text()


async def test_a_customer_gets_the_new_piece_first_against_a_guarantee(live: StackRun, browser: Browser) -> None:
    customer = Customer()
    order_no = await delivered_order(live, customer, await driver.stocked(live, 10), 2)
    page = await visiting(live, browser, customer, locale="zh-CN")
    await page.goto(f"/portal/orders/{order_no}/return")
    await page.get_by_label("Tea").select_option("1")
    assert not await page.get_by_label("预授权支付方式").is_visible()
    await page.get_by_label("退货原因").select_option("other")
    await page.get_by_label("换货（先发新品）").check()
    await page.get_by_label("预授权支付方式").select_option("tok_ok")
    await page.get_by_role("button", name="下一步").click()
    assert "银行卡上预授权 ¥10.00" in await page.locator(".means").inner_text()
    await page.get_by_role("button", name="提交退货申请").click()
    await page.get_by_text("换货订单").wait_for()  # automatically, before anything is back
    await page.get_by_text("¥10.00，已预授权").wait_for()
    await page.get_by_role("link", name="取消退货").click()
    assert "银行卡上预授权的 ¥10.00 将被扣款" in await page.locator(".means").inner_text()
    await page.get_by_role("button", name="确认取消退货").click()
    await page.get_by_text("¥10.00，已扣款").wait_for()  # automatically
    assert not await fine(page)


async def test_a_customer_keeps_the_invoice_and_the_credit_note(live: StackRun, browser: Browser) -> None:
    customer = Customer()
    order_no = await driver.place(live, customer.basket(await driver.stocked(live, 10)))
    await live.reaches(order_no, "preparing")
    page = await visiting(live, browser, customer, locale="zh-CN")
    await page.goto(f"/portal/orders/{order_no}")
    await page.get_by_role("link", name="发票与红字发票").click()
    await page.get_by_role("button", name="开具发票").click()
    async with page.expect_download() as caught:
        await page.get_by_role("link", name="下载 PDF").click()
    pdf = pypdfium2.PdfDocument(await (await caught.value).path())
    assert order_no in pdf[0].get_textpage().get_text_bounded()
    await page.goto(f"/portal/orders/{order_no}/cancel")
    await page.select_option("select[name=reason]", "other")
    await page.get_by_role("button", name="确认取消订单").click()
    await live.reaches(order_no, "cancelled")
    await page.goto(f"/portal/orders/{order_no}/documents")
    await page.get_by_role("button", name="开具红字发票").click()
    await page.get_by_role("heading", name="红字发票 CN").wait_for()
    assert not await fine(page)


async def test_a_customer_says_how_it_was_and_reads_the_answer(live: StackRun, browser: Browser) -> None:
    customer = Customer()
    order_no = await delivered_order(live, customer, await driver.stocked(live, 10))
    page = await visiting(live, browser, customer)
    await page.goto(f"/portal/orders/{order_no}")
    await page.get_by_role("link", name="Give feedback").click()
    await page.get_by_label("2 – poor").check()
    await page.get_by_label("A complaint that needs an answer").check()
    await page.get_by_label("Comment (optional)").fill("<script>alert(1)</script>\nlate")
    grave = await fine(page)
    await page.get_by_role("button", name="Send").click()
    await page.get_by_text("<script>alert(1)</script>").wait_for()
    async with live.client("support") as http:
        (given,) = (await http.get(f"/v1/orders/{order_no}/feedback")).json()["items"]
    answer = f"/v1/feedback/{given['feedback_id']}/answer"
    (await driver.post(live, answer, {"text": "We are sorry."})).raise_for_status()
    await page.reload()
    await page.get_by_text("We are sorry.").wait_for()
    grave += await fine(page)
    assert given["kind"] == "complaint" and not grave, grave


async def fine(page: Page) -> list[str]:
    """Fits the screen, and what axe-core finds grave."""
    await fits(page)
    return await found_by_axe(page, page.url)


async def test_without_scripts_everything_works(live: StackRun, browser: Browser) -> None:
    customer = Customer()
    order_no = await driver.place(live, customer.basket(await driver.stocked(live, 10)))
    await live.reaches(order_no, "preparing")
    page = await visiting(live, browser, customer, java_script_enabled=False)
    await page.goto(f"/portal/orders/{order_no}")
    await page.get_by_role("link", name="Cancel the order").click()
    await page.get_by_role("button", name="Cancel the order").click()
    await page.get_by_text("Choose a reason.").wait_for()
    await page.select_option("select[name=reason]", "other")
    await page.get_by_role("button", name="Cancel the order").click()
    await live.reaches(order_no, "cancelled")
    await page.get_by_role("link", name="My orders").first.click()
    await page.get_by_text("Cancelled", exact=True).wait_for()
    await page.locator(".account > summary").click()
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url("**/portal/sign-in")


@pytest.mark.parametrize("viewport", [PHONE, STAFF])
async def test_no_page_keeps_anybody_out(
    live: StackRun,
    browser: Browser,
    viewport: dict[str, int],
) -> None:
    """axe-core finds nothing serious, nothing is wider than the screen, and what is touched is large enough."""
    found = found_day_and_night if viewport == PHONE else found_by_axe
    customer = Customer()
    sku = await driver.stocked(live, 10)
    going = await driver.place(live, customer.basket(sku, note="ring twice"))
    unpaid = await driver.place(live, customer.basket(sku, token=None))
    await live.reaches(going, "preparing")
    await live.reaches(unpaid, "pending_payment")
    grave: list[str] = []
    page = await page_for(live, browser, viewport=viewport)
    for path in ("sign-in", "enter?token=x", "enter", "nothing"):
        await page.goto(f"/portal/{path}")
        await fits(page)
        grave += await found(page, path)
    await page.goto("/portal/sign-in")
    await page.fill("input[name=contact]", customer.email)
    await page.get_by_role("button").click()
    await page.wait_for_url("**/portal/code")
    grave += await found(page, "code")
    await page.fill("input[name=code]", "12 34")
    await page.get_by_role("button").click()
    await page.locator(".invalid-feedback").wait_for()
    await fits(page)
    grave += await found(page, "refused code")
    page = await visiting(live, browser, customer, viewport=viewport)
    of_going = [
        f"/orders/{going}{page}" for page in ("", "/cancel", "/change/note", "/documents", "/feedback", "/return")
    ]
    of_unpaid = [
        f"/orders/{unpaid}{page}" for page in ("", "/pay", "/change/address", "/change/lines", "/change/delivery_slot")
    ]
    for path in ("", *of_going, *of_unpaid):
        await page.goto(f"/portal{path}")
        await fits(page)
        grave += await found(page, path)
    assert not grave, "\n".join(grave)
