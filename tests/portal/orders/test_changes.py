"""Changing an order from the portal: previewed in words, done once, refused with what else is possible."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest

from tests.api.after_sales.test_lines import LINES
from tests.api.conftest import ApiClient, an_order, unique
from tests.factories.order_changes import paid, parcel, reserved, stocked
from tests.factories.order_changes import placed as made
from tests.portal.conftest import Browser, a_customer, signed_in

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
async def sku(shop: ApiClient) -> str:
    return await stocked(shop)


def hidden(html: str) -> dict[str, str]:
    """The hidden fields of a page's last form."""
    form = html.rpartition('<form class="stack')[2]
    found = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form)
    return {unescape(name): unescape(value) for name, value in found}


async def opened(shop: ApiClient, sku: str, lang: str = "en", **changed: Any) -> tuple[Browser, str]:
    customer = a_customer()
    order_no = await made(shop, sku, customer=customer, **changed)
    return await signed_in(shop, customer, lang), order_no


async def form_of(browser: Browser, order_no: str, what: str) -> dict[str, str]:
    page = await browser.get(f"/orders/{order_no}/change/{what}")
    assert page.status_code == 200, page.text
    return hidden(page.text)


async def test_fewer_pieces_after_paying_say_the_exact_refund_and_do_it_once(shop: ApiClient, sku: str) -> None:
    browser, order_no = await opened(shop, sku, quantity=3)
    await reserved(shop, order_no)
    await paid(shop, order_no)
    fields = await form_of(browser, order_no, "lines")
    before = await shop.row_counts()
    preview = await browser.post(f"/orders/{order_no}/change/lines", **fields, **{f"pieces.{sku}": "1"})
    assert preview.status_code == 200
    (price,) = await shop.sql("SELECT unit_price_minor AS p FROM order_lines WHERE order_no = %s", order_no)
    for text in (": 1 instead of 3.", f"¥{2 * price['p'] / 100:,.2f}", "back on sale: 2"):
        assert text in re.sub(r"</?span[^>]*>", "", preview.text), text
    assert await shop.row_counts() == before
    for _ in range(2):  # the button pressed twice
        done = await browser.post(f"/orders/{order_no}/change/lines/do", **hidden(preview.text))
        assert (done.status_code, done.headers["location"]) == (303, f"/portal/orders/{order_no}")
    refunds = await shop.sql("SELECT amount_minor, asked_by FROM refunds WHERE order_no = %s", order_no)
    (order,) = await shop.sql("SELECT customer_id FROM orders WHERE order_no = %s", order_no)
    assert refunds == [{"amount_minor": 2 * price["p"], "asked_by": f"customer:{order['customer_id']}"}]


async def test_the_address_and_the_note(shop: ApiClient, sku: str) -> None:
    browser, order_no = await opened(shop, sku, "zh")
    fields = await form_of(browser, order_no, "address")
    to = {**an_order()["ship_to"], "name": "韩梅梅", "line1": SCRIPT}
    preview = await browser.post(f"/orders/{order_no}/change/address", **fields, **to)
    assert "包裹将寄往：韩梅梅" in preview.text and SCRIPT not in preview.text
    assert (await browser.post(f"/orders/{order_no}/change/address/do", **hidden(preview.text))).status_code == 303
    fields = await form_of(browser, order_no, "note")
    preview = await browser.post(f"/orders/{order_no}/change/note", **fields, note=f"上午送\r\n{SCRIPT}")
    assert (await browser.post(f"/orders/{order_no}/change/note/do", **hidden(preview.text))).status_code == 303
    page = (await browser.get(f"/orders/{order_no}")).text
    assert "韩梅梅" in page and "上午送\n" in page and SCRIPT not in page and page.count("&lt;script&gt;") == 2


async def test_the_delivery_time_is_chosen_in_the_shops_zone_and_taken_away(shop: ApiClient, sku: str) -> None:
    browser, order_no = await opened(shop, sku)
    fields = await form_of(browser, order_no, "delivery_slot")
    day = datetime.now(UTC).date() + timedelta(days=3)
    wanted = {"slot_day": f"{day}", "slot_begin": "22:00", "slot_end": "01:30"}
    preview = await browser.post(f"/orders/{order_no}/change/delivery_slot", **fields, **wanted)
    assert preview.status_code == 200 and "Requested delivery time:" in preview.text
    done = await browser.post(f"/orders/{order_no}/change/delivery_slot/do", **hidden(preview.text))
    assert done.status_code == 303
    body = (await shop.get(f"/v1/orders/{order_no}")).json()["delivery_slot"]
    assert body == {"from": f"{day}T14:00:00Z", "to": f"{day}T17:30:00Z"}  # Shanghai is 8 hours ahead
    assert "Requested delivery time" in (await browser.get(f"/orders/{order_no}")).text
    form = await browser.get(f"/orders/{order_no}/change/delivery_slot")
    assert 'value="22:00"' in form.text and f'value="{day}"' in form.text
    none = dict.fromkeys(wanted, "")
    preview = await browser.post(f"/orders/{order_no}/change/delivery_slot", **hidden(form.text), **none)
    assert "at any time" in preview.text
    await browser.post(f"/orders/{order_no}/change/delivery_slot/do", **hidden(preview.text))
    assert (await shop.get(f"/v1/orders/{order_no}")).json()["delivery_slot"] is None


@pytest.mark.parametrize(
    ("what", "typed", "text"),
    [
        ("delivery_slot", {"slot_day": "2020-01-01", "slot_begin": "09:00", "slot_end": "12:00"}, "in the future"),
        ("delivery_slot", {"slot_day": "", "slot_begin": "09:00", "slot_end": "12:00"}, "Choose a day"),
        ("delivery_slot", {"slot_day": "soon", "slot_begin": "<b>", "slot_end": "12:00"}, "Choose a day"),
        ("delivery_slot", {"slot_day": "2026-12-24", "slot_begin": "09:00+08:00", "slot_end": "10:00"}, "Choose a day"),
        ("delivery_slot", {"slot_day": "9999-12-31", "slot_begin": "09:00", "slot_end": "08:00"}, "Choose a day"),
        ("address", {"city": " "}, "does not fit: City"),
        ("address", {"country": "China"}, "Country"),
        ("lines", {"pieces": "1.5"}, "whole number"),
        ("lines", {"pieces": "-1"}, "whole number"),
        ("lines", {"pieces": "0"}, "cancel the order instead"),
        ("lines", {"pieces": "3"}, "how the order is already"),
        ("note", {"note": "x" * 2001}, "too long"),
    ],
)
async def test_what_does_not_fit_is_said_above_the_form(
    shop: ApiClient, sku: str, what: str, typed: dict[str, str], text: str
) -> None:
    browser, order_no = await opened(shop, sku, quantity=3)
    fields = await form_of(browser, order_no, what)
    if what == "address":
        fields |= an_order()["ship_to"]
    fields |= {name: "" for name in ("slot_day", "slot_begin", "slot_end") if what == "delivery_slot"}
    fields |= {f"pieces.{sku}" if name == "pieces" else name: value for name, value in typed.items()}
    answer = await browser.post(f"/orders/{order_no}/change/{what}", **fields)
    assert answer.status_code == 422 and text in answer.text and 'role="alert"' in answer.text
    again = hidden(answer.text)
    assert again["seen"] == fields["seen"] and "key" not in again


async def test_a_page_that_is_older_than_the_order_changes_nothing(shop: ApiClient, sku: str) -> None:
    browser, order_no = await opened(shop, sku)
    fields = await form_of(browser, order_no, "note")
    await reserved(shop, order_no)
    for path in ("", "/do"):
        stale = await browser.post(f"/orders/{order_no}/change/note{path}", **fields, note="later", key=unique("k"))
        assert (stale.status_code, "has changed since" in stale.text) == (412, True)


async def test_too_late_has_no_button_and_says_what_else_is_possible(shop: ApiClient, sku: str) -> None:
    browser, order_no = await opened(shop, sku)
    fields = await form_of(browser, order_no, "lines")
    await reserved(shop, order_no)
    await paid(shop, order_no)
    await parcel(shop, order_no, "booked")
    page = (await browser.get(f"/orders/{order_no}")).text
    assert "/change/lines" not in page and "/change/address" not in page and "/change/note" in page
    for what in ("lines", "address", "delivery_slot"):
        late = await browser.get(f"/orders/{order_no}/change/{what}")
        assert (late.status_code, "still possible" in late.text) == (409, True)
    (order,) = await shop.sql("SELECT event_seq FROM orders WHERE order_no = %s", order_no)
    fields["seen"] = str(order["event_seq"])
    sent = await browser.post(f"/orders/{order_no}/change/lines", **fields, **{f"pieces.{sku}": "1"})
    assert (sent.status_code, "cancel the order and place a new one" in sent.text) == (409, True)


async def test_nobody_changes_anothers_order(shop: ApiClient, sku: str) -> None:
    _, order_no = await opened(shop, sku)
    other, _ = await opened(shop, sku)
    for what in ("address", "lines", "note"):
        assert (await other.get(f"/orders/{order_no}/change/{what}")).status_code == 404
        for path in (what, f"{what}/do"):
            assert (await other.post(f"/orders/{order_no}/change/{path}", note="x", seen="1")).status_code == 404
    forged = await other.post(f"/orders/{order_no}/change/note", csrf="0" * 32)
    assert forged.status_code == 403


async def test_more_pieces_after_paying_are_paid_on_the_next_page(shop: ApiClient, sku: str) -> None:
    browser, order_no = await opened(shop, sku, quantity=1)
    await reserved(shop, order_no)
    await paid(shop, order_no)
    fields = await form_of(browser, order_no, "lines")
    preview = await browser.post(f"/orders/{order_no}/change/lines", **fields, **{f"pieces.{sku}": "3"})
    (price,) = await shop.sql("SELECT unit_price_minor AS p FROM order_lines WHERE order_no = %s", order_no)
    text = re.sub(r"</?span[^>]*>", "", preview.text)
    assert f"You pay ¥{2 * price['p'] / 100:,.2f} more now" in text and '<option value="tok_ok">' in text
    for _ in range(2):  # the button pressed twice
        done = await browser.post(f"/orders/{order_no}/change/lines/do", **hidden(preview.text), token="tok_ok")
        assert done.status_code == 303, done.text
    waits = await shop.sql("SELECT amount_minor, token, status FROM change_payments WHERE order_no = %s", order_no)
    assert waits == [{"amount_minor": 2 * price["p"], "token": "tok_ok", "status": "awaiting_payment"}]
    late = await browser.get(f"/orders/{order_no}/change/lines")
    assert late.status_code == 409 and "is waiting for its payment" in late.text


async def test_each_line_of_a_sku_is_changed_separately(shop: ApiClient) -> None:
    customer = a_customer()
    body = an_order(lines=LINES, payment=None, customer=customer)
    order_no = str((await shop.as_("channel", "web").post("/v1/orders", body)).json()["order_no"])
    browser = await signed_in(shop, customer)
    page = re.sub(r"</?span[^>]*>", "", (await browser.get(f"/orders/{order_no}/change/lines")).text)
    assert "line 1 · ¥10.00" in page and "line 2 · ¥8.00" in page
    fields = await form_of(browser, order_no, "lines")
    preview = await browser.post(f"/orders/{order_no}/change/lines", **fields, **{"pieces_of_line.2": "1"})
    assert ": 1 instead of 2." in re.sub(r"</?span[^>]*>", "", preview.text), preview.text
    assert (await browser.post(f"/orders/{order_no}/change/lines/do", **hidden(preview.text))).status_code == 303
    rows = await shop.sql("SELECT quantity - cancelled_quantity AS n FROM order_lines WHERE order_no = %s", order_no)
    assert [row["n"] for row in rows] == [1, 1]
