"""Whatever happens to a SKU, and in whatever order: levels, locations and transit are those of a model in Python."""

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import RuleBroken
from domain.stock.counting import CountLine
from domain.stock.movements import MovementKind
from infra.db.engine import Database
from infra.db.stock import counts, locations, movements, transfers
from infra.db.stock.locations import Place
from infra.db.stock.movements import Move
from tests.api.conftest import settings_for
from tests.conftest import DatabaseUrls
from tests.examples import few

EAST, SOUTH, SHELF = "WH-EAST", "WH-SOUTH", "P-1"
KINDS = {
    "receive": MovementKind.RECEIPT, "reserve": MovementKind.RESERVE, "release": MovementKind.RELEASE,
    "ship": MovementKind.SHIP, "quarantine": MovementKind.QUARANTINE_IN, "scrap": MovementKind.SCRAP,
}  # fmt: skip
OPERATIONS = [*KINDS, "transfer", "arrive", "count", "put_away", "take_down"]
STEPS = st.lists(st.tuples(st.sampled_from(OPERATIONS), st.integers(1, 6)), min_size=15, max_size=40)
_LEVEL = text("SELECT on_hand, reserved, quarantined, placed FROM stock_levels WHERE sku = :sku AND warehouse = :at")
# As an order ships: what it holds.
_SHIP = text(
    "INSERT INTO stock_movements (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta,"
    " order_no, actor) VALUES (:key, 'ship', :sku, :at, :units, -CAST(:units AS bigint), -CAST(:units AS bigint),"
    " 'O', 'test')"
)
_SHELF = text("SELECT coalesce(sum(on_hand), 0) FROM location_levels WHERE sku = :sku")
_LEDGER = text(
    "SELECT coalesce(sum(on_hand_delta), 0), coalesce(sum(reserved_delta), 0) FROM stock_movements WHERE sku = :sku"
)


@dataclass
class Model:
    """One SKU: what is in the east (some of it on a shelf), in the south and on its way."""

    east: int = 0
    south: int = 0
    reserved: int = 0
    quarantined: int = 0
    shelf: int = 0
    under_way: list[tuple[str, int]] = field(default_factory=list)

    def allows(self, what: str, units: int) -> bool:
        """Whether the rules take this step."""
        free = self.east - self.reserved
        limits = {
            "reserve": free, "release": self.reserved, "ship": self.reserved, "scrap": self.quarantined,
            "transfer": free, "arrive": self.under_way[0][1] if self.under_way else 0,
            "put_away": self.east - self.shelf, "take_down": self.shelf,
        }  # fmt: skip
        return units <= limits.get(what, units)

    def apply(self, what: str, units: int) -> None:
        """The step was taken."""
        match what:
            case "receive":
                self.east += units
            case "reserve" | "release":
                self.reserved += units if what == "reserve" else -units
            case "ship":
                self.east, self.reserved = self.east - units, self.reserved - units
            case "quarantine" | "scrap":
                self.quarantined += units if what == "quarantine" else -units
            case "count":
                self.east = max(self.reserved, units)
            case "put_away" | "take_down":
                self.shelf += units if what == "put_away" else -units
        self.shelf = min(self.shelf, self.east)


class Warehouse:
    """The same steps on the database."""

    def __init__(self, database: Database) -> None:
        self.database, self.sku, self.model = database, f"P-{secrets.token_hex(6)}", Model()

    async def run(self, steps: list[tuple[str, int]]) -> None:
        async with self.database.begin() as conn:
            await movements.open_level(conn, self.sku, EAST)
        for what, units in steps:
            allowed = self.model.allows(what, units)
            try:
                async with self.database.begin() as conn:
                    await self.take(conn, what, units)
            except (RuleBroken, DBAPIError):
                assert not allowed, (what, units)
            else:
                assert allowed, (what, units)
                self.model.apply(what, units)
            await self.compare()

    async def take(self, conn: AsyncConnection, what: str, units: int) -> None:
        key, place = secrets.token_hex(8), Place(self.sku, EAST, "r", "test")
        if what == "ship":
            await conn.execute(_SHIP, {"key": key, "sku": self.sku, "at": EAST, "units": units})
        elif what in KINDS:
            await movements.move(conn, [Move(key, KINDS[what], self.sku, EAST, units, key, "test", order_no="O")])
        elif what == "put_away":
            await locations.move(conn, place, None, SHELF, units)
        elif what == "take_down":
            await locations.move(conn, place, SHELF, None, units)
        elif what == "count":
            await self.count(conn, max(self.model.reserved, units), key)
        else:
            await (self.send if what == "transfer" else self.arrive)(conn, units, key)

    async def count(self, conn: AsyncConnection, units: int, key: str) -> None:
        expected = await counts.book_quantity(conn, self.sku, EAST, None)
        count = await counts.add(
            conn, counts.NewCount(key, EAST, key, "test", None), [CountLine(self.sku, "", units, expected)]
        )
        await counts.post(conn, count, "test", None)

    async def send(self, conn: AsyncConnection, units: int, key: str) -> None:
        now = (await conn.execute(text("SELECT now()"))).scalar_one()
        await transfers.add(conn, transfers.NewTransfer(key, EAST, SOUTH, key, now, "w:t", {self.sku: units}))
        await transfers.ship(conn, await transfers.find(conn, key, lock=True), {self.sku: units}, "test", key)
        self.model.east -= units
        self.model.under_way.append((key, units))

    async def arrive(self, conn: AsyncConnection, units: int, key: str) -> None:
        if not self.model.under_way:
            raise RuleBroken("transfer_not_found")
        number, left = self.model.under_way[0]
        found = await transfers.find(conn, number, lock=True)
        await transfers.receive(conn, found, {self.sku: units}, "test", key)
        self.model.south += units
        self.model.under_way[0] = (number, left - units)
        if left == units:
            self.model.under_way.pop(0)

    async def compare(self) -> None:
        """Levels are the model's, and the ledger has everything that is not on its way."""
        async with self.database.begin() as conn:
            east = (await conn.execute(_LEVEL, {"sku": self.sku, "at": EAST})).one()
            south = (await conn.execute(_LEVEL, {"sku": self.sku, "at": SOUTH})).one_or_none()
            shelf = (await conn.execute(_SHELF, {"sku": self.sku})).scalar_one()
            ledger = (await conn.execute(_LEDGER, {"sku": self.sku})).one()
        model = self.model
        assert tuple(east) == (model.east, model.reserved, model.quarantined, model.shelf)
        assert (south.on_hand if south else 0, shelf) == (model.south, model.shelf)
        assert tuple(ledger) == (model.east + model.south, model.reserved)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as opened:
        yield opened


@pytest.fixture(scope="module")
def database(runner: asyncio.Runner, database_url: DatabaseUrls) -> Iterator[Database]:
    opened = Database.from_settings(settings_for(database_url))
    yield opened
    runner.run(opened.close())


@example(steps=[("receive", 5), ("put_away", 5), ("count", 2), ("transfer", 1), ("arrive", 1)])
@few(6)
@given(steps=STEPS)
def test_levels_are_those_of_the_model(
    runner: asyncio.Runner, database: Database, steps: list[tuple[str, int]]
) -> None:
    async def walk() -> None:
        warehouse = Warehouse(database)
        async with database.begin() as conn:
            await _known(conn, warehouse.sku)
        await warehouse.run(steps)

    runner.run(walk())


async def _known(conn: AsyncConnection, sku: str) -> None:
    """The product and the shelf are there."""
    product = "INSERT INTO products (sku, name, price_minor, currency) VALUES (:sku, :sku, 1, 'CNY')"
    await conn.execute(text(product), {"sku": sku})
    shelf = "INSERT INTO locations (warehouse, code) VALUES (:at, :code) ON CONFLICT DO NOTHING"
    await conn.execute(text(shelf), {"at": EAST, "code": SHELF})
