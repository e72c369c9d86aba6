"""Returns in the database: what the database refuses, independently of the application code."""

import itertools
import secrets

import psycopg
import pytest

from domain.after_sales.returns import CLOSED, NOT_COUNTED, RETURN_TRANSITIONS, ReturnStatus
from domain.orders.status import Status
from tests.db.orders.test_lifecycle import WAYS
from tests.factories.raw_writes import DirectDatabase

ASK = (
    "INSERT INTO returns (return_id, order_no, resolution, reason_code, reason_enc, requested_by, warehouse) "
    "VALUES (%s, %s, 'refund', 'other', '', 'customer:c', 'WH-EAST')"
)
LINE = "INSERT INTO return_lines (return_id, order_no, line_no, sku, quantity) VALUES (%s, %s, %s, %s, %s)"
FOUND = "INSERT INTO return_inspections (return_id, line_no, stage, condition, quantity) VALUES (%s, 1, %s, %s, %s)"
MOVE = "UPDATE returns SET status = %s WHERE return_id = %s"


async def delivered(db: DirectDatabase, quantity: int = 3) -> str:
    order_no = await db.order(quantity=quantity)
    for source, event, target in WAYS[Status.DELIVERED]:
        await db.event(order_no, event, source, target)
    return order_no


async def request_return(db: DirectDatabase, order_no: str, quantity: int = 1) -> str:
    return_id = f"rt_{secrets.token_hex(8)}"
    async with db.app.transaction():
        await db.app.execute(ASK, (return_id, order_no))
        await db.app.execute(LINE, (return_id, order_no, 1, "TEA", quantity))
    return return_id


def way_to(status: ReturnStatus) -> list[ReturnStatus]:
    """Statuses on the way to `status`, from `requested` on."""
    ways: dict[ReturnStatus, list[ReturnStatus]] = {ReturnStatus.REQUESTED: []}
    todo = [ReturnStatus.REQUESTED]
    while todo:
        current = todo.pop(0)
        for (source, _), target in RETURN_TRANSITIONS.items():
            if source is current and target not in ways:
                ways[target] = [*ways[current], target]
                todo.append(target)
    return ways[status]


async def standing(db: DirectDatabase, status: ReturnStatus) -> str:
    return_id = await request_return(db, await delivered(db))
    for step in way_to(status):
        await db.app.execute(MOVE, (step.value, return_id))
    return return_id


async def test_the_tables_of_the_database_are_those_of_the_rules(db: DirectDatabase) -> None:
    rows = await db.rows("SELECT from_status, event, to_status FROM return_transitions")
    assert {(a, e): b for a, e, b in rows} == {(str(a), str(e)): str(b) for (a, e), b in RETURN_TRANSITIONS.items()}
    found = await db.rows("SELECT status, counted, closed FROM return_statuses")
    assert set(found) == {(str(s), s not in NOT_COUNTED, s in CLOSED) for s in ReturnStatus}


def test_every_status_is_reached() -> None:
    assert all(way_to(status) is not None for status in ReturnStatus)


@pytest.mark.parametrize("source", ReturnStatus)
async def test_every_illegal_step_is_refused(db: DirectDatabase, source: ReturnStatus) -> None:
    return_id = await standing(db, source)
    legal = {target for (known, _), target in RETURN_TRANSITIONS.items() if known is source}
    for target in ReturnStatus:
        if target not in legal and target is not source:
            assert await db.refused(MOVE, target.value, return_id) == "OM002", target
    assert await db.one("SELECT status FROM returns WHERE return_id = %s", return_id) == source


@pytest.mark.parametrize("status", [status for status in Status if status not in (Status.DELIVERED, Status.COMPLETED)])
async def test_what_is_not_delivered_is_not_returned(db: DirectDatabase, status: Status) -> None:
    order_no = await db.order()
    for source, event, target in WAYS[status]:
        await db.event(order_no, event, source, target)
    assert await db.refused(ASK, f"rt_{secrets.token_hex(8)}", order_no) == "OM009"


async def test_no_more_is_on_returns_than_was_delivered(db: DirectDatabase) -> None:
    order_no = await delivered(db, 3)
    first = await request_return(db, order_no, 2)
    with pytest.raises(Exception, match="line_returns_within_delivered"):
        await request_return(db, order_no, 2)
    await db.app.execute(MOVE, ("rejected", first))
    second = await request_return(db, order_no, 3)
    assert await db.one("SELECT returned_quantity FROM order_lines WHERE order_no = %s", order_no) == 3
    for status in ("approved", "expired"):
        await db.app.execute(MOVE, (status, second))
    third = await request_return(db, order_no, 1)
    # What arrives all the same takes its pieces again, if they are free.
    assert await db.refused(MOVE, "received", second) == "23514"
    await db.app.execute(MOVE, ("cancelled", third))
    await db.app.execute(MOVE, ("received", second))
    assert await db.one("SELECT returned_quantity FROM order_lines WHERE order_no = %s", order_no) == 3


async def test_a_returns_facts_do_not_change(db: DirectDatabase) -> None:
    return_id = await request_return(db, await delivered(db))
    for change in ("resolution = 'exchange'", "return_no = 9", "requested_by = 'other'", "reason_code = 'whim'"):
        statement = f"UPDATE returns SET {change} WHERE return_id = '{return_id}'"
        assert await db.refused(statement, by_owner=True) == "OM003"
        assert await db.refused(statement) == "42501"
    for table in ("return_lines", "return_inspections", "return_labels"):
        assert await db.refused(f"DELETE FROM {table}") == "42501"


async def test_lines_come_with_the_request_and_are_the_orders(db: DirectDatabase) -> None:
    order_no, other = await delivered(db), await delivered(db)
    return_id = await request_return(db, order_no)
    assert await db.refused(LINE, return_id, other, 1, "TEA", 1) in ("23503", "23505")
    assert await db.refused(LINE, return_id, order_no, 2, "TEA", 1) == "23503"
    await db.app.execute(
        "INSERT INTO order_lines (order_no, line_no, sku, name, quantity, unit_price_minor) "
        "VALUES (%s, 2, 'TEA', 'x', 1, 0)",
        (order_no,),
    )
    await db.app.execute(MOVE, ("approved", return_id))
    assert await db.refused(LINE, return_id, order_no, 2, "TEA", 1) == "OM003"


async def test_what_was_found_is_all_that_was_on_it(db: DirectDatabase) -> None:
    return_id = await request_return(db, await delivered(db), 3)
    for found in ([("as_new", 2)], [("as_new", 2), ("damaged", 2)]):
        with pytest.raises(Exception, match="all that was on the return"):
            async with db.app.transaction():
                for condition, quantity in found:
                    await db.app.execute(FOUND, (return_id, "received", condition, quantity))
    async with db.app.transaction():
        for condition, quantity in (("as_new", 2), ("missing", 1)):
            await db.app.execute(FOUND, (return_id, "received", condition, quantity))


async def test_what_is_on_the_way_back_keeps_its_order_open(db: DirectDatabase) -> None:
    order_no = await delivered(db)
    return_id = await request_return(db, order_no)
    completed = "INSERT INTO order_events (order_no, type, from_status, to_status, actor) VALUES (%s, "
    completed += "'return_window_closed', 'delivered', 'completed', 'system')"
    assert await db.refused(completed, order_no) == "OM010"
    await db.app.execute(MOVE, ("cancelled", return_id))
    await db.app.execute(completed.encode(), (order_no,))


async def test_a_return_wakes_its_order_and_itself(db: DirectDatabase) -> None:
    order_no = await delivered(db)
    return_id = await request_return(db, order_no)
    reported = (
        "SELECT kind, name FROM workflow_requests WHERE subject = ANY(%s) AND kind <> 'start_order' ORDER BY request_id"
    )
    assert await db.rows(reported, [order_no, return_id]) == [("signal_order", "after_sales")]
    await db.app.execute(MOVE, ("approved", return_id))
    await db.app.execute(MOVE, ("cancelled", return_id))
    assert [row[0] for row in await db.rows(reported, [order_no, return_id])] == [
        "signal_order", "signal_return", "signal_order", "signal_return",
    ]  # fmt: skip


def test_all_ways_are_short() -> None:
    """The table leads from every open state to an end."""
    ends = {status: {target for (source, _), target in RETURN_TRANSITIONS.items() if source is status}
            for status in ReturnStatus}  # fmt: skip
    for status in set(ReturnStatus) - CLOSED:
        reached, todo = {status}, [status]
        while todo:
            fresh = ends[todo.pop()] - reached
            reached |= fresh
            todo += fresh
        assert reached & CLOSED, status
    assert not set(itertools.chain.from_iterable(ends[end] for end in CLOSED)) - {ReturnStatus.RECEIVED}


SHELVED = (
    "INSERT INTO stock_movements (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta, "
    "quarantined_delta, order_no, reference, actor) VALUES (%s, %s, 'TEA', 'WH-EAST', %s, %s, 0, %s, %s, %s, 'test')"
)


async def shelve(
    db: DirectDatabase, order_no: str, return_id: str, kind: str, units: int, key: str | None = None
) -> str:
    """What the database answers to a movement of the return: a refusal's code, or nothing."""
    deltas = (units, 0) if kind == "return_restock" else (0, units)
    values = (key or f"{return_id}/{kind}/TEA", kind, units, *deltas, order_no, return_id)
    try:
        await db.app.execute(SHELVED.encode(), values)
    except psycopg.Error as error:
        return error.sqlstate or ""
    return ""


async def test_no_more_goes_on_a_shelf_than_came(db: DirectDatabase) -> None:
    await db.stock("TEA", 0)
    order_no = await delivered(db, 6)
    return_id = await request_return(db, order_no, 6)
    assert await shelve(db, order_no, return_id, "return_restock", 1) == "OM174"  # nobody has looked at it
    async with db.app.transaction():
        for condition, units in (("as_new", 2), ("damaged", 1), ("missing", 3)):
            await db.app.execute(FOUND, (return_id, "inspected", condition, units))
    other = await delivered(db)
    assert await shelve(db, order_no, return_id, "return_restock", 3) == "OM174"
    assert await shelve(db, order_no, return_id, "quarantine_in", 4) == "OM174"
    assert await shelve(db, other, return_id, "return_restock", 2) == "OM174"
    assert await shelve(db, order_no, return_id, "return_restock", 2, key=secrets.token_hex(8)) == "OM174"
    assert await shelve(db, order_no, return_id, "return_restock", 2) == ""
    assert await shelve(db, order_no, return_id, "quarantine_in", 2) == "OM174"  # as new and damaged at once
    assert await shelve(db, order_no, return_id, "quarantine_in", 1) == ""


async def test_what_nobody_looked_at_goes_into_quarantine_whole(db: DirectDatabase) -> None:
    await db.stock("TEA", 0)
    order_no = await delivered(db, 2)
    return_id = await request_return(db, order_no, 2)
    async with db.app.transaction():
        await db.app.execute(FOUND, (return_id, "inspected", "as_new", 2))
    assert await shelve(db, order_no, return_id, "quarantine_in", 2) == ""
