"""Store credit in the database: no balance below zero, no hold spent twice, none of it by careless code."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from domain.gateways import GatewayError, GatewayResult, PaymentRequest
from infra.db.checks import consistency_checks
from infra.db.engine import Database
from infra.db.payments import store_credit
from infra.db.payments.store_credit import EntryKind, NewEntry
from infra.gateways.payments.store_credit import StoreCredit
from infra.settings import Settings
from tests.examples import few
from tests.factories.raw_writes import DirectDatabase, connect


@pytest.fixture(scope="module")
async def database(db: DirectDatabase) -> AsyncIterator[Database]:
    opened = Database.from_settings(Settings(database_url=db.urls.app_url))
    yield opened
    await opened.close()


async def credited(db: DirectDatabase, database: Database, granted_minor: int = 1000) -> str:
    """An order that was paid, `granted_minor` of it turned into store credit."""
    order_no = await db.order(granted_minor + 500, quantity=granted_minor + 500)
    await db.paid_in(order_no, granted_minor + 500)
    async with database.begin() as conn:
        await store_credit.grant(conn, order_no, "CNY", granted_minor, order_no, None, f"{order_no}/credit/1")
    return order_no


async def balance(db: DirectDatabase, customer: str) -> tuple[int, int]:
    rows = await db.rows("SELECT balance_minor, held_minor FROM store_credits WHERE customer_id = %s", customer)
    return tuple(rows[0]) if rows else (0, 0)  # type: ignore[return-value]


async def wrong(database: Database) -> list[str]:
    async with database.begin() as conn:
        answers = [await consistency_checks.run_checks(conn, question) for question in consistency_checks.CHECKS]
    return [f"{answer.question.name}: {answer.examples}" for answer in answers if answer.count]


async def test_a_grant_is_money_that_stays_and_is_owed(db: DirectDatabase, database: Database) -> None:
    order_no = await credited(db, database, 400)
    async with database.begin() as conn:  # again: nothing more
        await store_credit.grant(conn, order_no, "CNY", 400, order_no, None, f"{order_no}/credit/1")

    assert await balance(db, order_no) == (400, 0)
    posted = await db.rows(
        "SELECT debit_account, credit_account, amount_minor FROM payment_ledger WHERE order_no = %s ORDER BY entry_id",
        order_no,
    )
    assert posted[-1] == ("customer_funds", "store_credit:customer", 400)
    assert len(posted) == 2
    events = await db.rows(
        "SELECT data FROM order_events WHERE order_no = %s AND type = 'store_credit_granted'", order_no
    )
    assert [row[0]["amount_minor"] for row in events] == [400]
    assert not await wrong(database)


async def test_what_became_credit_cannot_be_refunded_as_well(db: DirectDatabase, database: Database) -> None:
    order_no = await credited(db, database, 1000)
    capture = await db.one("SELECT payment_id FROM payments WHERE order_no = %s AND kind = 'capture'", order_no)
    assert await db.payment(order_no, "refund", "intent", 500, parent=capture)
    with pytest.raises(Exception, match="refunds_within_capture"):
        await db.payment(order_no, "refund", "intent", 1, parent=capture)
    with pytest.raises(store_credit.Conflict, match="refund_exceeds_captured"):
        async with database.begin() as conn:
            await store_credit.grant(conn, order_no, "CNY", 1, order_no, None, f"{order_no}/credit/2")


async def test_a_balance_never_falls_below_zero_whatever_the_code(db: DirectDatabase, database: Database) -> None:
    order_no = await credited(db, database, 100)
    with pytest.raises(Exception, match="store_credit_not_overdrawn"):
        async with database.begin() as conn:
            await store_credit.write(
                conn, NewEntry(secrets.token_hex(4), EntryKind.HELD, order_no, "CNY", 101, order_no)
            )
    assert await balance(db, order_no) == (100, 0)


async def test_nobody_spends_anothers_credit(db: DirectDatabase, database: Database) -> None:
    mine, others = await credited(db, database, 100), await db.order()
    with pytest.raises(Exception, match="belongs to the order"):
        async with database.begin() as conn:
            await store_credit.write(conn, NewEntry(secrets.token_hex(4), EntryKind.HELD, mine, "CNY", 1, others))


async def test_two_payments_at_once_share_no_cent(db: DirectDatabase, database: Database) -> None:
    order_no = await credited(db, database, 1000)
    gateway = StoreCredit(database)
    requests = [PaymentRequest(order_no, 600, "CNY", f"{order_no}/authorise/{n}", "balance") for n in (1, 2)]

    results = await asyncio.gather(*(gateway.authorise(request) for request in requests))

    assert sorted(str(result.status) for result in results) == ["failed", "succeeded"]
    assert [result.error_code for result in results if result.error_code] == ["insufficient_credit"]
    assert await balance(db, order_no) == (400, 600)


async def test_a_hold_ends_once(db: DirectDatabase, database: Database) -> None:
    order_no = await credited(db, database, 1000)
    gateway = StoreCredit(database)
    held = await gateway.authorise(PaymentRequest(order_no, 700, "CNY", f"{order_no}/a", "balance"))
    assert held.provider_ref
    outcomes = await asyncio.gather(
        gateway.capture(held.provider_ref, PaymentRequest(order_no, 700, "CNY", f"{order_no}/c")),
        gateway.void(held.provider_ref, PaymentRequest(order_no, 700, "CNY", f"{order_no}/v")),
        return_exceptions=True,
    )
    assert sorted(isinstance(outcome, GatewayError) for outcome in outcomes) == [False, True]
    left = await balance(db, order_no)
    assert left in ((300, 0), (1000, 0))


async def test_less_than_held_may_be_spent(db: DirectDatabase, database: Database) -> None:
    order_no = await credited(db, database, 1000)
    gateway = StoreCredit(database)
    held = await gateway.authorise(PaymentRequest(order_no, 700, "CNY", f"{order_no}/a", "balance"))
    assert held.provider_ref
    await gateway.capture(held.provider_ref, PaymentRequest(order_no, 200, "CNY", f"{order_no}/c"))
    assert await balance(db, order_no) == (800, 0)


OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["hold", "capture", "void", "refund"]), st.integers(1, 400), st.integers(0, 5)),
    max_size=12,
)


@few(12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=OPERATIONS)
def test_what_came_less_what_went_is_what_is_there(actions: list[tuple[str, int, int]], db: DirectDatabase) -> None:
    asyncio.run(_operations(db, actions))


async def _operations(db: DirectDatabase, actions: list[tuple[str, int, int]]) -> None:
    """Any sequence of legal and illegal acts: the balance is what was granted, less what was spent and not returned."""
    database = Database.from_settings(Settings(database_url=db.urls.app_url, db_pool_size=2))
    there = DirectDatabase(db.urls, *[await connect(url) for url in (db.urls.owner_url, db.urls.app_url)])
    try:
        order_no = await credited(there, database, 1000)
        await _play(StoreCredit(database), order_no, actions)
        kinds: dict[str, int] = {
            row[0]: int(row[1])
            for row in await there.rows(
                "SELECT kind, sum(amount_minor) FROM store_credit_entries WHERE order_no = %s GROUP BY kind", order_no
            )
        }
        left, held = await balance(there, order_no)
        assert left + held == 1000 - kinds.get("spent", 0) + kinds.get("returned", 0)
        assert held == kinds.get("held", 0) - kinds.get("released", 0) - kinds.get("spent", 0)
        assert min(left, held) >= 0 and kinds.get("returned", 0) <= kinds.get("spent", 0)
    finally:
        await there.owner.close()
        await there.app.close()
        await database.close()


async def _play(gateway: StoreCredit, order_no: str, actions: list[tuple[str, int, int]]) -> None:
    refs: dict[str, list[str]] = {"hold": [], "capture": []}
    for number, (action, amount, which) in enumerate(actions):
        request = PaymentRequest(order_no, amount, "CNY", f"{order_no}/{number}", "balance")
        source = refs["capture" if action == "refund" else "hold"]
        try:
            if action == "hold":
                result: GatewayResult = await gateway.authorise(request)
            elif not source:
                continue
            else:
                result = await getattr(gateway, action)(source[which % len(source)], request)
        except GatewayError:
            continue
        if action in refs and result.provider_ref:
            refs[action].append(result.provider_ref)
