"""What a repeated request is answered with is kept sealed, and is gone with its customer."""

import json

import httpx

from infra.db import idempotency_sealing
from infra.db.customers.profiles import KeyRing
from infra.db.engine import Database
from infra.security.crypto import Vault
from tests.api.conftest import ApiClient, an_order, settings_for, unique
from tests.conftest import DatabaseUrls
from tests.factories.sales import placed

WORDS = "she plays the harpsichord at night"


async def give_feedback(shop: ApiClient, key: str) -> tuple[str, str]:
    """Feedback on an order of a new customer; the order and the customer."""
    customer = an_order()["customer"] | {"id": unique("c")}
    order_no = await placed(shop, customer=customer)
    assert (await feedback(shop, order_no, key)).status_code == 201
    return order_no, customer["id"]


async def feedback(shop: ApiClient, order_no: str, key: str) -> httpx.Response:
    return await shop.post(f"/v1/orders/{order_no}/feedback", {"rating": 3, "text": WORDS}, key=key)


async def test_no_answer_is_kept_in_clear_text(shop: ApiClient) -> None:
    """Those about an order open with its customer's key, the others with the master key."""
    order_no, _ = await give_feedback(shop, "feedback-1")
    await shop.as_("warehouse").post("/v1/stock/receipts", {"sku": "TEA-1", "quantity": 1, "reference": unique("r")})
    rows = await shop.sql("SELECT response, response_enc, order_no FROM idempotency_keys WHERE state = 'done'")
    assert {row["order_no"] for row in rows} >= {order_no, None}
    assert all(row["response"] is None and row["response_enc"] for row in rows)
    again = await feedback(shop, order_no, "feedback-1")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")


async def test_an_answer_is_gone_with_its_customer(shop: ApiClient) -> None:
    order_no, customer_id = await give_feedback(shop, "feedback-2")
    await shop.sql("UPDATE customers SET data_key = NULL WHERE customer_id = %s", customer_id)
    again = await feedback(shop, order_no, "feedback-2")
    assert (again.status_code, again.json()["code"]) == (409, "answer_erased")


async def test_an_answer_of_before_is_sealed_by_the_relay(shop: ApiClient, database_url: DatabaseUrls) -> None:
    order_no, _ = await give_feedback(shop, "feedback-3")
    first = (await feedback(shop, order_no, "feedback-3")).json()
    receipt = {"sku": "TEA-1", "quantity": 1, "reference": unique("r")}
    received = (await shop.as_("warehouse").post("/v1/stock/receipts", receipt, key="receipt-3")).json()
    # A field of each may hold what somebody typed.
    first, received = first | {"feedback_id": WORDS}, received | {"sku": WORDS}
    for key, answer in (("feedback-3", first), ("receipt-3", received)):
        await shop.sql(
            "UPDATE idempotency_keys SET response = %s::jsonb, response_enc = NULL, order_no = NULL WHERE key = %s",
            json.dumps(answer),
            key,
        )
    settings = settings_for(database_url)
    database = Database.from_settings(settings)
    async with database.begin() as conn:
        keys = KeyRing(Vault.from_settings(settings))
        assert await idempotency_sealing.seal_old(conn, keys, 10) == 2
        assert await idempotency_sealing.seal_old(conn, keys, 10) == 0
    await database.close()
    rows = await shop.sql(
        "SELECT t::text AS row, order_no FROM idempotency_keys t WHERE key IN ('feedback-3', 'receipt-3')"
    )
    assert WORDS not in str(rows) and {row["order_no"] for row in rows} == {order_no, None}
    assert (await feedback(shop, order_no, "feedback-3")).json() == first
    again = await shop.as_("warehouse").post("/v1/stock/receipts", receipt, key="receipt-3")
    assert again.json() == received
