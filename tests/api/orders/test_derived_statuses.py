"""Filters by payment and fulfilment status: what a filter finds is what the rows show, in every order."""

import itertools
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from domain.orders.payment_status import PaymentState
from domain.orders.status import Status
from domain.shipping.fulfilment_status import FulfilmentState
from domain.shipping.shipments import ShipmentStatus
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
            if number % 5 == 0:  # a lost parcel that another one replaces
                await owner.execute(PARCEL, (f"{order_no}-0", order_no, "lost", f"{order_no}-0", "2026-01-01"))
            if parcel is not None:
                await owner.execute(PARCEL, (order_no, order_no, parcel, order_no, None))
    yield


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
    answer = await shop.get("/v1/orders", channel=CHANNEL, limit=200, **params)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


@pytest.mark.parametrize("sort", ["-created_at", "created_at", "status", "total", "-total"])
@pytest.mark.parametrize(("name", "states"), [("payment_status", PaymentState), ("fulfilment_status", FulfilmentState)])
async def test_a_filter_finds_what_the_rows_show(shop: ApiClient, name: str, states: Any, sort: str) -> None:
    all_of_them = await listed(shop, sort=sort)
    assert len(all_of_them) == len(Status) * (len(ShipmentStatus) + 1) * 2
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
