"""A stage for one order's story: real books, real Temporal, a real sandbox, the production worker in this process.

What comes from outside (webhooks) is put into the inbox just as the front door does.
"""

import asyncio
import base64
import itertools
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text
from temporalio.client import Client, WorkflowHandle

from domain.orders.order_no import new_order_no
from infra.db.engine import Database
from infra.observability import telemetry
from infra.security.crypto import Vault
from infra.settings import Settings
from infra.stack.temporal.temporal_setup import set_current_version
from infra.system.heartbeat import Condition
from infra.temporal import temporal_client as temporal_clients
from tests.conftest import DatabaseUrls
from tests.sandbox.harness import Receiver, Sandbox
from workers.dispatcher import Dispatcher
from workers.worker import build
from workflows import names

_numbers = itertools.count(1)
# Workflow scenarios run in Temporal's sandbox, which finds what is not deterministic, at a fifth of their time
# more. Where people and pages are the subject, workflows run as in a shop.
AS_IN_PRODUCTION = {"sandboxed_workflows": False}
# A wait ends by what it waits for; its limit only ends a test that fails.
PATIENCE_S = 90.0


async def eventually(condition: Callable[[], Any], timeout_s: float = PATIENCE_S) -> Any:
    """The first true value of the (possibly async) condition; AssertionError when none came in time."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if hasattr(value, "__await__"):
            value = await value
        if value:
            return value
        assert time.monotonic() < end, "nothing happened in time"
        await asyncio.sleep(0.02)


@dataclass
class Stage:
    """Everything one story needs."""

    database: Database
    owner: Database
    client: Client
    sandbox: Sandbox
    settings: Settings
    vault: Vault
    condition: Condition
    sku: str = "TEA"

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        """Run a statement as the owner."""
        async with self.owner.begin() as conn:
            result = await conn.execute(text(statement), values)
            return list(result.all()) if result.returns_rows else []

    async def stock(self, sku: str, units: int, price_minor: int = 1000) -> None:
        """A product with `units` in the default warehouse."""
        await self.sql(
            "INSERT INTO products (sku, name, price_minor, currency) VALUES (:sku, :sku, :price, 'CNY') "
            "ON CONFLICT DO NOTHING",
            sku=sku,
            price=price_minor,
        )
        await self.sql(
            "INSERT INTO stock_levels (sku, warehouse) VALUES (:sku, 'WH-EAST') ON CONFLICT DO NOTHING", sku=sku
        )
        await self.sql(
            "INSERT INTO stock_movements (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, "
            "reserved_delta, actor) VALUES (:key, 'receipt', :sku, 'WH-EAST', :n, :n, 0, 'test')",
            key=secrets.token_hex(8),
            sku=sku,
            n=units,
        )

    async def place(
        self,
        sku: str = "TEA",
        quantity: int = 1,
        token: str | None = "tok_ok",
        backorder: bool = False,
        line1: str = "x",
        ship_complete: bool = True,
        beside: Sequence[str] = (),
    ) -> str:
        """An accepted order, as the front door leaves it in the database; `beside`: one free unit of each of these."""
        order_no = new_order_no(int(time.time() * 1000))
        plain, wrapped = self.vault.new_data_key()
        customer = f"c-{next(_numbers)}-{secrets.token_hex(3)}"
        address = {"name": "Li", "phone": "1", "country": "CN", "province": "上海市", "city": "上海市"}
        address |= {"district": "", "line1": line1, "postcode": ""}
        async with self.owner.begin() as conn:
            price = (
                await conn.execute(text("SELECT price_minor FROM products WHERE sku = :s"), {"s": sku})
            ).scalar_one()
            await conn.execute(
                text("INSERT INTO customers (customer_id, data_key) VALUES (:c, :k)"), {"c": customer, "k": wrapped}
            )
            await conn.execute(
                text(
                    "WITH o AS (INSERT INTO orders (order_no, channel, type, customer_id, currency, items_minor, "
                    "total_minor, country, province, city, ship_to_enc, backorder, ship_complete, placed_by) "
                    "VALUES (:o, 'web', 'standard', :c, 'CNY', :t, :t, 'CN', '上海市', '上海市', :a, :b, :w, 'test')), "
                    "l AS (INSERT INTO order_lines VALUES (:o, 1, :s, :s, :q, :p)) "
                    "INSERT INTO payment_requests (request_id, order_no, attempt, method, token, actor) "
                    "SELECT :o || '/1', :o, 1, 'sandbox', :k, 'test' "
                    "WHERE CAST(:k AS text) IS NOT NULL"
                ),
                {
                    "o": order_no,
                    "c": customer,
                    "t": price * quantity,
                    "p": price,
                    "a": self.vault.seal_json(plain, address, f"{order_no}:ship_to"),
                    "b": backorder,
                    "w": ship_complete,
                    "s": sku,
                    "q": quantity,
                    "k": token,
                },
            )
            for line_no, free in enumerate(beside, 2):
                line = {"o": order_no, "n": line_no, "s": free}
                await conn.execute(text("INSERT INTO order_lines VALUES (:o, :n, :s, :s, 1, 0)"), line)
        return order_no

    async def status(self, order_no: str) -> str:
        return str((await self.sql("SELECT status FROM orders WHERE order_no = :o", o=order_no))[0][0])

    async def reaches(self, order_no: str, status: str, timeout_s: float = PATIENCE_S) -> None:
        """Wait until the database shows `status`."""
        observed = ""

        async def there() -> bool:
            nonlocal observed
            observed = await self.status(order_no)
            return observed == status

        try:
            await eventually(there, timeout_s)
        except AssertionError:
            timeline = await self.sql(
                "SELECT seq, type, data FROM order_events WHERE order_no = :o ORDER BY 1", o=order_no
            )
            raise AssertionError(f"{order_no} is {observed}, not {status}: {timeline}") from None

    async def parked(self, order_no: str, timeout_s: float = PATIENCE_S) -> Any:
        """Wait until the order is parked; the row."""
        rows = await eventually(
            lambda: self.sql("SELECT * FROM parked_steps WHERE order_no = :o AND resolved_at IS NULL", o=order_no),
            timeout_s,
        )
        return rows[0]

    async def carrier_says(self, order_no: str, *statuses: str) -> None:
        """Facts from the carrier, as its webhooks leave them."""
        parcel = (
            await self.sql(
                "SELECT * FROM shipments WHERE order_no = :o AND status <> 'cancelled' AND replaced_at IS NULL",
                o=order_no,
            )
        )[0]
        for status in statuses:
            fact = {"carrier_ref": parcel.carrier_ref, "tracking_no": parcel.tracking_no, "status": status}
            await self.inbox("shipment", order_no, {**fact, "occurred_at": "2026-01-01T00:00:00Z"})

    async def inbox(self, kind: str, order_no: str, fact: dict[str, Any]) -> None:
        await self.sql(
            "INSERT INTO inbox (provider, event_id, kind, order_no, fact) VALUES ('sandbox', :e, :k, :o, "
            "CAST(:f AS jsonb))",
            e=secrets.token_hex(8),
            k=kind,
            o=order_no,
            f=json.dumps(fact),
        )

    async def events(self, order_no: str) -> list[str]:
        """Types of the timeline, in order."""
        rows = await self.sql("SELECT type FROM order_events WHERE order_no = :o ORDER BY seq", o=order_no)
        return [row[0] for row in rows]

    async def resolution(self, order_no: str, action: str, value: Any = None) -> str:
        """An act of support in the database; its id."""
        key = (
            await self.sql(
                "SELECT data_key FROM customers JOIN orders USING (customer_id) WHERE order_no = :o", o=order_no
            )
        )[0][0]
        plain, rid = self.vault.unwrap(key), secrets.token_hex(8)
        await self.sql(
            "INSERT INTO resolutions VALUES (:r, :o, :a, 'support:ann', :x, :v, now())",
            r=rid,
            o=order_no,
            a=action,
            x=self.vault.seal(plain, "because", f"{rid}:reason"),
            v=None if value is None else self.vault.seal_json(plain, value, f"{rid}:value"),
        )
        return rid

    def handle(self, order_no: str) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(names.order_workflow(order_no))

    def payments(self, order_no: str) -> list[tuple[str, str]]:
        """What the sandbox believes: (kind, status), oldest first."""
        items = self.sandbox.http.get("/payments", params={"order_no": order_no}).json()["items"]
        return [(item["kind"], item["status"]) for item in items]

    def parcels(self, order_no: str) -> list[str]:
        items = self.sandbox.http.get("/shipments", params={"order_no": order_no}).json()["items"]
        return [item["status"] for item in items]

    def fault(self, target: str, mode: str, count: int = 1, **match: str) -> None:
        body = {"target": target, "mode": mode, "count": count, "match": match}
        assert self.sandbox.http.post("/faults", json=body).status_code < 300


@asynccontextmanager
async def staged(urls: DatabaseUrls, temporal_address: str, folder: Path, **changes: Any) -> AsyncIterator[Stage]:
    """Open a stage; `changes` are settings."""
    receiver = Receiver()
    sandbox = Sandbox(folder / "sandbox", receiver.url, OMS_SANDBOX_MANUAL_CARRIER="1")
    queue = f"stage-{secrets.token_hex(4)}"
    settings = Settings(
        database_url=urls.app_url,
        temporal_address=temporal_address,
        task_queue=queue,
        deployment_name=queue,
        build_id="test",
        sandbox_url=str(sandbox.http.base_url),
        master_key=base64.b64encode(b"k" * 32).decode(),
        sandbox_webhook_secret="whsec_" + base64.b64encode(b"s" * 24).decode(),
        gateway_backoff_s=0.05,
        gateway_timeout_s=0.5,
        **{"return_window_s": 0, "sandboxed_workflows": True, **changes},
    )
    database, owner = (
        Database.from_settings(settings),
        Database.from_settings(settings.model_copy(update={"database_url": urls.owner_url})),
    )
    client = await temporal_clients.connect(settings, interceptors=telemetry.temporal_interceptors())

    async def provide() -> Client:
        return client

    dispatcher = Dispatcher(database, provide, settings, eager=True)
    condition = Condition()
    worker = build(client, database, settings, condition)
    async with worker:
        await set_current_version(client, queue, "test")
        task = asyncio.create_task(dispatcher.run())
        try:
            yield Stage(database, owner, client, sandbox, settings, Vault.from_settings(settings), condition)
        finally:
            await dispatcher.stop()
            await task
    sandbox.close()
    receiver.close()
    await database.close()
    await owner.close()
