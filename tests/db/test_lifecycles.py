"""The lifecycles of the rules are those that the database guards: every pair of statuses is tried on it.

Returns, refunds and orders have transition tables in the database; their tests compare the tables.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import psycopg
import pytest

from domain.after_sales.exchanges import EXCHANGE_TRANSITIONS
from domain.after_sales.guarantees import GUARANTEE_TRANSITIONS
from domain.after_sales.returns import OPEN
from domain.payments.change_payments import CHANGE_PAYMENT_TRANSITIONS
from domain.payments.disputes import DISPUTE_TRANSITIONS
from tests.db.after_sales.test_guarantees import offered
from tests.db.payments.test_change_payments import waiting
from tests.factories.raw_writes import DirectDatabase

LISTED = re.compile(r"(?:IN \(|ARRAY\[)'requested'[^)\]]*")


@dataclass(frozen=True)
class Guard:
    """A table whose trigger guards its status; `also` are columns that a check ties to the status."""

    table: str
    refuses: str
    transitions: Mapping[StrEnum, frozenset[StrEnum]]
    also: str = ""


GUARDS = {
    "guarantee": Guard("guarantees", "a guarantee does not go from", GUARANTEE_TRANSITIONS, ", claim_minor = 1"),
    "exchange": Guard(
        "exchanges", "an exchange is placed once", EXCHANGE_TRANSITIONS, ", new_order_no = order_no, used_minor = 0"
    ),
    "change payment": Guard(
        "change_payments", "a change that waits for its payment ends once", CHANGE_PAYMENT_TRANSITIONS,
        ", code = CASE {status} WHEN 'undone' THEN 'declined' END",
    ),
    "dispute": Guard(
        "disputes", "a dispute ends once", DISPUTE_TRANSITIONS,
        ", closed_at = CASE {status} WHEN 'open' THEN NULL ELSE now() END",
    ),
}  # fmt: skip


async def order_of(db: DirectDatabase, kind: str) -> str:
    """An order with one row of the kind."""
    if kind == "change payment":
        return await waiting(db)
    if kind in ("guarantee", "exchange"):
        return (await offered(db))[0]
    order_no = await db.order()
    capture = await db.paid_in(order_no)
    disputed = await db.payment(order_no, "dispute", "succeeded", parent=capture)
    await db.rows("INSERT INTO disputes (payment_id, order_no, reason) VALUES (%s, %s, 'fraud')", disputed, order_no)
    return order_no


@pytest.mark.parametrize("kind", GUARDS)
async def test_the_database_guards_the_lifecycle_of_the_rules(db: DirectDatabase, kind: str) -> None:
    guard, order_no = GUARDS[kind], await order_of(db, kind)
    allowed = {
        source: {target for target in guard.transitions if await is_allowed(db, guard, order_no, source, target)}
        for source in guard.transitions
    }
    assert allowed == {one: set(after) for one, after in guard.transitions.items()}


async def test_the_open_returns_of_the_database_are_those_of_the_rules(db: DirectDatabase) -> None:
    """An index or a function that names other statuses would not find all open returns."""
    written = await db.rows(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'returns' AND indexdef LIKE %s "
        "UNION ALL SELECT proname, prosrc FROM pg_proc WHERE prosrc LIKE %s",
        "%'requested'%",
        "%'requested', 'approved'%",
    )
    found = {name: set(re.findall(r"'(\w+)'", LISTED.search(text)[0])) for name, text in written if LISTED.search(text)}
    assert {"returns_open", "returns_exchanging", "require_no_open_return", "require_unpaid_within"} <= set(found)
    assert all(statuses == {str(one) for one in OPEN} for statuses in found.values()), found


async def is_allowed(db: DirectDatabase, guard: Guard, order_no: str, source: StrEnum, target: StrEnum) -> bool:
    """Whether the guard lets the status change; what another rule refuses is not its refusal. Nothing is kept."""
    if source is target:
        return False
    refusal = None
    async with db.owner.transaction(force_rollback=True):
        await db.owner.execute("SET LOCAL session_replication_role = replica")
        await db.owner.execute(move(guard, source), (order_no,))
        await db.owner.execute("SET LOCAL session_replication_role = origin")
        try:
            async with db.owner.transaction():
                await db.owner.execute(move(guard, target), (order_no,))
        except psycopg.Error as error:
            refusal = error
    return refusal is None or guard.refuses not in str(refusal)


def move(guard: Guard, status: StrEnum) -> bytes:
    also = guard.also.format(status=f"'{status}'")
    return f"UPDATE {guard.table} SET status = '{status}'{also} WHERE order_no = %s".encode()
