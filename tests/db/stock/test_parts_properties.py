"""Whatever happens to the parts of an order, and in whatever order: levels are those of a model in Python.

Reserve, split, move, pick short, release, ship, lose, send again, return, transfer and count, with parts that have the
same product at the same warehouse.
"""

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict
from domain.sourcing.decision import Share, SharedLine
from domain.sourcing.overriding import StandingPart
from domain.stock.counting import CountLine
from domain.stock.movements import MovementKind
from infra.db.engine import Database
from infra.db.orders.state import timeline
from infra.db.shipping import picking, short_picks
from infra.db.shipping.short_picks import Policy
from infra.db.stock import counts, movements, overrides, reservations, split_reservations, transfers
from infra.db.stock.movements import Move
from infra.db.stock.reservations import StockContended
from tests.api.conftest import settings_for
from tests.conftest import DatabaseUrls
from tests.examples import few

HOUSES = ("P-A", "P-B", "P-C")
OPERATIONS = ("receive", "move", "short", "release", "ship", "lose", "send_again", "back", "transfer", "count")
STEPS = st.lists(
    st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 5), st.integers(0, 2), st.integers(1, 3)),
    min_size=12, max_size=30,
)  # fmt: skip
_LEVELS = text(
    "SELECT warehouse, on_hand, reserved, quarantined FROM stock_levels WHERE sku = :sku AND warehouse = ANY(:houses)"
)
_HELD = text(
    "SELECT fulfilment_no, warehouse, quantity FROM reservations WHERE order_no = :o AND state = 'reserved' ORDER BY 1"
)
_SUMS = text("SELECT warehouse, quantity FROM allocations WHERE order_no = :o AND state = 'reserved'")
_LEDGER = text(
    "SELECT warehouse, sum(on_hand_delta)::bigint AS on_hand, sum(reserved_delta)::bigint AS reserved"
    " FROM stock_movements WHERE sku = :sku GROUP BY warehouse"
)
_LOSE = text(
    "UPDATE shipments SET status = 'lost', carrier_ref = shipment_id, tracking_no = shipment_id"
    " WHERE order_no = :o AND fulfilment_no = :n AND replaced_at IS NULL"
)
_REPLACE = text(
    "UPDATE shipments SET replaced_at = now() WHERE order_no = :o AND fulfilment_no = :n AND replaced_at IS NULL"
)
_HOUSE = text(
    "INSERT INTO warehouses (code, name, country, province, city) VALUES (:code, :code, 'CN', 'p', 'c')"
    " ON CONFLICT DO NOTHING"
)


@dataclass
class Part:
    """A part of the order: where it has its units, or where they went."""

    house: str
    units: int
    state: str = "reserved"  # then released, shipped, lost or back


@dataclass
class Model:
    """On hand by warehouse, and the parts by number."""

    on_hand: dict[str, int] = field(default_factory=lambda: dict.fromkeys(HOUSES, 0))
    quarantined: dict[str, int] = field(default_factory=lambda: dict.fromkeys(HOUSES, 0))
    parts: dict[int, Part] = field(default_factory=dict)

    def reserved(self, house: str) -> int:
        return sum(part.units for part in self.parts.values() if part.state == "reserved" and part.house == house)

    def free(self, house: str) -> int:
        return self.on_hand[house] - self.reserved(house)


class Order:
    """One order of a product of its own, by the code that the product runs."""

    def __init__(self, database: Database, owner: Database) -> None:
        self.database, self.owner, self.model = database, owner, Model()
        self.tag = secrets.token_hex(6)
        self.sku, self.number = f"P-{self.tag}", f"PARTS-{self.tag}"

    async def place(self) -> None:
        """Six units: three, two and one of them in the warehouses, and two more each."""
        async with self.owner.begin() as conn:
            for statement in (
                "INSERT INTO products (sku, name, price_minor, currency) VALUES (:s, 'x', 1, 'CNY')",
                "INSERT INTO customers (customer_id) VALUES (:o)",
                "INSERT INTO orders (order_no, channel, type, customer_id, currency, items_minor, total_minor, country,"
                " province, city, ship_to_enc, placed_by) VALUES (:o, 'web', 'standard', :o, 'CNY', 6, 6, 'CN', 'p',"
                " 'c', '', 'test')",
                "INSERT INTO order_lines (order_no, line_no, sku, name, quantity, unit_price_minor)"
                " VALUES (:o, 1, :s, 'x', 6, 1)",
            ):
                await conn.execute(text(statement), {"s": self.sku, "o": self.number})
        for house, units in zip(HOUSES, (3, 2, 1), strict=True):
            async with self.database.begin() as conn:
                await movements.open_level(conn, self.sku, house)
                await self.receive(conn, house, units + 2)
            self.model.on_hand[house] += units + 2
        async with self.database.begin() as conn:
            await timeline.lock_order(conn, self.number)
            divided = zip(HOUSES, (3, 2, 1), strict=True)
            shares = [Share(house, (SharedLine(1, self.sku, units),)) for house, units in divided]
            await split_reservations.reserve(conn, self.number, shares)
        self.model.parts = {n: Part(one.warehouse, one.lines[0].quantity) for n, one in enumerate(shares, 1)}
        async with self.owner.begin() as conn:
            await conn.execute(text("SET LOCAL session_replication_role = replica"))
            await conn.execute(text("UPDATE orders SET status = 'preparing' WHERE order_no = :o"), {"o": self.number})
        await self.compare()

    async def run(self, steps: list[tuple[str, int, int, int]]) -> None:
        await self.place()
        for what, which, where, units in steps:
            numbers = sorted(self.model.parts)
            number, house = numbers[which % len(numbers)], HOUSES[where]
            async with self.database.begin() as conn:
                await timeline.lock_order(conn, self.number)
                await self.take(conn, what, number, house, units)
            await self.compare()

    async def take(self, conn: AsyncConnection, what: str, number: int, house: str, units: int) -> None:
        part, model = self.model.parts[number], self.model
        match what:
            case "receive":
                await self.receive(conn, house, units)
                model.on_hand[house] += units
            case "move" if part.state == "reserved" and house != part.house:
                await self.move(conn, number, part, house)
            case "short" if part.state == "reserved" and len(model.parts) < 12:
                await self.short(conn, number, part, min(units, part.units))
            case "release":
                given = await reservations.release(conn, self.number, number)
                assert given == (part.units if part.state == "reserved" else 0)
                part.state = "released" if given else part.state
            case "ship":
                shipped = await reservations.ship(conn, self.number, number)
                assert shipped == (part.units if part.state == "reserved" else 0), "what was released does not leave"
                if shipped:
                    model.on_hand[part.house] -= shipped
                    part.state = "shipped"
            case "lose" if part.state == "shipped":
                part.state = "lost"
            case "send_again" if part.state == "lost":
                await self.send_again(conn, number, part)
            case "back" if part.state == "shipped":
                await self.moved(conn, MovementKind.QUARANTINE_IN, part.house, part.units)
                model.quarantined[part.house] += part.units
                part.state = "back"
            case "transfer" if units <= model.free(house):
                await self.transfer(conn, house, units)
                model.on_hand[house] -= units
            case "count":
                found = max(model.reserved(house), units)
                await self.count(conn, house, found)
                model.on_hand[house] = found
            case _:
                pass

    async def receive(self, conn: AsyncConnection, house: str, units: int) -> None:
        await self.moved(conn, MovementKind.RECEIPT, house, units)

    async def moved(self, conn: AsyncConnection, kind: MovementKind, house: str, units: int) -> None:
        key = secrets.token_hex(8)
        await movements.move(conn, [Move(key, kind, self.sku, house, units, key, "test", order_no=self.number)])

    async def move(self, conn: AsyncConnection, number: int, part: Part, house: str) -> None:
        standing = StandingPart(f"{self.number}-F{number}", number, part.house, False, {self.sku: part.units}, [])
        enough = part.units <= self.model.free(house)
        try:
            async with conn.begin_nested():
                await overrides.move(conn, self.number, standing, house, "test")
        except StockContended:
            assert not enough
            return
        assert enough
        data = {"number": number, "from": part.house, "warehouse": house}
        await timeline.append(conn, self.number, "warehouse_changed", "test", key=secrets.token_hex(4), data=data)
        part.house = house

    async def short(self, conn: AsyncConnection, number: int, part: Part, units: int) -> None:
        work = await picking.lock(conn, f"{self.number}-F{number}")
        found = await short_picks.report(conn, work, {1: units}, "test", Policy(12, 60))
        for one in found:
            if one.fulfilment_id is None:
                continue
            further = int(one.fulfilment_id.rpartition("-F")[2])
            held = (await conn.execute(_HELD, {"o": self.number})).all()
            (house,) = [row.warehouse for row in held if row.fulfilment_no == further]
            assert house != part.house and one.quantity <= self.model.free(house)
            self.model.parts[further] = Part(house, one.quantity)
            self.model.on_hand[part.house] -= one.quantity
            part.units -= one.quantity
        if part.units == 0:
            part.state = "short"

    async def send_again(self, conn: AsyncConnection, number: int, part: Part) -> None:
        """As support decides it: from the best warehouse that has all of it, whatever other parts have there."""
        try:
            goods = await split_reservations.goods_of(conn, self.number, number)
        except Conflict:
            return
        able = await split_reservations.senders_of(conn, self.number, goods)
        assert sorted(able) == [house for house in HOUSES if self.model.free(house) >= part.units]
        if not able:
            return
        await conn.execute(
            text(
                "INSERT INTO shipments (shipment_id, order_no, fulfilment_no, warehouse, carrier, status,"
                " idempotency_key) VALUES (:k, :o, :n, :w, 'c', 'booking', :k)"
            ),
            {"k": secrets.token_hex(8), "o": self.number, "n": number, "w": part.house},
        )
        for statement in (_LOSE, _REPLACE):
            await conn.execute(statement, {"o": self.number, "n": number})
        await split_reservations.reserve_part(conn, self.number, number, able[0], goods)
        part.house, part.state = able[0], "reserved"

    async def transfer(self, conn: AsyncConnection, house: str, units: int) -> None:
        key, to = secrets.token_hex(8), next(one for one in HOUSES if one != house)
        now = (await conn.execute(text("SELECT now()"))).scalar_one()
        await transfers.add(conn, transfers.NewTransfer(key, house, to, key, now, "w:t", {self.sku: units}))
        await transfers.ship(conn, await transfers.find(conn, key, lock=True), {self.sku: units}, "test", key)

    async def count(self, conn: AsyncConnection, house: str, units: int) -> None:
        key = secrets.token_hex(8)
        expected = await counts.book_quantity(conn, self.sku, house, None)
        line = CountLine(self.sku, "", units, expected)
        count = await counts.add(conn, counts.NewCount(key, house, key, "test", None), [line])
        await counts.post(conn, count, "test", None)

    async def compare(self) -> None:
        """Levels and reservations are the model's; the sums are what the previous version reads; the ledger has all."""
        model = self.model
        async with self.database.begin() as conn:
            levels = {
                row.warehouse: (row.on_hand, row.reserved, row.quarantined)
                for row in await conn.execute(_LEVELS, {"sku": self.sku, "houses": list(HOUSES)})
            }
            held = [tuple(row) for row in await conn.execute(_HELD, {"o": self.number})]
            sums = {row.warehouse: row.quantity for row in await conn.execute(_SUMS, {"o": self.number})}
            ledger = {
                row.warehouse: (row.on_hand, row.reserved) for row in await conn.execute(_LEDGER, {"sku": self.sku})
            }
        assert levels == {
            house: (model.on_hand[house], model.reserved(house), model.quarantined[house]) for house in HOUSES
        }
        assert held == [
            (number, part.house, part.units)
            for number, part in sorted(model.parts.items()) if part.state == "reserved"
        ]  # fmt: skip
        assert sums == {house: units for house in HOUSES if (units := model.reserved(house))}
        assert ledger == {house: (on_hand, reserved) for house, (on_hand, reserved, _) in levels.items()}


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as opened:
        yield opened


@pytest.fixture(scope="module")
def databases(runner: asyncio.Runner, database_url: DatabaseUrls) -> Iterator[tuple[Database, Database]]:
    settings = settings_for(database_url)
    app = Database.from_settings(settings)
    owner = Database.from_settings(settings.model_copy(update={"database_url": database_url.owner_url}))
    yield app, owner
    runner.run(app.close())
    runner.run(owner.close())


@example(
    steps=[
        ("receive", 0, 0, 3), ("move", 1, 0, 1), ("ship", 0, 0, 1), ("ship", 1, 0, 1), ("lose", 1, 0, 1),
        ("send_again", 1, 0, 1), ("short", 2, 0, 1), ("release", 1, 0, 1), ("ship", 1, 0, 1), ("back", 0, 0, 1),
    ]
)  # fmt: skip
@example(steps=[("move", 2, 0, 1), ("move", 2, 1, 1), ("short", 0, 0, 3), ("count", 0, 1, 1), ("transfer", 0, 0, 2)])
@few(6)
@given(steps=STEPS)
def test_levels_are_those_of_the_model(
    runner: asyncio.Runner, databases: tuple[Database, Database], steps: list[tuple[str, int, int, int]]
) -> None:
    async def walk() -> None:
        async with databases[1].begin() as conn:
            for house in HOUSES:
                await conn.execute(_HOUSE, {"code": house})
        await Order(*databases).run(steps)

    runner.run(walk())
