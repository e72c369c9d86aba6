"""Stock: a level is the sum of its movements, and nobody sells what is not there."""

import asyncio
import itertools
import secrets

import psycopg
import pytest

from domain.stock.movements import EFFECTS, OF_AN_ORDER, MovementKind
from tests.factories.raw_writes import DirectDatabase, connect

MOVE = (
    "INSERT INTO stock_movements (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta, "
    "quarantined_delta, order_no, actor) VALUES (%s, %s, 'TEA', 'WH-EAST', %s, %s, %s, %s, 'O', 'test')"
)


async def level(db: DirectDatabase, sku: str) -> tuple[int, int]:
    row = (await db.rows("SELECT on_hand, reserved FROM stock_levels WHERE sku = %s", sku))[0]
    return row[0], row[1]


@pytest.mark.parametrize("kind", MovementKind)
async def test_the_constraint_knows_exactly_the_rules_effects(db: DirectDatabase, kind: MovementKind) -> None:
    """Every sign of every delta is tried; only the one of the rules is taken."""
    await db.stock("TEA", 100)
    await db.move_stock(MovementKind.RESERVE, 20, order_no="O")
    await db.move_stock(MovementKind.QUARANTINE_IN, 20)
    for deltas in itertools.product((-1, 0, 1), repeat=3):
        values = (secrets.token_hex(8), kind.value, 2, *(2 * delta for delta in deltas))
        if deltas == EFFECTS[kind]:
            await db.app.execute(MOVE, values)
        else:
            error = await db.refusal(MOVE, *values)
            assert isinstance(error, psycopg.errors.CheckViolation)
            assert error.diag.constraint_name == "movement_deltas"


@pytest.mark.parametrize("kind", [kind for kind in MovementKind if kind is not MovementKind.ADJUSTMENT])
async def test_only_an_adjustment_may_be_negative(db: DirectDatabase, kind: MovementKind) -> None:
    deltas = (-delta for delta in EFFECTS[kind])
    assert await db.refused(MOVE, secrets.token_hex(8), kind.value, -1, *deltas) == "23514"
    await db.app.execute(MOVE, (secrets.token_hex(8), "adjustment", -1, -1, 0, 0))


@pytest.mark.parametrize("kind", ["", "theft", "RESERVE"])
async def test_another_kind_of_movement_is_refused(db: DirectDatabase, kind: str) -> None:
    assert await db.refused(MOVE, secrets.token_hex(8), kind, 1, 1, 0, 0) == "23514"


async def test_what_is_held_is_held_for_an_order(db: DirectDatabase) -> None:
    for kind in OF_AN_ORDER:
        with pytest.raises(psycopg.errors.CheckViolation):
            await db.move_stock(kind, 1, order_no=None)


async def test_a_level_moves_only_through_a_movement(db: DirectDatabase) -> None:
    await db.stock("LEVEL", 5)
    for change in ("on_hand = 9", "reserved = 1", "on_hand = on_hand - 1"):
        statement = f"UPDATE stock_levels SET {change} WHERE sku = 'LEVEL'"
        assert await db.refused(statement, by_owner=True) == "OM003"
        assert await db.refused(statement) == "42501"
    statement = "INSERT INTO stock_levels (sku, warehouse, on_hand) VALUES ('LEVEL', 'WH-SOUTH', 3)"
    assert await db.refused(statement, by_owner=True) == "OM003"
    assert await db.refused(statement) == "42501"
    assert await level(db, "LEVEL") == (5, 0)


async def test_one_movement_per_key(db: DirectDatabase) -> None:
    await db.stock("KEYED", 5)
    await db.move_stock(MovementKind.RESERVE, 1, "KEYED", key="once", order_no="O")
    with pytest.raises(psycopg.errors.UniqueViolation):
        await db.move_stock(MovementKind.RESERVE, 1, "KEYED", key="once", order_no="O")
    assert await level(db, "KEYED") == (5, 1)


async def test_fifty_buyers_at_once_get_the_thirty_units(db: DirectDatabase) -> None:
    await db.stock("HOT", 30)
    outcomes = await asyncio.gather(*(buy(db, "HOT") for _ in range(50)))
    assert sorted(outcomes) == ["OM001"] * 20 + ["sold"] * 30
    assert await level(db, "HOT") == (30, 30)
    assert await db.one("SELECT count(*) FROM stock_movements WHERE sku = 'HOT' AND kind = 'reserve'") == 30


async def buy(db: DirectDatabase, sku: str) -> str:
    connection = await connect(db.urls.app_url)
    async with connection:
        try:
            await db.move_stock(MovementKind.RESERVE, 1, sku, order_no="O", through=connection)
        except psycopg.Error as error:
            return error.sqlstate or ""
        return "sold"


async def test_safety_stock_is_not_sold(db: DirectDatabase) -> None:
    await db.stock("SAFE", 5)
    await db.rows("UPDATE stock_levels SET safety_stock = 3 WHERE sku = 'SAFE'")
    with pytest.raises(psycopg.Error, match="stock_short"):
        await db.move_stock(MovementKind.RESERVE, 3, "SAFE", order_no="O")
    await db.move_stock(MovementKind.RESERVE, 2, "SAFE", order_no="O")


@pytest.mark.parametrize(
    ("kind", "units"),
    [
        (MovementKind.ADJUSTMENT, -8),  # below what orders hold
        (MovementKind.TRANSFER_OUT, 8),
        (MovementKind.RELEASE, 4),  # more than is held
        (MovementKind.SHIP, 4),
        (MovementKind.RESERVE, 8),
        (MovementKind.QUARANTINE_RELEASE, 1),  # nothing is in quarantine
        (MovementKind.SCRAP, 1),
    ],
)
async def test_no_movement_leaves_an_impossible_level(db: DirectDatabase, kind: MovementKind, units: int) -> None:
    sku = f"IMPOSSIBLE-{kind}"
    await db.stock(sku, 10)
    await db.move_stock(MovementKind.RESERVE, 3, sku, order_no="O")
    with pytest.raises(psycopg.Error) as refused:
        await db.move_stock(kind, units, sku, order_no="O")
    assert refused.value.sqlstate in ("23514", "OM001")
    assert await level(db, sku) == (10, 3)
    assert await db.one("SELECT count(*) FROM stock_movements WHERE sku = %s", sku) == 2


async def test_a_movement_of_nothing_or_nowhere_is_refused(db: DirectDatabase) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        await db.move_stock(MovementKind.RECEIPT, 0)
    with pytest.raises(psycopg.Error, match="stock_short"):
        await db.move_stock(MovementKind.RECEIPT, 1, "TEA", "WH-NOWHERE")


@pytest.mark.parametrize("column", ["incoming", "safety_stock"])
async def test_promises_are_never_negative(db: DirectDatabase, column: str) -> None:
    statement = f"UPDATE stock_levels SET {column} = -1 WHERE sku = 'TEA'"
    assert await db.refused(statement, by_owner=True) == "23514"


@pytest.mark.parametrize(
    ("kind", "wakes"), [(kind, on_hand > reserved) for kind, (on_hand, reserved, _) in EFFECTS.items()]
)
async def test_whatever_makes_more_available_wakes_who_waits_for_it(
    db: DirectDatabase, kind: MovementKind, wakes: bool
) -> None:
    sku = f"WAITED-{kind}"
    await db.stock(sku, 3)
    await db.move_stock(MovementKind.RESERVE, 3, sku, order_no="O")
    await db.move_stock(MovementKind.QUARANTINE_IN, 1, sku)
    if kind in (MovementKind.TRANSFER_OUT, MovementKind.RESERVE):
        await db.move_stock(MovementKind.RECEIPT, 1, sku)
    order_no = await waiting_for(db, sku)
    await db.move_stock(kind, 1, sku, order_no="O")
    assert await woken(db, order_no) == ([order_no] if wakes else [])


async def test_a_lower_safety_stock_wakes_who_waits(db: DirectDatabase) -> None:
    await db.stock("KEPT", 2)
    await db.rows("UPDATE stock_levels SET safety_stock = 2 WHERE sku = 'KEPT'")
    order_no = await waiting_for(db, "KEPT")
    await db.rows("UPDATE stock_levels SET safety_stock = 1 WHERE sku = 'KEPT'")
    assert await woken(db, order_no) == [order_no]


async def test_as_many_are_woken_as_there_are_units_for_those_that_wait_longest_first(db: DirectDatabase) -> None:
    await db.stock("FEW", 0)
    waiting = [await waiting_for(db, "FEW", quantity) for quantity in (9, 2, 1, 1)]
    await db.move_stock(MovementKind.RECEIPT, 3, "FEW")
    assert await woken(db, *waiting) == waiting[1:3]


async def waiting_for(db: DirectDatabase, sku: str, quantity: int = 1) -> str:
    """A backorder whose shortage is in the database."""
    order_no = await db.order(sku=sku, quantity=quantity)
    await db.rows('UPDATE orders SET waiting = \'{"what": "stock"}\' WHERE order_no = %s', order_no)
    return order_no


async def woken(db: DirectDatabase, *order_nos: str) -> list[str]:
    rows = await db.rows(
        "SELECT subject FROM workflow_requests WHERE name = 'stock_arrived' AND subject = ANY(%s) ORDER BY request_id",
        list(order_nos),
    )
    return [str(row[0]) for row in rows]


async def test_an_inactive_warehouse_reserves_and_receives_nothing(db: DirectDatabase) -> None:
    """What it has is shipped, and moved to another one."""
    await db.stock("CLOSED", 9, "WH-NORTH")
    await db.move_stock(MovementKind.RESERVE, 2, "CLOSED", "WH-NORTH", order_no="O")
    order = await db.order(sku="CLOSED")
    assert await db.one("SELECT fits_somewhere(%s)", order)
    await db.rows("UPDATE warehouses SET active = false WHERE code = 'WH-NORTH'")
    assert not await db.one("SELECT fits_somewhere(%s)", order)
    refusals = {MovementKind.RESERVE: "OM001", MovementKind.RECEIPT: "OM191", MovementKind.TRANSFER_IN: "OM191"}
    for kind, code in refusals.items():
        with pytest.raises(psycopg.Error) as refused:
            await db.move_stock(kind, 1, "CLOSED", "WH-NORTH", order_no="O")
        assert refused.value.sqlstate == code, kind
    await db.move_stock(MovementKind.SHIP, 2, "CLOSED", "WH-NORTH", order_no="O")
    await db.move_stock(MovementKind.TRANSFER_OUT, 7, "CLOSED", "WH-NORTH")
    assert await level(db, "CLOSED") == (0, 0)
    assert await db.refused("UPDATE warehouses SET active = false WHERE is_default") == "23514"
    await db.rows("UPDATE warehouses SET active = true WHERE code = 'WH-NORTH'")
