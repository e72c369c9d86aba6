"""A part is worth its part: k of n pieces bring k/n of what their line was sold for, by every way they go back."""

from typing import Any

import pytest

from tests.api.conftest import ApiClient
from tests.factories import order_changes
from tests.factories.order_changes import change, lines, stocked
from tests.factories.returns import a_return, delivered, found

CENT = 1


async def delivered_order(shop: ApiClient, quantity: int, price: int, **charges: int) -> tuple[str, str]:
    """(order, SKU) of one line that was delivered, with a discount and a shipping charge."""
    sku = await stocked(shop, price)
    order_no = await delivered(shop.as_("channel", "web"), sku=sku, quantity=quantity, payment=None, **charges)
    return order_no, sku


async def refund(shop: ApiClient, order_no: str, sku: str, quantity: int, **more: Any) -> dict[str, Any]:
    body = {"lines": [{"sku": sku, "quantity": quantity}], "reason": "late", **more}
    answer = await shop.post(f"/v1/orders/{order_no}/refunds?preview=true", body)
    done = await shop.post(f"/v1/orders/{order_no}/refunds", body)
    assert done.status_code == 201, done.text
    assert answer.json()["consequence"]["amount_minor"] == done.json()["amount_minor"]
    return dict(done.json())


async def sends_back(
    shop: ApiClient, order_no: str, sku: str, quantity: int, condition: str, **more: Any
) -> dict[str, Any]:
    made = await shop.post(f"/v1/orders/{order_no}/returns", a_return(sku, quantity, **more))
    assert made.status_code == 201, made.text
    for verb in ("receive", "inspect"):
        path = f"/v1/returns/{made.json()['return_id']}/{verb}"
        done = await shop.post(path, found(condition, sku, quantity))
        assert done.status_code == 200, done.text
    return dict(done.json())


async def test_half_of_the_pieces_bring_half_of_the_money(shop: ApiClient) -> None:
    order_no, sku = await delivered_order(shop, 1_000, 2, discount_minor=500)
    assert (await refund(shop, order_no, sku, 500))["amount_minor"] == 750
    assert [(await refund(shop, order_no, sku, 125))["amount_minor"] for _ in range(4)] == [188, 187, 188, 187]


async def test_half_of_the_pieces_that_came_damaged_bring_half_of_the_shipping(shop: ApiClient) -> None:
    order_no, sku = await delivered_order(shop, 400, 25, shipping_minor=599)
    back = await sends_back(shop, order_no, sku, 200, "damaged", reason_code="damaged_on_arrival")
    assert back["refund"]["amount_minor"] == 5_000 + 299
    rest = await refund(shop, order_no, sku, 200, include_shipping=True)
    assert (rest["amount_minor"], rest["left_minor"]) == (5_000 + 300, 0)


async def test_pieces_exchanged_for_the_same_again_cost_and_bring_nothing(shop: ApiClient) -> None:
    """What has no price per piece is still exchanged for what it was worth."""
    order_no, sku = await delivered_order(shop, 1_000, 2, discount_minor=500)
    body = a_return(sku, 333, resolution="exchange")
    result = (await shop.post(f"/v1/orders/{order_no}/returns?preview=true", body)).json()["consequence"]
    assert [result["exchange"][name] for name in ("value_minor", "to_pay_minor", "to_refund_minor")] == [499, 0, 0]
    back = await sends_back(shop, order_no, sku, 333, "as_new", resolution="exchange")
    new = (await shop.get(f"/v1/orders/{back['exchange']['order_no']}")).json()
    assert (new["items_minor"], new["total_minor"]) == (499, 0)
    assert sum(line["quantity"] for line in new["lines"]) == 333
    assert (await refund(shop, order_no, sku, 667))["amount_minor"] == 1_500 - 499


@pytest.mark.parametrize(("tax_added", "steps"), [(False, (2, 1, 1, 1)), (True, (1, 3, 1))])
async def test_pieces_taken_off_a_paid_order_take_their_part_along(
    shop: ApiClient, tax_added: bool, steps: tuple[int, ...]
) -> None:
    price, quantity, discount, shipping = 101, 7, 3, 40
    sku = await stocked(shop, price)
    channel = shop.as_("channel", "web")
    number = await order_changes.placed(channel, sku, quantity, discount_minor=discount, shipping_minor=shipping)
    if tax_added:
        await shop.sql("UPDATE order_lines SET tax_minor = 9, tax_added_minor = 9 WHERE order_no = %s", number)
        await shop.sql("UPDATE orders SET tax_minor = 9, tax_added_minor = 9, total_minor = total_minor + 9"
                       " WHERE order_no = %s", number)  # fmt: skip
    await order_changes.reserved(shop, number)
    await order_changes.paid(shop, number)
    goods, left = price * quantity - discount + 9 * tax_added, quantity
    for units in steps:
        left -= units
        answer = (await change(shop, number, lines(**{sku: left}))).json()
        given = (await shop.get(f"/v1/refunds/{answer['refund_id']}")).json()
        assert abs(given["goods_minor"] * quantity - goods * units) < quantity * CENT
        assert abs(given["shipping_minor"] * quantity - shipping * units) < quantity * CENT
        assert (await shop.get(f"/v1/orders/{number}")).json()["total_minor"] == answer["total_after_minor"]
