"""What one feature does to the money of another: changed, refunded and returned, never a cent more or less."""

from typing import Any

import pytest

from domain.pricing.allocation import RefundableLine, at_most, units
from tests.api.conftest import ApiClient, an_order, open_api
from tests.conftest import DatabaseUrls
from tests.factories.order_changes import change, lines, paid, reserved, stocked
from tests.factories.returns import WINDOW_S, a_return, delivered, found, moves


async def on_its_way(shop: ApiClient, body: dict[str, Any]) -> str:
    """A paid order that is still to be booked."""
    answer = await shop.post("/v1/orders", {**body, "payment": None})
    assert answer.status_code == 201, answer.text
    number = str(answer.json()["order_no"])
    await reserved(shop, number)
    await paid(shop, number)
    return number


async def arrives(shop: ApiClient, number: str) -> None:
    await moves(shop, number, "shipment_booked", "paid", "preparing", None)
    await moves(shop, number, "shipment_picked_up", "preparing", "shipped", None)
    await moves(shop, number, "shipment_delivered", "shipped", "delivered", WINDOW_S)


async def sends_back(shop: ApiClient, number: str, sku: str, quantity: int, **options: Any) -> dict[str, Any]:
    """Asked for, received and inspected as new: the return as it is shown then."""
    made = await shop.post(f"/v1/orders/{number}/returns", a_return(sku, quantity, **options))
    assert made.status_code == 201, made.text
    path = f"/v1/returns/{made.json()['return_id']}"
    if made.json()["status"] == "requested":
        assert (await shop.as_("support", "ann").post(f"{path}/approve", {})).status_code == 200
    for verb in ("receive", "inspect"):
        answer = await shop.as_("warehouse", "wu").post(f"{path}/{verb}", found("as_new", sku, quantity))
        assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def refund(shop: ApiClient, number: str, **body: Any) -> Any:
    return await shop.as_("support", "ann").post(f"/v1/orders/{number}/refunds", {"reason": "late", **body})


async def money(shop: ApiClient, number: str) -> tuple[int, list[int]]:
    """(captured, refunds in their order)."""
    captured = await shop.sql("SELECT sum(captured_minor)::bigint AS n FROM payments JOIN payment_totals "
                              "USING (payment_id) WHERE order_no = %s", number)  # fmt: skip
    given = await shop.sql("SELECT amount_minor FROM refunds WHERE order_no = %s ORDER BY refund_no", number)
    return captured[0]["n"], [row["amount_minor"] for row in given]


async def test_of_a_line_of_five_two_are_cancelled_and_three_come_back_to_the_cent(shop: ApiClient) -> None:
    sku = await stocked(shop, price_minor=333)
    channel = shop.as_("channel", "web")
    body = an_order(sku, 5, discount_minor=101, shipping_minor=7)
    number = await on_its_way(channel, body)
    assert (await change(shop, number, lines(**{sku: 3}))).status_code == 200
    await arrives(shop, number)
    for quantity in (1, 2):
        await sends_back(shop, number, sku, quantity, reason_code="not_as_described")
    captured, given = await money(shop, number)
    assert (captured, sum(given), len(given)) == (5 * 333 - 101 + 7, captured, 3)
    assert (await refund(shop, number, amount_minor=1)).json()["code"] == "refund_exceeds_captured"


async def test_goods_that_were_changed_for_others_carry_no_money_any_more(shop: ApiClient) -> None:
    """Support gives some of it back; the return of everything brings the rest, and the first goods nothing."""
    first, other = await stocked(shop), await stocked(shop)
    number = await on_its_way(shop, an_order(first, 1))
    assert (await change(shop, number, lines(**{other: 1}))).status_code == 200
    dead = await refund(shop, number, lines=[{"sku": first, "quantity": 1}])
    assert (dead.status_code, dead.json()["code"]) == (409, "refund_exceeds_captured")
    some = await refund(shop, number, amount_minor=500)
    assert some.status_code == 201, some.text
    await arrives(shop, number)
    back = await sends_back(shop, number, other, 1)
    assert (back["settled"], back["refund"]["amount_minor"]) == ("refund_approved", 500)
    assert await money(shop, number) == (1_000, [500, 500])


async def test_cheaper_goods_instead_then_money_for_patience_then_all_comes_back(shop: ApiClient) -> None:
    first, other = await stocked(shop), await stocked(shop, price_minor=700)
    number = await on_its_way(shop, an_order(first, 2))
    assert (await change(shop, number, lines(**{first: 1, other: 1}))).json()["refund_minor"] == 300
    assert (await refund(shop, number, amount_minor=1_000)).status_code == 201
    await arrives(shop, number)
    for sku in (first, other):
        await sends_back(shop, number, sku, 1)
    captured, given = await money(shop, number)
    assert (captured, sum(given)) == (2_000, 2_000)


async def test_money_for_goods_before_they_were_changed_leaves_the_rest_for_their_return(shop: ApiClient) -> None:
    first, other = await stocked(shop), await stocked(shop)
    number = await on_its_way(shop, an_order(first, 1))
    assert (await refund(shop, number, amount_minor=900)).status_code == 201
    assert (await change(shop, number, lines(**{other: 1}))).status_code == 200
    await arrives(shop, number)
    back = await sends_back(shop, number, other, 1)
    assert back["refund"]["amount_minor"] == 100
    assert await money(shop, number) == (1_000, [900, 100])


async def test_an_invoice_is_of_the_goods_that_were_sold_in_the_end(shop: ApiClient) -> None:
    first, other, cheap = await stocked(shop), await stocked(shop), await stocked(shop, price_minor=700)
    for wanted, total in (({other: 2}, 2_000), ({first: 1, other: 1}, 2_000), ({first: 1, cheap: 1}, 2_000)):
        number = await on_its_way(shop, an_order(first, 2))
        assert (await change(shop, number, lines(**wanted))).status_code == 200
        response = await shop.as_("support", "ann").post(f"/v1/orders/{number}/invoice", {})
        assert (response.status_code, response.json().get("total_minor")) == (201, total), response.text
        (rows,) = await shop.sql("SELECT content FROM documents WHERE order_no = %s", number)
        content = rows["content"]
        assert {line["sku"] for line in content["lines"]} == set(wanted)
        assert sum(line["total_minor"] for line in content["lines"]) == total
        assert all(line["discount_minor"] >= 0 for line in content["lines"])


async def test_units_that_support_refunded_come_back_without_money_and_it_is_said(shop: ApiClient) -> None:
    order_no = await delivered(shop, lines=[{"sku": "TEA-1", "quantity": 3}])
    assert (await refund(shop, order_no, lines=[{"sku": "TEA-1", "quantity": 2}])).status_code == 201
    answer = await shop.post(f"/v1/orders/{order_no}/returns?preview=true", a_return("TEA-1", 3))
    assert answer.status_code == 200, answer.text
    one = await sends_back(shop, order_no, "TEA-1", 2)
    assert one["refund"]["amount_minor"] == 4_250  # the one unit that nothing was given for
    last = await sends_back(shop, order_no, "TEA-1", 1)
    assert (last["status"], last["settled"], last["refund"]) == ("completed", "nothing_due", None)
    captured, given = await money(shop, order_no)
    assert captured == sum(given)
    assert (await refund(shop, order_no, lines=[{"sku": "TEA-1", "quantity": 1}])).json()["code"] == (
        "refund_exceeds_captured")  # fmt: skip


async def test_store_credit_takes_the_room_of_refunds_and_of_returns(shop: ApiClient) -> None:
    order_no = await delivered(shop)
    await sends_back(shop, order_no, "TEA-1", 1, resolution="store_credit")
    captured, given = await money(shop, order_no)
    left = captured - sum(given)
    assert (await refund(shop, order_no, amount_minor=left + 1)).json()["code"] == "refund_exceeds_captured"
    units_left = await refund(shop, order_no, lines=[{"sku": "TEA-1", "quantity": 99}])
    assert units_left.json()["code"] == "refund_exceeds_captured"


async def test_units_that_were_exchanged_are_not_refunded_by_units_again(shop: ApiClient) -> None:
    """Three for 1,000: two are exchanged one by one, then support and a return want the third. It is paid once."""
    sku = await stocked(shop, price_minor=334)
    channel = shop.as_("channel", "web")
    number = await on_its_way(channel, an_order(sku, 3, discount_minor=2))
    await arrives(shop, number)
    used = []
    for _ in range(2):
        back = await sends_back(shop, number, sku, 1, resolution="exchange")
        used += await shop.sql("SELECT used_minor FROM exchanges WHERE return_id = %s", back["return_id"])
    assert [row["used_minor"] for row in used] == [333, 333]  # exchanged from the last piece on: nothing goes back
    assert (await refund(shop, number, lines=[{"sku": sku, "quantity": 2}])).json()["code"] == "refund_exceeds_captured"
    third = await refund(shop, number, lines=[{"sku": sku, "quantity": 1}])
    assert third.json()["amount_minor"] == 334, third.text
    assert (await sends_back(shop, number, sku, 1))["settled"] == "nothing_due"
    assert await money(shop, number) == (1_000, [334])


async def test_goods_that_were_exchanged_bring_back_the_tax_on_top_of_them(database_url: DatabaseUrls) -> None:
    """113.00 with tax, exchanged for the same, piece by piece sent back: 113.00, whatever the new order shows."""
    async with open_api(database_url, tax_rate_bp=1_300, tax_included=False) as api:
        shop = api.as_("support", "ann")
        sku = await stocked(shop, price_minor=3_333)
        number = await on_its_way(shop, an_order(sku, 3))
        await arrives(shop, number)
        new = (await sends_back(shop, number, sku, 3, resolution="exchange"))["exchange"]["order_no"]
        (order,) = await shop.sql("SELECT total_minor, discount_minor FROM orders WHERE order_no = %s", new)
        assert order == {"total_minor": 0, "discount_minor": 9_999}
        await reserved(shop, new)
        await moves(shop, new, "payment_recorded", "pending_payment", "paid", None)
        await arrives(shop, new)
        answer = await shop.post(f"/v1/orders/{new}/returns?preview=true", a_return(sku, 3))
        assert answer.json()["consequence"]["refund"]["amount_minor"] == 11_299, answer.text
        for quantity in (1, 2):
            await sends_back(shop, new, sku, quantity)
        captured, given = await money(shop, number)
        assert (captured, sum(given), len(given)) == (11_299, 11_299, 2)


async def test_goods_given_in_exchange_are_not_changed_but_cancelled(
    shop: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Units taken off would take along what the customer sent back for them, and nobody would owe it."""
    order_no = await delivered(shop)
    back = await sends_back(shop, order_no, "TEA-1", 1, resolution="exchange")
    new = back["exchange"]["order_no"]
    await reserved(shop, new)
    sku = await stocked(shop, price_minor=1)
    for preview in (True, False):
        answer = await change(shop, new, lines(**{sku: 1}), preview=preview)
        assert (answer.status_code, answer.json()["code"]) == (409, "exchange_goods_stay"), answer.text
    assert (await change(shop, new, {"note": "ring twice"})).status_code == 200
    # The database keeps it, too, should the code forget.
    monkeypatch.setattr("api.services.orders.order_changes.refusal", lambda *_: None)
    answer = await change(shop, new, lines(**{sku: 1}))
    assert (answer.status_code, answer.json()["code"]) == (409, "too_late_to_change"), answer.text
    assert [line["sku"] for line in (await shop.get(f"/v1/orders/{new}")).json()["lines"]] == ["TEA-1"]


def test_a_line_never_has_less_than_nothing_left() -> None:
    """Money that was given before its goods were changed for others is not asked back from the others."""
    line = RefundableLine(1, "TEA", 0, 0, 0, refunded_quantity=1, refunded_goods_minor=900, goods_worth_minor=900)
    assert (line.units_left, line.goods_left_minor, line.shipping_left_minor) == (0, 0, 0)
    whole = [units(RefundableLine(2, "CUP", 2, 1_000, 10), 2, include_shipping=True)]
    assert sum(one.amount_minor for one in at_most(whole, 100)) == 100
    assert (at_most(whole, 1_010), at_most(whole, 0)) == (whole, ())
