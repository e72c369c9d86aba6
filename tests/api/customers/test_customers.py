"""Customers over HTTP: found by what they are called now and before, and shown with all that belongs to them."""

from typing import Any

from tests.api.conftest import ApiClient, an_order, unique
from tests.factories.sales import paid


def person(customer: str, **changed: Any) -> dict[str, Any]:
    contact = {"id": customer, "name": "Nia Okafor", "email": f"{customer}@example.com", "phone": "+44 7911 123456"}
    return contact | changed


async def ordered(shop: ApiClient, customer: str, **changed: Any) -> str:
    answer = await shop.post("/v1/orders", an_order(customer=person(customer, **changed)))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["order_no"])


async def found(shop: ApiClient, q: str, **more: Any) -> list[str]:
    answer = await shop.get("/v1/customers", q=q, **more)
    assert answer.status_code == 200, answer.text
    return [row["customer_id"] for row in answer.json()["items"]]


async def test_a_customer_who_changed_their_address_is_found_by_both_with_all_their_orders(shop: ApiClient) -> None:
    customer = unique("c-moved")
    before = await ordered(shop, customer, name="Zoë Quist", phone=None)
    after = await ordered(shop, customer, name="Zoë Quist-Bell", email=f"new-{customer}@example.com", phone=None)
    for q in (f"{customer}@example.com", f"NEW-{customer}@example.com", customer):
        assert await found(shop, q) == [customer], q
    assert customer in await found(shop, "quist zoe") and customer in await found(shop, "Bell")
    view = (await shop.get(f"/v1/customers/{customer}")).json()
    assert [row["order_no"] for row in view["orders"]] == [after, before] and view["orders_cursor"] is None
    assert all(row["situation"]["sentence"] for row in view["orders"])
    named = [(one["name"], one["email"], one["channels"], one["current"]) for one in view["contacts"]]
    assert named == [
        ("Zoë Quist-Bell", f"new-{customer}@example.com", ["web"], True),
        ("Zoë Quist", f"{customer}@example.com", [], False),
    ]


async def test_customers_are_found_by_telephone_however_it_is_written(shop: ApiClient) -> None:
    customer = unique("c-phone")
    await ordered(shop, customer, phone="+49 30 901820")
    for q in ("+4930901820", "0049 30 901820", "030 901820"):
        assert customer in await found(shop, q), q


async def test_what_a_customer_spent_and_has_is_shown_by_currency(shop: ApiClient) -> None:
    customer = unique("c-spent")
    order_no = await paid(shop, customer=person(customer))
    view = (await shop.get(f"/v1/customers/{customer}")).json()
    spent = {"orders": 1, "cancelled": 0, "paid_minor": 8_500, "refunded_minor": 0, "net_minor": 8_500}
    assert view["spend"] == [{"currency": "CNY"} | spent]
    assert view["store_credit"] == [] and view["orders"][0]["order_no"] == order_no
    assert (view["language"], view["erased"]) == (None, False)


async def test_pages_of_customers_hold_each_once(shop: ApiClient) -> None:
    word = unique("Jubilee").replace("-", "")
    customers = sorted([unique("c-page") for _ in range(3)])
    for customer in customers:
        await ordered(shop, customer, name=f"{word} Smith")
    first = (await shop.get("/v1/customers", q=word, limit=2)).json()
    rest = await found(shop, word, limit=2, cursor=first["next_cursor"])
    assert [row["customer_id"] for row in first["items"]] + rest == customers
    assert (await shop.get("/v1/customers", cursor="x")).json()["code"] == "invalid_cursor"
    everyone = (await shop.get("/v1/customers", limit=1)).json()
    assert len(everyone["items"]) == 1 and everyone["next_cursor"]


async def test_an_erased_customer_is_found_by_id_only(shop: ApiClient) -> None:
    customer = unique("c-erased")
    await ordered(shop, customer)
    await shop.sql("UPDATE customers SET data_key = NULL WHERE customer_id = %s RETURNING customer_id", customer)
    assert await found(shop, f"{customer}@example.com") == []
    (row,) = (await shop.get("/v1/customers", q=customer)).json()["items"]
    assert (row["name"], row["email"], row["erased"], row["orders"]) == (None, None, True, 1)
    view = (await shop.get(f"/v1/customers/{customer}")).json()
    assert view["contacts"] == [] and view["erased"] is True and len(view["orders"]) == 1


async def test_what_nobody_means_finds_nobody(shop: ApiClient) -> None:
    for q in ("' OR 1=1 --", "%", "_", "@", "+", "{{7*7}}", "\\", "*" * 100):
        assert await found(shop, q) == [], q
    for q in ("\0", "\u202e", "x" * 101):
        assert (await shop.get("/v1/customers", q=q)).status_code == 422
    missing = await shop.get("/v1/customers/nobody-at-all")
    assert (missing.status_code, missing.json()["code"]) == (404, "customer_not_found")


async def grouped(shop: ApiClient, customer: str, group: Any, role: str = "operations") -> tuple[int, dict[str, Any]]:
    caller = shop.as_(role, "olga")
    body = {"customer_group": group}
    answer = await caller.http.put(f"/v1/customers/{customer}/group", json=body, headers=caller.headers)
    return answer.status_code, answer.json()


async def test_a_customer_belongs_to_one_group_which_is_audited_and_forgotten_with_them(shop: ApiClient) -> None:
    customer = unique("c-group")
    await ordered(shop, customer)
    assert await grouped(shop, customer, " VIP ") == (200, {"customer_id": customer, "customer_group": "VIP"})
    assert (await grouped(shop, customer, "VIP"))[0] == 200
    assert (await shop.get(f"/v1/customers/{customer}")).json()["customer_group"] == "VIP"
    entries = (await shop.as_("operations").get("/v1/audit", actor="operations:olga")).json()["items"]
    assert [one["action"] for one in entries if one["reference"] == customer] == ["customer_group_changed"]
    await shop.sql("UPDATE customers SET data_key = NULL WHERE customer_id = %s", customer)
    assert (await shop.get(f"/v1/customers/{customer}")).json()["customer_group"] is None


async def test_a_group_that_cannot_be_one_or_of_nobody_is_refused(shop: ApiClient) -> None:
    customer = unique("c-group")
    await ordered(shop, customer)
    for bad in ("", " ", "x" * 61, "a,b", "a\x00", "a\u202eb", 1, ["vip"]):
        assert (await grouped(shop, customer, bad))[0] == 422, bad
    assert (await grouped(shop, unique("nobody"), "vip"))[1]["code"] == "customer_not_found"
    assert (await shop.get(f"/v1/customers/{customer}")).json()["customer_group"] is None
