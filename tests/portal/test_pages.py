"""The portal's pages in a customer's requests against real books."""

import json
import re
from pathlib import Path

import pytest

from api.pages.rendering import STATIC
from api.portal import i18n
from api.portal.orders.detail import charges, merged, steps
from api.portal.orders.headline import headline
from domain.after_sales.returns import Condition, Reason, Resolution, ReturnDue, ReturnStatus
from domain.documents import DocumentKind
from domain.feedback import FeedbackKind
from domain.orders.status import Status
from domain.payments.refunds import Origin, RefundStatus
from infra.db.messaging import outbox
from tests.api.conftest import ApiClient, an_order
from tests.api.notifications.test_notifications import tried
from tests.portal.conftest import Browser, a_customer, placed, signed_in

TEMPLATES = Path(i18n.__file__).with_name("templates")
SCRIPT = "<script>alert('hi')</script>"


def hidden(html: str, name: str) -> str:
    return re.findall(rf'name="{name}" value="([^"]*)"', html)[0]


async def test_the_list_shows_every_order_of_the_contact_once(shop: ApiClient) -> None:
    """Also those that the same person placed under another customer's id; the newest first, in pages."""
    one = a_customer()
    other = a_customer(email=one["email"], phone=None)
    made = [await placed(shop, customer) for customer in (one, other) for _ in range(11)]
    browser = await signed_in(shop, one)
    first = await browser.get("")
    assert "Green tea × 2" in first.text and "We have your order" in first.text and "¥85.00" in first.text
    older = re.findall(r'href="/portal\?(cursor=[^"]+)"', first.text)[0]
    second = await browser.http.get(f"/portal?{older}")
    found = [re.findall(r'href="/portal/orders/([^"/]+)"', page.text) for page in (first, second)]
    assert [len(page) for page in found] == [20, 2]
    assert found[0] + found[1] == made[::-1]


async def test_nobody_sees_anothers_orders(shop: ApiClient) -> None:
    mine, theirs = a_customer(), a_customer()
    await placed(shop, mine)
    order_no = await placed(shop, theirs)
    browser = await signed_in(shop, mine)
    assert order_no not in (await browser.get("")).text
    for path in (f"/orders/{order_no}", f"/orders/{order_no}/cancel", "/orders/none", "/orders/" + "9" * 400):
        answer = await browser.get(path)
        assert (
            answer.status_code == 404 and "no such order of yours" in answer.text and theirs["name"] not in answer.text
        )
    refused = await browser.post(f"/orders/{order_no}/cancel", reason="other")
    assert refused.status_code == 404
    assert not await shop.sql("SELECT 1 FROM orders WHERE order_no = %s AND cancelling IS NOT NULL", order_no)


async def test_a_telephone_opens_its_orders_and_no_others(shop: ApiClient) -> None:
    by_phone = a_customer(email=None)
    both = a_customer(phone=by_phone["phone"])
    numbers = [await placed(shop, by_phone), await placed(shop, both)]
    browser = await signed_in(shop, by_phone)
    text = (await browser.get("")).text
    assert all(number in text for number in numbers)
    by_mail = await signed_in(shop, both)
    assert numbers[0] not in (await by_mail.get("")).text and (await by_mail.get(f"/orders/{numbers[1]}")).is_success


async def test_the_order_says_where_it_is_in_plain_words(shop: ApiClient) -> None:
    customer = a_customer()
    order_no = await placed(shop, customer, note=SCRIPT)
    browser = await signed_in(shop, customer)
    page = await browser.get(f"/orders/{order_no}")
    assert page.status_code == 200
    for words_there in (
        "setting your goods aside",
        "Green tea × 2",
        "¥85.00",
        "Made-up Road 1",
        "You placed the order",
    ):
        assert words_there in page.text
    assert SCRIPT not in page.text and "&lt;script&gt;" in page.text
    assert "temporal" not in page.text.lower() and "sandbox" not in page.text
    live = await browser.http.get(f"/portal/orders/{order_no}", headers={"X-Live": "1"})
    assert live.status_code == 200 and "<html" not in live.text


async def test_the_preview_says_what_comes_back_and_changes_nothing(shop: ApiClient) -> None:
    customer = a_customer()
    order_no = await placed(shop, customer)
    browser = await signed_in(shop, customer)
    assert "Cancel the order" in (await browser.get(f"/orders/{order_no}")).text
    before = await shop.row_counts()
    preview = await browser.get(f"/orders/{order_no}/cancel")
    assert preview.status_code == 200 and "Nothing was charged" in preview.text
    assert await shop.row_counts() == before


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"csrf": "0" * 32, "reason": "other"}, 403, "form_expired"),
        ({"reason": "other"}, 503, "workflow_unavailable"),
    ],
)
async def test_a_cancel_that_is_refused_says_what_else_is_possible(
    shop: ApiClient, fields: dict[str, str], status: int, code: str
) -> None:
    customer = a_customer()
    order_no = await placed(shop, customer)
    for lang, word in (("en", "again"), ("zh", "请")):
        browser = await signed_in(shop, customer, lang)
        answer = await browser.post(f"/orders/{order_no}/cancel", **fields)
        assert (answer.status_code, code in answer.text) == (status, True), answer.text
        assert f'href="/portal/orders/{order_no}"' in answer.text
        if code == "workflow_unavailable":
            assert word in answer.text and answer.headers["retry-after"]


@pytest.mark.parametrize(("lang", "words"), [("en", "Choose a reason."), ("zh", "请选择原因。")])
@pytest.mark.parametrize("reason", ["", SCRIPT])
async def test_a_missing_reason_is_said_at_its_field_and_what_was_typed_stays(
    shop: ApiClient, lang: str, words: str, reason: str
) -> None:
    customer = a_customer()
    order_no = await placed(shop, customer)
    browser = await signed_in(shop, customer, lang)
    form = (await browser.get(f"/orders/{order_no}/cancel")).text
    assert re.findall(r'value="([^"]*)" selected', form) == [""], "a preselected reason is no reason"
    answer = await browser.post(f"/orders/{order_no}/cancel", reason=reason, more="too <b>late</b>")
    assert answer.status_code == 422 and words in answer.text and 'id="f-reason-error"' in answer.text
    assert 'value="too &lt;b&gt;late&lt;/b&gt;"' in answer.text and SCRIPT not in answer.text


async def test_times_are_of_the_place_that_the_order_goes_to(shop: ApiClient) -> None:
    """In the list and on the page, each order's own; the list opens no address for it."""
    customer = a_customer()
    ohio = {**an_order()["ship_to"], "country": "US", "province": "Ohio", "city": "Columbus", "postcode": "43004"}
    order_no, home = await placed(shop, customer, ship_to=ohio), await placed(shop, customer)
    browser = await signed_in(shop, customer)
    listed, page = (await browser.get("")).text, (await browser.get(f"/orders/{order_no}")).text
    assert "America/New_York time zone" in page and re.search(r'<time datetime="[^"]+-0[45]:00">', page)
    rows = {number: re.findall(rf'/orders/{number}".*?<time datetime="[^"]+([+-]\d\d):00"', listed, re.DOTALL)[0]
            for number in (order_no, home)}  # fmt: skip
    assert rows[order_no] in ("-04", "-05") and rows[home] == "+08"
    chinese = (await (await signed_in(shop, customer, "zh")).get(f"/orders/{order_no}")).text
    assert "America" not in chinese and "纽约" in chinese


async def test_a_customer_reads_the_messages_as_they_were_sent(shop: ApiClient) -> None:
    customer, stranger = a_customer(), a_customer()
    order_no = await placed(shop, customer)
    async with shop.app.state.services.database.begin() as conn:
        await outbox.fan_out(conn, 500)
    browser = await signed_in(shop, customer)
    assert f"/orders/{order_no}/messages" in (await browser.get(f"/orders/{order_no}")).text
    assert "No messages have been sent" in (await browser.get(f"/orders/{order_no}/messages")).text
    await tried(
        shop, order_no, None, {"subject": "We <b>have</b> it", "body": "Line 1\nLine 2", "to": "li@example.com"}
    )
    page = (await browser.get(f"/orders/{order_no}/messages")).text
    assert "We &lt;b&gt;have&lt;/b&gt; it" in page and "Line 1\nLine 2" in page and "l***@example.com" in page
    assert (await (await signed_in(shop, stranger)).get(f"/orders/{order_no}/messages")).status_code == 404


def test_more_of_a_product_is_one_line_and_a_second_parcel_has_its_steps() -> None:
    line = {"sku": "TEA", "name": "Tea", "unit_price_minor": 100, "quantity": 2, "total_minor": 200}
    more_expensive = {**line, "unit_price_minor": 120, "quantity": 1, "total_minor": 120}
    [both, other] = merged([line, {**line, "quantity": 1, "total_minor": 100}, more_expensive])
    assert (both["quantity"], both["total_minor"], other["quantity"]) == (3, 300, 1)
    happened = ["order_placed", "payment_captured", "shipment_booked", "shipment_picked_up", "parcel_replaced"]
    events = [{"type": event, "occurred_at": number} for number, event in enumerate(happened)]
    assert [step for step, _ in steps(events[:4])] == ["ordered", "paid", "packed", "sent", "delivered"]
    assert steps(events)[4:] == [("replaced", 4), ("resent", None), ("delivered", None)]


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        ("shipped", "delivery", "shipped"),
        ("shipped", "parcel_lost", "not_arrived"),
        ("shipped", "carrier", "resending"),
        ("shipped", "pickup", "resending"),
        ("preparing", "pickup", "preparing"),
        ("pending_payment", "payment", "pending_payment"),
        ("pending_payment", "on_hold", "checking"),
        ("pending_payment", "looked_into", "checking"),
        ("paid", "on_hold", "checking"),
        ("preparing", "looked_into", "preparing"),
    ],
)
def test_list_and_page_name_the_state_by_one_rule(status: str, code: str, words: str) -> None:
    assert headline({"status": status, "cancelling": None}, {"code": code}) == words
    assert headline({"status": status, "cancelling": "customer"}, {"code": code}) == "cancelling"


async def test_what_cannot_be_cancelled_has_no_button_and_a_reason(shop: ApiClient) -> None:
    customer = a_customer()
    order_no = await placed(shop, customer)
    await shop.sql(
        "INSERT INTO order_events (order_no, seq, type, from_status, to_status, actor)"
        " VALUES (%s, 2, 'order_cancelled', 'received', 'cancelled', 'system')",
        order_no,
    )
    browser = await signed_in(shop, customer, "zh")
    assert "/cancel" not in (await browser.get(f"/orders/{order_no}")).text
    refused = await browser.get(f"/orders/{order_no}/cancel")
    assert (refused.status_code, "此订单已无法取消" in refused.text) == (409, True)


async def test_pages_speak_the_browsers_language_and_are_light(shop: ApiClient) -> None:
    customer = a_customer()
    order_no = await placed(shop, customer)
    static = sum(file.stat().st_size for file in STATIC.iterdir())
    for path, english, chinese in (
        ("", "My orders", "我的订单"),
        (f"/orders/{order_no}", "Order history", "订单动态"),
        (f"/orders/{order_no}/cancel", "What happens next", "操作后会怎样"),
        ("/sign-in", "Send me a code", "发送验证码"),
        ("/enter?token=x", "Show my orders", "查看我的订单"),
        ("/nothing", "Page not found", "未找到页面"),
    ):
        for lang, there, other in (("en-GB,en;q=0.8", english, chinese), ("zh-CN,zh;q=0.9", chinese, english)):
            page = await (await signed_in(shop, customer, lang)).get(path)
            assert there in page.text and other not in page.text, path
            assert len(page.content) + static < 150_000


async def test_the_language_can_be_switched(shop: ApiClient) -> None:
    browser: Browser = await signed_in(shop, a_customer())
    chosen = await browser.http.get("/portal/language/zh", headers={"referer": "http://front.door/portal/sign-in"})
    assert chosen.headers["location"] == "/portal/sign-in"
    assert "发送验证码" in (await browser.get("/sign-in")).text
    assert (await browser.get("/language/xx")).status_code == 404


async def test_pages_are_kept_by_nobody_and_bring_nothing_from_elsewhere(shop: ApiClient) -> None:
    browser = await signed_in(shop, a_customer())
    for path in ("", "/sign-in", "/orders/none"):
        headers = (await browser.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "same-origin")
    for file in [*TEMPLATES.glob("*.html"), *STATIC.iterdir()]:
        assert not re.search(r"https?://|\bstyle=|\bon\w+=\"|<script>", file.read_text(encoding="utf-8")), file.name
    assert (await browser.get("/static/portal.css")).status_code == 200


def test_every_word_is_there_in_both_languages() -> None:
    known = i18n.WORDS.catalogue()
    assert all(english.strip() and chinese.strip() for english, chinese in known.values())
    for file in TEMPLATES.glob("*.html"):
        for key in re.findall(r"\b(?:t|sentence)\('([^']+)'[,)]", file.read_text(encoding="utf-8")):
            assert key in known, f"{file.name}: {key}"
    for english, chinese in known.values():
        assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", chinese)), english


def test_every_status_and_wait_has_a_customers_words() -> None:
    wanted = {f"state.{status}" for status in Status}
    wanted |= {f"return.status.{one}" for one in ReturnStatus} | {f"return.reason.{one}" for one in Reason}
    wanted |= {f"return.next.{one}" for one in ReturnDue if one is not ReturnDue.REMIND}
    wanted |= {f"return.{name}.{one}" for one in Resolution for name in ("resolution", "means")}
    wanted |= {f"return.condition.{one}" for one in Condition} | {f"feedback.kind.{one}" for one in FeedbackKind}
    wanted |= {f"refund_is.{one}" for one in RefundStatus} | {f"refund_for.{one}" for one in Origin}
    wanted |= {f"documents.{one}" for one in DocumentKind}
    missing = sorted(key for key in wanted if not i18n.own(key))
    assert not missing, json.dumps(missing)


async def test_paying_is_refused_in_words(shop: ApiClient) -> None:
    customer = a_customer()
    order_no = await placed(shop, customer, payment=None)
    browser = await signed_in(shop, customer)
    form = await browser.get(f"/orders/{order_no}/pay")
    assert form.status_code == 200 and "You pay <span" in form.text and "¥85.00" in form.text
    for fields, status, code in (
        ({"by": "tok_ok", "csrf": "0" * 32}, 403, "form_expired"),
        ({"by": ""}, 422, "validation_failed"),
        ({"by": "a\nb"}, 422, "invalid_text"),
        ({"by": "tok_ok"}, 503, "workflow_unavailable"),
    ):
        answer = await browser.post(f"/orders/{order_no}/pay", **fields)
        assert (answer.status_code, code in answer.text) == (status, True), answer.text
    await shop.sql("UPDATE orders SET cancelling = 'customer_request' WHERE order_no = %s", order_no)
    over = await browser.get(f"/orders/{order_no}/pay")
    assert (over.status_code, "This order is over" in over.text) == (409, True)


@pytest.mark.parametrize(
    ("order", "body"),
    [
        ({}, []),
        ({"total_minor": 950, "discount_minor": 100, "shipping_minor": 50}, [("discount", -100), ("shipping", 50)]),
        ({"total_minor": 1060, "tax_minor": 60}, [("tax", 60)]),
        ({"tax_minor": 60}, []),  # within the prices
        ({"total_minor": 900, "discount_minor": 300}, [("charges", -100)]),  # lines were taken off after paying
    ],
)
def test_what_lies_between_goods_and_total_adds_up(order: dict[str, int], body: list[tuple[str, int]]) -> None:
    plain = {"lines": [{"total_minor": 1_000}], "total_minor": 1_000, "discount_minor": 0, "shipping_minor": 0}
    assert charges(plain | {"tax_minor": 0} | order) == body
