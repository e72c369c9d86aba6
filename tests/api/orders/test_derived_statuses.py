"""Filters by payment and fulfilment status: what a filter finds is what the rows show, in every order."""

import itertools
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from domain.orders.payment_status import PaymentState
from domain.orders.status import Status
from domain.shipping.fulfilment_status import FulfilmentState
from domain.shipping.fulfilments import FulfilmentStatus
from domain.shipping.shipments import ShipmentStatus
from infra.db.orders.searching import status_counts
from infra.db.orders.searching.listing import OrderListFilter
from tests.api.conftest import ApiClient, unique

CHANNEL = "derived"
# What has been paid: (authorised, ends by, refunded, disputed) of each payment.
MONEY: list[list[tuple[str, int, int]]] = [
    [],
    [("", 0, 0)],
    [("void", 0, 0)],
    [("capture", 0, 0)],
    [("capture", 400, 0)],
    [("capture", 1000, 0)],
    [("capture", 400, 600)],
    [("capture", 1000, 0), ("capture", 0, 0)],
    [("capture", 0, 0), ("", 0, 0)],
]
ORDER = """INSERT INTO orders (order_no, channel, type, status, customer_id, currency, items_minor, total_minor,
    country, province, city, ship_to_enc, placed_by, hold, created_at)
  VALUES (%s, 'derived', 'standard', %s, 'c', 'CNY', 1000, 1000, 'CN', 'p', 'c', '', 'test', %s,
          now() - %s * interval '1 minute')"""
PAYMENT = """INSERT INTO payments (order_no, kind, purpose, attempt, provider, amount_minor, currency, status,
    idempotency_key, provider_ref, parent_id, change_payment_no)
  VALUES (%s, %s, %s, 1, 'sandbox', 1000, 'CNY', 'succeeded', %s, %s, %s, %s) RETURNING payment_id"""
# Statuses of the parts of split orders; parcels that were given up say nothing about them.
PART_STATES = {"failed": "delivery_failed", "planned": "unfulfilled", "reserved": "unfulfilled", "booked": "booked"}
PART_STATES |= {"picking": "booked", "packed": "booked", "shipped": "in_transit", "delivered": "delivered"}
LEAST_FAR_FIRST = ("delivery_failed", "unfulfilled", "booked", "in_transit", "delivered")
PARTS = [
    *itertools.combinations_with_replacement(FulfilmentStatus, 2),
    *itertools.permutations(
        [FulfilmentStatus.SHIPPED, FulfilmentStatus.RESERVED, FulfilmentStatus.DELIVERED, FulfilmentStatus.CANCELLED], 3
    ),
]
SPLIT_STATUSES = (Status.PAID, Status.PREPARING, Status.SHIPPED, Status.CANCELLED)
HOUSES = ("WH-EAST", "WH-SOUTH", "WH-WEST")
PART = """INSERT INTO fulfilments (fulfilment_id, order_no, number, warehouse, status, placed_at)
  VALUES (%s, %s, %s, %s, %s, (SELECT created_at FROM orders WHERE order_no = %s))"""
OWED = """INSERT INTO receivables (order_no, customer_id, currency, purchase_order, terms_days, charged_minor,
    owed_minor, due_at) VALUES (%s, 'c', 'CNY', %s, 30, 1000, %s, now())"""
PARCEL = """INSERT INTO shipments (shipment_id, order_no, warehouse, carrier, status, idempotency_key, tracking_no,
    replaced_at) VALUES (%s, %s, 'WH-EAST', 'sandbox', %s, %s, 'T', %s)"""


@pytest.fixture(scope="module", autouse=True)
async def orders(shop: ApiClient) -> AsyncIterator[None]:
    """An order of each status with each state of a parcel, held and not, and with all kinds of payments."""
    cases = itertools.product(Status, (None, *ShipmentStatus), (None, "manual"))
    async with await psycopg.AsyncConnection.connect(shop.owner_url, autocommit=True) as owner:
        await owner.execute("SET session_replication_role = replica")
        for number, (status, parcel, hold) in enumerate(cases):
            order_no = f"D-{number:04}"
            await owner.execute(ORDER, (order_no, status, hold, number))
            await _pay(owner, order_no, MONEY[number % len(MONEY)])
            if number % 6 == 1:
                await owner.execute("UPDATE orders SET type = 'b2b' WHERE order_no = %s", (order_no,))
                await owner.execute(OWED, (order_no, order_no, number % 4))
            if number % 5 == 0:  # a lost parcel that another one replaces
                await owner.execute(PARCEL, (f"{order_no}-0", order_no, "lost", f"{order_no}-0", "2026-01-01"))
            if parcel is not None:
                await owner.execute(PARCEL, (order_no, order_no, parcel, order_no, None))
        await _split(owner)
    yield


async def _split(owner: psycopg.AsyncConnection[Any]) -> None:
    """Orders in several parts, whose first parcel is with the carrier whatever the others are; a part of each third
    one is another warehouse's."""
    for number, (status, parts) in enumerate(itertools.product(SPLIT_STATUSES, PARTS)):
        order_no = f"S-{number:04}"
        await owner.execute(ORDER, (order_no, status, "manual" if number % 7 == 0 else None, 1000 + number))
        await owner.execute("UPDATE orders SET warehouse = 'WH-EAST' WHERE order_no = %s", (order_no,))
        await owner.execute(PARCEL, (order_no, order_no, "picked_up", order_no, None))
        for place, part in enumerate(parts):
            house = HOUSES[(place * (number % 3)) % 3]
            await owner.execute(PART, (f"{order_no}-F{place + 1}", order_no, place + 1, house, part, order_no))
        if number % 4 == 1:
            await _captured_by_shipment(owner, order_no, [400, 1000, 0][number % 3])


async def _captured_by_shipment(owner: psycopg.AsyncConnection[Any], order_no: str, taken: int) -> None:
    """The first part is captured, for so much of what is authorised."""
    await owner.execute("UPDATE orders SET capture = 'shipment' WHERE order_no = %s", (order_no,))
    values = (order_no, "authorise", "order", unique("p"), unique("p"), None, None)
    ((parent,),) = await (await owner.execute(PAYMENT, values)).fetchall()
    if not taken:
        return
    part = PAYMENT.replace("change_payment_no)", "change_payment_no, fulfilment_no)").replace("%s) R", "%s, 1) R")
    part = part.replace("'sandbox', 1000", f"'sandbox', {taken}")
    values = (order_no, "capture", "order", unique("p"), unique("p"), parent, None)
    ((payment_id,),) = await (await owner.execute(part, values)).fetchall()
    await owner.execute("INSERT INTO payment_totals VALUES (%s, %s)", (payment_id, taken))
    await owner.execute("INSERT INTO authorisation_totals VALUES (%s, 1000, %s)", (parent, taken))


async def _pay(owner: psycopg.AsyncConnection[Any], order_no: str, payments: list[tuple[str, int, int]]) -> None:
    for number, (ends, refunded, disputed) in enumerate(payments):
        purpose, change = ("supplement", number) if number else ("order", None)
        key = unique("p")
        authorised = await owner.execute(PAYMENT, (order_no, "authorise", purpose, key, key, None, change))
        (parent,) = await authorised.fetchone() or (None,)
        if not ends:
            continue
        key = unique("p")
        last = await owner.execute(PAYMENT, (order_no, ends, purpose, key, key, parent, change))
        (payment_id,) = await last.fetchone() or (None,)
        if ends == "capture":
            totals = "INSERT INTO payment_totals VALUES (%s, 1000, %s, 0, %s)"
            await owner.execute(totals, (payment_id, refunded, disputed))


async def listed(shop: ApiClient, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        more = {"cursor": cursor} if cursor else {}
        answer = await shop.get("/v1/orders", channel=CHANNEL, limit=200, **params, **more)
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        cursor = answer.json()["next_cursor"]
    return found


@pytest.mark.parametrize("sort", ["-created_at", "created_at", "status", "total", "-total"])
@pytest.mark.parametrize(("name", "states"), [("payment_status", PaymentState), ("fulfilment_status", FulfilmentState)])
async def test_a_filter_finds_what_the_rows_show(shop: ApiClient, name: str, states: Any, sort: str) -> None:
    all_of_them = await listed(shop, sort=sort)
    assert len(all_of_them) == len(Status) * (len(ShipmentStatus) + 1) * 2 + len(SPLIT_STATUSES) * len(PARTS)
    for state in states:
        expected = [row["order_no"] for row in all_of_them if row[name] == state]
        assert [row["order_no"] for row in await listed(shop, sort=sort, **{name: state.value})] == expected, state
        assert expected, "each status has orders"


async def test_both_filters_and_a_status_narrow_each_other(shop: ApiClient) -> None:
    all_of_them = await listed(shop)
    both = {"payment_status": "paid", "fulfilment_status": "unfulfilled"}
    for more in ({}, {"status": "preparing"}, {"status": "completed"}):
        wanted = {**both, **more}
        expected = [row["order_no"] for row in all_of_them if all(row[name] == wanted[name] for name in wanted)]
        assert [row["order_no"] for row in await listed(shop, **wanted)] == expected, wanted
    assert await listed(shop, payment_status="voided", fulfilment_status="delivered") == []


async def test_pages_go_on_under_such_a_filter(shop: ApiClient) -> None:
    for sort in ("-created_at", "created_at", "status", "-total"):
        expected = [row["order_no"] for row in await listed(shop, sort=sort, fulfilment_status="unfulfilled")]
        found: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            more = {"cursor": cursor} if cursor else {}
            params = {"channel": CHANNEL, "limit": 7, "sort": sort, "fulfilment_status": "unfulfilled", **more}
            body = (await shop.get("/v1/orders", **params)).json()
            found += [row["order_no"] for row in body["items"]]
            cursor = body["next_cursor"]
        assert found == expected, sort


async def test_a_split_order_is_as_far_as_its_part_that_is_least_far(shop: ApiClient) -> None:
    rows = {row["order_no"]: row for row in await listed(shop)}
    numbered = [f"S-{number:04}" for number in range(len(SPLIT_STATUSES) * len(PARTS))]
    for order_no, (status, parts) in zip(numbered, itertools.product(SPLIT_STATUSES, PARTS), strict=True):
        row, standing = rows[order_no], [part for part in parts if part != "cancelled"]
        left = sum(part in ("shipped", "delivered", "failed") for part in standing)
        progress = {"total": len(standing), "shipped": left, "delivered": standing.count(FulfilmentStatus.DELIVERED)}
        assert row["fulfilment_progress"] == progress
        if status in (Status.PREPARING, Status.SHIPPED) and standing:
            states = {PART_STATES[part] for part in standing}
            assert row["fulfilment_status"] == next(state for state in LEAST_FAR_FIRST if state in states), parts
    plain = next(row for order_no, row in rows.items() if order_no.startswith("D-"))
    assert (plain["fulfilment_progress"], plain["warehouses"]) == (None, [])


@pytest.mark.parametrize("sort", ["-created_at", "created_at", "status", "total", "-total"])
@pytest.mark.parametrize("more", [{}, {"fulfilment_status": "unfulfilled"}, {"status": "preparing"}])
async def test_a_warehouse_finds_the_orders_of_which_it_ships_any_part(
    shop: ApiClient, sort: str, more: dict[str, str]
) -> None:
    all_of_them = await listed(shop, sort=sort, **more)
    for house in HOUSES:
        expected = [row["order_no"] for row in all_of_them if house in row["warehouses"]]
        assert [row["order_no"] for row in await listed(shop, sort=sort, warehouse=house, **more)] == expected
        assert expected, "each has some"


async def test_the_counts_of_the_tabs_know_the_warehouses_of_all_parts(shop: ApiClient) -> None:
    for house in HOUSES:
        rows = await listed(shop, warehouse=house)
        filters = OrderListFilter(channel=CHANNEL, warehouse=house)
        found = await status_counts.counts(shop.app.state.services.database, filters, 60_000)
        assert {name: count for name, count in found.items() if count} == Counter(row["status"] for row in rows)


async def test_the_export_takes_the_filters_and_the_audit_log_names_them(shop: ApiClient) -> None:
    expected = {row["order_no"] for row in await listed(shop, payment_status="disputed")}
    file = await shop.get("/v1/orders/export", channel=CHANNEL, payment_status="disputed")
    assert {line.split(",")[0] for line in file.text.splitlines()[1:]} == expected
    (entry,) = await shop.sql("SELECT filters FROM order_exports ORDER BY export_id DESC LIMIT 1")
    assert entry["filters"] == {"channel": CHANNEL, "payment_status": "disputed"}


async def test_a_value_that_is_no_status_is_refused(shop: ApiClient) -> None:
    for name in ("payment_status", "fulfilment_status", "created_last_days"):
        answer = await shop.get("/v1/orders", **{name: "gone"})
        assert (answer.status_code, name in answer.text) == (422, True)


async def test_the_last_days_end_today(shop: ApiClient) -> None:
    today = {row["order_no"] for row in await listed(shop, created_last_days=2)}
    assert today == {row["order_no"] for row in await listed(shop)}
    assert await listed(shop, created_last_days=1, created_to="2026-01-01") == []
