"""Stock: a level is the sum of its movements, and nobody sells what is not there."""

import asyncio
import itertools
import secrets

import psycopg
import pytest

from domain.stock.movements import EFFECTS, OF_AN_ORDER, MovementKind
from tests.factories.raw_writes import Desk, connect

MOVE = (
    "INSERT INTO stock_movements (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta, "
    "quarantined_delta, order_no, actor) VALUES (%s, %s, 'TEA', 'WH-EAST', %s, %s, %s, %s, 'O', 'test')"
)


async def level(desk: Desk, sku: str) -> tuple[int, int]:
    row = (await desk.rows("SELECT on_hand, reserved FROM stock_levels WHERE sku = %s", sku))[0]
    return row[0], row[1]


@pytest.mark.parametrize("kind", MovementKind)
async def test_the_constraint_knows_exactly_the_rules_effects(desk: Desk, kind: MovementKind) -> None:
    """Every sign of every delta is tried; only the one of the rules is taken."""
    await desk.stock("TEA", 100)
    await desk.move_stock(MovementKind.RESERVE, 20, order_no="O")
    await desk.move_stock(MovementKind.QUARANTINE_IN, 20)
    for deltas in itertools.product((-1, 0, 1), repeat=3):
        values = (secrets.token_hex(8), kind.value, 2, *(2 * delta for delta in deltas))
        if deltas == EFFECTS[kind]:
            await desk.app.execute(MOVE, values)
        else:
            error = await desk.refusal(MOVE, *values)
            assert isinstance(error, psycopg.errors.CheckViolation)
            assert error.diag.constraint_name == "movement_deltas"


@pytest.mark.parametrize("kind", [kind for kind in MovementKind if kind is not MovementKind.ADJUSTMENT])
async def test_only_an_adjustment_may_be_negative(desk: Desk, kind: MovementKind) -> None:
    deltas = (-delta for delta in EFFECTS[kind])
    assert await desk.refused(MOVE, secrets.token_hex(8), kind.value, -1, *deltas) == "23514"
    await desk.app.execute(MOVE, (secrets.token_hex(8), "adjustment", -1, -1, 0, 0))


@pytest.mark.parametrize("kind", ["", "theft", "RESERVE"])
async def test_another_kind_of_movement_is_refused(desk: Desk, kind: str) -> None:
    assert await desk.refused(MOVE, secrets.token_hex(8), kind, 1, 1, 0, 0) == "23514"


async def test_what_is_held_is_held_for_an_order(desk: Desk) -> None:
    for kind in OF_AN_ORDER:
        with pytest.raises(psycopg.errors.CheckViolation):
            await desk.move_stock(kind, 1, order_no=None)


async def test_a_level_moves_only_through_a_movement(desk: Desk) -> None:
    await desk.stock("LEVEL", 5)
    for change in ("on_hand = 9", "reserved = 1", "on_hand = on_hand - 1"):
        statement = f"UPDATE stock_levels SET {change} WHERE sku = 'LEVEL'"
        assert await desk.refused(statement, by_owner=True) == "OM003"
        assert await desk.refused(statement) == "42501"
    statement = "INSERT INTO stock_levels (sku, warehouse, on_hand) VALUES ('LEVEL', 'WH-SOUTH', 3)"
    assert await desk.refused(statement, by_owner=True) == "OM003"
    assert await desk.refused(statement) == "42501"
    assert await level(desk, "LEVEL") == (5, 0)


async def test_one_movement_per_key(desk: Desk) -> None:
    await desk.stock("KEYED", 5)
    await desk.move_stock(MovementKind.RESERVE, 1, "KEYED", key="once", order_no="O")
    with pytest.raises(psycopg.errors.UniqueViolation):
        await desk.move_stock(MovementKind.RESERVE, 1, "KEYED", key="once", order_no="O")
    assert await level(desk, "KEYED") == (5, 1)


async def test_fifty_buyers_at_once_get_the_thirty_units(desk: Desk) -> None:
    await desk.stock("HOT", 30)
    outcomes = await asyncio.gather(*(buy(desk, "HOT") for _ in range(50)))
    assert sorted(outcomes) == ["OM001"] * 20 + ["sold"] * 30
    assert await level(desk, "HOT") == (30, 30)
    assert await desk.one("SELECT count(*) FROM stock_movements WHERE sku = 'HOT' AND kind = 'reserve'") == 30


async def buy(desk: Desk, sku: str) -> str:
    connection = await connect(desk.books.app_url)
    async with connection:
        try:
            await desk.move_stock(MovementKind.RESERVE, 1, sku, order_no="O", through=connection)
        except psycopg.Error as error:
            return error.sqlstate or ""
        return "sold"


async def test_safety_stock_is_not_sold(desk: Desk) -> None:
    await desk.stock("SAFE", 5)
    await desk.rows("UPDATE stock_levels SET safety_stock = 3 WHERE sku = 'SAFE'")
    with pytest.raises(psycopg.Error, match="stock_short"):
        await desk.move_stock(MovementKind.RESERVE, 3, "SAFE", order_no="O")
    await desk.move_stock(MovementKind.RESERVE, 2, "SAFE", order_no="O")


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
async def test_no_movement_leaves_an_impossible_level(desk: Desk, kind: MovementKind, units: int) -> None:
    sku = f"IMPOSSIBLE-{kind}"
    await desk.stock(sku, 10)
    await desk.move_stock(MovementKind.RESERVE, 3, sku, order_no="O")
    with pytest.raises(psycopg.Error) as refused:
        await desk.move_stock(kind, units, sku, order_no="O")
    assert refused.value.sqlstate in ("23514", "OM001")
    assert await level(desk, sku) == (10, 3)
    assert await desk.one("SELECT count(*) FROM stock_movements WHERE sku = %s", sku) == 2


async def test_a_movement_of_nothing_or_nowhere_is_refused(desk: Desk) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        await desk.move_stock(MovementKind.RECEIPT, 0)
    with pytest.raises(psycopg.Error, match="stock_short"):
        await desk.move_stock(MovementKind.RECEIPT, 1, "TEA", "WH-NOWHERE")


@pytest.mark.parametrize("column", ["incoming", "safety_stock"])
async def test_promises_are_never_negative(desk: Desk, column: str) -> None:
    statement = f"UPDATE stock_levels SET {column} = -1 WHERE sku = 'TEA'"
    assert await desk.refused(statement, by_owner=True) == "23514"


@pytest.mark.parametrize(
    ("kind", "wakes"), [(kind, on_hand > reserved) for kind, (on_hand, reserved, _) in EFFECTS.items()]
)
async def test_whatever_makes_more_available_wakes_who_waits_for_it(
    desk: Desk, kind: MovementKind, wakes: bool
) -> None:
    sku = f"WAITED-{kind}"
    await desk.stock(sku, 3)
    await desk.move_stock(MovementKind.RESERVE, 3, sku, order_no="O")
    await desk.move_stock(MovementKind.QUARANTINE_IN, 1, sku)
    if kind in (MovementKind.TRANSFER_OUT, MovementKind.RESERVE):
        await desk.move_stock(MovementKind.RECEIPT, 1, sku)
    order_no = await waiting_for(desk, sku)
    await desk.move_stock(kind, 1, sku, order_no="O")
    assert await woken(desk, order_no) == ([order_no] if wakes else [])


async def test_a_lower_safety_stock_wakes_who_waits(desk: Desk) -> None:
    await desk.stock("KEPT", 2)
    await desk.rows("UPDATE stock_levels SET safety_stock = 2 WHERE sku = 'KEPT'")
    order_no = await waiting_for(desk, "KEPT")
    await desk.rows("UPDATE stock_levels SET safety_stock = 1 WHERE sku = 'KEPT'")
    assert await woken(desk, order_no) == [order_no]


async def test_as_many_are_woken_as_there_are_units_for_those_that_wait_longest_first(desk: Desk) -> None:
    await desk.stock("FEW", 0)
    waiting = [await waiting_for(desk, "FEW", quantity) for quantity in (9, 2, 1, 1)]
    await desk.move_stock(MovementKind.RECEIPT, 3, "FEW")
    assert await woken(desk, *waiting) == waiting[1:3]


async def waiting_for(desk: Desk, sku: str, quantity: int = 1) -> str:
    """A backorder whose shortage is in the books."""
    order_no = await desk.order(sku=sku, quantity=quantity)
    await desk.rows('UPDATE orders SET waiting = \'{"what": "stock"}\' WHERE order_no = %s', order_no)
    return order_no


async def woken(desk: Desk, *order_nos: str) -> list[str]:
    rows = await desk.rows(
        "SELECT subject FROM workflow_requests WHERE name = 'stock_arrived' AND subject = ANY(%s) ORDER BY request_id",
        list(order_nos),
    )
    return [str(row[0]) for row in rows]
