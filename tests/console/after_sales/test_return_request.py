"""Asking for a return in the console on a customer's behalf: every way to settle it, shown first."""

import re
from typing import Any

import httpx
import pytest

from tests.api.conftest import ApiClient
from tests.console.conftest import StaffBrowser, sign_in
from tests.factories.returns import delivered

BACK = {"units.TEA-1": "1", "reason": "she rang", "reason_code": "does_not_fit"}
CARD = {"method": "sandbox", "token": "tok_ok"}


async def sent(browser: StaffBrowser, order_no: str, **fields: str) -> httpx.Response:
    return await browser.post(f"/console/orders/{order_no}/return", **BACK | fields)


async def confirmed(browser: StaffBrowser, order_no: str, page: httpx.Response) -> dict[str, Any]:
    """Press the page's button, twice, as hasty people do; the return as HTTP shows it."""
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text))
    fields.pop("csrf")
    for _ in range(2):
        done = await browser.post(f"/console/orders/{order_no}/return", **fields, confirm="1")
        assert done.status_code == 303, done.text
    (row,) = await browser.api.sql("SELECT return_id FROM returns WHERE order_no = %s", order_no)
    assert done.headers["location"] == f"/console/returns/{row['return_id']}"
    return dict((await browser.api.get(f"/v1/returns/{row['return_id']}")).json())


async def test_store_credit_is_asked_for(support: StaffBrowser) -> None:
    order_no = await delivered(support.api)
    response = await sent(support, order_no, resolution="store_credit", photographs="photo-1\r\n\r\n photo-2 ")
    assert "Store credit, if all items are resellable</dt><dd" in response.text and "42.50" in response.text
    assert "a second person decides" not in response.text
    made = await confirmed(support, order_no, response)
    assert (made["resolution"], made["exchange"]) == ("store_credit", None)
    assert made["photographs"] == ["photo-1", "photo-2"]
    page = await support.get(f"/console/returns/{made['return_id']}")
    assert "Store credit, if all items are resellable" in page.text


@pytest.mark.parametrize(("way", "reported"), [("store_credit", True), ("refund", True), ("exchange", False)])
async def test_much_money_is_shown_to_need_an_approver(support: StaffBrowser, way: str, reported: bool) -> None:
    order_no = await delivered(support.api, lines=[{"sku": "TEA-1", "quantity": 30}])
    response = await sent(support, order_no, **{"units.TEA-1": "30", "resolution": way})
    assert response.status_code == 200 and "¥1,275.00" in response.text
    assert ("a second person decides after the inspection" in response.text) == reported


async def test_the_same_again_costs_nothing(support: StaffBrowser) -> None:
    order_no = await delivered(support.api)
    response = await sent(support, order_no, resolution="exchange")
    assert re.search(r"Amount due</dt><dd[^>]*>[^<]*<span[^>]*>¥0.00", response.text)
    made = await confirmed(support, order_no, response)
    assert (made["resolution"], made["exchange"]["lines"], made["exchange"]["advance"]) == ("exchange", [], False)
    assert "same goods" in (await support.get(f"/console/returns/{made['return_id']}")).text


@pytest.mark.parametrize(
    ("units", "label", "amount"),
    [("5", "Amount due", "¥7.50"), ("1", "Remainder to be refunded", "¥32.50")],
)
async def test_other_goods_cost_more_or_less(support: StaffBrowser, units: str, label: str, amount: str) -> None:
    order_no = await delivered(support.api)
    body = {"resolution": "exchange", "want.sku.2": "TEA-2", "want.units.2": units}
    response = await sent(support, order_no, **body)
    assert re.search(rf"{label}</dt><dd[^>]*>[^<]*<span[^>]*>{amount}", response.text), response.text
    assert f"{units} × <code>TEA-2</code>" in response.text
    made = await confirmed(support, order_no, response)
    (line,) = made["exchange"]["lines"]
    assert (line["sku"], line["quantity"], line["unit_price_minor"]) == ("TEA-2", int(units), 1_000)


async def test_new_goods_go_out_first_against_a_guarantee(support: StaffBrowser) -> None:
    order_no = await delivered(support.api)
    response = await sent(support, order_no, resolution="exchange_first", **CARD)
    assert re.search(r"Guarantee</dt><dd[^>]*>[^<]*<span[^>]*>¥42.50", response.text)
    made = await confirmed(support, order_no, response)
    assert (made["exchange"]["advance"], made["exchange"]["guarantee"]["amount_minor"]) == (True, 4_250)
    page = (await support.get(f"/console/returns/{made['return_id']}")).text
    assert "42.50" in page and "requested" in page


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"resolution": "exchange_first"}, "guarantee_payment_missing"),
        ({"resolution": "exchange_first", **CARD, "method": "cash"}, "unknown_payment_method"),
        ({"resolution": "exchange", **CARD}, "advance_not_expected"),
        ({"resolution": "refund", "want.sku.1": "TEA-1", "want.units.1": "1"}, "exchange_lines_not_expected"),
        ({"resolution": "exchange", "want.sku.1": "NOTHING", "want.units.1": "1"}, "unknown_sku"),
        ({"resolution": "exchange", "want.sku.1": "TEA-1", "want.units.1": "-1"}, "invalid_quantity"),
        ({"resolution": "exchange", "want.units.1": "1"}, "validation_failed"),
        ({"resolution": "gold"}, "validation_failed"),
        ({"units.TEA-1": "3"}, "return_exceeds_delivered"),
        ({"units.TEA-1": "0"}, "nothing_chosen"),
        ({"photographs": "p\n" * 11}, "validation_failed"),
        ({"reason": " "}, "reason_missing"),
    ],
)
async def test_what_does_not_fit_is_said_above_a_form_that_keeps_what_was_typed(
    support: StaffBrowser, body: dict[str, str], code: str
) -> None:
    order_no = await delivered(support.api)
    before = await support.api.row_counts()
    for confirm in ({}, {"confirm": "1"}):
        response = await sent(support, order_no, **body, **confirm)
        assert response.status_code in (409, 422) and f"<code>{code}</code>" in response.text, response.text
        for name, typed in (BACK | body).items():
            if name not in ("resolution", "reason_code", "method", "photographs"):
                assert f'name="{name}" type="text" value="{typed}"' in response.text
        if body.get("resolution") in ("exchange", "exchange_first"):
            assert f'value="{body["resolution"]}" checked' in response.text
    assert await support.api.row_counts() == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"units.TEA-1": "3"}, "units.TEA-1"),
        ({"units.TEA-1": "x"}, "units.TEA-1"),
        ({"resolution": "exchange", "want.sku.2": "TEA-1", "want.units.2": "-1"}, "want.units.2"),
        ({"resolution": "exchange", "want.units.3": "1"}, "want.sku.3"),
        ({"reason": " "}, "reason"),
        ({"photographs": "p\n" * 11}, "photographs"),
        ({"reason_code": ""}, "reason_code"),
    ],
)
async def test_what_does_not_fit_is_said_at_its_field(support: StaffBrowser, body: dict[str, str], field: str) -> None:
    refused = await sent(support, await delivered(support.api), **body)
    found = re.findall(r'class="form-(?:control|select) is-invalid" id="[^"]*" name="([^"]+)"', refused.text)
    assert found == [field] and "data-panel-body" in refused.text


async def test_more_lines_and_second_thoughts_keep_what_was_typed(support: StaffBrowser) -> None:
    order_no = await delivered(support.api)
    more = await sent(support, order_no, **{"resolution": "exchange", "want.sku.3": '"<X>', "more": "1"})
    assert 'name="want.sku.6"' in more.text and 'name="want.sku.7"' not in more.text
    assert (
        'name="want.sku.3" type="text" value="&#34;&lt;X&gt;"' in more.text and 'value="exchange" checked' in more.text
    )
    body = {"resolution": "exchange", "rows": "6", "want.sku.6": "TEA-1", "want.units.6": "1"}
    response = await sent(support, order_no, **body)
    assert response.status_code == 200 and 'name="want.sku.6" value="TEA-1"' in response.text
    changed = await sent(support, order_no, **body, change="1")
    assert (
        'name="want.sku.6" type="text" value="TEA-1" maxlength' in changed.text
        and "returns.preview" not in changed.text
    )
    many = await sent(support, order_no, rows="999999999", more="1")
    assert many.status_code == 200 and 'name="want.sku.500"' in many.text and 'name="want.sku.501"' not in many.text


async def test_nobody_else_asks_for_the_customer(shop: ApiClient) -> None:
    order_no = await delivered(shop)
    before = await shop.row_counts()
    for role in ("warehouse", "finance", "operations"):
        browser = await sign_in(shop, role)
        assert f"/console/orders/{order_no}/return" not in (await browser.get(f"/console/orders/{order_no}")).text
        answer = await sent(browser, order_no, resolution="store_credit", confirm="1")
        assert answer.status_code == 403
        body = {"lines": [{"sku": "TEA-1", "quantity": 1}], "reason": "x", "resolution": "store_credit"}
        over_http = await shop.as_(role, browser.name).post(f"/v1/orders/{order_no}/returns", body)
        assert over_http.status_code == 403
    assert (await shop.row_counts())["returns"] == before["returns"]


async def test_the_form_speaks_chinese(shop: ApiClient) -> None:
    browser = await sign_in(shop, "support", "zh")
    order_no = await delivered(shop)
    form = (await browser.get(f"/console/orders/{order_no}/return")).text
    for words in ("换货（先发新品）", "店铺余额", "担保支付方式", "增加商品行"):
        assert words in form
    page = (await sent(browser, order_no, resolution="exchange_first", **CARD)).text
    assert "担保金" in page and "退货价值" in page
    refused = (await sent(browser, order_no, resolution="exchange_first")).text
    assert "先发新品须有担保支付" in refused
