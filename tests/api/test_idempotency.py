"""The same key and body give the first answer again, whoever asks at the same moment."""

import asyncio

from tests.api.conftest import ApiClient, an_order


async def test_replay_gives_the_first_answer(shop: ApiClient) -> None:
    first = await shop.post("/v1/orders", an_order(), key="again")
    before = await shop.row_counts()

    again = await shop.post("/v1/orders", an_order(), key="again")

    assert again.status_code == 201
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert await shop.row_counts() == before


async def test_order_of_the_keys_in_a_body_does_not_matter(shop: ApiClient) -> None:
    order = an_order()
    first = await shop.post("/v1/orders", order, key="shuffled")
    again = await shop.post("/v1/orders", dict(reversed(order.items())), key="shuffled")
    assert again.json() == first.json()


async def test_keys_belong_to_their_caller(shop: ApiClient) -> None:
    first = await shop.post("/v1/orders", an_order(), key="mine")
    other = await shop.as_("support", "bob").post("/v1/orders", an_order(), key="mine")
    assert other.status_code == 201
    assert other.json()["order_no"] != first.json()["order_no"]


async def test_same_key_on_another_path_is_reuse(shop: ApiClient) -> None:
    warehouse = shop.as_("warehouse")
    body = {"sku": "TEA-1", "quantity": 1, "reference": "r"}
    assert (await warehouse.post("/v1/stock/receipts", body, key="path")).status_code == 201
    adjustment = {"sku": "TEA-1", "quantity": 1, "reason": "r"}
    other = await warehouse.post("/v1/stock/adjustments", adjustment, key="path")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_fifty_at_once_make_one_order(shop: ApiClient) -> None:
    customer = {"id": "c-fifty", "name": "Fifty", "email": None, "phone": None}
    order = an_order(customer=customer)

    responses = await asyncio.gather(*(shop.post("/v1/orders", order, key="fifty") for _ in range(50)))

    answers = [response.json() for response in responses]
    assert {response.status_code for response in responses} <= {201, 409}, answers
    assert {answer["code"] for answer in answers if "code" in answer} <= {"idempotency_in_progress"}
    assert len({answer["order_no"] for answer in answers if "order_no" in answer}) == 1
    (count,) = await shop.sql("SELECT count(*) AS orders FROM orders WHERE customer_id = 'c-fifty'")
    assert count == {"orders": 1}


async def test_fifty_first_orders_of_one_new_customer_stay_readable(shop: ApiClient) -> None:
    customer = {"id": "c-new", "name": "New", "email": "new@example.com", "phone": None}

    responses = await asyncio.gather(*(shop.post("/v1/orders", an_order(customer=customer)) for _ in range(20)))

    assert {response.status_code for response in responses} == {201}
    for number in {response.json()["order_no"] for response in responses}:
        order = (await shop.get(f"/v1/orders/{number}")).json()
        assert (order["customer"], order["ship_to"]["name"]) == (customer, "Li Lei")


async def test_first_request_still_runs(shop: ApiClient) -> None:
    waiting = asyncio.create_task(shop.post("/v1/orders", an_order(), key="slow", headers={"Prefer": "wait=2"}))
    async with asyncio.timeout(60):
        while not await shop.sql("SELECT 1 AS one FROM idempotency_keys WHERE key = 'slow'"):
            await asyncio.sleep(0.01)

    second = await shop.post("/v1/orders", an_order(), key="slow")

    assert (second.status_code, second.json()["code"]) == (409, "idempotency_in_progress")
    first = await waiting
    assert first.status_code == 201
    third = await shop.post("/v1/orders", an_order(), key="slow")
    assert third.json() == first.json()


async def test_refusal_does_not_use_the_key_up(shop: ApiClient) -> None:
    order = an_order(sku="LATER-1")
    assert (await shop.post("/v1/orders", order, key="later")).json()["code"] == "unknown_sku"
    product = {"sku": "LATER-1", "name": "Late tea", "price_minor": 5, "currency": "CNY"}
    assert (await shop.as_("operations").post("/v1/products", product)).status_code == 201
    assert (await shop.post("/v1/orders", order, key="later")).status_code == 201
