"""Parcels, requests, parked steps: one of each at a time."""

from sqlalchemy.ext.asyncio import create_async_engine

from domain.gateways import Address
from infra.db.engine import sqlalchemy_url
from infra.db.shipping import shipments
from infra.db.shipping.shipments import PartRef
from tests.factories.raw_writes import DirectDatabase

PARCEL = (
    "INSERT INTO shipments (shipment_id, order_no, warehouse, carrier, status, idempotency_key, tracking_no, "
    "carrier_ref) VALUES (%s, %s, 'WH-EAST', 'sandbox', %s, %s, %s, %s)"
)
PARK = (
    "INSERT INTO parked_steps (order_no, park_no, step, error, attempts, options, amount_minor, escalate_at) "
    "VALUES (%s, %s, 'book', 'down', 1, '{}', 1, now())"
)
EVENT = "INSERT INTO order_events (order_no, type, from_status, to_status, actor) VALUES (%s, %s, %s, %s, 'test')"


def parcel(order_no: str, number: int, status: str = "booking", tracking_no: str | None = None) -> tuple[object, ...]:
    return (f"{order_no}-S{number}", order_no, status, f"{order_no}/book/{number}", tracking_no, tracking_no)


async def test_one_live_parcel_per_order(db: DirectDatabase) -> None:
    order_no = await db.order()
    await db.rows(PARCEL, *parcel(order_no, 1))
    assert await db.refused(PARCEL, *parcel(order_no, 2), by_owner=True) == "23505"
    assert await db.refused(PARCEL, *parcel(order_no, 2, "delivered", "T-x"), by_owner=True) == "23505"
    await db.app.execute("UPDATE shipments SET status = 'cancelled' WHERE order_no = %s", (order_no,))
    await db.rows(PARCEL, *parcel(order_no, 2))
    statement = "UPDATE shipments SET status = 'booking' WHERE shipment_id = %s"
    assert await db.refused(statement, f"{order_no}-S1") == "23505"


async def test_a_booked_parcel_has_a_tracking_number_and_a_status_is_a_known_one(db: DirectDatabase) -> None:
    order_no = await db.order()
    assert await db.refused(PARCEL, *parcel(order_no, 1, "booked"), by_owner=True) == "23514"
    assert await db.refused(PARCEL, *parcel(order_no, 1, "teleported", "T"), by_owner=True) == "23514"


async def test_a_carriers_reference_names_one_parcel(db: DirectDatabase) -> None:
    one, other = await db.order(), await db.order()
    await db.rows(PARCEL, *parcel(one, 1, "booked", "T-1"))
    assert await db.refused(PARCEL, *parcel(other, 1, "booked", "T-1"), by_owner=True) == "23505"


async def test_one_open_parked_step_per_order(db: DirectDatabase) -> None:
    order_no = await db.order()
    await db.app.execute(PARK, (order_no, 1))
    assert await db.refused(PARK, order_no, 2) == "23505"
    await db.app.execute("UPDATE parked_steps SET resolved_at = now() WHERE order_no = %s", (order_no,))
    await db.app.execute(PARK, (order_no, 2))


async def test_two_payment_requests_are_not_one_attempt(db: DirectDatabase) -> None:
    order_no = await db.order()
    request = (
        "INSERT INTO payment_requests (request_id, order_no, attempt, method, token, actor) "
        "VALUES (%s, %s, %s, 'm', 't', 'a')"
    )
    await db.app.execute(request, (f"{order_no}/1", order_no, 1))
    assert await db.refused(request, f"{order_no}/2", order_no, 1) == "23505"
    for waiting in ("a", "b"):
        await db.app.execute(request, (f"{order_no}/{waiting}", order_no, None))


async def test_a_fact_from_outside_counts_once_and_wakes_its_order(db: DirectDatabase) -> None:
    order_no = await db.order()
    fact = "INSERT INTO inbox (provider, event_id, kind, order_no, fact) VALUES ('sandbox', %s, 'payment', %s, '{}')"
    await db.app.execute(fact, (order_no, order_no))
    assert await db.refused(fact, order_no, order_no) == "23505"
    woken = await db.rows("SELECT name FROM workflow_requests WHERE subject = %s AND kind = 'signal_order'", order_no)
    assert woken == [("payment_notified",)]


async def test_a_parcel_is_fetched_at_the_address_of_its_warehouse(db: DirectDatabase) -> None:
    """The warehouse's name stands for the street and the contact that nobody has typed."""
    place = {"country": "CN", "province": "上海市", "city": "上海市"}
    assert await origin(db) == Address(**place, line1="East", name="East")
    known = {"district": "黄浦区", "line1": "Nanjing Road 1", "postcode": "200001", "phone": "+86 21 1"}
    await db.rows(
        "UPDATE warehouses SET district = %s, line1 = %s, postcode = %s, phone = %s, contact_name = 'Wu' "
        "WHERE code = 'WH-EAST'", *known.values(),
    )  # fmt: skip
    assert await origin(db) == Address(**place, **known, name="Wu")


async def origin(db: DirectDatabase) -> Address:
    """Where the parcel of a paid order comes from."""
    order_no = await db.order()
    for step in (("stock_reserved", "received", "pending_payment"), ("payment_captured", "pending_payment", "paid")):
        await db.rows(EVENT, order_no, *step)
    await db.rows("INSERT INTO allocations VALUES (%s, 'TEA', 'WH-EAST', 1, 'reserved')", order_no)
    engine = create_async_engine(sqlalchemy_url(db.urls.app_url))
    async with engine.begin() as conn:
        opened = await shipments.open_booking(conn, PartRef(order_no), "sandbox")
    await engine.dispose()
    assert opened is not None
    return opened[1].origin
