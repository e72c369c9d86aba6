"""Returns from the portal: previewed in words, asked for once, followed, called off; and what is refused."""

import re
from typing import Any

import pytest

from tests.api.after_sales.test_lines import at_home as at_home_in_two_lines
from tests.api.conftest import ApiClient
from tests.factories.returns import delivered, found
from tests.portal.conftest import Browser, a_customer, placed, signed_in
from tests.portal.orders.test_changes import SCRIPT, hidden

FORM = {"reason_code": "changed_mind", "reason": "", "resolution": "refund"}


def plain(html: str) -> str:
    return re.sub(r"</?span[^>]*>", "", html)


async def at_home(shop: ApiClient, lang: str = "en", **options: Any) -> tuple[Browser, str]:
    customer = a_customer()
    order_no = await delivered(shop, customer=customer, **options)
    return await signed_in(shop, customer, lang), order_no


async def request_return(browser: Browser, order_no: str, pieces: int = 1, **changed: str) -> str:
    """A return that was previewed, then asked for; the path of its page."""
    form = FORM | {"pieces.TEA-1": str(pieces)} | changed
    preview = await browser.post(f"/orders/{order_no}/return", **form)
    assert preview.status_code == 200, preview.text
    sent = [await browser.post(f"/orders/{order_no}/return/do", **hidden(preview.text)) for _ in range(2)]
    assert [answer.status_code for answer in sent] == [303, 303]
    assert sent[0].headers["location"] == sent[1].headers["location"]
    return sent[0].headers["location"].removeprefix("/portal")


async def test_the_preview_says_what_comes_back_and_changes_nothing(shop: ApiClient) -> None:
    browser, order_no = await at_home(shop)
    page = (await browser.get(f"/orders/{order_no}/return")).text
    assert "Green tea" in page and page.count('<option value="2"') == 1 and '<option value="3"' not in page
    before = await shop.row_counts()
    preview = await browser.post(f"/orders/{order_no}/return", **FORM, **{"pieces.TEA-1": "1"})
    for text in ("1 × Green tea", "You get a refund of ¥42.50", "approved at once", "you have 14 days"):
        assert text in plain(preview.text), text
    assert await shop.row_counts() == before


async def test_a_return_is_followed_to_its_end(shop: ApiClient) -> None:
    browser, order_no = await at_home(shop)
    path = await request_return(browser, order_no, reason=SCRIPT)
    page = await browser.get(path)
    assert "Approved: please send it" in page.text and "expires" in page.text
    assert SCRIPT not in page.text and "&lt;script&gt;" in page.text
    assert path in (await browser.get(f"/orders/{order_no}")).text
    assert (await browser.get(f"{path}/label")).status_code == 404
    return_id, warehouse = path.rpartition("/")[2], shop.as_("warehouse", "wu")
    for verb in ("receive", "inspect"):
        assert (await warehouse.post(f"/v1/returns/{return_id}/{verb}", found("damaged"))).is_success
    page = plain((await browser.get(path)).text)
    assert "Inspected" in page and "damaged: 1" in page and "on its way back to you" in page
    order = plain((await browser.get(f"/orders/{order_no}")).text)
    assert "Refund for a return: ¥42.50" in order and "Being refunded" in order


async def test_it_may_be_sent_by_ones_own_carrier_or_called_off(shop: ApiClient) -> None:
    browser, order_no = await at_home(shop, "zh")
    first = await request_return(browser, order_no)
    page = await browser.get(first)
    sent = await browser.post(f"{first}/sent", carrier="SF", tracking_no="SF123", key=hidden(page.text)["key"])
    assert sent.status_code == 303 and "退货运输中" in (await browser.get(first)).text
    second = await request_return(browser, order_no)
    preview = await browser.get(f"{second}/keep")
    assert "商品归您保留" in preview.text
    assert (await browser.post(f"{second}/keep", **hidden(preview.text))).status_code == 303
    assert "退货已取消" in (await browser.get(second)).text
    late = await browser.post(f"{second}/sent", carrier="SF", tracking_no="SF123")
    assert (late.status_code, "退货已结束" in late.text) == (409, True), late.text


@pytest.mark.parametrize(
    ("form", "status", "text"),
    [
        ({"pieces.TEA-1": "0"}, 422, "select items"),
        ({}, 422, "select items"),
        ({"pieces.TEA-1": "x"}, 422, "whole number"),
        ({"pieces.TEA-1": "3"}, 409, "more than was delivered"),
        ({"pieces.OTHER": "1"}, 422, "no such item"),
        ({"pieces.TEA-1": "1", "resolution": "gold"}, 422, "does not fit"),
        ({"pieces.TEA-1": "1", "reason_code": "bored"}, 422, "does not fit"),
        ({"pieces.TEA-1": "1", "reason": "x" * 501}, 422, "does not fit"),
        ({"pieces.TEA-1": "1", "reason": "a\x07"}, 422, "cannot be kept"),
        ({"pieces.TEA-1": "1", "csrf": "0" * 32}, 403, "too old"),
    ],
)
async def test_what_does_not_fit_is_refused_in_words(
    shop: ApiClient, form: dict[str, str], status: int, text: str
) -> None:
    browser, order_no = await at_home(shop)
    for path in ("", "/do"):
        answer = await browser.post(f"/orders/{order_no}/return{path}", **(FORM | form))
        assert answer.status_code == status and text in answer.text, (path, answer.status_code, answer.text)
    assert not await shop.sql("SELECT 1 FROM returns WHERE order_no = %s", order_no)


async def test_too_late_and_too_early_say_what_else_is_possible(shop: ApiClient) -> None:
    browser, order_no = await at_home(shop, window_s=-1)
    late = await browser.post(f"/orders/{order_no}/return", **FORM, **{"pieces.TEA-1": "1"})
    assert (late.status_code, "time for returns is over" in late.text) == (409, True)
    customer = a_customer()
    early_no = await placed(shop, customer)
    early = await signed_in(shop, customer)
    assert "/return" not in (await early.get(f"/orders/{early_no}")).text
    refused = await early.post(f"/orders/{early_no}/return", **FORM, **{"pieces.TEA-1": "1"})
    assert (refused.status_code, "you can cancel the order" in refused.text) == (409, True)


async def test_nobody_sees_or_moves_anothers_return(shop: ApiClient) -> None:
    mine, order_no = await at_home(shop)
    path = await request_return(mine, order_no)
    other, others_no = await at_home(shop)
    elsewhere = path.replace(order_no, others_no)  # the caller's order, another's return
    for where in (path, elsewhere):
        for get in ("", "/label", "/keep"):
            assert (await other.get(f"{where}{get}")).status_code == 404, get
        for post in ("/keep", "/sent"):
            assert (await other.post(f"{where}{post}", carrier="SF", tracking_no="1")).status_code == 404, post
    for strange in ("x" * 70, "rt_é", "rt_none"):
        assert (await mine.get(f"/orders/{order_no}/returns/{strange}")).status_code == 404
    assert "Approved" in (await mine.get(path)).text


async def test_each_line_of_a_sku_is_sent_back_separately(shop: ApiClient) -> None:
    customer = a_customer()
    order_no = await at_home_in_two_lines(shop, customer=customer)
    browser = await signed_in(shop, customer)
    page = plain((await browser.get(f"/orders/{order_no}/return")).text)
    assert "line 1 · ¥10.00" in page and "line 2 · ¥8.00" in page
    preview = await browser.post(f"/orders/{order_no}/return", **FORM, **{"pieces_of_line.2": "1"})
    assert "You get a refund of ¥8.00" in plain(preview.text), preview.text
    done = await browser.post(f"/orders/{order_no}/return/do", **hidden(preview.text))
    assert done.status_code == 303
    rows = await shop.sql("SELECT line_no, quantity FROM return_lines WHERE order_no = %s", order_no)
    assert rows == [{"line_no": 2, "quantity": 1}]
