"""The relay pages through the backorders: whom no trigger notified is woken all the same."""

from tests.conftest import DatabaseUrls
from tests.workers.stored_orders import database, place, settings_for, sql
from workers.relay.backorders import BackorderWaker


async def test_whoever_fits_is_woken_once_however_many_wait_before_them(database_url: DatabaseUrls) -> None:
    """As behind the thousand that a receipt looks at, or with a warehouse that is new: no trigger speaks here."""
    waiting = [await place(database_url, lines=lines) for lines in (3, 3, 1, 3, 1)]
    await sql(database_url.owner_url, "ALTER TABLE stock_levels DISABLE TRIGGER stock_level_signals")
    await sql(database_url.owner_url, "DELETE FROM workflow_requests")
    await sql(database_url.owner_url, 'UPDATE orders SET waiting = \'{"what": "stock"}\'')
    await sql(database_url.owner_url, "INSERT INTO stock_levels (sku, warehouse) VALUES ('SKU-1', 'WH-EAST')")
    await sql(
        database_url.owner_url,
        "INSERT INTO stock_movements (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta,"
        " actor) VALUES ('late', 'receipt', 'SKU-1', 'WH-EAST', 2, 2, 0, 'test')",
    )
    async with database(settings_for(database_url)) as db:
        waker = BackorderWaker(db, page=2, settle_s=0.0)
        pages = [await waker.step() for _ in range(6)]
        patient = BackorderWaker(db, page=2)
        assert [await patient.step() for _ in range(3)] == [True, True, False]
    woken = await sql(database_url.app_url, "SELECT subject FROM workflow_requests ORDER BY request_id")
    assert [row[0] for row in woken] == [waiting[2], waiting[4]]
    assert pages == [True, True, False] * 2
