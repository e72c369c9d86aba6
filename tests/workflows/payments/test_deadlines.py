"""Deadlines of payments: an unpaid order ends, and money that comes at that moment wins or goes back."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
from psycopg import sql

from infra.stack.postgres.postgres_server import APP, SUPERUSER, PostgresServer
from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls, as_owner, create_database
from tests.order_stage import Stage, eventually, staged
from tests.workflows.orders.test_order import held, pay_directly


@pytest.fixture(scope="module")
async def hasty(
    postgres: PostgresServer, database_template: str, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """A stage on which nobody has long to pay, on books of its own."""
    await create_database(postgres, "hasty", database_template)
    urls = DatabaseUrls(postgres.url(SUPERUSER, "hasty"), postgres.url(APP, "hasty"))
    folder = tmp_path_factory.mktemp("hasty")
    async with staged(urls, temporal.address, folder, payment_timeout_s=1) as opened:
        await opened.stock("TEA", 1000)
        yield opened
    await as_owner(postgres, sql.SQL("DROP DATABASE hasty WITH (FORCE)").format())


async def test_an_unpaid_order_ends_at_its_deadline_and_frees_its_stock(hasty: Stage) -> None:
    order_no = await hasty.place(token=None, quantity=2)
    await hasty.reaches(order_no, "cancelled")
    assert await held(hasty, order_no) == 0
    rows = await hasty.sql("SELECT data FROM order_events WHERE order_no = :o AND type = 'order_cancelled'", o=order_no)
    assert rows[0][0]["cause"] == "payment_expired"
    assert hasty.payments(order_no) == []


async def test_a_declined_order_ends_at_its_deadline(hasty: Stage) -> None:
    order_no = await hasty.place(token="tok_decline")
    await hasty.reaches(order_no, "cancelled")
    assert hasty.payments(order_no) == [("authorise", "failed")]


async def test_a_payment_in_the_database_at_the_deadline_has_won(hasty: Stage) -> None:
    """The fact lies in the inbox, the signal has not come: the deadline itself looks."""
    order_no = await hasty.place(token=None)
    await hasty.reaches(order_no, "pending_payment")
    paid = await paid_fact(hasty, order_no)
    await silently(hasty, order_no, paid)
    await hasty.reaches(order_no, "preparing")
    assert hasty.payments(order_no) == [("capture", "succeeded")]


async def test_a_payment_after_the_deadline_goes_back(hasty: Stage) -> None:
    order_no = await hasty.place(token=None)
    await hasty.reaches(order_no, "cancelled")
    await pay_directly(hasty, order_no, 1000)
    await eventually(lambda: hasty.payments(order_no) == [("capture", "succeeded"), ("refund", "succeeded")])
    assert await hasty.status(order_no) == "cancelled"


async def test_a_payment_at_the_very_deadline_wins_or_goes_back(hasty: Stage) -> None:
    """Sent at moments around the deadline: whichever comes first, money and order agree."""

    async def one(delay_s: float) -> None:
        order_no = await hasty.place(token=None)
        await hasty.reaches(order_no, "pending_payment")
        await asyncio.sleep(delay_s)
        await pay_directly(hasty, order_no, 1000)

        async def agreed() -> bool:
            paid = hasty.payments(order_no)
            match await hasty.status(order_no):
                case "preparing":
                    return paid == [("capture", "succeeded")]
                case "cancelled":
                    return paid == [("capture", "succeeded"), ("refund", "succeeded")]
            return False

        await eventually(agreed)

    await asyncio.gather(*(one(0.6 + 0.1 * turn) for turn in range(8)))


async def paid_fact(stage: Stage, order_no: str) -> dict[str, Any]:
    """A customer pays at the provider; what its webhook would say."""
    body = {"order_no": order_no, "amount_minor": 1000, "currency": "CNY", "reference": "bank"}
    paid = stage.sandbox.http.post("/payments/pay", json=body).json()
    keep = ("kind", "status", "amount_minor", "currency", "idempotency_key")
    return {"provider_ref": paid["id"], **{name: paid.get(name) for name in keep}}


async def silently(stage: Stage, order_no: str, fact: dict[str, Any], kind: str = "payment") -> None:
    """Keep a fact whose signal is lost."""
    async with stage.owner.begin() as conn:
        await conn.exec_driver_sql("SET LOCAL session_replication_role = replica")
        await conn.exec_driver_sql(
            "INSERT INTO inbox (provider, event_id, kind, order_no, fact) VALUES ('sandbox', %s, %s, %s, %s::jsonb)",
            (secrets.token_hex(8), kind, order_no, json.dumps(fact)),
        )
