"""Store credit as a gateway on its server, which is the database: each order's customer has a separate balance."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psycopg
from pydantic import SecretStr

from domain.gateways import PaymentRequest
from infra.db.engine import Database
from infra.gateways.payments.store_credit import StoreCredit
from infra.settings import Settings
from tests.conftest import DatabaseUrls
from tests.contract.payment_bench import PaymentBench, guarded, sandbox_at, standard_signed
from tests.contract.receiver import Receiver

GRANTED_MINOR = 100_000
_ORDER = (
    "INSERT INTO orders (order_no, channel, type, customer_id, currency, items_minor, total_minor, country, province, "
    "city, ship_to_enc, placed_by) VALUES (%s, 'web', 'standard', %s, 'CNY', 1, 1, 'CN', 'p', 'c', '', 'test')"
)
_GRANT = (
    "INSERT INTO store_credit_entries (idempotency_key, kind, customer_id, currency, amount_minor, balance_delta, "
    "held_delta, order_no) VALUES (%s, 'granted', %s, 'CNY', %s, %s, 0, %s)"
)


@dataclass
class CreditBench(PaymentBench):
    """Every new order is of a customer with credit; a request that is to be declined, of one without."""

    owner_url: str = ""

    def request(
        self, amount_minor: int = 1000, token: str | None = None, step: str = "pay", order: str = ""
    ) -> PaymentRequest:
        request = super().request(amount_minor, token, step, order)
        if not order:
            self._place(request.order_no, GRANTED_MINOR if request.token == self.ok else 0)
        return request

    def _place(self, order_no: str, granted_minor: int) -> None:
        with psycopg.connect(self.owner_url, autocommit=True) as connection:
            connection.execute("INSERT INTO customers (customer_id) VALUES (%s)", (order_no,))
            connection.execute(_ORDER, (order_no, order_no))
            if granted_minor:
                values = (f"{order_no}/grant", order_no, granted_minor, granted_minor, order_no)
                connection.execute(_GRANT, values)


@asynccontextmanager
async def credit_bench(urls: DatabaseUrls) -> AsyncIterator[CreditBench]:
    database = Database.from_settings(Settings(database_url=urls.app_url, token_secret=SecretStr("x" * 32)))
    yield CreditBench(
        guarded(StoreCredit(database)), "", Receiver(), "balance", "nothing", "CNY", sandbox_at, standard_signed,
        declines_with="insufficient_credit", owner_url=urls.owner_url,
    )  # fmt: skip
    await database.close()
