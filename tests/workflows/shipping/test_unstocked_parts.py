"""Orders of what is made first, and of what has no parcel, from end to end."""

from collections.abc import AsyncIterator

import pytest

from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.order_stage import Stage, eventually, staged
from tests.workflows.scenarios import resolved
from tests.workflows.split_orders import booked, part_says
from tests.workflows.unstocked import parts, produced, product


@pytest.fixture(scope="module")
async def shop(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    async with staged(database_url, temporal.address, tmp_path_factory.mktemp("unstocked")) as opened:
        yield opened


async def test_what_is_made_to_order_is_made_then_booked_and_delivered(shop: Stage) -> None:
    order_no = await shop.place(await product(shop, "made_to_order"), 2)
    await shop.reaches(order_no, "paid")
    assert await parts(shop, order_no) == [(1, "production", "planned")]
    await produced(shop, order_no)
    await produced(shop, order_no)
    await booked(shop, order_no, 1)
    await part_says(shop, order_no, 1, "picked_up", "delivered")
    await shop.reaches(order_no, "completed")
    assert (await shop.events(order_no)).count("fulfilment_produced") == 1
    moved = await shop.sql(
        "SELECT kind, sum(on_hand_delta)::int, sum(reserved_delta)::int FROM stock_movements m"
        " JOIN order_lines l USING (sku) WHERE l.order_no = :o GROUP BY kind ORDER BY kind",
        o=order_no,
    )
    assert [tuple(row) for row in moved] == [("receipt", 2, 0), ("reserve", 0, 2), ("ship", -2, -2)]


async def test_what_is_made_late_is_the_warehouses_matter_and_is_made_all_the_same(shop: Stage) -> None:
    order_no = await shop.place(await product(shop, "made_to_order"), 1, token=None)
    await shop.reaches(order_no, "pending_payment")
    await shop.sql("UPDATE fulfilments SET due_at = now() WHERE order_no = :o", o=order_no)
    await shop.sql(
        "INSERT INTO payment_requests (request_id, order_no, method, token, actor)"
        " VALUES (:o || '/1', :o, 'sandbox', 'tok_ok', 'test')",
        o=order_no,
    )
    await shop.handle(order_no).execute_update("pay", {"order_no": order_no, "request_id": f"{order_no}/1"})
    parked = await shop.parked(order_no)
    assert (parked.step, parked.error, parked.subject) == ("produce", "production_late", f"{order_no}-F1")
    await resolved(shop, order_no, "retry")
    later = "SELECT 1 FROM fulfilments WHERE order_no = :o AND due_at > now() + interval '2 days'"
    await eventually(lambda: shop.sql(later, o=order_no))
    await produced(shop, order_no)
    await booked(shop, order_no, 1)
    assert "production_extended" in await shop.events(order_no)


async def test_a_service_counts_as_performed_without_a_parcel(shop: Stage) -> None:
    sku = await product(shop, "virtual", delivered_by="confirmation", confirmed_after_days=0)
    order_no = await shop.place(sku, 1)
    await shop.reaches(order_no, "completed")
    assert await parts(shop, order_no) == [(1, "service", "delivered")]
    assert shop.parcels(order_no) == []


async def test_lines_of_one_order_are_divided_by_how_they_are_supplied(shop: Stage) -> None:
    made, codes = await product(shop, "made_to_order"), await product(shop, "virtual")
    service = await product(shop, "virtual", delivered_by="confirmation")
    physical = f"STOCKED-{made}"
    await shop.stock(physical, 2)
    order_no = await shop.place(physical, 2, token=None, beside=[codes, made, service])
    await shop.reaches(order_no, "pending_payment")
    assert await parts(shop, order_no) == [
        (1, "parcel", "reserved"),
        (2, "production", "planned"),
        (3, "codes", "planned"),
        (4, "service", "planned"),
    ]
    await shop.handle(order_no).execute_update(
        "cancel", {"order_no": order_no, "cause": "customer_request", "actor": "test"}
    )
    await shop.reaches(order_no, "cancelled")
    assert {status for _, _, status in await parts(shop, order_no)} == {"cancelled"}
