"""What a provider cannot move is refused before anything is asked of it, with what is possible instead."""

import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.api.conftest import ApiClient, an_order, open_api
from tests.conftest import DatabaseUrls

PRICES = {"KWD": 1_235, "MGA": 12_345, "CLF": 10_000, "ISK": 1_235, "XOF": 10_000}


@pytest.fixture(scope="module")
async def shop(database_url: DatabaseUrls) -> AsyncIterator[ApiClient]:
    """A shop that takes payments with Stripe, in many currencies. Nothing here reaches it."""
    async with open_api(database_url, payment_provider="stripe", stripe_api_key="sk_test_1") as api:
        for currency, price in PRICES.items():
            product = {"sku": f"IN-{currency}", "name": "x", "price_minor": price, "currency": currency}
            assert (await api.as_("operations").post("/v1/products", product)).status_code == 201
        yield api.as_("support", "amy")


def order(currency: str, quantity: int, payment: bool = True) -> dict[str, Any]:
    by = {"method": "stripe", "token": "pm_card_visa"} if payment else None
    return an_order(sku=f"IN-{currency}", quantity=quantity, currency=currency, payment=by)


async def paid(shop: ApiClient, currency: str, quantity: int) -> str:
    number = str((await shop.post("/v1/orders", order(currency, quantity, payment=False))).json()["order_no"])
    await shop.sql(
        "INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key, "
        "provider_ref) SELECT order_no, 'capture', 1, 'stripe', total_minor, currency, 'succeeded', %s, %s "
        "FROM orders WHERE order_no = %s", secrets.token_hex(8), secrets.token_hex(8), number)  # fmt: skip
    return number


@pytest.mark.parametrize(
    ("currency", "quantity", "status", "code", "text"),
    [
        ("KWD", 1, 422, "amount_not_payable", "1.230 KWD or 1.240 KWD"),
        ("KWD", 2, 201, "", ""),
        ("MGA", 1, 422, "amount_not_payable", "123.00 MGA or 124.00 MGA"),
        ("MGA", 20, 201, "", ""),
        ("CLF", 1, 422, "currency_not_taken", "takes no CLF"),
        ("ISK", 1, 201, "", ""),
        ("XOF", 1, 201, "", ""),
    ],
)
async def test_an_order_is_placed_with_a_payment_that_its_provider_can_take(
    shop: ApiClient, currency: str, quantity: int, status: int, code: str, text: str
) -> None:
    answer = await shop.post("/v1/orders", order(currency, quantity))
    assert answer.status_code == status, answer.text
    if status == 422:
        assert (answer.json()["code"], text in answer.json()["detail"]) == (code, True), answer.text
        unpaid = await shop.post("/v1/orders", order(currency, quantity, payment=False))
        payment = {"method": "stripe", "token": "pm_card_visa"}
        later = await shop.post(f"/v1/orders/{unpaid.json()['order_no']}/payments", payment)
        assert (later.status_code, later.json()["code"]) == (422, code)


async def test_a_refund_that_the_provider_cannot_pay_is_refused_with_what_is_possible(shop: ApiClient) -> None:
    number = await paid(shop, "KWD", 4)
    path = f"/v1/orders/{number}/refunds"
    refused = await shop.post(path, {"amount_minor": 1_234, "reason": "x"})
    assert (refused.status_code, refused.json()["code"]) == (422, "amount_not_payable")
    assert "1.230 KWD or 1.240 KWD" in refused.json()["detail"]
    most = await shop.post(path, {"amount_minor": 3, "reason": "x"})
    assert "name 0.010 KWD" in most.json()["detail"]
    assert (await shop.post(path, {"amount_minor": 1_230, "reason": "x"})).status_code == 201


async def test_pieces_are_refunded_in_amounts_that_the_provider_can_pay_and_all_of_them_are_the_whole(
    shop: ApiClient,
) -> None:
    number = await paid(shop, "KWD", 4)
    body = {"lines": [{"sku": "IN-KWD", "quantity": 1}], "reason": "x"}
    given = [(await shop.post(f"/v1/orders/{number}/refunds", body)).json()["amount_minor"] for _ in range(4)]
    assert given == [1_240, 1_240, 1_240, 1_220]
    assert sum(given) == 4 * PRICES["KWD"]


async def test_what_was_paid_in_two_ways_goes_back_in_amounts_that_each_can_move(shop: ApiClient) -> None:
    """The newest capture is emptied first, but of 3 fils of store credit none: the rest would be none for Stripe."""
    number = await paid(shop, "KWD", 4)
    # As an order has that was changed after it was paid.
    await shop.sql("DROP INDEX IF EXISTS payments_one_capture_of_order")
    await shop.sql(
        "INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key, "
        "provider_ref) VALUES (%s, 'capture', 2, 'store_credit', 3, 'KWD', 'succeeded', %s, %s)",
        number, secrets.token_hex(8), secrets.token_hex(8),
    )  # fmt: skip
    made = await shop.post(f"/v1/orders/{number}/refunds", {"amount_minor": 1_230, "reason": "x"})
    assert made.status_code == 201, made.text
    parts = await shop.sql(
        "SELECT provider, x.amount_minor FROM refund_allocations x JOIN payments USING (payment_id) "
        "WHERE x.refund_id = %s",
        made.json()["refund_id"],
    )
    assert [(part["provider"], part["amount_minor"]) for part in parts] == [("stripe", 1_230)]
