"""Holds in the database: what is held is not booked and not charged, whatever the code tries."""

import asyncio

import psycopg
import pytest

from domain.orders.holds import HOLDS, HoldKind
from domain.orders.priority import HEAD_START_S, RANKS, START_HEAD_S, Priority
from tests.factories.raw_writes import Connection, DirectDatabase, connect

HOLD = (
    "INSERT INTO holds (order_no, hold_no, kind, stops, owner, default_outcome, put_on_by, reason_enc, escalate_at,"
    " until) VALUES (%s, 1, %s, %s, 'support', 'release', 'support:ann', '', now() + interval '1 h',"
    " now() + interval '2 h')"
)
BOOKING = (
    "INSERT INTO shipments (shipment_id, order_no, warehouse, carrier, status, idempotency_key)"
    " VALUES (%s, %s, 'WH-EAST', 'sandbox', 'booking', %s)"
)
MANUAL = (
    "INSERT INTO shipments (shipment_id, order_no, warehouse, carrier, status, idempotency_key, tracking_no)"
    " VALUES (%s, %s, 'WH-EAST', 'a neighbour', 'booked', %s, 'N-1')"
)
MANUAL_MONEY = (
    "INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key,"
    " provider_ref) VALUES (%s, 'capture', 1, 'manual', 1000, 'CNY', 'succeeded', %s, 'bank 17')"
)
INTENT = (
    "INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key)"
    " VALUES (%s, %s, 1, 'sandbox', 1000, 'CNY', 'intent', %s)"
)
TOO_LATE, HELD, CLOSED_FOR_GOOD = "OM006", "OM006", "OM003"


async def paid(db: DirectDatabase) -> str:
    order_no = await db.order()
    await db.event(order_no, "stock_reserved", "received", "pending_payment")
    await db.event(order_no, "payment_captured", "pending_payment", "paid")
    return order_no


async def hold(db: DirectDatabase, order_no: str, kind: str = "manual", through: Connection | None = None) -> None:
    stops = [str(status) for status in HOLDS[HoldKind(kind)].stops]
    await (through or db.app).execute(HOLD, (order_no, kind, stops))


async def parcels(db: DirectDatabase, order_no: str) -> int:
    return int(await db.one("SELECT count(*) FROM shipments WHERE order_no = %s", order_no))


async def test_a_held_order_is_not_booked(db: DirectDatabase) -> None:
    order_no = await paid(db)
    await hold(db, order_no)
    await db.app.execute(BOOKING, (order_no, order_no, order_no))
    assert await parcels(db, order_no) == 0
    await db.app.execute(
        "UPDATE holds SET closed_at = now(), closed_by = 's', outcome = 'released' WHERE order_no = %s", (order_no,)
    )
    await db.app.execute(BOOKING, (order_no, order_no, order_no))
    assert await parcels(db, order_no) == 1


@pytest.mark.parametrize(
    ("kind", "requested"), [("risk", 0), ("payment", 0), ("manual", 0), ("address", 1), ("stock", 1)]
)
async def test_money_is_not_asked_for_where_the_kind_stops_it(db: DirectDatabase, kind: str, requested: int) -> None:
    order_no = await db.order()
    await db.event(order_no, "stock_reserved", "received", "pending_payment")
    await hold(db, order_no, kind)
    await db.app.execute(INTENT, (order_no, "authorise", order_no))
    assert await db.one("SELECT count(*) FROM payments WHERE order_no = %s", order_no) == requested


async def test_money_that_came_unasked_is_kept(db: DirectDatabase) -> None:
    order_no = await db.order()
    await db.event(order_no, "stock_reserved", "received", "pending_payment")
    await hold(db, order_no, "risk")
    await db.paid_in(order_no)
    assert await db.one("SELECT count(*) FROM payments WHERE order_no = %s", order_no) == 1


async def test_what_a_person_records_does_not_go_past_a_hold(db: DirectDatabase) -> None:
    order_no = await paid(db)
    unpaid = await db.order()
    await db.event(unpaid, "stock_reserved", "received", "pending_payment")
    for held in (order_no, unpaid):
        await hold(db, held)
    assert await db.refused(MANUAL, order_no, order_no, order_no) == HELD
    assert await db.refused(MANUAL_MONEY, unpaid, unpaid) == HELD
    close = "UPDATE holds SET closed_at = now(), closed_by = 's', outcome = 'released' WHERE order_no = ANY(%s)"
    await db.app.execute(close, ([order_no, unpaid],))
    await db.app.execute(MANUAL, (order_no, order_no, order_no))
    await db.app.execute(MANUAL_MONEY, (unpaid, unpaid))


async def test_a_hold_by_rule_and_a_manual_one_of_a_kind_are_both_open_and_each_once(db: DirectDatabase) -> None:
    order_no, by_rule = await db.order(), HOLD.replace("'support:ann'", "'system'")
    stops = [str(status) for status in HOLDS[HoldKind.RISK].stops]
    await hold(db, order_no, "risk")
    await db.app.execute(by_rule, (order_no, "risk", stops))
    for again in (HOLD, by_rule):
        assert await db.refused(again, order_no, "risk", stops) == "23505"


async def test_a_booking_and_a_hold_at_the_same_moment_know_of_each_other(db: DirectDatabase) -> None:
    """The booking waits for the hold that is being written, then is not made."""
    order_no = await paid(db)
    other = await connect(db.urls.app_url)
    async with db.app.transaction():
        await hold(db, order_no)
        booking = asyncio.create_task(other.execute(BOOKING, (order_no, order_no, order_no)))
        await blocked(db, other)
    await booking
    await other.close()
    assert await parcels(db, order_no) == 0


async def blocked(db: DirectDatabase, connection: Connection) -> None:
    """Wait until the connection waits for a lock of another."""
    pid = connection.info.backend_pid
    async with asyncio.timeout(20):
        while not await db.one("SELECT cardinality(pg_blocking_pids(%s)) > 0", pid):
            await asyncio.sleep(0.01)


async def test_a_hold_shows_on_the_order_and_tells_its_workflow(db: DirectDatabase) -> None:
    order_no = await paid(db)
    await hold(db, order_no, "address")
    await hold(db, order_no, "manual")
    assert await db.one("SELECT hold FROM orders WHERE order_no = %s", order_no) == "address"
    events = await db.rows("SELECT name FROM workflow_requests WHERE subject = %s AND kind = 'signal_order'", order_no)
    assert [row[0] for row in events] == ["hold_changed", "hold_changed"]
    with pytest.raises(psycopg.errors.UniqueViolation):
        await hold(db, order_no, "manual")


async def test_what_is_too_late_is_refused(db: DirectDatabase) -> None:
    order_no = await paid(db)
    await db.event(order_no, "shipment_booked", "paid", "preparing")
    stops = ["received", "pending_payment", "paid"]
    assert await db.refused(HOLD, order_no, "manual", stops) == TOO_LATE
    undone = await paid(db)
    await db.app.execute("UPDATE orders SET cancelling = 'x' WHERE order_no = %s", (undone,))
    assert await db.refused(HOLD, undone, "manual", stops) == TOO_LATE


async def test_booked_by_other_means_a_hold_is_overtaken(db: DirectDatabase) -> None:
    order_no = await paid(db)
    await hold(db, order_no)
    await db.event(order_no, "shipment_recorded", "paid", "preparing")
    row = (await db.rows("SELECT outcome, closed_by FROM holds WHERE order_no = %s", order_no))[0]
    assert tuple(row) == ("overtaken", "system")
    assert await db.one("SELECT hold FROM orders WHERE order_no = %s", order_no) is None
    change = "UPDATE holds SET outcome = 'released' WHERE order_no = %s"
    assert await db.refused(change, order_no) == CLOSED_FOR_GOOD


async def test_the_reservation_names_the_warehouse(db: DirectDatabase) -> None:
    order_no = await db.order()
    await db.app.execute(
        "INSERT INTO order_events (order_no, type, from_status, to_status, data, actor) VALUES (%s, 'stock_reserved',"
        " 'received', 'pending_payment', '{\"warehouse\": \"WH-EAST\"}', 'system')",
        (order_no,),
    )
    assert await db.one("SELECT warehouse FROM orders WHERE order_no = %s", order_no) == "WH-EAST"


async def test_head_starts_are_those_of_the_domain(db: DirectDatabase) -> None:
    for priority in Priority:
        seconds = await db.one("SELECT priority_head_start_s(CAST(%s AS smallint))", RANKS[priority])
        assert seconds == HEAD_START_S[priority]
        seconds = await db.one("SELECT priority_start_head_start_s(CAST(%s AS smallint))", RANKS[priority])
        assert seconds == START_HEAD_S[priority]


PART = "INSERT INTO fulfilments (fulfilment_id, order_no, number, warehouse, status) VALUES (%s, %s, %s, 'WH-EAST', %s)"
CHANGED = "UPDATE fulfilments SET status = %s WHERE order_no = %s AND number = %s"
OF_PART = BOOKING.replace("idempotency_key)", "idempotency_key, fulfilment_no)").replace("%s)", "%s, %s)")


async def prepared(db: DirectDatabase, *parts: str) -> str:
    """An order in preparation with these fulfilments."""
    order_no = await paid(db)
    for number, status in enumerate(parts, 1):
        await db.owner.execute(f"DELETE FROM fulfilments WHERE fulfilment_id = '{order_no}-F{number}'")
        await db.owner.execute(PART, (f"{order_no}-F{number}", order_no, number, status))
    await db.event(order_no, "shipment_booked", "paid", "preparing")
    return order_no


async def test_the_parts_that_are_not_booked_are_held_and_no_others(db: DirectDatabase) -> None:
    order_no = await prepared(db, "booked", "reserved", "reserved")
    await hold(db, order_no, "address")
    for number in (2, 3):
        await db.app.execute(OF_PART, (f"{order_no}-{number}", order_no, f"{order_no}/{number}", number))
    assert await parcels(db, order_no) == 0
    assert await db.refused(MANUAL, order_no, order_no, order_no) == HELD
    await db.owner.execute(CHANGED, ("booked", order_no, 2))
    assert await db.one("SELECT hold FROM orders WHERE order_no = %s", order_no) == "address"
    await db.owner.execute(CHANGED, ("cancelled", order_no, 3))
    assert await db.one("SELECT hold FROM orders WHERE order_no = %s", order_no) is None
    assert await db.one("SELECT outcome FROM holds WHERE order_no = %s", order_no) == "overtaken"


@pytest.mark.parametrize("parts", [("booked",), ("reserved",), ("booked", "shipped"), ("booked", "cancelled")])
async def test_nothing_is_held_where_no_part_is_to_be_booked(db: DirectDatabase, parts: tuple[str, ...]) -> None:
    order_no = await prepared(db, *parts)
    assert await db.refused(HOLD, order_no, "address", ["paid"]) == TOO_LATE


async def test_a_part_for_which_a_carrier_is_being_asked_is_not_held(db: DirectDatabase) -> None:
    order_no = await prepared(db, "booked", "reserved")
    await db.app.execute(OF_PART, (f"{order_no}-2", order_no, f"{order_no}/2", 2))
    assert await db.refused(HOLD, order_no, "address", ["paid"]) == TOO_LATE


async def test_a_hold_stands_when_the_first_of_several_parts_is_booked(db: DirectDatabase) -> None:
    order_no = await paid(db)
    await db.owner.execute(PART, (f"{order_no}-F2", order_no, 2, "reserved"))
    await hold(db, order_no, "address")
    await db.event(order_no, "shipment_booked", "paid", "preparing")
    assert await db.one("SELECT hold FROM orders WHERE order_no = %s", order_no) == "address"


async def test_a_capture_of_a_part_that_ships_is_not_stopped_by_a_hold_of_the_others(db: DirectDatabase) -> None:
    order_no = await prepared(db, "booked", "reserved")
    await hold(db, order_no, "payment")
    await db.app.execute(INTENT, (order_no, "capture", f"{order_no}/capture/F1"))
    assert await db.one("SELECT count(*) FROM payments WHERE order_no = %s", order_no) == 1
