"""Parts of an order reserve independently, also the same product at one warehouse; the previous version sees their
sum."""

import asyncio

import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory

from infra.db import migrate
from infra.stack.postgres.postgres_server import SUPERUSER, PostgresServer
from tests.conftest import create_database
from tests.factories.raw_writes import DirectDatabase

RESERVE = (
    "INSERT INTO reservations (order_no, sku, warehouse, fulfilment_no, quantity, state)"
    " VALUES (%s, 'TEA', 'WH-EAST', %s, %s, 'reserved')"
)
MOVE = "UPDATE reservations SET state = %s WHERE order_no = %s AND fulfilment_no = %s"
# As processes of the previous version write.
BEFORE = (
    "INSERT INTO allocations (order_no, sku, warehouse, quantity, state) VALUES (%s, 'TEA', 'WH-EAST', %s, 'reserved')"
    " ON CONFLICT (order_no, sku, warehouse) DO UPDATE SET quantity = excluded.quantity, state = 'reserved'"
)


async def sums(db: DirectDatabase, order_no: str) -> list[tuple[object, ...]]:
    return await db.rows("SELECT quantity, state, fulfilment_no FROM allocations WHERE order_no = %s", order_no)


async def parts(db: DirectDatabase, order_no: str) -> list[tuple[object, ...]]:
    return await db.rows(
        "SELECT fulfilment_no, quantity, state FROM reservations WHERE order_no = %s ORDER BY 1", order_no
    )


async def test_two_parts_hold_one_product_at_one_warehouse_and_end_independently(db: DirectDatabase) -> None:
    order_no = await db.order()
    await db.app.execute(RESERVE.encode(), (order_no, 1, 2))
    await db.app.execute(RESERVE.encode(), (order_no, 2, 3))
    assert await sums(db, order_no) == [(5, "reserved", 1)]
    await db.app.execute(MOVE.encode(), ("shipped", order_no, 1))
    assert await sums(db, order_no) == [(3, "reserved", 2)]
    await db.app.execute(MOVE.encode(), ("released", order_no, 2))
    assert await sums(db, order_no) == [(2, "shipped", 1)]
    assert await parts(db, order_no) == [(1, 2, "shipped"), (2, 3, "released")]


async def test_what_was_released_is_not_shipped(db: DirectDatabase) -> None:
    order_no = await db.order()
    await db.app.execute(RESERVE.encode(), (order_no, 1, 2))
    await db.app.execute(MOVE.encode(), ("released", order_no, 1))
    with pytest.raises(psycopg.Error, match="released is not shipped"):
        await db.app.execute(MOVE.encode(), ("shipped", order_no, 1))
    await db.app.execute(MOVE.encode(), ("reserved", order_no, 1))
    await db.app.execute(MOVE.encode(), ("shipped", order_no, 1))


async def test_what_the_previous_version_writes_is_what_the_part_has(db: DirectDatabase) -> None:
    order_no = await db.order()
    await db.app.execute(BEFORE.encode(), (order_no, 4))
    assert await parts(db, order_no) == [(1, 4, "reserved")]
    await db.app.execute("UPDATE allocations SET quantity = 3 WHERE order_no = %s", (order_no,))
    assert await parts(db, order_no) == [(1, 3, "reserved")]
    await db.app.execute("UPDATE allocations SET state = 'shipped' WHERE order_no = %s", (order_no,))
    assert await parts(db, order_no) == [(1, 3, "shipped")]
    await db.app.execute(BEFORE.encode(), (order_no, 1))
    assert (await parts(db, order_no), await sums(db, order_no)) == ([(1, 1, "reserved")], [(1, "reserved", 1)])


async def test_the_previous_version_does_not_touch_what_several_parts_hold(db: DirectDatabase) -> None:
    order_no = await db.order()
    for number in (1, 2):
        await db.app.execute(RESERVE.encode(), (order_no, number, 2))
    with pytest.raises(psycopg.Error, match="several parts"):
        await db.app.execute("UPDATE allocations SET state = 'shipped' WHERE order_no = %s", (order_no,))
    assert await parts(db, order_no) == [(1, 2, "reserved"), (2, 2, "reserved")]
    # One is left: it is known again which is meant.
    await db.app.execute(MOVE.encode(), ("shipped", order_no, 1))
    await db.app.execute("UPDATE allocations SET state = 'shipped' WHERE order_no = %s", (order_no,))
    assert await parts(db, order_no) == [(1, 2, "shipped"), (2, 2, "shipped")]
    assert await sums(db, order_no) == [(4, "shipped", 1)]


async def test_what_was_reserved_before_is_there_after_the_migration(postgres: PostgresServer) -> None:
    await create_database(postgres, "reservations_upgrade")
    url = postgres.url(SUPERUSER, "reservations_upgrade")
    config = migrate._config(url)
    revision = ScriptDirectory.from_config(config).get_revision("0119")
    await asyncio.to_thread(command.upgrade, config, revision.down_revision)
    columns = "order_no, sku, warehouse, quantity, state, fulfilment_no"
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as owner:
        await owner.execute("SET session_replication_role = replica")  # the rows alone, of more than one run
        await owner.execute(
            "INSERT INTO orders (order_no, channel, type, customer_id, currency, items_minor, total_minor, country,"
            " province, city, ship_to_enc, placed_by) SELECT 'O-' || n, 'web', 'standard', 'c', 'CNY', 1, 1, 'CN',"
            " 'p', 'c', '', 'test' FROM generate_series(1, 1500) n"
        )
        await owner.execute(
            f"INSERT INTO allocations ({columns})"
            " SELECT 'O-' || n, 'TEA', 'WH-EAST', n, 'reserved', 1 + n - n / 2 * 2 FROM generate_series(1, 1500) n"
        )
        await asyncio.to_thread(migrate.upgrade, url)
        missing = f"SELECT {columns} FROM allocations EXCEPT SELECT {columns} FROM reservations"
        assert await (await owner.execute(missing)).fetchall() == []
        assert await (await owner.execute("SELECT count(*) FROM reservations")).fetchone() == (1500,)
