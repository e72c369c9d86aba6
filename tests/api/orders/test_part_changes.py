"""Lines of an order that ships in several parts: each part has more or fewer units, and its stock follows."""

import pytest

from domain.orders.status import OrderEvent, Status
from domain.sourcing.decision import Share, SharedLine
from infra.db.checks import consistency_checks
from infra.db.orders.state import timeline
from infra.db.stock import split_reservations
from tests.api.conftest import ApiClient
from tests.api.sourcing.test_splits import warehouse
from tests.factories.order_changes import HOUSE, change, ledger_of, lines, paid, placed, stocked


@pytest.fixture
async def order(shop: ApiClient) -> tuple[str, str, str]:
    """Three pieces: two at the house, which has 20, one at another warehouse with three. (number, SKU, warehouse)."""
    sku = await stocked(shop)
    second = await warehouse(shop, sku, 3)
    number = await placed(shop, sku)
    async with shop.app.state.services.database.begin() as conn:
        await timeline.lock_order(conn, number)
        shares = [Share(HOUSE, (SharedLine(1, sku, 2),)), Share(second, (SharedLine(1, sku, 1),))]
        await split_reservations.reserve(conn, number, shares)
        data = {"warehouse": HOUSE}
        await timeline.transition(conn, number, Status.RECEIVED, OrderEvent.STOCK_RESERVED, data=data)
    return number, sku, second


async def parts(shop: ApiClient, number: str) -> list[tuple[int, str, dict[int, int]]]:
    rows = (await shop.get(f"/v1/orders/{number}")).json()["fulfilments"]
    return [
        (one["number"], one["status"], {line["line_no"]: line["quantity"] for line in one["lines"]}) for one in rows
    ]


async def reserved_at(shop: ApiClient, sku: str) -> dict[str, int]:
    rows = await shop.sql("SELECT warehouse, reserved FROM stock_levels WHERE sku = %s", sku)
    return {row["warehouse"]: row["reserved"] for row in rows}


async def test_units_leave_the_smallest_part_first_and_are_added_where_they_are(
    shop: ApiClient, order: tuple[str, str, str]
) -> None:
    number, sku, second = order
    preview = await change(shop, number, lines(**{sku: 2}), preview=True)
    assert preview.status_code == 200 and preview.json()["stock"] == [{"sku": sku, "quantity": -1}]
    assert (await change(shop, number, lines(**{sku: 2}))).status_code == 200
    assert await parts(shop, number) == [(1, "reserved", {1: 2}), (2, "cancelled", {})]
    assert await reserved_at(shop, sku) == {HOUSE: 2, second: 0}
    assert (await change(shop, number, lines(**{sku: 5}))).status_code == 200
    assert await parts(shop, number) == [(1, "reserved", {1: 2, 2: 3}), (2, "cancelled", {})]
    assert await reserved_at(shop, sku) == {HOUSE: 5, second: 0}
    short = await change(shop, number, lines(**{sku: 50}))
    assert (short.status_code, short.json()["code"]) == (409, "stock_short")


async def test_units_that_no_part_has_alone_are_added_to_several(shop: ApiClient, order: tuple[str, str, str]) -> None:
    number, sku, second = order
    assert (await change(shop, number, lines(**{sku: 23}))).status_code == 200
    assert await parts(shop, number) == [(1, "reserved", {1: 2, 2: 18}), (2, "reserved", {1: 1, 2: 2})]
    assert await reserved_at(shop, sku) == {HOUSE: 20, second: 3}
    wrong = {
        one.question.code for one in await consistency_checks.run_all(shop.app.state.services.settings) if one.count
    }
    assert not wrong & {"stock_levels", "stock_reserved", "fulfilments"}


async def test_a_paid_order_gets_its_difference_back_and_does_not_cost_more(
    shop: ApiClient, order: tuple[str, str, str]
) -> None:
    number, sku, second = order
    await paid(shop, number)
    before = await ledger_of(shop, number)
    body = lines(**{sku: 4}) | {"payment": {"method": "sandbox", "token": "tok_ok"}}
    for preview in (True, False):
        refused = await change(shop, number, body, preview=preview)
        assert (refused.status_code, refused.json()["code"]) == (409, "ships_in_parts")
    assert await ledger_of(shop, number) == before
    fewer = await change(shop, number, lines(**{sku: 1}))
    assert (fewer.status_code, fewer.json()["refund_minor"]) == (200, 2000)
    assert await parts(shop, number) == [(1, "reserved", {1: 1}), (2, "cancelled", {})]
    assert await reserved_at(shop, sku) == {HOUSE: 1, second: 0}


async def test_a_part_that_is_being_booked_keeps_its_units_and_the_refusal_names_line_and_part(
    shop: ApiClient, order: tuple[str, str, str]
) -> None:
    """The booking of the first part has failed and waits for support: the second may still change."""
    number, sku, second = order
    await paid(shop, number)
    await shop.sql(
        "INSERT INTO shipments (shipment_id, order_no, fulfilment_no, warehouse, carrier, status, idempotency_key)"
        " VALUES (%s, %s, 1, %s, 'sandbox', 'booking', %s)", f"{number}-S1", number, HOUSE, f"{number}/book/1",
    )  # fmt: skip
    refused = await change(shop, number, lines(**{sku: 2}))
    assert (refused.status_code, refused.json()["code"]) == (409, "label_printed")
    await shop.sql(
        "INSERT INTO parked_steps (order_no, park_no, step, error, attempts, options, amount_minor, escalate_at,"
        " subject) VALUES (%s, 1, 'book', 'address_refused', 1, '{retry}', 0, now(), %s)", number, f"{number}-F1",
    )  # fmt: skip
    before = await ledger_of(shop, number)
    for preview in (True, False):
        refused = await change(shop, number, lines(**{sku: 1}), preview=preview)
        assert (refused.status_code, refused.json()["code"]) == (409, "line_booked")
        assert f"line 1 ({sku}) are in part 1 of the order" in refused.json()["detail"]
    assert await ledger_of(shop, number) == before
    assert (await change(shop, number, lines(**{sku: 2}))).status_code == 200
    assert await parts(shop, number) == [(1, "reserved", {1: 2}), (2, "cancelled", {})]
    assert await reserved_at(shop, sku) == {HOUSE: 2, second: 0}
