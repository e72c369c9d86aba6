"""Codes of virtual products: added by operations, kept encrypted, issued once, read by those who bought them."""

import asyncio
from collections import Counter
from random import Random
from typing import Any

import psycopg
import pytest

from infra.db.virtual import issuing
from tests.api.conftest import ApiClient, an_order, unique
from tests.examples import MANY
from tests.faults.stackrun import TORTURE


async def a_virtual_product(shop: ApiClient, kind: str = "virtual", delivered_by: str = "code") -> str:
    sku = unique("GIFT")
    body = {"sku": sku, "name": "Gift card", "price_minor": 5_000, "currency": "CNY"}
    assert (await shop.as_("operations").post("/v1/products", body)).status_code == 201
    changed = "UPDATE products SET kind = %s, delivered_by = %s WHERE sku = %s RETURNING sku"
    await shop.sql(changed, kind, delivered_by, sku)
    return sku


async def fill(shop: ApiClient, sku: str, *codes: str) -> dict[str, int]:
    answer = await shop.as_("operations", "otto").post(f"/v1/products/{sku}/codes", {"codes": list(codes)})
    assert answer.status_code == 201, answer.text
    found: dict[str, int] = answer.json()
    return found


async def paid(shop: ApiClient, *lines: tuple[str, int], status: str = "paid", **more: Any) -> str:
    """An order of these lines in this status, with one fulfilment for all of it."""
    wanted = [{"sku": sku, "quantity": quantity} for sku, quantity in lines]
    placed = await shop.post("/v1/orders", an_order(lines=wanted, **more))
    assert placed.status_code == 201, placed.text
    number = str(placed.json()["order_no"])
    for event, source, target in (
        ("stock_reserved", "received", "pending_payment"),
        ("payment_captured", "pending_payment", "paid"),
    ):
        if status != "received" and (target == "pending_payment" or status == "paid"):
            event_row = "INSERT INTO order_events (order_no, type, from_status, to_status, actor)"
            await shop.sql(f"{event_row} VALUES (%s, %s, %s, %s, 'test') RETURNING seq", number, event, source, target)
    await shop.sql(
        "INSERT INTO fulfilments (fulfilment_id, order_no, number, warehouse, status, kind)"
        " SELECT %s || '-F1', %s, 1, min(code), 'reserved', 'codes' FROM warehouses RETURNING number",
        number, number,
    )  # fmt: skip
    await shop.sql(
        "INSERT INTO fulfilment_lines (order_no, number, line_no, quantity)"
        " SELECT order_no, 1, line_no, quantity FROM order_lines WHERE order_no = %s RETURNING number",
        number,
    )
    return number


async def issue(shop: ApiClient, number: str) -> int:
    async with shop.app.state.services.database.begin() as conn:
        return await issuing.issue(conn, number, 1)


async def test_codes_are_added_once_and_counted(shop: ApiClient) -> None:
    sku = await a_virtual_product(shop)
    assert await fill(shop, sku, "A-1", "A-2", " A-2 ", "a-2") == {"added": 3, "duplicates": 1, "left": 3}
    assert await fill(shop, sku, "A-2", "A-3") == {"added": 1, "duplicates": 1, "left": 4}
    other = await a_virtual_product(shop)
    assert await fill(shop, other, "A-1") == {"added": 1, "duplicates": 0, "left": 1}
    pool = (await shop.get(f"/v1/products/{sku}/codes")).json()
    assert (pool["left"], pool["issued"], pool["low"]) == (4, 0, True)
    assert [(one["added"], one["duplicates"], one["added_by"]) for one in pool["uploads"]] == [
        (1, 1, "operations:otto"), (3, 1, "operations:otto"),
    ]  # fmt: skip
    audited = await shop.sql("SELECT actor, after FROM audit_log WHERE action = 'codes_added' AND reference = %s", sku)
    assert [one["actor"] for one in audited] == ["operations:otto"] * 2
    assert "A-1" not in str(audited)


async def test_the_same_request_adds_once(shop: ApiClient) -> None:
    sku, operations = await a_virtual_product(shop), shop.as_("operations", "otto")
    key, body = unique("key"), {"codes": ["ONE"]}
    first, again = [await operations.post(f"/v1/products/{sku}/codes", body, key) for _ in range(2)]
    assert (first.json(), again.json()) == ({"added": 1, "duplicates": 0, "left": 1},) * 2
    assert len(await shop.sql("SELECT 1 FROM code_uploads WHERE sku = %s", sku)) == 1


@pytest.mark.parametrize(
    "codes",
    [[], [""], ["   "], ["\u200b"], ["x" * 201], ["two\nlines"], ["tab\there"], ["nul\x00"], ["turned\u202e"], [7],
     [None], "A-1", None, {"A": 1}, ["x"] * 10_001],
    ids=lambda codes: repr(codes)[:20],
)  # fmt: skip
async def test_malformed_codes_are_refused_whole(shop: ApiClient, codes: object) -> None:
    sku = await a_virtual_product(shop)
    body = {"codes": ["GOOD", *codes] if isinstance(codes, list) and codes and len(codes) < 9 else codes}
    answer = await shop.as_("operations").post(f"/v1/products/{sku}/codes", body)
    assert answer.status_code == 422, answer.text
    assert (await shop.get(f"/v1/products/{sku}/codes")).json()["left"] == 0


@pytest.mark.parametrize(
    ("kind", "delivered_by"), [("physical", "code"), ("made_to_order", "code"), ("virtual", "confirmation")]
)
async def test_other_products_take_no_codes(shop: ApiClient, kind: str, delivered_by: str) -> None:
    sku = await a_virtual_product(shop, kind, delivered_by)
    answer = await shop.as_("operations").post(f"/v1/products/{sku}/codes", {"codes": ["A"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "product_without_codes")
    unknown = await shop.as_("operations").post("/v1/products/NONE/codes", {"codes": ["A"]})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "product_not_found")


async def test_the_owner_reads_the_codes_and_what_staff_read_is_audited(shop: ApiClient) -> None:
    sku, mine = await a_virtual_product(shop), shop.as_("customer", "c-17")
    await fill(shop, sku, "SECRET-1", "SECRET-2", "SECRET-3")
    number = await paid(shop, (sku, 1), (sku, 1))
    assert (await mine.get(f"/v1/orders/{number}/codes")).json() == {"items": [], "next_cursor": None}
    assert [await issue(shop, number) for _ in range(2)] == [0, 0]
    bought = [{"sku": sku, "code": "SECRET-1"}, {"sku": sku, "code": "SECRET-2"}]
    assert (await mine.get(f"/v1/orders/{number}/codes")).json()["items"] == bought
    assert (await shop.as_("customer", "c-18").get(f"/v1/orders/{number}/codes")).status_code == 404
    audited = "SELECT actor FROM audit_log WHERE action = 'codes_read' AND order_no = %s"
    assert await shop.sql(audited, number) == []
    assert (await shop.as_("support", "amy").get(f"/v1/orders/{number}/codes")).json()["items"] == bought
    assert await shop.sql(audited, number) == [{"actor": "support:amy"}]


async def test_no_code_is_readable_in_the_database(shop: ApiClient) -> None:
    sku = await a_virtual_product(shop)
    await fill(shop, sku, "PLAIN-CODE-4711")
    for table in ("product_codes", "code_uploads", "code_pools", "audit_log", "idempotency_keys", "outbox"):
        for row in await shop.sql(f"SELECT row_to_json(t)::text AS row FROM {table} t"):
            assert "PLAIN-CODE-4711" not in row["row"] and b"PLAIN-CODE-4711".hex() not in row["row"], table


async def test_a_dry_pool_gives_nothing_until_it_has_all(shop: ApiClient) -> None:
    sku = await a_virtual_product(shop)
    await fill(shop, sku, "A", "B")
    number = await paid(shop, (sku, 5))
    assert await issue(shop, number) == 3
    assert (await shop.get(f"/v1/products/{sku}/codes")).json()["issued"] == 0
    await fill(shop, sku, "C", "D", "E")
    assert await issue(shop, number) == 0


async def test_new_codes_wake_the_orders_that_lack_them_the_oldest_first(shop: ApiClient) -> None:
    sku, other = await a_virtual_product(shop), await a_virtual_product(shop)
    numbers = [await paid(shop, (one, 1)) for one in (sku, sku, sku, other)]
    for place, number in enumerate(numbers):
        await shop.sql(
            "INSERT INTO parked_steps (order_no, park_no, step, error, attempts, options, amount_minor, escalate_at,"
            " since, subject) VALUES (%s, 1, 'issue_codes', 'codes_short', 1, '{retry}', 1, now(),"
            " now() - make_interval(mins => %s), %s || '-F1') RETURNING 1",
            number, place, number,
        )  # fmt: skip
    woken = "SELECT name, subject FROM workflow_requests WHERE kind = 'signal_order' AND subject = ANY(%s)"
    await fill(shop, sku, "A", "B")
    expected = {("stock_arrived", number) for number in numbers[1:3]}
    assert {(row["name"], row["subject"]) for row in await shop.sql(woken, numbers)} == expected
    await fill(shop, sku, "A", "B")
    assert len(await shop.sql(woken, numbers)) == 2


@pytest.mark.parametrize("status", ["received", "pending_payment"])
async def test_the_database_issues_nothing_before_the_payment(shop: ApiClient, status: str) -> None:
    sku = await a_virtual_product(shop)
    await fill(shop, sku, "A")
    number = await paid(shop, (sku, 1), status=status)
    with pytest.raises(Exception, match="paid orders"):
        await issue(shop, number)


async def test_an_issued_code_stays_with_its_unit(shop: ApiClient) -> None:
    sku, other = await a_virtual_product(shop), await a_virtual_product(shop)
    await fill(shop, sku, "A", "B")
    await fill(shop, other, "X")
    number, second = await paid(shop, (sku, 1)), await paid(shop, (sku, 1))
    assert await issue(shop, number) == 0
    free = "order_no = NULL, fulfilment_no = NULL, line_no = NULL, unit = NULL, issued_at = NULL"
    given = "order_no = '{0}', fulfilment_no = 1, line_no = 1, unit = {1}, issued_at = now()"
    refused = {
        f"UPDATE product_codes SET {free} WHERE order_no = '{number}'": "OM210",
        f"UPDATE product_codes SET {given.format(second, 1)} WHERE order_no = '{number}'": "OM210",
        f"UPDATE product_codes SET {given.format(number, 1)} WHERE sku = '{sku}' AND order_no IS NULL": "23505",
        f"UPDATE product_codes SET {given.format(number, 2)} WHERE sku = '{sku}' AND order_no IS NULL": "OM211",
        f"UPDATE product_codes SET {given.format(second, 1)} WHERE sku = '{other}'": "OM211",
        f"DELETE FROM product_codes WHERE sku = '{sku}'": "OM212",
    }
    for statement, sqlstate in refused.items():
        with pytest.raises(psycopg.Error) as error:
            await shop.sql(f"{statement} RETURNING sku")
        assert error.value.sqlstate == sqlstate, statement


async def test_codes_that_another_leaves_are_not_missing(shop: ApiClient) -> None:
    sku = await a_virtual_product(shop)
    await fill(shop, sku, "A", "B")
    number = await paid(shop, (sku, 2))
    other = await psycopg.AsyncConnection.connect(shop.owner_url)
    await other.execute("SELECT 1 FROM product_codes WHERE sku = %s FOR UPDATE", (sku,))
    issuing_now = asyncio.create_task(issue(shop, number))
    waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    while not (issuing_now.done() or await shop.sql(waits)):
        await asyncio.sleep(0)
    await other.close()
    assert await issuing_now == 0


@pytest.mark.properties
@pytest.mark.parametrize("seed", range(MANY if TORTURE else 4))
async def test_each_code_goes_to_one_unit_at_any_concurrency(shop: ApiClient, seed: int) -> None:
    """Orders of two products are served at once while codes arrive: no code twice, all units of an order or none, and
    nobody is short where there are enough for all, also while another holds them."""
    chance, skus, enough = Random(seed), [await a_virtual_product(shop) for _ in range(2)], seed % 2 == 0
    wanted = [[(chance.choice(skus), chance.randint(1, 3)) for _ in range(chance.randint(1, 2))] for _ in range(8)]
    units = Counter(dict.fromkeys(skus, 0))
    for sku, quantity in (line for lines in wanted for line in lines):
        units[sku] += quantity
    there = {sku: units[sku] if enough else units[sku] // 2 for sku in skus}
    for sku, count in there.items():
        await fill(shop, sku, *(f"first-{one}" for one in range(count or 1)))
    numbers = [await paid(shop, *lines) for lines in wanted]
    *missing, _ = await asyncio.gather(*(issue(shop, number) for number in numbers), fill(shop, skus[0], "A", "B"))
    rows = await shop.sql("SELECT sku, order_no FROM product_codes WHERE sku = ANY(%s) AND order_no IS NOT NULL", skus)
    for number, lines, short in zip(numbers, wanted, missing, strict=True):
        has = sorted(row["sku"] for row in rows if row["order_no"] == number)
        assert has == ([] if short else sorted(sku for sku, quantity in lines for _ in range(quantity)))
    assert not (enough and any(missing)), missing
    for sku in skus:
        await fill(shop, sku, *(f"more-{one}" for one in range(units[sku] or 1)))
    assert await asyncio.gather(*(issue(shop, number) for number in numbers)) == [0] * len(numbers)
