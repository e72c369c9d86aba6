"""Transfers: the database keeps to the lifecycle of the rules, and their lines are what the movements say."""

import itertools
import secrets

from domain.stock.transfers import TRANSFER_TRANSITIONS, TransferStatus
from tests.factories.raw_writes import DirectDatabase


async def transfer(db: DirectDatabase, status: str = "requested", units: int = 5) -> str:
    number = f"tr_{secrets.token_hex(6)}"
    await db.rows(
        "INSERT INTO stock_transfers (transfer_id, source, target, reference, status, requested_by)"
        " VALUES (%s, 'WH-EAST', 'WH-SOUTH', %s, %s, 'warehouse:wu')",
        *(number, number, status),
    )
    await db.rows(
        "INSERT INTO stock_transfer_lines (transfer_id, sku, requested) VALUES (%s, 'TEA', %s)", number, units
    )
    return number


async def test_the_database_guards_the_lifecycle_of_a_transfer(db: DirectDatabase) -> None:
    await db.stock("TEA", 1)
    for before, after in itertools.permutations(TransferStatus, 2):
        number = await transfer(db, before)
        change = "UPDATE stock_transfers SET status = %s WHERE transfer_id = %s"
        if after in TRANSFER_TRANSITIONS[before]:
            await db.app.execute(change, (after, number))
        else:
            assert await db.refused(change, after, number) == "OM003"


async def test_a_line_counts_only_movements_of_its_own_and_never_more_than_was_shipped(db: DirectDatabase) -> None:
    await db.stock("TEA", 10)
    number = await transfer(db)
    out = await db.one(
        "INSERT INTO stock_movements (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta,"
        " actor) VALUES (%s, 'transfer_out', 'TEA', 'WH-EAST', 4, -4, 0, 'test') RETURNING movement_id",
        secrets.token_hex(6),
    )
    link = "INSERT INTO stock_transfer_movements (movement_id, transfer_id) VALUES (%s, %s)"
    await db.app.execute(link, (out, number))
    assert (await db.rows("SELECT shipped FROM stock_transfer_lines WHERE transfer_id = %s", number))[0][0] == 4
    receipt = await db.one("SELECT max(movement_id) FROM stock_movements WHERE kind = 'receipt'")
    assert await db.refused(link, receipt, number) == "OM003"
    lost = "UPDATE stock_transfer_lines SET lost = 5 WHERE transfer_id = %s"
    assert await db.refused(lost, number) == "23514"
    direct = "UPDATE stock_transfer_lines SET received = 1 WHERE transfer_id = %s"
    assert await db.refused(direct, number) == "42501"
