"""Stock that people move: receipts, corrections, transfers. Every change is a movement."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict, NotFound, RuleBroken
from domain.stock.movements import MovementKind, effect
from domain.text import counted
from infra.db.stock import locations
from infra.db.stock.locations import Place

_LEVELS = text(
    """
    SELECT w.code AS warehouse, coalesce(l.on_hand, 0) AS on_hand, coalesce(l.reserved, 0) AS reserved,
           coalesce(l.available, 0) AS available, coalesce(l.incoming, 0) AS incoming,
           coalesce(l.safety_stock, 0) AS safety_stock, coalesce(l.quarantined, 0) AS quarantined
      FROM products p CROSS JOIN warehouses w
      LEFT JOIN stock_levels l ON l.sku = p.sku AND l.warehouse = w.code
     WHERE p.sku = :sku ORDER BY w.priority, w.code
    """
)
_PLACE = text(
    """
    SELECT EXISTS (SELECT FROM products WHERE sku = :sku) AS known,
           w.code, coalesce(w.active, false) AS active
      FROM (SELECT) one LEFT JOIN warehouses w
        ON CASE WHEN CAST(:warehouse AS text) IS NULL THEN w.is_default ELSE w.code = :warehouse END
    """
)
_LEVEL = text("INSERT INTO stock_levels (sku, warehouse) VALUES (:sku, :warehouse) ON CONFLICT DO NOTHING")
# A receipt that is booked already is not written: no row comes back.
_MOVE = text(
    """
    INSERT INTO stock_movements
      (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta, quarantined_delta, order_no,
       reference, actor, duplicate, location)
    VALUES (:key, :kind, :sku, :warehouse, :quantity, :on_hand_delta, :reserved_delta, :quarantined_delta, :order_no,
            :reference, :actor, :duplicate, :location)
    ON CONFLICT (reference, sku, warehouse) WHERE kind = 'receipt' AND NOT duplicate DO NOTHING
    RETURNING movement_id
    """
)
_BOOKED = text(
    """
    SELECT quantity, to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS booked_at FROM stock_movements
     WHERE kind = 'receipt' AND NOT duplicate AND (reference, sku, warehouse) = (:reference, :sku, :warehouse)
    """
)
_NOW = text(
    """SELECT on_hand, reserved, available, quarantined FROM stock_levels
        WHERE sku = :sku AND warehouse = :warehouse"""
)


@dataclass(frozen=True, slots=True)
class Move:
    """One movement to write; an adjustment's quantity is signed. With `allow_duplicate` a receipt may repeat one.
    Units that arrive are put at `location` where one is named."""

    key: str
    kind: MovementKind
    sku: str
    warehouse: str
    quantity: int
    reference: str
    actor: str
    order_no: str | None = None
    allow_duplicate: bool = False
    location: str | None = None


@dataclass(frozen=True, slots=True)
class StockLevel:
    """A SKU at a warehouse."""

    warehouse: str
    on_hand: int
    reserved: int
    available: int
    incoming: int
    safety_stock: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class Moved:
    """A movement that was written, and the level that it led to."""

    movement_id: int
    sku: str
    warehouse: str
    quantity: int
    on_hand: int
    reserved: int
    available: int
    quarantined: int


async def levels(conn: AsyncConnection, sku: str) -> list[StockLevel]:
    """The SKU's levels at every warehouse; empty when there is no such product."""
    return [StockLevel(**row) for row in (await conn.execute(_LEVELS, {"sku": sku})).mappings()]


async def open_level(conn: AsyncConnection, sku: str, warehouse: str) -> None:
    """Make sure that there is a level to move."""
    await conn.execute(_LEVEL, {"sku": sku, "warehouse": warehouse})


async def place_of(conn: AsyncConnection, sku: str, warehouse: str | None, *, arrives: bool = False) -> str:
    """The warehouse meant (the default one for None). Raises NotFound `product_not_found`, RuleBroken
    `unknown_warehouse`, and `warehouse_inactive` where units are to arrive."""
    row = (await conn.execute(_PLACE, {"sku": sku, "warehouse": warehouse})).one()
    if not row.known:
        raise NotFound("product_not_found", "no product has this SKU")
    if row.code is None:
        none_yet = "there is no warehouse yet: add one with POST /v1/warehouses"
        raise RuleBroken("unknown_warehouse", none_yet if warehouse is None else "")
    if arrives and not row.active:
        raise RuleBroken("warehouse_inactive")
    return str(row.code)


async def move(conn: AsyncConnection, moves: list[Move]) -> Moved:
    """Write the movements, all or nothing, and return the last one with the level it led to. As `move_all` else."""
    return (await move_all(conn, moves))[-1]


async def move_all(conn: AsyncConnection, moves: list[Move]) -> list[Moved]:
    """Write the movements, all or nothing, and return each with the level it led to.

    Where units arrive, a trigger tells the backorders that they serve. The caller's transaction fails with the
    database's own error when a level would go below zero or below what is reserved. Raises Conflict `receipt_exists`,
    RuleBroken `warehouse_inactive`, `unknown_location`, `location_closed`.
    """
    done: dict[int, Moved] = {}
    # Levels are locked in one order, whichever way units travel: that in which orders lock theirs.
    for place, one in sorted(enumerate(moves), key=lambda each: (each[1].sku, each[1].warehouse)):
        where = {"sku": one.sku, "warehouse": one.warehouse}
        await conn.execute(_LEVEL, where)
        await _require_left(conn, one)
        movement_id = await _written(conn, one)
        await _place(conn, one)
        level = (await conn.execute(_NOW, where)).mappings().one()
        done[place] = Moved(movement_id, one.sku, one.warehouse, one.quantity, **level)
    return [done[place] for place in range(len(moves))]


async def _place(conn: AsyncConnection, one: Move) -> None:
    """Put what arrived at the location that is named."""
    arrived, _, _ = effect(one.kind, one.quantity)
    if one.location is not None and arrived > 0:
        await locations.require_open(conn, one.warehouse, one.location)
        place = Place(one.sku, one.warehouse, one.reference, one.actor)
        await locations.change(conn, place, one.location, arrived)


async def _require_left(conn: AsyncConnection, one: Move) -> None:
    """Say what is left; the database decides. Raises Conflict `stock_not_available`."""
    on_hand, _, quarantined = effect(one.kind, one.quantity)
    level = (await conn.execute(_NOW, {"sku": one.sku, "warehouse": one.warehouse})).one()
    if on_hand < 0 and level.on_hand - level.reserved + on_hand < 0:
        left, what = level.on_hand - level.reserved, "are not reserved for orders: take no more"
    elif quarantined < 0 and level.quarantined + quarantined < 0:
        left, what = level.quarantined, "are in quarantine: take no more"
    else:
        return
    detail = "of {sku} at {warehouse} {left} " + what
    raise Conflict("stock_not_available", detail, sku=one.sku, warehouse=one.warehouse, left=max(left, 0))


async def _written(conn: AsyncConnection, one: Move) -> int:
    """The movement's number. Raises Conflict `receipt_exists`, RuleBroken `warehouse_inactive`."""
    try:
        number: int | None = (await conn.execute(_MOVE, {**_values(one), "duplicate": False})).scalar()
        if number is None and one.allow_duplicate:
            number = (await conn.execute(_MOVE, {**_values(one), "duplicate": True})).scalar()
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == "OM191":
            raise RuleBroken("warehouse_inactive") from None
        raise
    if number is None:
        row = (await conn.execute(_BOOKED, _values(one))).one()
        raise Conflict(
            "receipt_exists",
            f"receipt {one.reference} of {one.sku} at {one.warehouse} was booked at {row.booked_at} UTC with "
            f"{counted(row.quantity, 'unit')}; say allow_duplicate: true if the same came once more",
        )
    return number


def _values(one: Move) -> dict[str, object]:
    on_hand_delta, reserved_delta, quarantined_delta = effect(one.kind, one.quantity)
    return {
        "key": one.key,
        "kind": one.kind.value,
        "sku": one.sku,
        "warehouse": one.warehouse,
        "quantity": one.quantity,
        "on_hand_delta": on_hand_delta,
        "reserved_delta": reserved_delta,
        "quarantined_delta": quarantined_delta,
        "order_no": one.order_no,
        "reference": one.reference,
        "actor": one.actor,
        "location": one.location,
    }
