"""However goods are exchanged, sent back, credited and given up: money in less money out is what is kept."""

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.after_sales.returns import Condition, Found, Reason, Resolution
from domain.pricing.allocation import Tax
from infra.db.after_sales import exchange_fallback, return_handling, return_requests, returns
from infra.db.after_sales.return_policy import ReturnPolicy
from infra.db.after_sales.return_requests import ReturnRequest
from infra.db.after_sales.settlement import SettlementContext
from infra.db.checks.consistency_checks import CHECKS, run_checks
from infra.db.customers.profiles import KeyRing
from infra.db.engine import Database
from infra.db.orders.state import timeline
from infra.security.crypto import Vault
from tests.api.conftest import settings_for
from tests.conftest import DatabaseUrls
from tests.examples import few

PRICES = {"A": 100, "B": 70, "C": 160}
STEPS = st.lists(
    st.tuples(
        st.integers(0, 5), st.integers(1, 3), st.sampled_from(list(Resolution)),
        st.sampled_from([{}, {"A": 1}, {"B": 2}, {"C": 1}, {"A": 1, "C": 2}]), st.booleans(),
    ),
    max_size=6,
)  # fmt: skip
ORDER = text(
    """INSERT INTO orders (order_no, channel, type, customer_id, currency, items_minor, total_minor, tax_minor,
                           tax_added_minor, country, province, city, ship_to_enc, placed_by)
       VALUES (:o, 'web', 'standard', :o, 'CNY', :t, CAST(:t AS integer) + :x, :x, :x, 'CN', 'p', 'c', :a, 'test')"""
)
LINE = text(
    "INSERT INTO order_lines (order_no, line_no, sku, name, quantity, unit_price_minor, tax_minor, tax_added_minor) "
    "VALUES (:o, 1, :s, 'x', :q, :p, :x, :x)"
)
PAID = text(
    """INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key,
                             provider_ref)
       SELECT order_no, 'capture', 1, 'sandbox', total_minor, 'CNY', 'succeeded', order_no || '/c', order_no || '/c'
         FROM orders WHERE order_no = :o AND total_minor > 0"""
)
MOVE = text(
    """INSERT INTO order_events (order_no, type, from_status, to_status, actor)
       VALUES (:o, :e, :f, :t, 'test')"""
)
WAY = [
    ("stock_reserved", "received", "pending_payment"), ("payment_captured", "pending_payment", "paid"),
    ("shipment_booked", "paid", "preparing"), ("shipment_picked_up", "preparing", "shipped"),
    ("shipment_delivered", "shipped", "delivered"),
]  # fmt: skip
MONEY = text(
    """
    SELECT coalesce((SELECT sum(p.amount_minor) FROM payments p JOIN orders o USING (order_no)
                      WHERE o.customer_id = :c AND p.kind = 'capture'), 0)::bigint AS paid,
           coalesce((SELECT sum(r.amount_minor) FROM refunds r JOIN orders o USING (order_no)
                      WHERE o.customer_id = :c AND r.status <> 'refused'), 0)::bigint AS given_back
    """
)


@dataclass
class Scenario:
    """One customer: the goods they hold, by order and SKU."""

    database: Database
    keys: KeyRing
    terms: ReturnPolicy
    added: Tax
    tag: str = field(default_factory=lambda: secrets.token_hex(4))
    holds: list[tuple[str, str, int]] = field(default_factory=list)

    async def begins(self, owner: Database) -> None:
        number, (plain, wrapped) = f"E-{self.tag}", self.keys.vault.new_data_key()
        address = dict.fromkeys(("name", "phone", "country", "province", "city", "line1"), "x")
        sealed = self.keys.vault.seal_json(plain, address, f"{number}:ship_to")
        async with owner.begin() as conn:
            await conn.execute(
                text("INSERT INTO customers (customer_id, data_key) VALUES (:c, :k)"), {"c": number, "k": wrapped}
            )
            for sku, price in PRICES.items():
                made = "INSERT INTO products (sku, name, price_minor, currency) VALUES (:s, 'x', :p, 'CNY')"
                await conn.execute(text(made), {"s": self.sku(sku), "p": price})
                disposition = "INSERT INTO stock_levels (sku, warehouse) VALUES (:s, 'WH-EAST')"
                await conn.execute(text(disposition), {"s": self.sku(sku)})
            await conn.execute(ORDER, {"o": number, "t": 300, "x": self.added.of(300), "a": sealed})
            await conn.execute(LINE, {"o": number, "s": self.sku("A"), "q": 3, "p": 100, "x": self.added.of(300)})
            await conn.execute(PAID, {"o": number})
            await self._advance(conn, number, len(WAY))
        self.holds.append((number, "A", 3))

    def sku(self, name: str) -> str:
        return f"{name}-{self.tag}"

    async def _advance(self, conn: AsyncConnection, number: str, steps: int) -> None:
        for event, source, target in WAY[:steps]:
            await conn.execute(MOVE, {"o": number, "e": event, "f": source, "t": target})

    async def sends_back(
        self, which: int, units: int, resolution: Resolution, wanted: dict[str, int], gives_up: bool
    ) -> None:
        """Units that the customer holds; what replaces them, or is given up, counts from now on."""
        if not self.holds:
            return
        order_no, sku, held = self.holds.pop(which % len(self.holds))
        units = min(units, held)
        if held > units:
            self.holds.append((order_no, sku, held - units))
        exchange = resolution is Resolution.EXCHANGE
        return_id = f"rt_{secrets.token_hex(12)}"
        new_request = ReturnRequest(
            return_id, order_no, {self.sku(sku): units}, "x", Reason.CHANGED_MIND, resolution, f"customer:{self.tag}",
            exchange_for={self.sku(name): n for name, n in wanted.items()} if exchange else {},
        )  # fmt: skip
        found = [Found(self.sku(sku), units, Condition.AS_NEW)]
        async with self.database.begin() as conn:
            await return_requests.open_return(conn, self.keys, self.terms, new_request)
            order_return = await returns.lock(conn, return_id)
            order_return = await return_handling.receive(conn, order_return, "warehouse:wu", self.terms, found)
            await return_handling.inspect(
                conn, order_return, SettlementContext(self.keys, self.terms, "warehouse:wu"), found
            )
        if exchange:
            await self._gets(return_id, wanted or {sku: units}, gives_up)

    async def _gets(self, return_id: str, goods: dict[str, int], gives_up: bool) -> None:
        async with self.database.begin() as conn:
            found = await conn.execute(
                text("SELECT new_order_no FROM exchanges WHERE return_id = :r"), {"r": return_id}
            )
            number = found.scalar_one()
            await timeline.lock_order(conn, number)
            if gives_up:
                await self._advance(conn, number, 1)
                row = {"o": number, "e": "order_cancelled", "f": "pending_payment", "t": "cancelled"}
                await conn.execute(MOVE, row)
                await exchange_fallback.fall_back(conn, number, "out_of_stock")
                await exchange_fallback.fall_back(conn, number, "out_of_stock")  # once
                return
            await conn.execute(PAID, {"o": number})
            await self._advance(conn, number, len(WAY))
        self.holds += [(number, sku, units) for sku, units in goods.items()]

    async def retained_minor(self) -> int:
        """Money in less money out; what became store credit is out of the goods, too."""
        async with self.database.begin() as conn:
            row = (await conn.execute(MONEY, {"c": f"E-{self.tag}"})).one()
        return int(row.paid - row.given_back)

    def worth_minor(self) -> int:
        return sum((PRICES[sku] + self.added.of(PRICES[sku])) * units for _, sku, units in self.holds)


@pytest.fixture(scope="module")
def urls(database_url: DatabaseUrls) -> Iterator[DatabaseUrls]:
    yield database_url


@few(10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, rate_bp=st.sampled_from([0, 1_000]))
def test_money_in_less_money_out_is_what_the_kept_goods_cost(
    urls: DatabaseUrls, steps: list[tuple[int, int, Resolution, dict[str, int], bool]], rate_bp: int
) -> None:
    """With tax on top of the prices, too."""
    asyncio.run(_run_scenario(urls, steps, rate_bp))


async def _run_scenario(
    urls: DatabaseUrls, steps: list[tuple[int, int, Resolution, dict[str, int], bool]], rate_bp: int
) -> None:
    configuration = settings_for(urls, tax_rate_bp=rate_bp, tax_included=False)
    database = Database.from_settings(configuration)
    owner = Database.from_settings(configuration.model_copy(update={"database_url": urls.owner_url}))
    terms = ReturnPolicy.from_settings(configuration)
    scenario = Scenario(database, KeyRing(Vault.from_settings(configuration)), terms, Tax(rate_bp, included=False))
    try:
        await scenario.begins(owner)
        for step in steps:
            await scenario.sends_back(*step)
            # A unit of a line carries a cent more or less of what the line cost.
            assert abs(await scenario.retained_minor() - scenario.worth_minor()) <= sum(n for _, _, n in scenario.holds)
        while scenario.holds:
            await scenario.sends_back(0, 99, Resolution.REFUND, {}, False)
        assert await scenario.retained_minor() == 0
        async with database.begin() as conn:
            answers = [await run_checks(conn, question) for question in CHECKS]
        assert not [f"{answer.question.name}: {answer.examples}" for answer in answers if answer.count]
    finally:
        await database.close()
        await owner.close()
