"""Writes into the database without the product's own code: what a faulty or hostile service could send."""

import itertools
import secrets
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from domain.stock.movements import MovementKind, effect
from tests.conftest import DatabaseUrls

_numbers = itertools.count(1)
Connection = psycopg.AsyncConnection[TupleRow]


async def connect(url: str) -> Connection:
    return await psycopg.AsyncConnection.connect(url, autocommit=True)


@dataclass
class DirectDatabase:
    """Two connections to one database: as its owner (a superuser) and as the services."""

    urls: DatabaseUrls
    owner: Connection
    app: Connection

    async def rows(self, statement: str, *values: Any) -> list[TupleRow]:
        """What the owner reads, or has written."""
        cursor = await self.owner.execute(statement.encode(), values)
        return await cursor.fetchall() if cursor.description else []

    async def one(self, statement: str, *values: Any) -> Any:
        return (await self.rows(statement, *values))[0][0]

    async def refused(self, statement: str, *values: Any, by_owner: bool = False) -> str:
        """The SQLSTATE with which the statement is refused; AssertionError when it is not."""
        return (await self.refusal(statement, *values, by_owner=by_owner)).sqlstate or ""

    async def refusal(self, statement: str, *values: Any, by_owner: bool = False) -> psycopg.Error:
        try:
            await (self.owner if by_owner else self.app).execute(statement.encode(), values)
        except psycopg.Error as error:
            return error
        raise AssertionError(f"not refused: {statement}")

    async def order(self, total_minor: int = 1000, quantity: int = 1, sku: str = "TEA") -> str:
        """A fresh order, written as the services may."""
        number = f"O-{next(_numbers)}-{secrets.token_hex(4)}"
        async with self.app.transaction():
            await self.app.execute("INSERT INTO customers (customer_id) VALUES (%s)", (number,))
            await self.app.execute(
                "INSERT INTO orders (order_no, channel, type, customer_id, currency, items_minor, total_minor, country,"
                " province, city, ship_to_enc, placed_by) VALUES (%s, 'web', 'standard', %s, 'CNY', %s, %s, 'CN', 'p',"
                " 'c', '', 'test')",
                (number, number, total_minor, total_minor),
            )
            await self.app.execute(
                "INSERT INTO order_lines VALUES (%s, 1, %s, %s, %s, 1)", (number, sku, sku, quantity)
            )
        return number

    async def stock(self, sku: str, units: int, warehouse: str = "WH-EAST") -> None:
        """A product with `units` received."""
        await self.rows("INSERT INTO products (sku, name, price_minor, currency) VALUES (%s, %s, 1, 'CNY') "
                        "ON CONFLICT DO NOTHING", sku, sku)  # fmt: skip
        await self.app.execute(
            "INSERT INTO stock_levels (sku, warehouse) VALUES (%s, %s) ON CONFLICT DO NOTHING", (sku, warehouse)
        )
        if units:
            await self.move_stock(MovementKind.RECEIPT, units, sku, warehouse)

    async def move_stock(
        self, kind: MovementKind, units: int, sku: str = "TEA", warehouse: str = "WH-EAST", key: str | None = None,
        order_no: str | None = None, through: Connection | None = None,
    ) -> None:  # fmt: skip
        """One movement with the effect that the rules give it."""
        deltas = effect(kind, units)
        await (through or self.app).execute(
            "INSERT INTO stock_movements (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, "
            "reserved_delta, quarantined_delta, order_no, actor) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'test')",
            (key or secrets.token_hex(8), kind.value, sku, warehouse, units, *deltas, order_no),
        )

    async def event(self, order_no: str, name: str, source: str | None = None, target: str | None = None) -> None:
        """One event, by whoever the services are."""
        await self.app.execute(EVENT, (order_no, name, source, target))

    async def paid_in(self, order_no: str, amount_minor: int = 1000, purpose: str = "order") -> int:
        """A capture that succeeded; its id."""
        return await self.payment(order_no, "capture", "succeeded", amount_minor, purpose=purpose)

    async def payment(
        self, order_no: str, kind: str, status: str, amount_minor: int = 1000, parent: int | None = None,
        purpose: str = "order", key: str | None = None, through: Connection | None = None,
    ) -> int:  # fmt: skip
        """One transaction with the provider `sandbox`; its id."""
        cursor = await (through or self.app).execute(
            PAYMENT,
            (order_no, kind, purpose, amount_minor, status, key or secrets.token_hex(8), secrets.token_hex(8), parent),
        )
        row = await cursor.fetchone()
        assert row is not None
        return int(row[0])


EVENT = "INSERT INTO order_events (order_no, type, from_status, to_status, actor) VALUES (%s, %s, %s, %s, 'test')"
PAYMENT = (
    "INSERT INTO payments (order_no, kind, purpose, attempt, provider, amount_minor, currency, status, "
    "idempotency_key, provider_ref, parent_id) VALUES (%s, %s, %s, 1, 'sandbox', %s, 'CNY', %s, %s, %s, %s) "
    "RETURNING payment_id"
)
