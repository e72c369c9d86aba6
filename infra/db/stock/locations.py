"""Locations within a warehouse. What is not placed is in the default location, which has no row (None here)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict, NotFound, RuleBroken

_ADD = text(
    """INSERT INTO locations (warehouse, code, name, zone, sequence)
       VALUES (:warehouse, :code, :name, :zone, :sequence) ON CONFLICT DO NOTHING RETURNING code"""
)
_ALL = text(
    """
    SELECT p.warehouse, p.code, p.name, p.zone, p.sequence, p.active, coalesce(sum(l.on_hand), 0)::bigint AS units
      FROM locations p LEFT JOIN location_levels l ON l.warehouse = p.warehouse AND l.location = p.code
     WHERE (CAST(:warehouse AS text) IS NULL OR p.warehouse = :warehouse)
       AND (CAST(:code AS text) IS NULL OR p.code = :code)
     GROUP BY p.warehouse, p.code ORDER BY p.warehouse, NOT p.active, p.sequence, p.code LIMIT 2000
    """
)
_ACTIVE = text("SELECT active FROM locations WHERE warehouse = :warehouse AND code = :code FOR SHARE")
_LOCK_LOCATION = text("SELECT FROM locations WHERE warehouse = :warehouse AND code = :code FOR NO KEY UPDATE")
_CHANGE = text(
    """UPDATE locations SET name = :name, zone = :zone, sequence = :sequence, active = :active
        WHERE warehouse = :warehouse AND code = :code"""
)
_LEVEL = text(
    """SELECT s.on_hand - s.placed AS unplaced, coalesce(l.on_hand, 0) AS on_hand
         FROM stock_levels s LEFT JOIN location_levels l
           ON l.sku = s.sku AND l.warehouse = s.warehouse AND l.location = CAST(:location AS text)
        WHERE s.sku = :sku AND s.warehouse = :warehouse"""
)
# Locked first: what a statement reads beside the row that it waits for is what was there before.
_LOCK = text("SELECT FROM stock_levels WHERE sku = :sku AND warehouse = :warehouse FOR NO KEY UPDATE")
_MOVE = text(
    """INSERT INTO location_movements (kind, sku, warehouse, location, delta, reference, actor)
       VALUES (:kind, :sku, :warehouse, :location, :delta, :reference, :actor)"""
)
_SINCE = text(
    """SELECT coalesce(sum(delta), 0)::bigint FROM location_movements
        WHERE sku = :sku AND warehouse = :warehouse AND location = :location
          AND created_at > CAST(:moment AS timestamptz)"""
)
# The default location comes last: its place in the walk is not known.
_WALK = text(
    """
    SELECT l.sku, l.location, p.zone, p.sequence, l.on_hand
      FROM location_levels l JOIN locations p ON p.warehouse = l.warehouse AND p.code = l.location
     WHERE l.warehouse = :warehouse AND l.sku = ANY(CAST(:skus AS text[])) AND l.on_hand > 0
    UNION ALL
    SELECT s.sku, NULL, '', NULL, s.on_hand - s.placed FROM stock_levels s
     WHERE s.warehouse = :warehouse AND s.sku = ANY(CAST(:skus AS text[])) AND s.on_hand > s.placed
     ORDER BY sequence NULLS LAST, location, sku
    """
)


@dataclass(frozen=True, slots=True)
class NewLocation:
    """A place in a warehouse; pickers walk by `sequence`."""

    warehouse: str
    code: str
    name: str
    zone: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Location(NewLocation):
    """A place with the units of all SKUs there. One that is not active is closed: it takes nothing new."""

    active: bool
    units: int


@dataclass(frozen=True, slots=True)
class PickLocation:
    """Where a SKU is: `location` is None for what is not placed."""

    sku: str
    location: str | None
    zone: str
    sequence: int | None
    on_hand: int


@dataclass(frozen=True, slots=True)
class Place:
    """A SKU in a warehouse, and who moves it why."""

    sku: str
    warehouse: str
    reference: str
    actor: str


async def add(conn: AsyncConnection, new: NewLocation) -> None:
    """Raises Conflict `location_exists`."""
    if (await conn.execute(_ADD, asdict(new))).scalar_one_or_none() is None:
        raise Conflict("location_exists")


async def everything(conn: AsyncConnection, warehouse: str | None) -> list[Location]:
    """Those of a warehouse, or all, in walking order, closed ones last; 2,000 at most."""
    question = {"warehouse": warehouse, "code": None}
    return [Location(**row) for row in (await conn.execute(_ALL, question)).mappings()]


async def find(conn: AsyncConnection, warehouse: str, code: str, *, lock: bool = False) -> Location:
    """With `lock` it is not changed meanwhile, and nothing is put there. Raises NotFound `location_not_found`."""
    question = {"warehouse": warehouse, "code": code}
    if lock:
        await conn.execute(_LOCK_LOCATION, question)
    row = (await conn.execute(_ALL, question)).mappings().one_or_none()
    if row is None:
        raise NotFound("location_not_found")
    return Location(**row)


async def save(conn: AsyncConnection, changed: Location) -> None:
    """Its name, zone, place in the walk, and whether it is open. The caller has locked it. Raises Conflict
    `location_not_empty` where it is closed with units there."""
    if not changed.active and changed.units:
        detail = "{units} units are at this location: move them first"
        raise Conflict("location_not_empty", detail, units=changed.units)
    await conn.execute(_CHANGE, {name: value for name, value in asdict(changed).items() if name != "units"})


async def require_known(conn: AsyncConnection, warehouse: str, code: str) -> None:
    """Raises RuleBroken `unknown_location`."""
    await _active(conn, warehouse, code)


async def require_open(conn: AsyncConnection, warehouse: str, code: str) -> None:
    """It takes units, and is not closed before the transaction ends. Raises RuleBroken `unknown_location`,
    `location_closed`."""
    if not await _active(conn, warehouse, code):
        raise RuleBroken(
            "location_closed", "location {location} of {warehouse} is closed", warehouse=warehouse, location=code
        )


async def _active(conn: AsyncConnection, warehouse: str, code: str) -> bool:
    active: bool | None = (await conn.execute(_ACTIVE, {"warehouse": warehouse, "code": code})).scalar_one_or_none()
    if active is None:
        raise RuleBroken(
            "unknown_location", "{warehouse} has no location {location}", warehouse=warehouse, location=code
        )
    return active


async def level(conn: AsyncConnection, sku: str, warehouse: str, location: str | None) -> int:
    """Units at a location, or that are not placed; the warehouse's level is locked."""
    where = {"sku": sku, "warehouse": warehouse, "location": location}
    await conn.execute(_LOCK, where)
    row = (await conn.execute(_LEVEL, where)).one_or_none()
    return 0 if row is None else int(row.unplaced if location is None else row.on_hand)


async def level_at(conn: AsyncConnection, sku: str, warehouse: str, location: str, moment: object | None) -> int:
    """Units at a location at the moment; None for now. The warehouse's level is locked."""
    now = await level(conn, sku, warehouse, location)
    where = {"sku": sku, "warehouse": warehouse, "location": location, "moment": moment}
    return now - int((await conn.execute(_SINCE, where)).scalar_one() if moment else 0)


async def move(conn: AsyncConnection, place: Place, source: str | None, target: str | None, units: int) -> None:
    """From one location to another; None is the default location. Raises Conflict `stock_not_available`."""
    left = await level(conn, place.sku, place.warehouse, source)
    if units > left:
        detail = "of {sku} at {warehouse} {left} are at this location: take no more"
        raise Conflict("stock_not_available", detail, sku=place.sku, warehouse=place.warehouse, left=left)
    for location, delta in ((source, -units), (target, units)):
        if location is not None:
            await change(conn, place, location, delta)


async def change(conn: AsyncConnection, place: Place, location: str, delta: int, *, counted: bool = False) -> None:
    """Write one movement of a location."""
    kind = "counted" if counted else "moved"
    await conn.execute(_MOVE, {**asdict(place), "kind": kind, "location": location, "delta": delta})


async def pick_locations(conn: AsyncConnection, warehouse: str, skus: Sequence[str]) -> list[PickLocation]:
    """Where these SKUs are, in walking order; what is not placed comes last."""
    rows = (await conn.execute(_WALK, {"warehouse": warehouse, "skus": list(skus)})).mappings()
    return [PickLocation(**row) for row in rows]
