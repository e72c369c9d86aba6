"""Orders that are placed at the same moment, below HTTP: so that they are sure to meet in one transaction."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import psycopg

from domain.customers import CustomerProfile
from domain.orders.addresses import ShippingAddress
from domain.orders.lines import RequestedLine
from infra.db.customers.profiles import KeyRing
from infra.db.engine import Database
from infra.db.grouped_statements import Together
from infra.db.idempotency import Answered, Request
from infra.db.orders.placing.drafts import NewOrder, Placed
from infra.db.orders.placing.placement import place
from infra.security.crypto import Vault
from infra.settings import Settings
from tests.api.conftest import ApiClient, an_order, settings_for
from tests.conftest import DatabaseUrls

WAIT_S = 60.0


def draft(key: str = "", *, subject: str = "channel:web", origin: str = "", **changed: Any) -> NewOrder:
    """An order of a customer of its own, with a key of its own."""
    key = key or secrets.token_hex(8)
    order = an_order()
    made = NewOrder(
        request=Request(subject, key, b"h" * 32, origin),
        actor=subject,
        channel="web",
        external_ref=None,
        type="standard",
        currency="CNY",
        customer_id=f"c-{key}",
        profile=CustomerProfile("Li Lei", f"{key}@example.com"),
        ship_to=ShippingAddress.from_json(order["ship_to"]),
        note=None,
        backorder=False,
        payment=("sandbox", "tok_ok"),
        lines=[RequestedLine("TEA-1", 1, None)],
        may_name_price=False,
        trace=None,
        answer=lambda order_no, total_minor: {"order_no": order_no, "total_minor": total_minor},
    )
    return replace(made, **changed)


class Group:
    """Places drafts at the same moment, through one way of its own to the database."""

    def __init__(self, database: Database, keys: KeyRing, patience: str | None = None) -> None:
        self.database, self.keys = database, keys
        self.together = Together(database)
        if patience is not None:
            self.together.patience = patience

    def begin(self, drafts: Sequence[NewOrder]) -> list["asyncio.Task[Placed | Answered]"]:
        return [asyncio.create_task(place(self.database, self.together, self.keys, one)) for one in drafts]

    async def place(self, *drafts: NewOrder) -> list[Any]:
        """What each is answered, or raises."""
        return await asyncio.wait_for(asyncio.gather(*self.begin(drafts), return_exceptions=True), WAIT_S)


def group(shop: ApiClient, patience: str | None = None) -> Group:
    services = shop.app.state.services
    return Group(services.database, services.keys, patience)


@asynccontextmanager
async def own_pool(shop: ApiClient, urls: DatabaseUrls, **changed: Any) -> AsyncIterator[Group]:
    """Over connections that nothing else uses, with these settings."""
    database = Database.from_settings(settings_for(urls, **changed))
    try:
        yield Group(database, shop.app.state.services.keys)
    finally:
        await database.close()


async def transactions(shop: ApiClient, drafts: Sequence[NewOrder]) -> int:
    """How many transactions wrote the orders of these customers."""
    customers = [one.customer_id for one in drafts]
    rows = await shop.sql("SELECT DISTINCT xmin::text FROM orders WHERE customer_id = ANY(%s)", customers)
    return len(rows)


async def stored_counts(shop: ApiClient, drafts: Sequence[NewOrder]) -> list[int]:
    """How many orders each draft has; each with its key, lines, payment, event and start request."""
    return [await _whole(shop, one) for one in drafts]


async def _whole(shop: ApiClient, one: NewOrder) -> int:
    (row,) = await shop.sql(
        """
        SELECT (SELECT count(*) FROM idempotency_keys WHERE subject = %s AND key = %s) AS keys, count(o) AS orders,
               count(o) FILTER (WHERE EXISTS (SELECT FROM order_lines l WHERE l.order_no = o.order_no)
                 AND EXISTS (SELECT FROM payment_requests p WHERE p.order_no = o.order_no)
                 AND EXISTS (SELECT FROM order_events e WHERE e.order_no = o.order_no)
                 AND EXISTS (SELECT FROM workflow_requests w WHERE w.subject = o.order_no)) AS whole
          FROM (VALUES (1)) one LEFT JOIN orders o ON o.customer_id = %s
        """,
        one.request.subject,
        one.request.key,
        one.customer_id,
    )
    assert row["keys"] == row["orders"] == row["whole"], row
    return int(row["orders"])


@asynccontextmanager
async def locked(shop: ApiClient, statement: str, *values: Any) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """A transaction of somebody else that has run `statement` and holds its locks until the block ends."""
    async with await psycopg.AsyncConnection.connect(shop.owner_url) as holder:
        await holder.execute(statement, values)
        yield holder
        await holder.rollback()


async def blocked_by(shop: ApiClient, holder: psycopg.AsyncConnection[Any]) -> int:
    """The backend that waits for `holder`; waits for it to be there."""
    question = "SELECT pid FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
    async with asyncio.timeout(WAIT_S):
        while not (rows := await shop.sql(question, holder.info.backend_pid)):
            await asyncio.sleep(0.01)
    return int(rows[0]["pid"])


async def _main(keys: Sequence[str]) -> None:
    """A process of its own that places orders with these keys in one group; settings come from OMS_*."""
    settings = Settings()
    database = Database.from_settings(settings)
    placing = Group(database, KeyRing(Vault.from_settings(settings)), patience="60s")
    print(await placing.place(*(draft(key) for key in keys)), flush=True)
    await database.close()


if __name__ == "__main__":
    import sys

    asyncio.run(_main(sys.argv[1:]))
