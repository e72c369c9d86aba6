"""Changing an order in the console: the form, what it would mean, the change."""

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.api.after_sales.test_lines import LINES
from tests.api.conftest import ApiClient, an_order
from tests.console.conftest import StaffBrowser, sign_in
from tests.factories.order_changes import ELSEWHERE, HOUSE, etag, held, paid, reserved, stocked
from tests.factories.order_changes import placed as placed_at


def fields_of(page: str) -> dict[str, str]:
    """What a browser would send of the page's form for the order's change."""
    form = re.findall(r'<form[^>]*/change">(.*?)</form>', page, re.S)[0]
    found = re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', form)
    found += re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>(.*?)</textarea>', form, re.S)
    return {name: html.unescape(value) for name, value in found}


async def sent(browser: StaffBrowser, order_no: str, **changed: Any) -> Any:
    page = await browser.get(f"/console/orders/{order_no}/change")
    return await browser.post(f"/console/orders/{order_no}/change", **(fields_of(page.text) | changed))


async def test_support_changes_lines_and_sees_before_what_it_means(support: StaffBrowser, shop: ApiClient) -> None:
    tea, cup = await stocked(shop), await stocked(shop, 250)
    order_no = await placed_at(shop, tea, 3)
    await reserved(shop, order_no)
    assert f"/console/orders/{order_no}/change" in (await support.get(f"/console/orders/{order_no}")).text

    response = await sent(support, order_no, **{f"quantity.{tea}": "1", "sku.1": cup, "units.1": "2"})

    assert response.status_code == 200
    assert "3 → 1" in response.text and "0 → 2" in response.text
    assert await held(shop, order_no) == {tea: 3}, "nothing is changed yet"
    done = await support.post(f"/console/orders/{order_no}/change", **fields_of(response.text))
    assert done.status_code == 303, done.text
    again = await support.post(f"/console/orders/{order_no}/change", **fields_of(response.text))
    assert again.status_code == 303, "sent twice, changed once"
    assert await held(shop, order_no) == {tea: 1, cup: 2}
    page = (await support.get(f"/console/orders/{order_no}/change")).text
    assert f"{support.name} (support)" in page and f"-2 × {tea}" in page
    (entry,) = await shop.sql("SELECT actor FROM audit_log WHERE order_no = %s AND action = 'order_changed'", order_no)
    assert entry["actor"] == f"support:{support.name}"


async def test_address_and_note_are_shown_before_and_after_and_script_is_text(
    support: StaffBrowser, shop: ApiClient
) -> None:
    order_no = await placed_at(shop, await stocked(shop), 1)
    address = {f"ship_to.{name}": value for name, value in ELSEWHERE.items()}
    note = "<script>alert(1)</script>\r\nsecond line"
    response = await sent(support, order_no, **address, note=note)
    assert "<script>alert" not in response.text
    assert (await support.post(f"/console/orders/{order_no}/change", **fields_of(response.text))).status_code == 303
    order = (await shop.get(f"/v1/orders/{order_no}")).json()
    assert (order["ship_to"], order["note"]) == (ELSEWHERE, "<script>alert(1)</script>\nsecond line")
    page = (await support.get(f"/console/orders/{order_no}/change")).text
    assert "Made-up Road 1" in page and "Other Road 2" in page
    assert "<script>alert" not in page


async def test_the_delivery_slot_is_shown_before_and_after_and_taken_away(
    support: StaffBrowser, shop: ApiClient
) -> None:
    order_no = await placed_at(shop, await stocked(shop), 1)
    day = datetime.now(UTC).date() + timedelta(days=3)
    response = await sent(support, order_no, slot_day=f"{day}", slot_begin="09:00", slot_end="12:00")
    assert f"{day} 09:00–12:00 (Asia/Shanghai)" in response.text
    assert (await support.post(f"/console/orders/{order_no}/change", **fields_of(response.text))).status_code == 303
    slot = (await shop.get(f"/v1/orders/{order_no}")).json()["delivery_slot"]
    assert slot == {"from": f"{day}T01:00:00Z", "to": f"{day}T04:00:00Z"}
    for page in ("", "/change"):
        assert f"{day} 09:00–12:00" in (await support.get(f"/console/orders/{order_no}{page}")).text
    bad = await sent(support, order_no, slot_day="2020-01-01")
    assert (bad.status_code, "1 to 24 hours" in bad.text) == (422, True)
    odd = await sent(support, order_no, slot_day=f"{day}", slot_begin="09:00+08:00", slot_end="10:00")
    assert odd.status_code == 422
    response = await sent(support, order_no, slot_day="", slot_begin="", slot_end="")
    assert "any time" in response.text
    await support.post(f"/console/orders/{order_no}/change", **fields_of(response.text))
    assert (await shop.get(f"/v1/orders/{order_no}")).json()["delivery_slot"] is None


async def test_what_may_not_be_is_reported_on_a_page(support: StaffBrowser, shop: ApiClient) -> None:
    sku = await stocked(shop, units=4)
    order_no = await placed_at(shop, sku, 3)
    await reserved(shop, order_no)
    for changed, status, words in (
        ({f"quantity.{sku}": "0"}, 422, "at least one line"),
        ({f"quantity.{sku}": "many"}, 422, "quantity"),
        ({f"quantity.{sku}": "-1"}, 422, "quantity"),
        ({f"quantity.{sku}": "9" * 30}, 422, "quantity"),
        ({f"quantity.{sku}": "5"}, 409, "Not enough stock"),
        ({"ship_to.line1": ""}, 422, "not valid"),
        ({"sku.1": "NO-SUCH", "units.1": "1"}, 422, "Product not found"),
        ({"seen": "0"}, 412, "has changed"),
        ({"seen": "*"}, 412, "has changed"),
        ({"csrf": "0" * 32}, 403, "older than your session"),
    ):
        answer = await sent(support, order_no, **changed)
        assert answer.status_code == status, (changed, answer.text)
        assert words in answer.text, changed
    assert await held(shop, order_no) == {sku: 3}
    same = await sent(support, order_no)
    assert "This matches the order as it is" in same.text


async def test_too_late_the_page_says_so(support: StaffBrowser, shop: ApiClient) -> None:
    order_no = await placed_at(shop, await stocked(shop), 1)
    await shop.sql("UPDATE orders SET cancelling = 'x' WHERE order_no = %s", order_no)
    assert "This order can no longer be changed" in (await support.get(f"/console/orders/{order_no}/change")).text
    assert f"/{order_no}/change" not in (await support.get(f"/console/orders/{order_no}")).text
    assert HOUSE and await etag(shop, order_no)


async def test_only_support_and_admin_change(shop: ApiClient) -> None:
    order_no = await placed_at(shop, await stocked(shop), 1)
    for role, expected in (("warehouse", 403), ("finance", 403), ("operations", 403), ("admin", 200)):
        browser = await sign_in(shop, role)
        assert (await browser.get(f"/console/orders/{order_no}/change")).status_code == expected, role
        if expected == 403:
            assert (await browser.post(f"/console/orders/{order_no}/change", note="x")).status_code == 403, role


async def test_a_paid_order_that_becomes_more_expensive_asks_for_the_customers_token(
    support: StaffBrowser, shop: ApiClient
) -> None:
    tea = await stocked(shop)
    order_no = await placed_at(shop, tea, 1)
    await reserved(shop, order_no)
    await paid(shop, order_no)
    response = await sent(support, order_no, **{f"quantity.{tea}": "3"})
    assert response.status_code == 200 and 'name="token"' in response.text and "20.00" in response.text
    missing = await support.post(f"/console/orders/{order_no}/change", **fields_of(response.text))
    assert missing.status_code == 409 and "sent" not in missing.headers.get("location", "")
    fields = fields_of(response.text) | {"token": "tok_ok"}
    assert (await support.post(f"/console/orders/{order_no}/change", **fields)).status_code == 303
    assert await held(shop, order_no) == {tea: 3}
    page = (await support.get(f"/console/orders/{order_no}/change")).text
    assert "is being collected for a change" in page and "20.00" in page
    (entry,) = await shop.sql(
        "SELECT actor FROM audit_log WHERE order_no = %s AND action = 'change_awaits_payment'", order_no
    )
    assert entry["actor"] == f"support:{support.name}"


async def test_each_line_of_a_sku_is_changed_separately(support: StaffBrowser, shop: ApiClient) -> None:
    body = an_order(lines=LINES, payment=None)
    order_no = str((await shop.as_("channel", "web").post("/v1/orders", body)).json()["order_no"])
    page = (await support.get(f"/console/orders/{order_no}/change")).text
    assert "TEA-1, line 1 at ¥10.00" in page and "TEA-1, line 2 at ¥8.00" in page
    response = await sent(support, order_no, **{"quantity_of_line.2": "1"})
    assert response.status_code == 200 and "2 → 1" in response.text
    assert (await support.post(f"/console/orders/{order_no}/change", **fields_of(response.text))).status_code == 303
    rows = await shop.sql(
        "SELECT quantity - cancelled_quantity AS n FROM order_lines WHERE order_no = %s ORDER BY line_no", order_no
    )
    assert [row["n"] for row in rows] == [1, 1]
