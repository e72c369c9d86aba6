"""Credit of customers and orders on payment terms, over HTTP."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.api.conftest import ApiClient, an_order, unique


async def customer(shop: ApiClient, limit_minor: int = 20_000, terms_days: int = 30, currency: str = "CNY") -> str:
    """A customer who is known and has credit."""
    known = unique("b2b")
    placed = await shop.post("/v1/orders", an_order(customer=named(known)))
    assert placed.status_code == 201, placed.text
    answer = await put(shop, known, limit_minor=limit_minor, terms_days=terms_days, currency=currency)
    assert answer.status_code == 200, answer.text
    return known


def named(known: str) -> dict[str, Any]:
    return {"id": known, "name": "Li Lei", "email": "li@example.com", "phone": None}


async def put(shop: ApiClient, known: str, **body: Any) -> Any:
    finance = shop.as_("finance")
    return await finance.http.put(f"/v1/customers/{known}/credit", json=body, headers=finance.headers)


async def place(shop: ApiClient, known: str, quantity: int = 1, **changed: Any) -> Any:
    """An order at 42.50 a piece."""
    order = an_order(quantity=quantity, customer=named(known), type="b2b", purchase_order=unique("PO"), payment=None)
    return await shop.post("/v1/orders", order | changed)


async def credit(shop: ApiClient, known: str) -> dict[str, Any]:
    answer = await shop.as_("finance").get(f"/v1/customers/{known}/credit")
    assert answer.status_code == 200, answer.text
    [one] = answer.json()["items"]
    return dict(one)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_an_order_on_terms_uses_the_customers_credit(shop: ApiClient) -> None:
    known = await customer(shop)
    placed = await place(shop, known, 2, purchase_order=" PO 7 ", terms_days=14)
    assert placed.status_code == 201, placed.text
    order = (await shop.get(f"/v1/orders/{placed.json()['order_no']}")).json()
    assert (order["type"], order["purchase_order"], order["terms_days"]) == ("b2b", "PO 7", 14)
    assert (order["owed_minor"], order["due_at"]) == (8_500, None)
    assert await credit(shop, known) == {
        "customer_id": known, "currency": "CNY", "limit_minor": 20_000, "terms_days": 30, "used_minor": 8_500,
        "left_minor": 11_500,
    }  # fmt: skip
    plain = (await shop.get(f"/v1/orders/{(await shop.post('/v1/orders', an_order())).json()['order_no']}")).json()
    assert [plain[name] for name in ("purchase_order", "terms_days", "due_at", "owed_minor")] == [None] * 4


async def test_a_repeated_request_charges_once(shop: ApiClient) -> None:
    known, key = await customer(shop), unique("key")
    body = an_order(customer=named(known), type="b2b", purchase_order="PO-1", payment=None)
    first, again = [await shop.post("/v1/orders", body, key=key) for _ in range(2)]
    assert first.json() == again.json()
    assert (await credit(shop, known))["used_minor"] == 8_500
    assert code(await shop.post("/v1/orders", body)) == (409, "purchase_order_exists")


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        ({"quantity": 5}, (409, "credit_exceeded")),
        ({"currency": "USD", "lines": [{"sku": "USD-1", "quantity": 1}]}, (422, "credit_currency")),
        ({"terms_days": 31}, (422, "terms_too_long")),
        ({"terms_days": 0}, (422, "validation_failed")),
        ({"purchase_order": None}, (422, "purchase_order_missing")),
        ({"purchase_order": "x" * 65}, (422, "validation_failed")),
        ({"purchase_order": "a\x00"}, (422, "invalid_text")),
        ({"purchase_order": " "}, (422, "blank_text")),
        ({"payment": {"method": "sandbox", "token": "tok_ok"}}, (422, "payment_not_accepted")),
        ({"type": "standard"}, (422, "terms_not_accepted")),
        ({"type": "barter"}, (422, "validation_failed")),
    ],
)
async def test_what_does_not_fit_is_refused_and_charges_nothing(
    shop: ApiClient, changed: dict[str, Any], refused: tuple[int, str]
) -> None:
    known = await customer(shop)
    quantity = changed.pop("quantity", 1)
    answer = await place(shop, known, quantity, **changed)
    assert code(answer) == refused, answer.text
    assert (await credit(shop, known))["used_minor"] == 0


async def test_a_customer_without_credit_buys_nothing_on_terms(shop: ApiClient) -> None:
    assert code(await place(shop, unique("new"))) == (409, "no_credit")


async def test_credit_may_be_set_before_the_first_order(shop: ApiClient) -> None:
    new = unique("new")
    assert (await put(shop, new, limit_minor=4_250, currency="CNY", terms_days=1)).status_code == 200
    assert (await place(shop, new)).status_code == 201
    assert (await credit(shop, new))["left_minor"] == 0


async def test_a_refusal_says_how_much_credit_is_left(shop: ApiClient) -> None:
    known = await customer(shop)
    await place(shop, known, 4)
    refused = await place(shop, known)
    assert (refused.json()["left_minor"], refused.json()["currency"]) == (3_000, "CNY")


async def test_of_many_orders_at_once_no_more_are_kept_than_the_limit_allows(shop: ApiClient) -> None:
    known = await customer(shop, 3 * 4_250)
    answers = await asyncio.gather(*(place(shop, known) for _ in range(8)))
    assert Counter(answer.status_code for answer in answers) == {201: 3, 409: 5}
    assert await credit(shop, known) | {"left_minor": 0, "used_minor": 12_750} == await credit(shop, known)


async def test_a_lowered_limit_leaves_nothing_and_breaks_nothing(shop: ApiClient) -> None:
    known = await customer(shop)
    await place(shop, known, 4)
    lowered = await put(shop, known, limit_minor=5_000, currency="CNY", terms_days=7)
    assert (lowered.status_code, lowered.json()["left_minor"], lowered.json()["used_minor"]) == (200, 0, 17_000)
    assert code(await place(shop, known)) == (409, "credit_exceeded")
    for body in ({"limit_minor": -1}, {"terms_days": 366}, {"currency": "XXX"}):
        answer = await put(shop, known, **({"limit_minor": 1, "currency": "CNY", "terms_days": 1} | body))
        assert answer.status_code == 422, answer.text


async def test_nothing_is_paid_of_an_order_whose_terms_have_not_begun(shop: ApiClient) -> None:
    known = await customer(shop)
    order_no = (await place(shop, known)).json()["order_no"]
    finance = shop.as_("finance")
    path = f"/v1/orders/{order_no}/transfers"
    assert code(await finance.post(path, {"reference": "B1"})) == (409, "not_on_terms")
    assert code(await finance.post(path, {"reference": "B1", "amount_minor": 0})) == (422, "amount_invalid")


async def test_a_transfer_is_recorded_once_and_never_more_than_is_owed(shop: ApiClient) -> None:
    known = await customer(shop)
    order_no = (await place(shop, known, 2)).json()["order_no"]
    await begin_terms(shop, order_no)
    finance, path, key = shop.as_("finance"), f"/v1/orders/{order_no}/transfers", unique("key")
    assert code(await finance.post(path, {"reference": "B2", "amount_minor": 8_501})) == (409, "more_than_owed")
    for _ in range(2):
        answer = await finance.post(path, {"reference": "B2", "amount_minor": 8_000}, key=key)
        assert (answer.status_code, answer.json()["owed_minor"]) == (201, 500), answer.text
    listed = (await finance.get("/v1/receivables", customer=known)).json()["items"]
    assert [(one["order_no"], one["owed_minor"]) for one in listed] == [(order_no, 500)]
    late = (await finance.get("/v1/receivables", customer=known, overdue="true")).json()["items"]
    assert late == []
    assert await payment_statuses(finance, known, "on_terms") == [(order_no, "on_terms")]
    assert (await finance.post(path, {"reference": "B3"})).json()["owed_minor"] == 0
    assert await payment_statuses(finance, known, "on_terms") == []
    assert await payment_statuses(finance, known, "paid") == [(order_no, "paid")]
    assert code(await finance.post(path, {"reference": "B4"})) == (409, "already_paid")
    assert (await credit(shop, known))["used_minor"] == 0


async def payment_statuses(finance: ApiClient, known: str, wanted: str) -> list[tuple[str, str]]:
    """Orders of the customer that the filter finds, with what their rows say."""
    found = (await finance.get("/v1/orders", customer=known, payment_status=wanted)).json()["items"]
    return [(row["order_no"], row["payment_status"]) for row in found]


async def begin_terms(shop: ApiClient, order_no: str) -> None:
    """As the reservation of its stock does."""
    await shop.sql(
        "INSERT INTO order_events (order_no, type, from_status, to_status, data, actor) VALUES"
        " (%s, 'stock_reserved', 'received', 'pending_payment', '{}', 'system') RETURNING 1", order_no)  # fmt: skip
    await shop.sql(
        "INSERT INTO payments (order_no, kind, provider, amount_minor, currency, status, idempotency_key, provider_ref)"
        " SELECT order_no, 'capture', 'terms', total_minor, currency, 'succeeded', order_no || '/terms/1', 't'"
        " || order_no FROM orders WHERE order_no = %s RETURNING 1", order_no)  # fmt: skip
    await shop.sql(
        "INSERT INTO order_events (order_no, type, from_status, to_status, data, actor) VALUES"
        " (%s, 'payment_on_terms', 'pending_payment', 'paid', '{}', 'system') RETURNING 1", order_no)  # fmt: skip
