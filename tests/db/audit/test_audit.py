"""The audit log: every change of status and every act of staff is in it, and no change to it goes unseen."""

import psycopg
import pytest

from tests.api.conftest import settings_for
from tests.conftest import DatabaseUrls
from tests.db.conftest import Tampering
from tests.factories.raw_writes import DirectDatabase
from workers.cli.audit.audit import faults_of


async def write_history(db: DirectDatabase) -> str:
    """An order with several entries."""
    order_no = await db.order()
    for action in ("looked", "decided"):
        await db.rows(
            "INSERT INTO audit_log (actor, action, order_no) VALUES ('support:amy', %s, %s) RETURNING entry_id",
            action,
            order_no,
        )
    return order_no


async def test_every_change_of_status_is_there(db: DirectDatabase) -> None:
    order_no = await write_history(db)
    events = await db.rows(
        "SELECT type, from_status, to_status FROM order_events WHERE order_no = %s AND to_status IS NOT NULL "
        "ORDER BY seq",
        order_no,
    )
    entries = await db.rows(
        "SELECT action, before, after FROM audit_log WHERE order_no = %s AND after IS NOT NULL ORDER BY order_count",
        order_no,
    )
    assert entries == events
    assert len(entries) >= 1


async def test_what_was_not_touched_is_whole(db: DirectDatabase, database_url: DatabaseUrls) -> None:
    await write_history(db)
    assert await faults_of(settings_for(database_url)) == []


LAST = "(SELECT max(order_count) FROM audit_log WHERE order_no = %(o)s)"
TAMPERED = {
    "changed": ("UPDATE audit_log SET actor = 'support:eve' WHERE order_no = %(o)s AND order_count = 1", "changed"),
    "removed": ("DELETE FROM audit_log WHERE order_no = %(o)s AND order_count = 1", "removed"),
    "cut off": (f"DELETE FROM audit_log WHERE order_no = %(o)s AND order_count = {LAST}", "cut off"),
    "all gone": ("DELETE FROM audit_log WHERE order_no = %(o)s", "cut off"),
    "beheaded": ("DELETE FROM audit_chains WHERE kind = 'order' AND key = %(o)s", "head was removed"),
    "another head": ("UPDATE audit_chains SET head = '' WHERE kind = 'order' AND key = %(o)s", "head is another"),
    "no number": ("UPDATE audit_log SET order_count = NULL WHERE order_no = %(o)s AND order_count = 1", "taken away"),
    "swapped": (
        "UPDATE audit_log SET order_count = 3 - order_count WHERE order_no = %(o)s AND order_count IN (1, 2)",
        "changed or moved",
    ),
}


@pytest.mark.parametrize("case", TAMPERED)
async def test_what_was_touched_is_named(
    db: DirectDatabase, tampering: Tampering, database_url: DatabaseUrls, case: str
) -> None:
    order_no = await write_history(db)
    statement, text = TAMPERED[case]
    if case == "swapped":
        await tampering.execute("DROP INDEX audit_log_order")
    await tampering.execute(statement, {"o": order_no})
    found = await faults_of(settings_for(database_url))
    assert {fault.key for fault in found} >= {order_no}
    assert any(text in fault.what for fault in found if fault.key == order_no), found
    if case == "swapped":
        await tampering.execute("DELETE FROM audit_log WHERE order_no = %(o)s", {"o": order_no})
        await tampering.execute(
            "CREATE UNIQUE INDEX audit_log_order ON audit_log (order_no, order_count) WHERE order_no IS NOT NULL"
        )


async def test_the_log_refuses_change_to_everyone(db: DirectDatabase) -> None:
    await write_history(db)
    for statement in ("UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log"):
        assert await db.refused(statement, by_owner=True) == "OM003"


async def test_two_orders_do_not_wait_for_each_other(db: DirectDatabase, database_url: DatabaseUrls) -> None:
    first, second = await db.order(), await db.order()
    write = "INSERT INTO audit_log (actor, action, order_no) VALUES ('system', 'test', %s)"
    one = await psycopg.AsyncConnection.connect(database_url.owner_url)
    other = await psycopg.AsyncConnection.connect(database_url.owner_url)
    async with one, other:
        await one.execute(write, (first,))
        await other.execute("SET LOCAL lock_timeout = '2s'")
        await other.execute(write, (second,))


async def test_staff_have_a_chain_of_their_own(db: DirectDatabase, database_url: DatabaseUrls) -> None:
    order_no = await db.order()
    async with await psycopg.AsyncConnection.connect(database_url.owner_url) as connection:
        for actor in ("support:amy", "customer:c-1", "system"):
            await connection.execute(
                "INSERT INTO audit_log (actor, action, order_no) VALUES (%s, 'test', %s)", (actor, order_no)
            )
    rows = await db.rows(
        "SELECT actor, actor_count IS NOT NULL FROM audit_log WHERE order_no = %s AND action = 'test' "
        "ORDER BY order_count",
        order_no,
    )
    assert rows == [("support:amy", True), ("customer:c-1", False), ("system", False)]
    assert await faults_of(settings_for(database_url)) == []
