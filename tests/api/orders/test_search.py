"""One search: what an order named, in every usual spelling, and what of it matched."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.contact_search import MAX_WORDS, email_sought, name_sought, phone_sought, words_of
from infra.db.orders.searching import list_sources, listing, order_search
from infra.db.orders.searching.listing import OrderListFilter
from tests.api.conftest import ApiClient, an_order, unique
from tests.factories.order_changes import change, lines, paid, reserved, stocked
from workers.relay import main

AMERICAN = {"country": "US", "name": "Zoë Quill", "phone": "(415) 555-0132", "line1": "Made-up Road 1"}
CHANNEL = "searching"


async def place(shop: ApiClient, to: dict[str, Any] | None = None, **changed: object) -> str:
    order = an_order(**{"channel": CHANNEL, **changed})
    response = await shop.post("/v1/orders", order | {"ship_to": order["ship_to"] | (to or {})})
    assert response.status_code == 201, response.text
    return str(response.json()["order_no"])


async def found(caller: ApiClient, q: str, **more: object) -> dict[str, list[str]]:
    response = await caller.get("/v1/orders", q=q, **more)
    assert response.status_code == 200, response.text
    return {item["order_no"]: item["matched"] for item in response.json()["items"]}


@pytest.fixture(scope="module")
async def order(shop: ApiClient) -> str:
    customer = {
        "id": unique("c"),
        "name": "欧阳 小龙",
        "email": "Long.Ou@Search.Example",
        "phone": "0086 139-7777-8888",
    }
    return await place(shop, AMERICAN, customer=customer, external_ref="Shop#77")


@pytest.mark.parametrize(
    ("q", "matched"),
    [
        ("long.ou@search.example", "email"), ("Ou <LONG.OU@search.example>", "email"),
        ("ｌong.ou@search.example", "email"),
        ("+86 139 7777 8888", "phone"), ("13977778888", "phone"), ("(0086) 13977778888", "phone"),
        ("１３９ ７７７７ ８８８８", "phone"), ("8613977778888", "phone"), ("tel:+86-139-7777-8888", "phone"),
        ("欧阳小龙", "name"), ("欧阳", "name"), ("小龙", "name"), ("欧", "name"), ("欧阳 小龙", "name"),
        ("zoe", "name"), ("QUILL, Zoë", "name"), ("Ｑｕｉｌｌ", "name"),
        ("415-555-0132", "phone"), ("+1 415 555 0132", "phone"), ("14155550132", "phone"), ("4155550132", "phone"),
        ("001 (415) 555-0132 ext. 9", "phone"), ("Shop#77", "external_ref"),
    ],
)  # fmt: skip
async def test_what_an_order_named_is_found_in_every_spelling(
    shop: ApiClient, order: str, q: str, matched: str
) -> None:
    assert await found(shop, q, channel=CHANNEL) == {order: [matched]}


async def test_an_address_is_found_by_both_forms_of_its_domain(shop: ApiClient) -> None:
    letters, coded = "elodie@exämple.example", "elodie@xn--exmple-cua.example"
    for number, named in enumerate((letters, coded)):
        customer = {"id": unique("c"), "name": f"Elodie {number}", "email": named, "phone": None}
        made, where = await place(shop, customer=customer, channel=f"idn-{number}"), f"idn-{number}"
        assert [await found(shop, q, channel=where) for q in (letters, coded)] == [{made: ["email"]}] * 2


@pytest.mark.parametrize(
    "q", ["龙小", "Zoe Other", "nobody@search.example", "13977778889", "+44 415 555 0132", "%", "_"]
)
async def test_what_no_order_named_finds_none(shop: ApiClient, order: str, q: str) -> None:
    assert await found(shop, q, channel=CHANNEL) == {}


async def test_an_order_number_is_found_whole_and_by_its_beginning(shop: ApiClient, order: str) -> None:
    for q in (order, order.lower(), order.replace("-", ""), order[:8], order[:-1], order.replace("0", "O")):
        assert (await found(shop, q, channel=CHANNEL))[order] == ["order_no"], q
    assert await found(shop, order[:3], channel=CHANNEL) == {}


async def test_a_beginning_of_very_many_numbers_finds_the_same(
    shop: ApiClient, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = await found(shop, order[:5])
    monkeypatch.setattr(order_search, "MANY", 0)
    assert order in few and await found(shop, order[:5]) == few


async def test_goods_payments_and_parcels_are_found(shop: ApiClient) -> None:
    sku = unique("Caddy-")
    product = {"sku": sku, "name": "Ünique 100% Caddy", "price_minor": 9, "currency": "CNY"}
    assert (await shop.as_("operations").post("/v1/products", product)).status_code == 201
    order_no = await place(shop, lines=[{"sku": sku, "quantity": 1}, {"sku": sku, "quantity": 2}])
    await shop.sql(
        "INSERT INTO shipments (shipment_id, order_no, warehouse, carrier, status, idempotency_key, tracking_no)"
        " VALUES ('s-77', %s, 'WH-EAST', 'sandbox', 'booked', 'k-77', 'SF1234567890')",
        order_no,
    )
    for provider, reference in (("sandbox", "pay_77"), ("manual", "bank 77")):
        await shop.sql(
            "INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key,"
            " provider_ref) VALUES (%s, 'authorise', 1, %s, 1, 'CNY', 'failed', %s, %s)",
            order_no,
            provider,
            f"{order_no} {provider}",
            reference,
        )
    wanted = {sku.upper(): "sku", sku.lower(): "sku", "ünIQUE 100% c": "product_name", "SF1234567890": "tracking_no"}
    wanted |= {"SF 1234 567 890": "tracking_no", "pay_77": "payment", "bank 77": "payment"}
    for q, matched in wanted.items():
        assert await found(shop, q) == {order_no: [matched]}, q


async def test_each_order_is_found_by_what_it_named_itself(shop: ApiClient) -> None:
    """Not only by the last word of its customer, in whatever channel. Staff find the others of the customer, too."""
    who = {"id": unique("c"), "name": "Ann Changing", "email": "ann.first@search.example"}
    first = await place(shop, customer=who)
    second = await place(shop, customer=who | {"email": "ann.second@search.example"})
    third = await place(shop, customer=who | {"email": "ann.third@search.example"}, channel="elsewhere")
    ann = shop.as_("customer", who["id"])
    assert await found(ann, "ann.first@search.example") == {first: ["email"]}
    assert set(await found(ann, "ann.second@search.example")) == {first, second}  # the channel's last word
    for address in ("ann.first", "ann.second", "ann.third"):
        assert set(await found(shop, f"{address}@search.example")) == {first, second, third}
    assert set(await found(shop, "Changing ann")) == {first, second, third}


async def test_an_id_that_many_people_share_is_not_taken_for_one_person(
    shop: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of the guests of a shop: an address finds the orders that named it."""
    monkeypatch.setattr(order_search, "ONE_PERSON", 2)
    guests = {"id": unique("c"), "name": "Guest"}
    placed = [await place(shop, customer=guests | {"email": f"{one}@guests.example"}) for one in ("a", "b", "c")]
    assert list(await found(shop, "a@guests.example")) == placed[:1]


async def test_a_new_receiver_is_found_and_so_is_the_old_one(shop: ApiClient) -> None:
    number = await place(shop, {"name": "Before Moving"}, payment=None)
    etag = (await shop.get(f"/v1/orders/{number}")).headers["ETag"]
    ship_to = an_order()["ship_to"] | {"name": "After Moving", "phone": "13944443333"}
    headers = {"If-Match": etag, "Idempotency-Key": unique("k"), **shop.headers}
    assert (
        await shop.http.patch(f"/v1/orders/{number}", json={"ship_to": ship_to}, headers=headers)
    ).status_code == 200
    for q in ("Before moving", "after moving", "139 4444 3333"):
        assert list(await found(shop, q)) == [number], q


async def test_a_new_receiver_is_found_while_the_change_waits_for_its_payment(shop: ApiClient) -> None:
    sku = await stocked(shop, 1_000)
    order = an_order(sku, 1)
    number = str((await shop.post("/v1/orders", order)).json()["order_no"])
    await reserved(shop, number)
    await paid(shop, number)
    ship_to = an_order()["ship_to"] | {"name": "Waiting Receiver"}
    payment = {"payment": {"method": "sandbox", "token": "tok_ok"}}
    answer = await change(shop, number, {"ship_to": ship_to, **lines(**{sku: 2}), **payment})
    assert (answer.status_code, answer.json()["state"]) == (200, "awaiting_payment"), answer.text
    assert list(await found(shop, "waiting receiver")) == [number]


async def test_a_caller_finds_only_their_own_and_learns_nothing_of_others(shop: ApiClient) -> None:
    """Nor does a channel learn by which address another channel knows a customer."""
    who = {"id": unique("c"), "name": "Only Mine", "email": "only.mine@search.example"}
    stranger, other = shop.as_("customer", unique("c")), shop.as_("channel", "two")
    known = await place(other, customer=who | {"email": "other@search.example"}, channel="two")
    mine = await place(shop, customer=who, channel="one")
    for q in ("only.mine@search.example", "Only mine", mine, mine[:8]):
        assert mine in await found(shop.as_("customer", who["id"]), q), q
        assert mine in await found(shop.as_("channel", "one"), q), q
        assert mine not in await found(stranger, q), q
        assert mine not in await found(other, q), q
    assert await found(other, "only.mine@search.example") == {}
    assert list(await found(other, "Only Mine")) == [known]


async def test_orders_of_one_customer_share_a_contact_for_each_that_they_name(shop: ApiClient) -> None:
    """More contacts than a look at the customer brings along."""
    who = {"id": unique("c"), "name": "Sends Gifts", "email": "gifts@search.example"}
    names = [f"Gifted {word}" for word in ("Ada", "Bo", "Cy", "Di", "Ed", "Flo", "Gil", "Hal", "Ida", "Jo")]
    placed = [{await place(shop, {"name": name}, customer=who) for _ in range(2)} for name in names]
    assert [set(await found(shop, name)) for name in names] == placed
    rows = await shop.sql("SELECT 1 FROM order_contacts WHERE customer_id = %s", who["id"])
    assert len(rows) == len(names)


async def test_erasure_leaves_no_index_that_finds_the_person(shop: ApiClient) -> None:
    who = {"id": unique("c"), "name": "Gone Person", "email": "gone@search.example", "phone": "13912121212"}
    number = await place(shop, {"name": "Gone Receiver"}, customer=who)
    await shop.sql("UPDATE customers SET data_key = NULL WHERE customer_id = %s", who["id"])
    again = await place(shop, {"name": "Gone Receiver"}, customer=who)
    for q in ("gone@search.example", "Gone Person", "139 1212 1212", "Gone Receiver"):
        assert number not in await found(shop, q, channel="gone"), q
        assert await found(shop, q, created_from="2020-01-01", customer="nobody") == {}, q
    assert list(await found(shop, "gone person")) == [again]  # what was named since is the new contact
    await shop.sql("UPDATE customers SET data_key = NULL WHERE customer_id = %s", who["id"])
    (left,) = await shop.sql(
        "SELECT (SELECT count(*) FROM order_contacts WHERE customer_id = %(id)s) AS contacts, (SELECT count(*) FROM"
        " customer_contacts WHERE customer_id = %(id)s AND num_nonnulls(email_index, phone_index) > 0) AS channels,"
        " num_nonnulls(email_index, phone_index) AS own FROM customers WHERE customer_id = %(id)s".replace(
            "%(id)s", "%s"
        ),
        *[who["id"]] * 3,
    )
    assert left == {"contacts": 0, "channels": 0, "own": 0}


async def test_orders_from_before_are_filled_in_and_may_be_filled_twice(shop: ApiClient) -> None:
    who = {"id": unique("c"), "name": "From Before", "email": "before@search.example"}
    number = await place(shop, customer=who)
    gone = await place(shop, customer=who | {"id": unique("c"), "name": "From Erased"})
    await shop.sql("UPDATE customers SET data_key = NULL, profile_enc = NULL WHERE customer_id = %s", unique("x"))
    await shop.sql("UPDATE customers SET data_key = NULL FROM orders o WHERE o.order_no = %s"
                   " AND customers.customer_id = o.customer_id", gone)  # fmt: skip
    await shop.sql("UPDATE orders SET contact_id = NULL WHERE order_no IN (%s, %s)", number, gone)
    await shop.sql("DELETE FROM order_contacts WHERE customer_id = %s", who["id"])
    assert await found(shop, "From Before") == {}
    assert list(await found(shop, "before@search.example")) == [number]  # as the customer is known now
    services = shop.app.state.services
    step, left = main.contacts(services.database, services.keys), "SELECT 1 FROM orders WHERE contact_id IS NULL"
    for _ in range(2):
        assert await step() is False and await shop.sql(left) == []
    assert list(await found(shop, "From Before")) == [number]
    (row,) = await shop.sql("SELECT contact_id FROM orders WHERE order_no = %s", gone)
    assert row["contact_id"] == b""


async def test_no_word_of_a_contact_stands_in_clear(shop: ApiClient) -> None:
    who = {"id": unique("c"), "name": "Canary Zebrafinch", "email": "zebrafinch@canary.example", "phone": "13915151515"}
    number = await place(shop, {"name": "Receiver Zebrafinch"}, customer=who)
    rows = await shop.sql(
        "SELECT k.* FROM order_contacts k JOIN orders USING (customer_id) WHERE order_no = %s", number
    )
    text = json.dumps(rows, default=lambda value: bytes(value).hex() if isinstance(value, bytes) else str(value))
    for word in ("zebrafinch", "canary.example", "15151515"):
        assert word not in text.lower() and word.encode().hex() not in text.lower()


@pytest.mark.parametrize("sort", ["-created_at", "created_at", "status"])
@pytest.mark.parametrize("many", [0, 2000])
async def test_pages_of_a_search_are_whole_and_each_order_comes_once(
    shop: ApiClient, sort: str, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However few or many rows stand behind a word: both ways of looking give the same pages."""
    monkeypatch.setattr(order_search, "MANY", many)
    name, channel = unique("Pager"), unique("ch")
    placed = [await place(shop, customer={"id": unique("c"), "name": f"{name} A"}, channel=channel) for _ in range(5)]
    services, after, pages = shop.app.state.services, None, []
    while True:
        async with services.database.begin() as conn:
            among = await order_search.meanings(conn, services.keys.vault, name, [], everybody=True)
            assert any(isinstance(branch, list_sources.Source) and branch.many is (many == 0) for branch in among)
            rows = await listing.page(
                conn, OrderListFilter(channel=channel, sort=sort, limit=2, after=after, among=among)
            )
        pages += [row["order_no"] for row in rows[:2]]
        if len(rows) < 3:
            break
        after = listing.Position(rows[1]["created_at"], rows[1]["order_no"], rows[1]["status"])
    assert pages == (placed if sort == "created_at" else placed[::-1])


async def test_a_day_is_whole_and_a_time_has_an_offset(shop: ApiClient) -> None:
    channel = unique("ch")
    number = await place(shop, channel=channel)
    created = (await shop.get(f"/v1/orders/{number}")).json()["created_at"]
    day, minute = created[:10], created[:16]
    for window in ({"created_to": day}, {"created_from": day}, {"created_from": day, "created_to": day},
                   {"created_from": f"{minute}:00Z"}, {"created_from": f"{day}T00:00:00 00:00"}):  # fmt: skip
        assert list(await found(shop, number, channel=channel, **window)) == [number], window
    assert await found(shop, number, created_to=f"{minute}:00Z") == {}
    for name in ("created_from", "created_to"):
        for value, code in ((f"{minute}:00", "time_without_offset"), ("yesterday", "invalid_time"),
                            ("2026-02-30", "invalid_time"), ("2026-11-24 10:00", "invalid_time"), ("", "invalid_time"),
                            ("9999-12-31", "invalid_time" if name == "created_to" else "")):  # fmt: skip
            response = await shop.get("/v1/orders", **{name: value})
            assert (response.status_code, response.json().get("code", "")) == (422 if code else 200, code), (
                name,
                value,
            )


async def test_without_a_search_nothing_is_matched(shop: ApiClient, order: str) -> None:
    assert (await shop.get("/v1/orders", q="  ")).status_code == 422
    assert (await shop.get("/v1/orders", channel=CHANNEL, limit=1)).json()["items"][0]["matched"] == []


@given(st.text(max_size=60), st.sampled_from(["CN", "US", "ZZ", ""]))
def test_any_text_can_be_a_contact_and_a_search(text: str, country: str) -> None:
    """And whoever searches by the whole name or address that they typed finds it."""
    words = set(words_of([{"name": text, "email": f"{text}@x", "phone": text}], country))
    assert set(name_sought(text)) <= words or len(words) == MAX_WORDS
    assert isinstance(email_sought(text), str | None) and isinstance(phone_sought(text), list)


def test_names_and_numbers_fold_alike_on_both_sides() -> None:
    for name, q in (("José O’Brien-Ŝmith", "obrien jose"), ("Jose OBrien", "JOSÉ O'BRIEN"), ("김철수", "철수"),
                    ("ヤマダ タロウ", "ﾔﾏﾀﾞ"),
                    ("Straße", "STRASSE"), ("阿卜杜拉·热合曼", "热合曼"), ("李雷 (Li Lei)", "li 李雷")):  # fmt: skip
        assert set(name_sought(q)) <= set(words_of([{"name": name}], "CN")), (name, q)
    assert "name:か" not in name_sought("が")
    for phone, country, q in (("020 7946 0000", "GB", "+44 (0)20 7946 0000"), ("8 912 345-67-89", "RU", "+79123456789"),
                              ("+39 06 1234 5678", "IT", "06 12345678"), ("010-8888 6666", "CN", "+86 10 8888 6666"),
                              ("12345", "US", "12345"),
                              ("138 0013 8000", "CN", "١٣٨٠٠١٣٨٠٠٠"),
                              ("020 7946 0000", "GB", "2079460000")):  # fmt: skip
        assert set(phone_sought(q)) & set(words_of([{"phone": phone}], country)), (phone, q)
    assert phone_sought("ORD-2026-12345") == [] == phone_sought("1234")
    assert len(words_of([{"name": " ".join(map(str, range(200)))}], "CN")) == MAX_WORDS
