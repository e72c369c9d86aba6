"""Drafts of orders over HTTP: saved as they are, seen by their owner, placed once with the total that was shown."""

import asyncio
from typing import Any

import httpx
import psycopg

from tests.api.conftest import ApiClient, an_order, unique
from tests.conftest import DatabaseUrls

SHIP_TO = {"country": "CN", "province": "上海市", "city": "上海市", "line1": "Made-up Road 1"}


def prepared(**changed: Any) -> dict[str, Any]:
    """A draft that can be placed."""
    who = {"name": "Ann Caller", "email": "ann@example.com", "phone": "+86 138 0013 8000"}
    return {"customer": who, "ship_to": SHIP_TO, "lines": [{"sku": "TEA-1", "quantity": 2}]} | changed


async def stocked(shop: ApiClient, units: int = 50) -> str:
    """A product that no other test touches, with units on the shelf."""
    sku = unique("PHONE")
    product = {"sku": sku, "name": "Telephone tea", "price_minor": 1_500, "currency": "CNY"}
    assert (await shop.as_("operations").post("/v1/products", product)).status_code == 201
    if units:
        receipt = {"sku": sku, "quantity": units, "reference": unique("r")}
        assert (await shop.as_("warehouse").post("/v1/stock/receipts", receipt)).status_code == 201
    return sku


async def drafted(shop: ApiClient, **changed: Any) -> str:
    answer = await shop.post("/v1/order-drafts", prepared(**changed))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["draft_id"])


async def patch(shop: ApiClient, draft_id: str, body: dict[str, Any], version: int) -> httpx.Response:
    headers = shop.headers | {"Idempotency-Key": unique("key"), "If-Match": f'"{version}"'}
    return await shop.http.patch(f"/v1/order-drafts/{draft_id}", json=body, headers=headers)


async def place(shop: ApiClient, draft_id: str, **body: Any) -> httpx.Response:
    return await shop.post(f"/v1/order-drafts/{draft_id}/place", body)


async def test_a_draft_shows_what_it_would_cost_and_becomes_that_order_once(shop: ApiClient) -> None:
    sku = await stocked(shop)
    draft_id = await drafted(shop, lines=[{"sku": sku, "quantity": 2}], note="call before delivery")
    view = await shop.get(f"/v1/order-drafts/{draft_id}")
    quote = view.json()["quote"]
    assert (quote["total_minor"], quote["currency"], quote["in_stock"], view.json()["problems"]) == (
        3_000,
        "CNY",
        True,
        [],
    )
    assert (
        quote["lines"][0] | {"name": "Telephone tea", "available": 50, "unit_price_minor": 1_500} == quote["lines"][0]
    )
    first, second = await asyncio.gather(*(place(shop, draft_id, total_minor=3_000) for _ in range(2)))
    answers = [answer.json() for answer in (first, second, await place(shop, draft_id))]
    assert {answer.get("order_no") for answer in answers if "order_no" in answer} == {answers[2]["order_no"]}
    placed = answers[2]
    made = (await shop.get("/v1/orders", q=sku)).json()["items"]
    assert [row["order_no"] for row in made] == [placed["order_no"]]
    assert placed["payment_url"].endswith(f"/portal/orders/{placed['order_no']}/pay")
    order = (await shop.get(f"/v1/orders/{placed['order_no']}")).json()
    assert (order["total_minor"], order["note"], order["channel"]) == (3_000, "call before delivery", "web")
    assert order["customer"]["email"] == "ann@example.com" and order["ship_to"]["name"] == "Ann Caller"
    assert order["payments"] == []
    done = (await shop.get(f"/v1/order-drafts/{draft_id}")).json()
    assert (done["order_no"], done["content"]) == (placed["order_no"], None)
    late = await patch(shop, draft_id, {"note": "x"}, done["version"])
    assert (late.status_code, late.json()["code"]) == (409, "draft_placed")
    assert (await shop.get("/v1/customers", q="ann@example.com")).json()["items"]


async def test_placing_again_after_an_interruption_gives_the_same_order(shop: ApiClient) -> None:
    sku = await stocked(shop)
    draft_id = await drafted(shop, lines=[{"sku": sku, "quantity": 1}])
    made = (await place(shop, draft_id)).json()
    # As if the process had died between the order and the draft.
    await shop.sql("ALTER TABLE order_drafts DISABLE TRIGGER order_draft_placed_once; SELECT 1")
    await shop.sql("UPDATE order_drafts SET order_no = NULL WHERE draft_id = %s RETURNING draft_id", draft_id)
    await shop.sql("ALTER TABLE order_drafts ENABLE TRIGGER order_draft_placed_once; SELECT 1")
    late = await patch(shop, draft_id, {"note": "x"}, 1)
    gone = await shop.delete(f"/v1/order-drafts/{draft_id}")
    assert [(one.status_code, one.json()["code"]) for one in (late, gone)] == [(409, "draft_placed")] * 2
    again = await place(shop, draft_id)
    assert (again.status_code, again.json()["order_no"]) == (201, made["order_no"])


async def test_an_incomplete_draft_is_saved_and_says_what_is_missing(shop: ApiClient) -> None:
    answer = await shop.post("/v1/order-drafts", {"customer": {"email": "not yet@"}, "ship_to": {"city": "上海"}})
    draft_id = answer.json()["draft_id"]
    view = (await shop.get(f"/v1/order-drafts/{draft_id}")).json()
    fields = {problem["field"] for problem in view["problems"]}
    assert {"customer.name", "customer.email", "ship_to.line1", "lines"} <= fields
    refused = await place(shop, draft_id)
    assert refused.status_code == 422 and "customer.email" in [one["field"] for one in refused.json()["errors"]]
    assert (await shop.get(f"/v1/order-drafts/{draft_id}")).json()["content"]["customer"]["email"] == "not yet@"


async def test_what_is_short_is_named_with_what_is_available_and_nothing_is_placed(shop: ApiClient) -> None:
    short, there = await stocked(shop, 3), await stocked(shop)
    draft_id = await drafted(shop, lines=[{"sku": there, "quantity": 1}, {"sku": short, "quantity": 4}])
    refused = await place(shop, draft_id)
    assert (refused.status_code, refused.json()["code"]) == (409, "stock_short")
    assert f"{short} (3 available)" in refused.json()["detail"]
    assert [(one["field"], one["available"]) for one in refused.json()["errors"]] == [("lines.1", 3)]
    view = (await shop.get(f"/v1/order-drafts/{draft_id}")).json()
    assert {"field": "lines.1", "code": "stock_short"} in view["problems"] and view["order_no"] is None
    assert (await patch(shop, draft_id, {"backorder": True}, view["version"])).status_code == 200
    assert (await place(shop, draft_id)).status_code == 201


async def test_another_total_than_was_shown_places_nothing(shop: ApiClient) -> None:
    sku = await stocked(shop)
    draft_id = await drafted(shop, lines=[{"sku": sku, "quantity": 1}])
    await shop.sql("UPDATE products SET price_minor = 1600 WHERE sku = %s RETURNING sku", sku)
    refused = await place(shop, draft_id, total_minor=1_500)
    assert (refused.status_code, refused.json()["code"]) == (409, "draft_total_changed")
    assert refused.json()["total_minor"] == 1_600
    assert (await place(shop, draft_id, total_minor=1_600)).json()["total_minor"] == 1_600


async def test_a_price_that_changes_while_the_order_is_placed_places_nothing(
    shop: ApiClient, database_url: DatabaseUrls
) -> None:
    """The quote reads no customers; the statement that places the order does, and waits for the lock."""
    sku = await stocked(shop)
    draft_id = await drafted(shop, lines=[{"sku": sku, "quantity": 1}])
    waits = "SELECT 1 AS one FROM pg_locks WHERE relation = 'customers'::regclass AND NOT granted"
    async with await psycopg.AsyncConnection.connect(database_url.owner_url) as other:
        await other.execute("LOCK TABLE customers IN ACCESS EXCLUSIVE MODE")
        placing = asyncio.create_task(place(shop, draft_id, total_minor=1_500))
        async with asyncio.timeout(60):
            while not await shop.sql(waits):
                await asyncio.sleep(0)
        await other.execute("UPDATE products SET price_minor = 1600 WHERE sku = %s", (sku,))
        await other.commit()
        refused = await placing
    assert (refused.status_code, refused.json().get("code")) == (409, "draft_total_changed"), refused.text
    assert refused.json()["total_minor"] == 1_600
    assert (await place(shop, draft_id, total_minor=1_600)).json()["total_minor"] == 1_600


async def test_two_windows_do_not_destroy_each_other(shop: ApiClient) -> None:
    draft_id = await drafted(shop)
    assert (await patch(shop, draft_id, {"note": "first window"}, 1)).json() == {"draft_id": draft_id, "version": 2}
    stale = await patch(shop, draft_id, {"note": "second window"}, 1)
    assert (stale.status_code, stale.json()["code"]) == (412, "draft_changed")
    assert (await shop.get(f"/v1/order-drafts/{draft_id}")).json()["content"]["note"] == "first window"
    headers = shop.headers | {"Idempotency-Key": unique("key")}
    missing = await shop.http.patch(f"/v1/order-drafts/{draft_id}", json={"note": "x"}, headers=headers)
    assert missing.status_code == 428


async def test_nobody_sees_anothers_draft_and_it_expires(shop: ApiClient) -> None:
    bob = shop.as_("support", unique("bob"))
    draft_id = await drafted(shop)
    for answer in (
        await bob.get(f"/v1/order-drafts/{draft_id}"),
        await patch(bob, draft_id, {"note": "x"}, 1),
        await place(bob, draft_id),
        await bob.delete(f"/v1/order-drafts/{draft_id}"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "draft_not_found")
    mine = unique("own")
    me = shop.as_("support", mine)
    first, second = [(await me.post("/v1/order-drafts", prepared())).json()["draft_id"] for _ in range(2)]
    page = (await me.get("/v1/order-drafts", limit=1)).json()
    rest = (await me.get("/v1/order-drafts", limit=1, cursor=page["next_cursor"])).json()
    assert [row["draft_id"] for row in page["items"] + rest["items"]] == [second, first]
    assert page["items"][0]["customer_name"] == "Ann Caller" and rest["next_cursor"] is None
    assert (await me.delete(f"/v1/order-drafts/{first}")).status_code == 204
    await shop.sql("UPDATE order_drafts SET expires_at = now() WHERE draft_id = %s RETURNING draft_id", second)
    assert (await me.get(f"/v1/order-drafts/{second}")).status_code == 404
    assert (await me.get("/v1/order-drafts")).json()["items"] == []


async def test_what_is_typed_is_sealed_and_goes_with_its_customer(shop: ApiClient) -> None:
    customer = unique("c-known")
    await shop.post("/v1/orders", an_order(customer={"id": customer, "name": "N", "email": None, "phone": None}))
    who = {"id": customer, "name": "VERYSECRET", "email": "secret@example.com", "phone": "+4930901820"}
    draft_id = await drafted(shop, customer=who, note="SECRETNOTE")
    (row,) = await shop.sql("SELECT d::text AS row FROM order_drafts d WHERE draft_id = %s", draft_id)
    assert not any(word in row["row"] for word in ("VERYSECRET", "secret@", "SECRETNOTE"))
    await shop.sql("UPDATE customers SET data_key = NULL WHERE customer_id = %s RETURNING customer_id", customer)
    assert (await shop.get(f"/v1/order-drafts/{draft_id}")).status_code == 404


async def test_staff_name_no_price(shop: ApiClient) -> None:
    priced = await shop.post(
        "/v1/order-drafts", prepared(lines=[{"sku": "TEA-1", "quantity": 1, "unit_price_minor": 1}])
    )
    assert (priced.status_code, priced.json()["code"]) == (422, "unknown_field")


async def test_lines_that_cannot_be_sold_are_named(shop: ApiClient) -> None:
    lines = [{"sku": sku, "quantity": 1} for sku in ("TEA-1", "OLD-1", "USD-1", "NO-SUCH")]
    draft_id = await drafted(shop, lines=lines)
    view = (await shop.get(f"/v1/order-drafts/{draft_id}")).json()
    problems = [line["problem"] for line in view["quote"]["lines"]]
    assert problems == ["stock_short", "product_inactive", "currency_mismatch", "unknown_sku"]
    assert view["quote"]["total_minor"] is None
    assert (await place(shop, draft_id)).status_code in (409, 422)
