"""Refunding in the console: shown first, done once, decided by an approver above the limit."""

import re

from tests.api.after_sales.test_lines import at_home
from tests.api.conftest import ApiClient, unique
from tests.api.payments.test_refunds import paid
from tests.console.conftest import StaffBrowser, sign_in


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, name
    return found[1]


async def test_what_is_typed_has_the_decimals_of_the_orders_currency(support: StaffBrowser) -> None:
    """58 of a 10,000 XOF order are 58, not 5,800; what the currency does not have is refused with a sentence."""
    operations = support.api.as_("operations")
    for currency, price, typed, minor, body, wrong, sentence in (
        ("XOF", 10_000, "58", 58, "58 XOF", "58.5", "without decimals"),
        ("KWD", 12_345, "1.25", 1_250, "1.250 KWD", "1.2345", "with at most 3 decimals"),
        ("CLF", 50_000, "0.0001", 1, "0.0001 CLF", "0.00001", "with at most 4 decimals"),
        ("HUF", 10_000, "58", 5_800, "58.00 HUF", "58.555", "with at most 2 decimals"),
    ):
        sku = f"IN-{currency}"
        product = {"sku": sku, "name": sku, "price_minor": price, "currency": currency}
        assert (await operations.post("/v1/products", product)).status_code == 201
        order_no = await paid(support.api, [{"sku": sku, "quantity": 1}], currency=currency)
        path = f"/console/orders/{order_no}/refund"
        assert body in (await support.post(path, amount=typed, reason="x")).text
        refused = await support.post(path, amount=wrong, reason="x")
        assert (refused.status_code, sentence in refused.text) == (422, True), refused.text
        done = await support.post(path, amount=typed, reason="x", key=unique("key"), confirm="1")
        assert done.status_code == 303
        rows = await support.api.sql("SELECT amount_minor FROM refunds WHERE order_no = %s", order_no)
        assert rows == [{"amount_minor": minor}]
        assert body in (await support.get(path)).text


async def test_support_sees_what_it_means_then_refunds_once(support: StaffBrowser) -> None:
    order_no = await paid(support.api)
    path = f"/console/orders/{order_no}/refund"
    assert f'href="{path}"' in (await support.get(f"/console/orders/{order_no}")).text
    form = (await support.get(path)).text
    assert "Quantity of TEA-1 to refund (of 2)" in form and "¥85.00" in form
    fields = {"units.1": "1", "reason": "a stain", "key": hidden(form, "key")}
    means = await support.post(path, **fields)
    assert means.status_code == 200, means.text
    assert "¥42.50" in means.text and "second person" not in means.text
    assert not await support.api.sql("SELECT 1 FROM refunds WHERE order_no = %s", order_no)
    for _ in range(2):
        done = await support.post(path, **fields, confirm="1")
        assert (done.status_code, done.headers["location"]) == (303, f"/console/orders/{order_no}")
    listed = (await support.get(path)).text
    assert "a stain" in listed and f"{support.name} (support)" in listed and "being paid" in listed
    rows = await support.api.sql("SELECT amount_minor FROM refunds WHERE order_no = %s", order_no)
    assert rows == [{"amount_minor": 4250}]
    assert "being paid" in (await support.get(f"/console/orders/{order_no}")).text


async def test_an_amount_is_typed_as_people_write_it(support: StaffBrowser) -> None:
    order_no = await paid(support.api)
    path = f"/console/orders/{order_no}/refund"
    for typed, status, reported in (
        ("12.5", 200, "¥12.50"),
        ("12,50", 200, "¥12.50"),
        ("12.505", 422, "12.50"),
        ("-1", 422, "12.50"),
        ("0", 422, "amount"),
        ("85.01", 409, "At most ¥85.00 can still be refunded"),
    ):
        answer = await support.post(path, amount=typed, reason="x")
        assert (answer.status_code, reported in answer.text) == (status, True), (typed, answer.text)
    for fields, reported in (
        ({"amount": "1", "units.1": "1"}, "amount_or_lines"),
        ({}, "amount_or_lines"),
        ({"units.1": "3"}, "refund_exceeds_captured"),
        ({"units.1": "two"}, "invalid_quantity"),
        ({"amount": "1", "reason": " "}, "reason_missing"),
    ):
        assert reported in (await support.post(path, **{"reason": "x", **fields})).text, fields
    assert not await support.api.sql("SELECT 1 FROM refunds WHERE order_no = %s", order_no)


async def test_a_dear_one_says_that_it_waits_and_is_decided_by_another(support: StaffBrowser, shop: ApiClient) -> None:
    order_no = await paid(support.api, [{"sku": "TEA-1", "quantity": 100}])
    path = f"/console/orders/{order_no}/refund"
    fields = {"amount": "1000.01", "reason": "all of it broke", "key": unique("key")}
    assert "the refund waits for a second person" in (await support.post(path, **fields)).text
    response = await support.post(path, **fields, confirm="1")
    assert response.headers["location"].startswith("/console/approvals/apr_")
    finance = await sign_in(shop, "finance")
    page = (await finance.get(response.headers["location"])).text
    assert "all of it broke" in page and ">Refund</h1>" in page and "¥1,000.01" in page
    assert "waiting for approval" in (await finance.get(path)).text
    decided = await finance.post(response.headers["location"] + "/approve", reason="seen the photographs")
    assert decided.status_code == 303, decided.text
    assert "being paid" in (await finance.get(path)).text


async def test_a_script_in_a_reason_stays_text(support: StaffBrowser) -> None:
    order_no = await paid(support.api)
    path = f"/console/orders/{order_no}/refund"
    fields = {"amount": "1", "reason": '"><script>alert(1)</script>'}
    for page in (await support.post(path, **fields), await support.get(path)):
        assert "<script>alert" not in page.text
    await support.post(path, **fields, confirm="1")
    assert "&lt;script&gt;" in (await support.get(path)).text


async def test_shipping_is_offered_where_it_was_charged(shop: ApiClient, support: StaffBrowser) -> None:
    order_no = await paid(shop.as_("channel", "web"), shipping_minor=300)
    path = f"/console/orders/{order_no}/refund"
    assert "include_shipping" in (await support.get(path)).text
    fields = {"units.1": "1", "reason": "x"}
    assert "of which shipping" not in (await support.post(path, **fields)).text
    with_shipping = (await support.post(path, **fields, include_shipping="on")).text
    assert "¥44.00" in with_shipping and "¥1.50" in with_shipping


async def test_the_line_that_is_entered_is_the_line_that_is_refunded(support: StaffBrowser) -> None:
    order_no = await at_home(support.api)
    path = f"/console/orders/{order_no}/refund"
    form = (await support.get(path)).text
    assert "Quantity of TEA-1, line 2 at ¥8.00 to refund (of 2)" in form
    fields = {"units.2": "1", "reason": "a stain", "key": hidden(form, "key")}
    means = (await support.post(path, **fields)).text
    assert "¥8.00" in means and "line 2" in means
    assert (await support.post(path, **fields, confirm="1")).status_code == 303
    rows = await support.api.sql(
        "SELECT line_no, n.amount_minor FROM refund_lines n JOIN refunds r USING (refund_id) WHERE order_no = %s",
        order_no,
    )
    assert rows == [{"line_no": 2, "amount_minor": 800}]
