"""Orders that are changed while their workflow goes on: whichever takes the order's row first wins, and never both."""

import asyncio
from dataclasses import asdict
from typing import Any

import httpx
from sqlalchemy import text

from domain.gateways import Address
from domain.orders.changes import plan_lines
from domain.orders.status import ChangeKind
from infra.db.checks import consistency_checks
from infra.db.customers.profiles import KeyRing
from infra.db.orders.changing import changes
from infra.db.orders.changing.changes import ChangePlan
from infra.db.payments import transactions
from infra.db.payments.transactions import StoredIntent
from tests.factories.holds import hold, release
from tests.factories.order_changes import ELSEWHERE, change, lines
from tests.factories.refunds import given_back
from tests.integration.conftest import CHEAP, Office
from tests.integration.test_races import paying, under_way
from tests.order_stage import eventually
from tests.workflows.orders.test_order import cancel
from tests.workflows.scenarios import delivered, pay_again

OLD = {"name": "Li", "phone": "1", "country": "CN", "province": "上海市", "city": "上海市", "line1": "x"}
WHATEVER = "*"


async def patched(office: Office, order_no: str, body: Any) -> httpx.Response:
    """A change by support, of the order as it may be by now."""
    return await change(office.staff("ann"), order_no, body, tag=WHATEVER)


async def sent_to(office: Office, order_no: str, quantity: int = 1) -> list[tuple[str, str]]:
    """(the carrier's status, old or new address) of the order's parcels, oldest first.

    The carrier forgets addresses, but a repeated booking must be the same to the letter to be answered as the first.
    """
    keys = await office.stage.sql("SELECT idempotency_key FROM shipments WHERE order_no = :o ORDER BY created_at",
                                  o=order_no)  # fmt: skip
    found = []
    for (key,) in keys:
        for name, place in (("old", OLD), ("new", ELSEWHERE)):
            body = {
                "order_no": order_no,
                "idempotency_key": key,
                "to": asdict(Address(**place)),
                "parcels": [{"weight_g": 500 * quantity}],
                "lines": [{"sku": CHEAP, "quantity": quantity}],
            }
            answer = office.stage.sandbox.http.post("/shipments", json=body)
            if answer.is_success:
                found.append((answer.json()["status"], name))
                break
            assert answer.json()["error_code"] == "idempotency_key_reused", answer.text
    return found


async def paid_and_held(office: Office, quantity: int = 1) -> str:
    """Paid, and kept from being booked."""
    order_no = await office.stage.place(sku=CHEAP, quantity=quantity, token=None)
    await office.stage.reaches(order_no, "pending_payment")
    hold_no = await hold(office.stage, order_no, "address")
    assert hold_no == 1
    await pay_again(office.stage, order_no)
    await office.stage.reaches(order_no, "paid")
    return order_no


async def let_go(office: Office, order_no: str) -> None:
    await release(office.stage, order_no, 1)
    await office.stage.reaches(order_no, "preparing")


async def sums(office: Office, order_no: str) -> dict[str, int]:
    (row,) = await office.stage.sql(
        """
        SELECT o.total_minor,
               (SELECT sum((quantity - cancelled_quantity) * unit_price_minor) FROM order_lines l
                 WHERE l.order_no = o.order_no)::bigint AS lines,
               (SELECT sum(quantity - cancelled_quantity) FROM order_lines l WHERE l.order_no = o.order_no)::bigint
                 AS wanted,
               coalesce((SELECT sum(quantity) FROM allocations a WHERE a.order_no = o.order_no
                          AND a.state IN ('reserved', 'shipped')), 0)::bigint AS held,
               coalesce((SELECT sum(reserved_delta) FROM stock_movements m WHERE m.order_no = o.order_no), 0)::bigint
                 AS moved
          FROM orders o WHERE o.order_no = :o
        """,
        o=order_no,
    )
    return dict(row._mapping)


async def test_the_parcel_goes_to_the_address_that_was_reported_last(office: Office) -> None:
    order_no = await paid_and_held(office)
    assert (await patched(office, order_no, {"ship_to": ELSEWHERE})).status_code == 200
    await let_go(office, order_no)
    assert await sent_to(office, order_no) == [("booked", "new")]


async def test_while_the_carrier_is_slow_the_address_stays_and_the_parcel_goes_there(office: Office) -> None:
    order_no = await office.unpaid()
    office.stage.fault("carriers", "slow", 1, order_no=order_no, kind="book")
    async with paying(office, order_no):
        await under_way(office, "shipments", order_no, status="booking")
        answer = await patched(office, order_no, {"ship_to": ELSEWHERE})
        assert (answer.status_code, answer.json()["code"]) == (409, "label_printed")
    await office.stage.reaches(order_no, "preparing")
    assert (await sent_to(office, order_no))[-1] == ("booked", "old")


async def test_address_against_label_is_decided_one_way_for_each(office: Office) -> None:
    """Many at once: who read that the address is replaced gets the parcel there, everybody else where it was."""

    async def one() -> tuple[str, httpx.Response]:
        order_no = await office.unpaid()
        _, answer = await asyncio.gather(
            pay_again(office.stage, order_no), patched(office, order_no, {"ship_to": ELSEWHERE})
        )
        return order_no, answer

    for order_no, answer in await asyncio.gather(*(one() for _ in range(8))):
        assert answer.status_code in (200, 409), answer.text
        await office.stage.reaches(order_no, "preparing")
        live = [reported for status, reported in await sent_to(office, order_no) if status != "cancelled"]
        assert live == ["new" if answer.status_code == 200 else "old"]


async def test_a_booking_that_read_the_order_before_its_change_is_not_begun(office: Office) -> None:
    """The change holds the order's row while the booking arrives: it waits, sees the change, and is begun anew."""
    order_no = await office.unpaid()
    async with office.stage.owner.begin() as conn:
        await conn.execute(text("SELECT 1 FROM orders WHERE order_no = :o FOR UPDATE"), {"o": order_no})
        await conn.execute(text("UPDATE orders SET address_rev = address_rev + 1 WHERE order_no = :o"), {"o": order_no})
        insert = """INSERT INTO shipments (shipment_id, order_no, warehouse, carrier, status, idempotency_key,
                                           address_rev)
                    SELECT order_no || '-S9', order_no, 'WH-EAST', 'sandbox', 'booking', order_no || '/9', address_rev
                      FROM orders WHERE order_no = :o RETURNING 1"""
        booking = asyncio.create_task(office.stage.sql(insert, o=order_no))
        waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%-S9%'"
        await eventually(lambda: office.stage.sql(waits))
    assert await booking == []


async def test_a_refused_address_is_corrected_by_the_customer_and_the_booking_continues(
    office: Office,
) -> None:
    order_no = await office.parked(CHEAP)
    assert (await patched(office, order_no, {"ship_to": ELSEWHERE})).status_code == 200
    await office.stage.reaches(order_no, "preparing")
    assert await sent_to(office, order_no) == [("booked", "new")]
    (row,) = await office.stage.sql(
        "SELECT data FROM order_events WHERE order_no = :o AND type = 'step_resolved'", o=order_no
    )
    assert row.data["how"] == "retry"


async def test_a_parcel_that_was_booked_unheard_is_called_back_when_the_address_changes(office: Office) -> None:
    order_no = await office.unpaid()
    office.stage.fault("carriers", "timeout_after", 1, order_no=order_no, kind="book")
    office.stage.fault("carriers", "error", 4, order_no=order_no, kind="lookup")
    await pay_again(office.stage, order_no)
    await office.stage.parked(order_no)
    assert await sent_to(office, order_no) == [("booked", "old")]
    assert (await patched(office, order_no, {"ship_to": ELSEWHERE})).status_code == 200
    await office.stage.reaches(order_no, "preparing")
    assert await sent_to(office, order_no) == [("cancelled", "old"), ("booked", "new")]


async def test_a_note_does_not_try_a_stuck_booking_again(office: Office) -> None:
    order_no = await office.parked(CHEAP)
    assert (await patched(office, order_no, {"note": "please hurry"})).status_code == 200
    await eventually(
        lambda: office.stage.sql("SELECT 1 WHERE NOT EXISTS (SELECT FROM workflow_requests WHERE subject = :o)",
                                 o=order_no))  # fmt: skip
    await office.stage.handle(order_no).describe()
    assert await office.stage.parked(order_no)


async def test_units_taken_off_a_paid_order_are_not_sent_and_their_money_goes_back_once(office: Office) -> None:
    order_no = await paid_and_held(office, quantity=3)
    answer = await patched(office, order_no, lines(**{CHEAP: 1}))
    body = answer.json()
    assert answer.status_code == 200, answer.text
    assert (body["refund_minor"], body["total_after_minor"], body["to_pay_minor"]) == (4_000, 2_000, 0)
    assert body["refund_id"]
    again = await patched(office, order_no, lines(**{CHEAP: 1}))
    assert (again.status_code, again.json()["changes"]) == (200, [])
    await let_go(office, order_no)
    await eventually(lambda: given_back(office.stage, order_no) == [4_000])
    assert await sums(office, order_no) == {"total_minor": 2_000, "lines": 2_000, "wanted": 1, "held": 1, "moved": 1}
    await delivered(office.stage, order_no)
    (row,) = await office.stage.sql("SELECT quantity FROM stock_movements WHERE order_no = :o AND kind = 'ship'",
                                    o=order_no)  # fmt: skip
    assert row.quantity == 1
    assert given_back(office.stage, order_no) == [4_000]


async def test_a_changed_order_that_is_cancelled_gives_all_of_the_rest_back(office: Office) -> None:
    order_no = await paid_and_held(office, quantity=3)
    assert (await patched(office, order_no, lines(**{CHEAP: 2}))).status_code == 200
    await cancel(office.stage, order_no)
    await office.stage.reaches(order_no, "cancelled")
    assert sum(given_back(office.stage, order_no)) == 6_000
    assert (await sums(office, order_no))["moved"] == 0


async def test_other_goods_for_less_give_the_difference_back(office: Office) -> None:
    await office.stage.stock("LESS", 100, price_minor=1_500)
    order_no = await paid_and_held(office, quantity=2)
    answer = await patched(office, order_no, lines(LESS=1, **{CHEAP: 1}))
    assert (answer.status_code, answer.json()["refund_minor"]) == (200, 500), answer.text
    await let_go(office, order_no)
    await eventually(lambda: given_back(office.stage, order_no) == [500])
    assert (await sums(office, order_no))["total_minor"] == 3_500


async def test_quantity_against_reservation_is_decided_by_the_lock(office: Office) -> None:
    """Changed in the moment in which its stock is reserved: what it holds is what it wants, whichever came first."""

    async def one(units: int) -> tuple[str, httpx.Response]:
        order_no = await office.stage.place(sku=CHEAP, quantity=3, token=None)
        return order_no, await patched(office, order_no, lines(**{CHEAP: units}))

    for order_no, answer in await asyncio.gather(*(one(1 + n % 5) for n in range(10))):
        assert answer.status_code == 200, answer.text
        await office.stage.reaches(order_no, "pending_payment")
        found = await sums(office, order_no)
        units = answer.json()["total_after_minor"] // 2_000
        assert (found["wanted"], found["held"], found["moved"], found["total_minor"]) == (
            units, units, units, units * 2_000)  # fmt: skip


async def test_what_is_paid_is_what_the_order_costs_however_they_meet(office: Office) -> None:
    async def one() -> tuple[str, httpx.Response]:
        order_no = await office.unpaid()
        _, answer = await asyncio.gather(
            pay_again(office.stage, order_no), patched(office, order_no, lines(**{CHEAP: 2}))
        )
        return order_no, answer

    for order_no, answer in await asyncio.gather(*(one() for _ in range(8))):
        assert answer.status_code in (200, 409), answer.text
        if answer.status_code == 409:
            assert answer.json()["code"] in ("payment_in_progress", "pay_difference_needed", "label_printed")
        await office.stage.reaches(order_no, "preparing")
        items = office.stage.sandbox.http.get("/payments", params={"order_no": order_no}).json()["items"]
        taken = [item["amount_minor"] for item in items if (item["kind"], item["status"]) == ("capture", "succeeded")]
        found = await sums(office, order_no)
        assert taken == [found["total_minor"]] == [4_000 if answer.status_code == 200 else 2_000]
        assert found["wanted"] == found["held"] == found["moved"]


async def test_an_authorisation_that_meets_a_change_waits_and_asks_for_the_new_total(office: Office) -> None:
    order_no = await office.unpaid()
    await office.stage.sql(
        "INSERT INTO payment_requests VALUES (:o || '/1', :o, 1, 'sandbox', 'tok_ok', 'c', now())", o=order_no
    )
    keys = KeyRing(office.stage.vault)

    async def authorise() -> StoredIntent | None:
        async with office.stage.owner.begin() as conn:
            await conn.execute(text("SET LOCAL application_name = 'authorising'"))
            return await transactions.open_authorisation(conn, order_no, 1, ["sandbox"], "sandbox")

    async with office.stage.database.begin() as conn:
        context = await changes.load_context(conn, keys, order_no)
        more = plan_lines(
            context.lines, {CHEAP: 3}, await changes.catalogue_of(conn, [CHEAP]), "CNY", context.last_line_no
        )
        await changes.write(conn, keys, ChangePlan(context, (ChangeKind.LINES,), lines=tuple(more)), "support:ann")
        opening = asyncio.create_task(authorise())
        waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'authorising'"
        await eventually(lambda: office.stage.sql(waits))
    opened = await opening
    assert opened is not None
    assert opened.intent.amount_minor == 6_000


async def test_while_an_authorisation_is_under_way_the_lines_stay(office: Office) -> None:
    order_no = await office.unpaid()
    office.stage.fault("payments", "slow", 1, order_no=order_no, kind="authorise")
    async with paying(office, order_no):
        await under_way(office, "payments", order_no, kind="authorise", status="intent")
        answer = await patched(office, order_no, lines(**{CHEAP: 5}))
        assert (answer.status_code, answer.json()["code"]) == (409, "payment_in_progress")


async def test_a_backorder_that_asks_for_less_is_reserved_at_once(office: Office) -> None:
    await office.stage.stock("RARE", 2)
    order_no = await office.stage.place(sku="RARE", quantity=5, backorder=True)
    await eventually(
        lambda: office.stage.sql(
            "SELECT 1 FROM order_events WHERE order_no = :o AND type = 'stock_short'", o=order_no)
    )  # fmt: skip
    assert (await patched(office, order_no, lines(RARE=2))).status_code == 200
    await office.stage.reaches(order_no, "preparing")
    assert (await sums(office, order_no))["held"] == 2


async def test_nothing_personal_of_a_change_is_in_the_history(office: Office) -> None:
    order_no = await paid_and_held(office)
    body = {"ship_to": ELSEWHERE, "note": "the dog bites"}
    assert (await patched(office, order_no, body)).status_code == 200
    await let_go(office, order_no)
    history = (await office.stage.handle(order_no).fetch_history()).to_json()
    assert "order_changed" in history
    for clear in (*ELSEWHERE.values(), "the dog bites"):
        if clear != "CN":
            assert clear not in history


async def test_the_database_of_all_of_this_adds_up(office: Office) -> None:
    """Last in this file: what the orders above have left, as `oms ledger check` looks at it."""
    results = await consistency_checks.run_all(office.stage.settings)
    wrong = [(result.question.name, result.examples) for result in results if result.count]
    assert not wrong
