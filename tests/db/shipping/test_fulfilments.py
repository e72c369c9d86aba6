"""Fulfilments in the database: created with the reservation, moved by their parcels."""

import pytest

from infra.db import revisions
from tests.db.shipping.test_parcels import PARCEL, parcel
from tests.factories.raw_writes import DirectDatabase

RESERVED = (
    "INSERT INTO order_events (order_no, type, from_status, to_status, data, actor) VALUES (%s, 'stock_reserved',"
    " 'received', 'pending_payment', '{\"warehouse\": \"WH-EAST\"}', 'test')"
)
FOUND = "SELECT number, warehouse, status FROM fulfilments WHERE order_no = %s ORDER BY number"
MOVED = "UPDATE shipments SET status = %s, tracking_no = 'T' WHERE shipment_id = %s"


async def reserved(db: DirectDatabase) -> str:
    order_no = await db.order(quantity=3)
    await db.app.execute(RESERVED, (order_no,))
    return order_no


async def status(db: DirectDatabase, order_no: str) -> str:
    return str(await db.one("SELECT status FROM fulfilments WHERE order_no = %s", order_no))


async def test_whoever_reserves_the_stock_creates_the_first_fulfilment(db: DirectDatabase) -> None:
    order_no = await reserved(db)
    assert await db.rows(FOUND, order_no) == [(1, "WH-EAST", "reserved")]
    lines = "SELECT number, line_no, quantity FROM fulfilment_lines WHERE order_no = %s"
    assert await db.rows(lines, order_no) == [(1, 1, 3)]


@pytest.mark.parametrize(
    ("parcel_status", "fulfilment"),
    [("booked", "booked"), ("picked_up", "shipped"), ("in_transit", "shipped"), ("delivered", "delivered"),
     ("lost", "failed"), ("refused", "failed"), ("cancelled", "reserved")],
)  # fmt: skip
async def test_a_fulfilment_follows_its_parcel(db: DirectDatabase, parcel_status: str, fulfilment: str) -> None:
    order_no = await reserved(db)
    await db.rows(PARCEL, *parcel(order_no, 1))
    assert await status(db, order_no) == "reserved"
    await db.rows(MOVED, parcel_status, f"{order_no}-S1")
    assert await status(db, order_no) == fulfilment


async def test_what_the_warehouse_did_stands_until_the_parcel_has_left(db: DirectDatabase) -> None:
    order_no = await reserved(db)
    await db.rows("UPDATE fulfilments SET status = 'packed' WHERE order_no = %s", order_no)
    await db.rows(PARCEL, *parcel(order_no, 1))
    await db.rows(MOVED, "booked", f"{order_no}-S1")
    assert await status(db, order_no) == "packed"
    await db.rows(MOVED, "picked_up", f"{order_no}-S1")
    assert await status(db, order_no) == "shipped"


async def test_a_parcel_that_is_sent_again_makes_its_fulfilment_reserved(db: DirectDatabase) -> None:
    order_no = await reserved(db)
    await db.rows(PARCEL, *parcel(order_no, 1, "booked", f"T-{order_no}"))
    await db.rows(MOVED, "lost", f"{order_no}-S1")
    await db.rows("UPDATE shipments SET replaced_at = now() WHERE order_no = %s", order_no)
    assert await status(db, order_no) == "reserved"
    await db.rows(MOVED, "delivered", f"{order_no}-S1")
    assert await status(db, order_no) == "reserved"


async def test_a_cancelled_order_leaves_no_open_fulfilment(db: DirectDatabase) -> None:
    order_no = await reserved(db)
    await db.event(order_no, "order_cancelled", "pending_payment", "cancelled")
    assert await status(db, order_no) == "cancelled"


async def test_one_live_parcel_for_each_fulfilment(db: DirectDatabase) -> None:
    order_no = await reserved(db)
    await db.rows(PARCEL, *parcel(order_no, 1))
    second = PARCEL.replace("carrier_ref)", "carrier_ref, fulfilment_no)").replace("%s, %s)", "%s, %s, 2)")
    await db.rows(second, *parcel(order_no, 2))
    assert await db.refused(second, *parcel(order_no, 3), by_owner=True) == "23505"


async def test_orders_from_before_get_their_first_fulfilment(db: DirectDatabase) -> None:
    """And what is there already is left."""
    before, after, unreserved = await reserved(db), await reserved(db), await db.order()
    await db.rows(PARCEL, *parcel(before, 1, "booked", f"T-{before}"))
    await db.rows("DELETE FROM fulfilment_lines WHERE order_no = %s", before)
    await db.rows("DELETE FROM fulfilments WHERE order_no = %s", before)
    cursor = await db.owner.execute(revisions.read("0093_fulfilments_before").encode())
    assert cursor.rowcount == 1
    assert await db.rows(FOUND, before) == [(1, "WH-EAST", "booked")]
    assert (await db.rows(FOUND, after), await db.rows(FOUND, unreserved)) == ([(1, "WH-EAST", "reserved")], [])
