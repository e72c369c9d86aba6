"""The page of an order and its forms: everything at one look, one form for each action, nothing typed is lost."""

import re

import pytest

from tests.api.conftest import ApiClient, an_order, unique
from tests.api.payments.test_refunds import paid
from tests.console.conftest import StaffBrowser, sign_in
from tests.console.test_pages import parked, placed


def value_of(page: str, name: str) -> str:
    found = re.search(rf'<input[^>]*name="{re.escape(name)}"[^>]*value="([^"]*)"', page)
    assert found is not None, name
    return found[1]


def error_at(page: str, field: str) -> str:
    """What is said at a field, found by what the field says it is described by."""
    described = re.search(rf'<(?:input|select)[^>]*name="{re.escape(field)}"[^>]*aria-describedby="([^" ]+)', page)
    assert described is not None, field
    words = re.search(rf'id="{re.escape(described[1])}">([^<]*)<', page)
    assert words is not None, field
    return words[1]


async def refused_address(browser: StaffBrowser) -> str:
    ship_to = an_order()["ship_to"] | {"country": "US", "postcode": "4520", "district": ""}
    order_no = await placed(browser, ship_to=ship_to)
    await browser.api.sql(
        """INSERT INTO parked_steps (order_no, park_no, step, error, provider, attempts, options, amount_minor,
                                     escalate_at)
           VALUES (%s, 1, 'book', 'address_refused', 'sandbox', 1, %s, 8500, now() + interval '1 hour')""",
        order_no, ["retry", "skip", "amend", "compensate"],
    )  # fmt: skip
    return order_no


async def test_an_address_starts_from_the_orders_with_the_refused_part_marked(support: StaffBrowser) -> None:
    order_no = await refused_address(support)
    order = (await support.get(f"/console/orders/{order_no}")).text
    assert "Needs attention: the carrier refused the address" in order and 'data-action="edit_address"' in order
    form = (await support.get(f"/console/stuck/{order_no}/amend")).text
    assert value_of(form, "value.line1") == an_order()["ship_to"]["line1"]
    assert value_of(form, "value.postcode") == "4520"
    assert "carrier probably refused" in error_at(form, "value.postcode")


async def test_a_refused_form_keeps_what_was_typed_with_the_error_at_its_field(support: StaffBrowser) -> None:
    order_no = await refused_address(support)
    path = f"/console/stuck/{order_no}/amend"
    form = (await support.get(path)).text
    typed = {name: value_of(form, name) for name in re.findall(r'name="(value\.[a-z0-9]+)"', form)}
    typed |= {"park_no": value_of(form, "park_no"), "value.postcode": "45202"}
    for changed, field, words in (
        ({"value.city": ""}, "value.city", "Enter a value."),
        ({"value.country": "Germany"}, "value.country", "Check it"),
        ({"value.line1": "x" * 201}, "value.line1", "Too long."),
    ):
        answer = await support.post(path, **(typed | changed))
        assert answer.status_code == 422, field
        assert words in error_at(answer.text, field)
        assert value_of(answer.text, "value.postcode") == "45202"
    # Without Temporal nothing is done; the form stays, too.
    answer = await support.post(path, **typed)
    assert (answer.status_code, value_of(answer.text, "value.postcode")) == (503, "45202")


async def test_an_amount_above_what_is_left_keeps_the_form_and_names_the_field(support: StaffBrowser) -> None:
    order_no = await paid(support.api)
    path = f"/console/orders/{order_no}/refund"
    answer = await support.post(path, amount="85.01", reason="a stain")
    assert answer.status_code == 409
    assert error_at(answer.text, "amount") == "At most ¥85.00 can still be refunded."
    assert (value_of(answer.text, "amount"), value_of(answer.text, "reason")) == ("85.01", "a stain")
    too_many = await support.post(path, **{"units.1": "3", "reason": "a stain"})
    assert "2 TEA-1 can still be refunded" in error_at(too_many.text, "units.1")
    chinese = await sign_in(support.api, "support", "zh")
    assert "最多还可退款" in error_at((await chinese.post(path, amount="85.01", reason="x")).text, "amount")


async def test_a_reason_is_the_actions_name_where_none_is_needed(support: StaffBrowser) -> None:
    order_no = await parked(support, unique("err"), step="review")
    approve = (await support.get(f"/console/stuck/{order_no}/skip")).text
    assert "Approve payment" in approve and re.search(r'name="reason"[^>]*required', approve)
    booking = await parked(support, unique("err"))
    retry = (await support.get(f"/console/stuck/{booking}/retry")).text
    assert "Safe to retry: nothing is charged or booked twice." in retry
    assert not re.search(r'name="reason"[^>]*required', retry)


@pytest.mark.parametrize("action", ["retry", "skip", "amend", "compensate"])
async def test_hostile_input_stays_text_in_every_form_of_a_step(support: StaffBrowser, action: str) -> None:
    order_no = await refused_address(support)
    path = f"/console/stuck/{order_no}/{action}"
    form = (await support.get(path)).text
    names = re.findall(r'name="(value\.[a-z0-9_]+|reason)"', form)
    for hostile in ('"><script>alert(1)</script>', "a\0b", "\u202eright to left", "x" * 5000):
        answer = await support.post(path, **dict.fromkeys(names, hostile), park_no=value_of(form, "park_no"))
        assert answer.status_code in (422, 503), answer.text
        assert "<script>alert" not in answer.text


async def test_the_timeline_shows_one_kind_where_it_is_asked_to(support: StaffBrowser) -> None:
    order_no = await placed(support)
    await support.post(f"/console/orders/{order_no}/priority", priority="vip", reason="a regular")
    await support.post(f"/console/orders/{order_no}/notes", text="<i>rang twice</i>", key=unique("key"))
    page = (await support.get(f"/console/orders/{order_no}")).text
    assert "&lt;i&gt;rang twice" in page
    assert {"events", "actions", "notes"} <= set(re.findall(r'data-kind="(\w+)"', page))
    for kind in ("events", "actions", "notes"):
        shown = (await support.get(f"/console/orders/{order_no}", show=kind)).text
        assert set(re.findall(r'data-kind="(\w+)"', shown)) == {kind}
    assert (await support.get(f"/console/orders/{order_no}", show="nonsense")).status_code == 422


async def test_the_page_counts_what_its_customer_ordered(support: StaffBrowser) -> None:
    customer = an_order()["customer"] | {"id": unique("c")}
    first, _ = [await placed(support, customer=customer) for _ in range(2)]
    page = (await support.get(f"/console/orders/{first}")).text
    assert "2 orders" in page and "¥170.00" in page


async def test_the_warehouse_prints_what_goes_into_the_parcel(shop: ApiClient) -> None:
    warehouse, finance = await sign_in(shop, "warehouse"), await sign_in(shop, "finance")
    order_no = await paid(shop)
    await shop.sql("UPDATE orders SET status = status WHERE order_no = %s", order_no)
    slip = await warehouse.get(f"/console/orders/{order_no}/packing-slip")
    assert slip.status_code == 200 and "TEA-1" in slip.text and "¥" not in slip.text
    assert (await finance.get(f"/console/orders/{order_no}/packing-slip")).status_code == 403
    for browser, status in ((warehouse, 404), (finance, 403)):
        assert (await browser.get(f"/console/orders/{order_no}/parcels/shp_none/label")).status_code == status


async def test_no_kind_of_hold_is_chosen_beforehand_and_each_says_who_may_release(support: StaffBrowser) -> None:
    order_no = await placed(support)
    form = (await support.get(f"/console/orders/{order_no}/hold")).text
    kinds = re.search(r'<select[^>]*name="kind".*?</select>', form, re.DOTALL)
    assert kinds is not None
    assert " selected" not in kinds[0] and '<option value="">' in kinds[0]
    assert "Released by finance, or by operations" in kinds[0]


async def test_a_role_sees_the_links_of_its_own_further_pages(shop: ApiClient) -> None:
    support, warehouse = await sign_in(shop, "support"), await sign_in(shop, "warehouse")
    path = f"/console/orders/{await placed(support)}"
    pages = [(await browser.get(path)).text for browser in (support, warehouse)]
    assert [f"{path}/sourcing" in page for page in pages] == [True, True], "why it ships from where it does"
    assert [f"{path}/adjust" in page for page in pages] == [True, False]


async def test_an_order_in_several_parts_shows_each_with_its_lines_and_has_a_slip_for_each(shop: ApiClient) -> None:
    support, warehouse = await sign_in(shop, "support"), await sign_in(shop, "warehouse")
    order_no = await paid(shop)
    for number, status in ((1, "shipped"), (2, "booked")):
        await shop.sql(
            "INSERT INTO fulfilments (fulfilment_id, order_no, number, warehouse, status)"
            " VALUES (%s, %s, %s, 'WH-EAST', %s)", f"{order_no}-F{number}", order_no, number, status,
        )  # fmt: skip
        await shop.sql(
            "INSERT INTO fulfilment_lines (order_no, number, line_no, quantity) VALUES (%s, %s, 1, 1)",
            order_no, number,
        )  # fmt: skip
    page = (await support.get(f"/console/orders/{order_no}")).text
    assert "1 of 2 shipped" in page and "Part 1 of 2" in page and "Part 2 of 2" in page
    for path in (f"/console/orders/{order_no}/packing-slip", f"/console/orders/packing-slips?order_no={order_no}"):
        slip = (await warehouse.get(path)).text
        assert slip.count("<table") == 2 and "Part 2 of 2" in slip


async def test_an_unpaid_order_shows_its_payment_link_and_deadline_to_support(shop: ApiClient) -> None:
    for language, words in (("en", "To be paid by"), ("zh", "付款截止")):
        browser = await sign_in(shop, "support", language)
        order_no = await placed(browser, payment=None)
        assert 'id="payment-link"' not in (await browser.get(f"/console/orders/{order_no}")).text, "nothing is reserved"
        await shop.sql(
            "INSERT INTO order_events (order_no, seq, type, from_status, to_status, actor, data)"
            " VALUES (%s, 0, 'stock_reserved', 'received', 'pending_payment', 'test',"
            """ '{"waiting": {"what": "payment", "until": "2099-01-01T00:00:00Z", "next": "cancel"}}')""",
            order_no,
        )
        page = (await browser.get(f"/console/orders/{order_no}")).text
        assert f"/portal/orders/{order_no}/pay" in page and words in page and "2099-01-01 00:00:00 UTC" in page
        finance = await sign_in(shop, "finance", language)
        assert 'id="payment-link"' not in (await finance.get(f"/console/orders/{order_no}")).text
