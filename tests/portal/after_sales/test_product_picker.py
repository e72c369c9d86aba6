"""Exchanging for other goods from the portal: found by name, previewed to the cent, asked for once."""

from typing import Any

import pytest

from tests.api.conftest import ApiClient, unique
from tests.portal.after_sales.test_returns import FORM, at_home, plain, request_return
from tests.portal.orders.test_changes import SCRIPT, hidden

OTHER = FORM | {"pieces.TEA-1": "1", "resolution": "exchange_other"}


async def sold(shop: ApiClient, name: str, **changed: Any) -> str:
    """A new product; its SKU."""
    sku = unique("ALT")
    product = {"sku": sku, "name": name, "price_minor": 3_000, "currency": "CNY", "active": True} | changed
    assert (await shop.as_("operations").post("/v1/products", product)).status_code == 201
    return sku


async def test_other_goods_are_found_chosen_and_asked_for(shop: ApiClient) -> None:
    word = unique("Oolong")
    sku, expensive = await sold(shop, f"{word} cup"), await sold(shop, f"{word} pot", price_minor=9_000)
    hid = await sold(shop, f"{word} secret", active=False)
    euro = await sold(shop, f"{word} euro", currency="EUR")
    browser, order_no = await at_home(shop)
    assert "Exchange for another item" in (await browser.get(f"/orders/{order_no}/return")).text
    before = await shop.row_counts()
    page = await browser.post(f"/orders/{order_no}/return", **(OTHER | {"reason": SCRIPT}))
    assert page.status_code == 200 and "Choose other items" in page.text and SCRIPT not in page.text
    found = await browser.post(f"/orders/{order_no}/return", **hidden(page.text), step="find", q=word.lower())
    for name in (sku, expensive):
        assert f'name="new.{name}"' in found.text
    for name in (hid, euro, "TEA-1"):
        assert f'name="new.{name}"' not in found.text
    assert "¥30.00" in plain(found.text) and "sold out" in found.text
    # What was chosen stays while the customer looks for more.
    typed = {f"new.{sku}": "2", f"new.{expensive}": "0"}
    more = await browser.post(f"/orders/{order_no}/return", **hidden(found.text), **typed, step="find", q="nothing so")
    assert f'name="new.{sku}" value="2"' in more.text and "You chose" in more.text and expensive not in more.text
    preview = await browser.post(f"/orders/{order_no}/return", **hidden(more.text), **{f"new.{sku}": "2"}, step="on")
    for text in (f"2 × {word} cup, ¥30.00 each", "1 × Green tea", "pays ¥42.50", "You pay ¥17.50 more"):
        assert text in plain(preview.text), text
    assert await shop.row_counts() == before
    await shop.as_("warehouse").post("/v1/stock/receipts", {"sku": expensive, "quantity": 1, "reference": unique("r")})
    again = await browser.post(f"/orders/{order_no}/return", **hidden(page.text), step="find", q=word.lower())
    first, last = sorted((sku, expensive), key=lambda name: again.text.index(f'name="new.{name}"'))
    assert (first, last) == (expensive, sku), "what is sold out comes last"
    for _ in range(2):
        done = await browser.post(f"/orders/{order_no}/return/do", **hidden(preview.text))
        assert done.status_code == 303
    rows = await shop.sql(
        "SELECT l.sku, l.quantity FROM exchange_lines l JOIN returns r USING (return_id) WHERE r.order_no = %s",
        order_no,
    )
    assert rows == [{"sku": sku, "quantity": 2}]
    page = await browser.get(done.headers["location"].removeprefix("/portal"))
    assert f"{word} cup × 2" in page.text and "The same again" not in page.text


async def test_other_goods_may_go_out_first_against_a_guarantee(shop: ApiClient) -> None:
    sku = await sold(shop, unique("Jasmine"))
    browser, order_no = await at_home(shop, "zh")
    typed = OTHER | {f"new.{sku}": "1", "step": "on", "first": "1", "by": "tok_ok"}
    preview = await browser.post(f"/orders/{order_no}/return", **typed)
    assert "预授权成功后立即发出" in preview.text and "银行卡上预授权 ¥30.00" in plain(preview.text)
    assert (await browser.post(f"/orders/{order_no}/return/do", **hidden(preview.text))).status_code == 303
    (row,) = await shop.sql(
        "SELECT g.amount_minor FROM guarantees g JOIN returns r USING (return_id) WHERE r.order_no = %s", order_no
    )
    assert row["amount_minor"] == 3_000


@pytest.mark.parametrize(
    ("typed", "status", "text"),
    [
        ({"photographs": "x" * 201}, 422, "Items to return"),  # said where the list can be shortened
        ({"step": "on"}, 422, "at least one item"),
        ({"step": "on", "new.TEA-1": "0"}, 422, "at least one item"),
        ({"step": "on", "new.TEA-1": "-1"}, 422, "whole number"),
        ({"step": "find", "new.TEA-1": "1.5"}, 422, "whole number"),
        ({"step": "on", "new.NO-SUCH": "1"}, 422, "not sold here"),
        ({"step": "on", "new.TEA-1": "9999999"}, 422, "whole number"),
        ({"step": "find", "q": "%_\\"}, 200, "No products found"),
        ({"step": "find", "q": SCRIPT}, 200, "No products found"),
        ({"step": "find", "q": "x" * 5_000}, 200, "No products found"),
    ],
)
async def test_what_cannot_be_chosen_is_said(shop: ApiClient, typed: dict[str, str], status: int, text: str) -> None:
    browser, order_no = await at_home(shop)
    before = await shop.row_counts()
    answer = await browser.post(f"/orders/{order_no}/return", **(OTHER | typed))
    assert (answer.status_code, text in answer.text) == (status, True), answer.text
    assert SCRIPT not in answer.text and await shop.row_counts() == before


async def test_photographs_are_references_that_staff_read_as_text(shop: ApiClient) -> None:
    browser, order_no = await at_home(shop)
    wanted = ["https://pictures.example/1.jpg", "javascript:alert(1)", "IMG-7"]
    form = FORM | {"pieces.TEA-1": "1", "photographs": "\r\n".join(["", *wanted, " "])}
    for bad in ("\n".join("abcdefghijk"), "x" * 201):
        refused = await browser.post(f"/orders/{order_no}/return", **(form | {"photographs": bad}))
        assert (refused.status_code, "At most 10 photos" in refused.text) == (422, True)
    preview = await browser.post(f"/orders/{order_no}/return", **form)
    done = await browser.post(f"/orders/{order_no}/return/do", **hidden(preview.text))
    return_id = done.headers["location"].rpartition("/")[2]
    body = (await shop.as_("support", "amy").get(f"/v1/returns/{return_id}")).json()
    assert body["photographs"] == wanted
    page = await browser.get(done.headers["location"].removeprefix("/portal"))
    assert "IMG-7" in page.text and 'href="javascript' not in page.text


async def test_nothing_left_to_send_back_is_said(shop: ApiClient) -> None:
    browser, order_no = await at_home(shop)
    await request_return(browser, order_no, pieces=2)
    page = await browser.get(f"/orders/{order_no}/return")
    assert "No item of this order can be returned" in page.text and "<textarea" not in page.text
