"""A paid order is made smaller after support gave money back for some of its units: to the cent, in any order."""

import pytest

from tests.api.conftest import ApiClient
from tests.factories import order_changes
from tests.factories.order_changes import change, lines


async def paid(shop: ApiClient, price_minor: int, quantity: int, discount_minor: int) -> tuple[str, str]:
    """(order, SKU) of a paid order with a discount that its units do not share evenly."""
    sku = await order_changes.stocked(shop, price_minor)
    channel = shop.as_("channel", "web")
    number = await order_changes.placed(channel, sku, quantity, discount_minor=discount_minor)
    await order_changes.reserved(shop, number)
    await order_changes.paid(shop, number)
    return number, sku


@pytest.mark.parametrize(
    ("price", "quantity", "discount", "refunded", "stored"),
    [
        (333, 3, 1, 1, 1),
        (333, 3, 2, 1, 1),
        (100, 7, 3, 2, 3),
        (101, 5, 3, 3, 3),
        (333, 3, 1, 2, 2),
        (100, 6, 593, 1, 2),
    ],
)
async def test_units_that_are_left_are_taken_off_for_what_is_left(
    shop: ApiClient, price: int, quantity: int, discount: int, refunded: int, stored: int
) -> None:
    number, sku = await paid(shop, price, quantity, discount)
    back = 0
    for units in [1] * refunded:
        body = {"lines": [{"sku": sku, "quantity": units}], "reason": "late"}
        given = await shop.post(f"/v1/orders/{number}/refunds", body)
        assert given.status_code == 201, given.text
        back += given.json()["amount_minor"]
    smaller = await change(shop, number, lines(**{sku: stored}))
    assert smaller.status_code == 200, smaller.text
    back += smaller.json()["refund_minor"]
    whole = price * quantity - discount
    if stored == refunded:  # all that was not refunded before is taken off
        assert back == whole
    else:
        rest = {"lines": [{"sku": sku, "quantity": stored - refunded}], "reason": "late"}
        last = await shop.post(f"/v1/orders/{number}/refunds", rest)
        assert (last.status_code, back + last.json().get("amount_minor", 0)) == (201, whole), last.text
    content = (await shop.get(f"/v1/orders/{number}")).json()
    assert content["total_minor"] == whole - smaller.json()["refund_minor"]
