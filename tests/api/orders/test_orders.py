"""Placing and reading orders."""

import pytest

from infra.security.crypto import Vault
from tests.api.conftest import ApiClient, an_order, unique


async def test_placed_order_is_answered_and_kept_with_its_event_and_start_request(shop: ApiClient) -> None:
    response = await shop.post("/v1/orders", an_order(quantity=3))

    assert response.status_code == 201, response.text
    placed = response.json()
    number = placed["order_no"]
    assert placed == {
        "order_no": number,
        "status": "received",
        "total_minor": 12_750,
        "currency": "CNY",
        "workflow_id": f"order-{number}",
    }
    events = await shop.sql("SELECT seq, type, actor FROM order_events WHERE order_no = %s", number)
    assert events == [{"seq": 1, "type": "order_placed", "actor": "support:amy"}]
    starts = await shop.sql("SELECT kind FROM workflow_requests WHERE subject = %s", number)
    assert starts == [{"kind": "start_order"}]
    requests = await shop.sql("SELECT request_id, attempt, token FROM payment_requests WHERE order_no = %s", number)
    assert requests == [{"request_id": f"{number}:1", "attempt": 1, "token": "tok_ok"}]


async def test_whole_order_is_read_back(shop: ApiClient) -> None:
    wanted = an_order(external_ref=unique("ref"))
    number = (await shop.post("/v1/orders", wanted)).json()["order_no"]

    response = await shop.get(f"/v1/orders/{number}")

    assert response.status_code == 200, response.text
    assert response.headers["etag"] == '"1"'
    order = response.json()
    assert order["ship_to"] == wanted["ship_to"]
    assert order["customer"] == wanted["customer"]
    assert order["note"] == "ring twice"
    assert order["external_ref"] == wanted["external_ref"]
    nothing = {"discount_minor": 0, "shipping_minor": 0, "tax_minor": 0, "refunded_minor": 0, "refunded_quantity": 0}
    nothing["cancelled_quantity"] = nothing["returned_quantity"] = 0
    priced = {"unit_price_minor": 4250, "total_minor": 8500, "paid_minor": 8500}
    assert order["lines"] == [{"line_no": 1, "sku": "TEA-1", "name": "Green tea", "quantity": 2, **priced, **nothing}]
    assert (order["payments"], order["shipments"], order["returns"], order["refunds"]) == ([], [], [], [])
    assert order["allowed_actions"] == [
        "cancel",
        "change_address",
        "change_lines",
        "change_note",
        "change_delivery_slot",
    ]
    assert order["needs_attention"] is None
    assert order["waiting_for"] == {"what": "reservation", "until": None, "next": "stock is reserved"}
    assert order["created_at"].endswith("Z")


async def test_order_number_is_understood_as_people_type_it(shop: ApiClient) -> None:
    number = (await shop.post("/v1/orders", an_order())).json()["order_no"]

    response = await shop.get(f"/v1/orders/{number.lower().replace('-', '')}")

    assert response.json()["order_no"] == number


async def test_timeline_has_the_first_event(shop: ApiClient) -> None:
    number = (await shop.post("/v1/orders", an_order())).json()["order_no"]

    body = (await shop.get(f"/v1/orders/{number}/events")).json()

    assert [(event["seq"], event["type"], event["to_status"]) for event in body["items"]] == [
        (1, "order_placed", "received")
    ]
    assert body["next_cursor"] is None


async def test_personal_text_is_nowhere_in_clear(shop: ApiClient) -> None:
    number = (await shop.post("/v1/orders", an_order(note="secret wish"))).json()["order_no"]

    (row,) = await shop.sql("SELECT o::text AS whole FROM orders o WHERE order_no = %s", number)
    (customer,) = await shop.sql("SELECT c::text AS whole FROM customers c WHERE customer_id = 'c-17'")
    rows = await shop.sql("SELECT k::text AS whole FROM idempotency_keys k WHERE resource = %s", number)

    for text in (row["whole"], customer["whole"], rows[0]["whole"]):
        for clear in ("Li Lei", "secret wish", "Made-up", "li@example.com", "13800138000"):
            assert clear not in text and clear.encode().hex() not in text


async def test_lines_of_one_sku_are_kept_as_sent(shop: ApiClient) -> None:
    lines = [{"sku": "TEA-1", "quantity": 1}, {"sku": "TEA-2", "quantity": 4}, {"sku": "TEA-1", "quantity": 2}]

    placed = (await shop.post("/v1/orders", an_order(lines=lines))).json()

    assert placed["total_minor"] == 3 * 4250 + 4 * 1000
    rows = await shop.sql(
        "SELECT sku, quantity FROM order_lines WHERE order_no = %s ORDER BY line_no", placed["order_no"]
    )
    assert [(row["sku"], row["quantity"]) for row in rows] == [("TEA-1", 1), ("TEA-2", 4), ("TEA-1", 2)]


async def test_channel_names_its_price(shop: ApiClient) -> None:
    order = an_order(lines=[{"sku": "TEA-1", "quantity": 2, "unit_price_minor": 99}])

    response = await shop.as_("channel", "web").post("/v1/orders", order)

    assert response.json()["total_minor"] == 198


async def test_changed_customer_is_written_and_earlier_orders_stay_readable(shop: ApiClient) -> None:
    customer = {"id": unique("c"), "name": "Han", "email": "han@example.com", "phone": None}
    first = (await shop.post("/v1/orders", an_order(customer=customer))).json()["order_no"]
    second = (await shop.post("/v1/orders", an_order(customer=customer | {"name": "Han Mei"}))).json()["order_no"]

    for number in (first, second):
        order = (await shop.get(f"/v1/orders/{number}")).json()
        assert order["customer"] == customer | {"name": "Han Mei"}
        assert order["ship_to"]["name"] == "Li Lei"


async def test_erased_customer_may_order_again_while_the_old_order_stays_closed(shop: ApiClient) -> None:
    customer = {"id": unique("c"), "name": "Ou", "email": None, "phone": None}
    old = (await shop.post("/v1/orders", an_order(customer=customer))).json()["order_no"]
    await shop.sql("UPDATE customers SET data_key = NULL, profile_enc = NULL WHERE customer_id = %s", customer["id"])

    new = (await shop.post("/v1/orders", an_order(customer=customer))).json()["order_no"]

    assert (await shop.get(f"/v1/orders/{old}")).json()["ship_to"] is None
    assert (await shop.get(f"/v1/orders/{new}")).json()["ship_to"]["name"] == "Li Lei"


async def test_order_waits_for_its_reservation_no_longer_than_asked(shop: ApiClient) -> None:
    response = await shop.post("/v1/orders", an_order(), key="waits-1", headers={"Prefer": "wait=1"})

    assert response.status_code == 201
    assert response.json()["status"] == "received"
    (rows,) = await shop.sql("SELECT state, status_code FROM idempotency_keys WHERE key = 'waits-1'")
    assert rows == {"state": "done", "status_code": 201}


async def test_run_that_died_while_waiting_is_taken_over(shop: ApiClient) -> None:
    first = await shop.post("/v1/orders", an_order(), key="died-1")
    number = first.json()["order_no"]
    await shop.sql(
        "UPDATE idempotency_keys SET state = 'running', status_code = NULL, response_enc = NULL,"
        " locked_until = now() - interval '1 second' WHERE key = 'died-1'"
    )

    again = await shop.post("/v1/orders", an_order(), key="died-1", headers={"Prefer": "wait=1"})

    assert again.status_code == 201
    assert again.json() == first.json()
    assert await shop.sql("SELECT 1 AS one FROM orders WHERE order_no = %s", number) == [{"one": 1}]


@pytest.mark.parametrize("role", ["customer", "channel"])
async def test_caller_sees_only_their_own(shop: ApiClient, role: str) -> None:
    number = (await shop.post("/v1/orders", an_order())).json()["order_no"]
    own = shop.as_(role, "c-17" if role == "customer" else "web")
    other = shop.as_(role, "somebody-else")

    assert (await own.get(f"/v1/orders/{number}")).status_code == 200
    for path in (f"/v1/orders/{number}", f"/v1/orders/{number}/events"):
        refused = await other.get(path)
        assert (refused.status_code, refused.json()["code"]) == (404, "order_not_found")


def test_key_of_tests_is_one() -> None:
    assert Vault(bytes(32)).new_data_key()
