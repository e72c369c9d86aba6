"""Lists: pages, filters, search."""

import pytest

from tests.api.conftest import ApiClient, an_order, unique

CHANNEL = "listing"


async def place(shop: ApiClient, **changed: object) -> str:
    response = await shop.post("/v1/orders", an_order(**{"channel": CHANNEL, **changed}))
    assert response.status_code == 201, response.text
    return str(response.json()["order_no"])


async def move(shop: ApiClient, number: str, event: str, to_status: str, data: str = "{}") -> None:
    await shop.sql(
        "INSERT INTO order_events (order_no, seq, type, from_status, to_status, actor, data)"
        " SELECT order_no, 0, %s, status, %s, 'test', %s::jsonb FROM orders WHERE order_no = %s",
        event,
        to_status,
        data,
        number,
    )


async def all_pages(shop: ApiClient, **params: object) -> list[list[str]]:
    pages, cursor = [], None
    while True:
        more = {"cursor": cursor} if cursor else {}
        response = await shop.get("/v1/orders", **params, **more)
        assert response.status_code == 200, response.text
        body = response.json()
        pages.append([item["order_no"] for item in body["items"]])
        cursor = body["next_cursor"]
        if cursor is None:
            return pages


@pytest.fixture(scope="module")
async def numbers(shop: ApiClient) -> list[str]:
    """Seven orders, oldest first: two of them pending payment."""
    placed = [await place(shop, external_ref=f"ext-{index}") for index in range(7)]
    for number in placed[1:3]:
        await move(shop, number, "stock_reserved", "pending_payment")
    return placed


async def test_pages_are_newest_first_and_complete(shop: ApiClient, numbers: list[str]) -> None:
    pages = await all_pages(shop, channel=CHANNEL, limit=3)
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [number for page in pages for number in page] == numbers[::-1]


async def test_oldest_first(shop: ApiClient, numbers: list[str]) -> None:
    pages = await all_pages(shop, channel=CHANNEL, limit=4, sort="created_at")
    assert [number for page in pages for number in page] == numbers


async def test_by_status_then_newest(shop: ApiClient, numbers: list[str]) -> None:
    pages = await all_pages(shop, channel=CHANNEL, limit=1, sort="status")
    received = [number for number in numbers[::-1] if number not in numbers[1:3]]
    assert [number for page in pages for number in page] == [numbers[2], numbers[1], *received]


async def test_cursor_of_another_sort_is_refused(shop: ApiClient, numbers: list[str]) -> None:
    cursor = (await shop.get("/v1/orders", channel=CHANNEL, limit=1)).json()["next_cursor"]
    response = await shop.get("/v1/orders", channel=CHANNEL, limit=1, sort="status", cursor=cursor)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_cursor")


async def test_filters(shop: ApiClient, numbers: list[str]) -> None:
    assert await all_pages(shop, channel=CHANNEL, status="pending_payment") == [[numbers[2], numbers[1]]]
    assert await all_pages(shop, channel="nowhere") == [[]]
    created = (await shop.get(f"/v1/orders/{numbers[3]}")).json()["created_at"]
    later = await all_pages(shop, channel=CHANNEL, created_from=created)
    assert later == [numbers[3:][::-1]]
    assert await all_pages(shop, channel=CHANNEL, created_to=created) == [numbers[:3][::-1]]


async def test_search(shop: ApiClient, numbers: list[str]) -> None:
    customer = {"id": unique("c"), "name": "S", "email": "Find.Me@Example.com", "phone": "+86 139 1111 2222"}
    sought = await place(shop, customer=customer, external_ref="sought-1")
    await shop.sql(
        "INSERT INTO shipments (shipment_id, order_no, warehouse, carrier, status, idempotency_key, tracking_no)"
        " VALUES ('s-1', %s, 'WH-EAST', 'sandbox', 'booked', 'k-1', 'TRACK-77')",
        sought,
    )
    for q in (sought, sought.lower(), "find.me@example.com", "13911112222", "sought-1", "TRACK-77"):
        assert await all_pages(shop, q=q) == [[sought]], q
    assert await all_pages(shop, q="nobody@example.com") == [[]]
    assert await all_pages(shop, q="nothing") == [[]]


async def test_search_knows_each_channels_contact(shop: ApiClient, numbers: list[str]) -> None:
    customer = {"id": unique("c"), "name": "S", "email": "old@two.example", "phone": "+86 139 2222 3333"}
    older, newer = unique("ch"), unique("ch")
    first = await place(shop, channel=older, customer=customer)
    second = await place(shop, channel=newer, customer=customer | {"email": "new@two.example"})
    # Staff find all orders of the customer by every address that an order named.
    assert await all_pages(shop, q="old@two.example") == [[second, first]]
    assert await all_pages(shop, q="new@two.example") == [[second, first]]
    assert await all_pages(shop.as_("customer", customer["id"]), q="old@two.example") == [[first]]
    await shop.sql("UPDATE customers SET data_key = NULL WHERE customer_id = %s", customer["id"])
    assert await all_pages(shop, q="old@two.example") == [[]]


async def test_rows_are_light_and_say_what_they_wait_for(shop: ApiClient, numbers: list[str]) -> None:
    number = numbers[0]
    await shop.sql(
        "INSERT INTO parked_steps (order_no, park_no, step, error, attempts, options, amount_minor, escalate_at)"
        " VALUES (%s, 1, 'authorise', 'timeout', 5, '{retry}', 1, now())",
        number,
    )
    (item,) = (await shop.get("/v1/orders", q=number)).json()["items"]
    assert item["needs_attention"] == "authorise"
    assert item["waiting_for"]["what"] == "reservation"
    assert set(item) == {
        *("order_no", "status", "channel", "external_ref", "customer_id", "total_minor", "currency"),
        *("created_at", "updated_at", "waiting_for", "needs_attention", "hold", "warehouse", "priority", "matched"),
        *("situation", "customer_name", "item_count", "item_names", "destination"),
        *("payment_status", "fulfilment_status", "tags", "assignee", "fulfilment_progress", "warehouses"),
    }
    whole = (await shop.get(f"/v1/orders/{number}")).json()["needs_attention"]
    assert (whole["step"], whole["error"], whole["attempts"], whole["options"]) == (
        "authorise",
        "timeout",
        5,
        ["retry"],
    )
    assert whole["since"].endswith("Z")


async def test_a_row_names_customer_items_destination_and_both_statuses(shop: ApiClient) -> None:
    number = await place(shop, channel=unique("rows"))
    support = (await shop.as_("support").get("/v1/orders", q=number)).json()["items"][0]
    names = ("customer_name", "item_count", "item_names", "destination", "payment_status", "fulfilment_status")
    assert [support[name] for name in names] == [
        "Li Lei", 2, ["Green tea"], {"country": "CN", "province": "上海市", "city": "上海市"}, "pending", "unfulfilled",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("role", "reads"), [("support", True), ("warehouse", True), ("finance", False), ("operations", False)]
)
async def test_a_list_names_people_only_to_who_may_read_personal_data(shop: ApiClient, role: str, reads: bool) -> None:
    number = await place(shop, channel=unique("rows"))
    row = (await shop.as_(role).get("/v1/orders", q=number)).json()["items"][0]
    assert (row["customer_name"] is not None, row["destination"]["city"] is not None) == (reads, reads)


async def test_by_total_the_pages_hold_each_order_once(shop: ApiClient) -> None:
    channel = unique("totals")
    made = [await place(shop, channel=channel, lines=[{"sku": "TEA-1", "quantity": n}]) for n in (3, 1, 2, 1)]
    rising = [made[1], made[3], made[2], made[0]]
    for params in ({}, {"q": "Li Lei"}):
        for sort, expected in (("total", rising), ("-total", rising[::-1])):
            pages = await all_pages(shop, channel=channel, limit=3, sort=sort, **params)
            assert [number for page in pages for number in page] == expected, (sort, params)


async def test_a_cursor_belongs_to_its_sort(shop: ApiClient, numbers: list[str]) -> None:
    first = (await shop.get("/v1/orders", channel=CHANNEL, limit=2, sort="-total")).json()["next_cursor"]
    for sort in ("total", "-created_at", "status"):
        answer = await shop.get("/v1/orders", channel=CHANNEL, sort=sort, cursor=first)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor")
