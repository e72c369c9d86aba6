"""Whatever is asked, answered, received and inspected: pieces sent less pieces back are pieces kept."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.after_sales.returns import (
    CLOSED,
    NOT_COUNTED,
    Condition,
    Found,
    Reason,
    Resolution,
    ReturnDue,
    ReturnStatus,
)
from domain.errors import RuleBroken
from infra.db.after_sales import return_deadlines, return_handling, return_requests, returns
from infra.db.after_sales.return_policy import ReturnPolicy
from infra.db.after_sales.return_requests import ReturnRequest
from infra.db.after_sales.settlement import SettlementContext
from infra.db.checks.consistency_checks import CHECKS, run_checks
from infra.db.customers.profiles import KeyRing
from infra.db.engine import Database
from infra.security.crypto import Vault
from tests.api.conftest import settings_for
from tests.conftest import DatabaseUrls
from tests.examples import few

# Pieces of each line; two lines have one SKU.
LINES = [("TEA", 3), ("CUP", 2), ("TEA", 2)]
PRICE = 100
SKUS = st.sampled_from(["TEA", "CUP"])
UNITS = st.integers(1, 4)
REPORTED = st.sampled_from([one for one in Condition if one is not Condition.LOST])
REFUSALS = {
    *("return_exceeds_delivered", "more_than_returned", "return_already_received", "return_already_inspected"),
    *("return_not_received", "return_decided", "return_closed", "return_not_cancellable", "unknown_line"),
}
FEWER = few(8, stateful_step_count=20)
LEVELS = [question for question in CHECKS if "stock" in question.name or "return" in question.name]


class Returning(RuleBasedStateMachine):
    """One delivered and paid order of a product of its own."""

    database: Database
    owner: Database
    loop: asyncio.AbstractEventLoop
    keys: KeyRing
    terms: ReturnPolicy

    requested = Bundle("asked")

    def __init__(self) -> None:
        super().__init__()
        self.tag = secrets.token_hex(5)
        self.order_no = f"B-{self.tag}"
        self.run(self._place, owner=True)

    def sku(self, name: str) -> str:
        return f"{name}-{self.tag}"

    def run(self, work: Callable[[AsyncConnection], Awaitable[Any]], *, owner: bool = False) -> Any:
        async def transaction() -> Any:
            async with (self.owner if owner else self.database).begin() as conn:
                return await work(conn)

        return self.loop.run_until_complete(transaction())

    async def _place(self, conn: AsyncConnection) -> None:
        async def write(statement: str, **values: Any) -> None:
            await conn.execute(text(statement), {"o": self.order_no, **values})

        total = PRICE * sum(units for _, units in LINES)
        await write("INSERT INTO customers (customer_id, data_key) VALUES (:o, :k)",
                    k=self.keys.vault.new_data_key()[1])  # fmt: skip
        for name in ("TEA", "CUP"):
            await write("INSERT INTO products (sku, name, price_minor, currency) VALUES (:s, 'x', 100, 'CNY')",
                        s=self.sku(name))  # fmt: skip
        await write(
            "INSERT INTO orders (order_no, channel, type, customer_id, currency, items_minor, total_minor, country, "
            "province, city, ship_to_enc, placed_by) VALUES (:o, 'web', 'standard', :o, 'CNY', :t, :t, 'CN', 'p', "
            "'c', '', 'test')", t=total,
        )  # fmt: skip
        for number, (name, units) in enumerate(LINES, 1):
            await write(
                "INSERT INTO order_lines (order_no, line_no, sku, name, quantity, unit_price_minor) "
                "VALUES (:o, :n, :s, 'x', :q, 100)", n=number, s=self.sku(name), q=units,
            )  # fmt: skip
        await write(
            "INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, "
            "idempotency_key, provider_ref) VALUES (:o, 'capture', 1, 'sandbox', :t, 'CNY', 'succeeded', :o, :o)",
            t=total,
        )
        for event, source, target in (
            ("stock_reserved", "received", "pending_payment"), ("payment_captured", "pending_payment", "paid"),
            ("shipment_booked", "paid", "preparing"), ("shipment_picked_up", "preparing", "shipped"),
            ("shipment_delivered", "shipped", "delivered"),
        ):  # fmt: skip
            await write(
                "INSERT INTO order_events (order_no, type, from_status, to_status, data, actor) "
                "VALUES (:o, :e, :a, :b, '{\"warehouse\": \"WH-EAST\"}', 'test')", e=event, a=source, b=target,
            )  # fmt: skip

    def snapshot(self) -> Any:
        """All that the database holds of this order's returns, stock and refunds."""

        parts = ", ".join(
            f"(SELECT coalesce(jsonb_agg(to_jsonb(t) - 'updated_at' ORDER BY {order}), '[]') FROM {table} t "
            f"WHERE {where})"
            for table, order, where in (
                ("returns", "t.return_no", "t.order_no = :o"),
                ("return_inspections", "t.return_id, t.stage, t.line_no, t.condition",
                 "t.return_id IN (SELECT return_id FROM returns WHERE order_no = :o)"),
                ("order_lines", "t.line_no", "t.order_no = :o"),
                ("stock_levels", "t.sku", "t.sku IN ('TEA-' || :t, 'CUP-' || :t)"),
                ("refunds", "t.refund_no", "t.order_no = :o"),
                ("order_events", "t.seq", "t.order_no = :o"),
            )
        )  # fmt: skip

        async def read(conn: AsyncConnection) -> Any:
            reported = text(f"SELECT jsonb_build_array({parts})")
            return (await conn.execute(reported, {"o": self.order_no, "t": self.tag})).scalar_one()

        return self.run(read)

    def tried(self, work: Callable[[AsyncConnection], Awaitable[Any]]) -> Any:
        """What the database answered; None where it refused by a rule, and then nothing has changed."""
        before = self.snapshot()
        try:
            return self.run(work)
        except RuleBroken as refused:
            assert refused.code in REFUSALS, refused.code
        except Exception as error:
            assert "line_returns_within_delivered" in str(error), error
        assert self.snapshot() == before
        return None

    def acted(self, return_id: str | None, action: Callable[[AsyncConnection, Any], Awaitable[Any]]) -> None:
        async def work(conn: AsyncConnection) -> Any:
            return await action(conn, await returns.lock(conn, return_id or ""))

        if return_id is not None:
            self.tried(work)

    @rule(target=requested, sku=SKUS, units=UNITS, reason=st.sampled_from(Reason), by_rule=st.booleans())
    def ask(self, sku: str, units: int, reason: Reason, by_rule: bool) -> str | None:
        return_id = f"rt_{secrets.token_hex(16)}"
        wanted = {self.sku(sku): units}
        new_request = ReturnRequest(
            return_id, self.order_no, wanted, "because", reason, Resolution.REFUND, "customer:c"
        )
        terms = self.terms if by_rule else replace(self.terms, auto_approve_minor=0)
        made = self.tried(lambda conn: return_requests.open_return(conn, self.keys, terms, new_request))
        return return_id if made else None

    @rule(return_id=requested)
    def approve(self, return_id: str | None) -> None:
        self.acted(
            return_id, lambda conn, order_return: return_handling.approve(conn, order_return, "support:a", self.terms)
        )

    @rule(return_id=requested)
    def reject(self, return_id: str | None) -> None:
        self.acted(
            return_id,
            lambda conn, order_return: return_handling.reject(
                conn, order_return, "support:a", self.terms, self.keys, "x"
            ),
        )

    @rule(return_id=requested)
    def cancel(self, return_id: str | None) -> None:
        self.acted(
            return_id, lambda conn, order_return: return_handling.cancel(conn, order_return, "customer:c", self.terms)
        )

    @rule(return_id=requested)
    def send(self, return_id: str | None) -> None:
        self.acted(
            return_id,
            lambda conn, order_return: return_handling.sent(conn, order_return, "customer:c", self.terms, "post", "1"),
        )

    @rule(return_id=requested, sku=SKUS, units=UNITS, condition=REPORTED)
    def receive(self, return_id: str | None, sku: str, units: int, condition: Condition) -> None:
        found = [Found(self.sku(sku), units, condition)]
        self.acted(
            return_id,
            lambda conn, order_return: return_handling.receive(conn, order_return, "warehouse:w", self.terms, found),
        )

    @rule(return_id=requested, sku=SKUS, units=UNITS, condition=REPORTED, percent=st.sampled_from([0, 50, 100]))
    def inspect(self, return_id: str | None, sku: str, units: int, condition: Condition, percent: int) -> None:
        found = [Found(self.sku(sku), units, condition)]
        context = SettlementContext(self.keys, replace(self.terms, damaged_percent=percent), "warehouse:w")
        self.acted(return_id, lambda conn, order_return: return_handling.inspect(conn, order_return, context, found))

    @rule(return_id=requested, action=st.sampled_from(ReturnDue))
    def time_passes(self, return_id: str | None, action: ReturnDue) -> None:
        async def late(conn: AsyncConnection) -> None:
            await conn.execute(text("UPDATE returns SET deadline = now(), remind_at = remind_at - interval '1 year' "
                                    "WHERE return_id = :r AND deadline IS NOT NULL"), {"r": return_id})  # fmt: skip

        if return_id is not None:
            self.run(late)
            context = SettlementContext(self.keys, self.terms, "system")
            self.acted(
                return_id, lambda conn, order_return: return_deadlines.process_due(conn, order_return, action, context)
            )

    @invariant()
    def pieces_sent_less_pieces_back_are_pieces_kept(self) -> None:
        async def read(conn: AsyncConnection) -> Any:
            reported = text(
                "SELECT (SELECT jsonb_agg(jsonb_build_object('sent', l.quantity, 'returned', l.returned_quantity, "
                "'counted', (SELECT coalesce(sum(n.quantity), 0) FROM return_lines n JOIN returns r USING (return_id) "
                "WHERE n.order_no = l.order_no AND n.line_no = l.line_no AND NOT r.status = ANY(:free)))) "
                "FROM order_lines l WHERE l.order_no = :o) AS lines, "
                "(SELECT coalesce(sum(f.quantity), 0)::bigint FROM return_inspections f JOIN returns USING (return_id) "
                "WHERE order_no = :o AND stage = 'inspected' AND condition IN ('as_new', 'damaged')) AS came, "
                "(SELECT coalesce(sum(on_hand + quarantined), 0)::bigint FROM stock_levels "
                "WHERE sku IN ('TEA-' || :t, 'CUP-' || :t)) AS there, "
                "(SELECT coalesce(sum(amount_minor), 0)::bigint FROM refunds WHERE order_no = :o) AS given"
            )
            free = [str(one) for one in NOT_COUNTED]
            return (await conn.execute(reported, {"o": self.order_no, "t": self.tag, "free": free})).one()

        row = self.run(read)
        assert all(line["counted"] == line["returned"] <= line["sent"] for line in row.lines)
        sent = sum(line["sent"] for line in row.lines)
        assert 0 <= row.came == row.there <= sum(line["returned"] for line in row.lines) <= sent
        assert row.given <= PRICE * sent

    def teardown(self) -> None:
        """Every return can still reach an end, whatever it went through; and the ledger command finds nothing."""

        async def open_ones(conn: AsyncConnection) -> list[str]:
            open_ = text("SELECT return_id FROM returns WHERE order_no = :o AND NOT status = ANY(:closed)")
            closed = [str(one) for one in CLOSED]
            return list((await conn.execute(open_, {"o": self.order_no, "closed": closed})).scalars())

        for return_id in self.run(open_ones):
            self.ended(return_id)
        for question in LEVELS:
            answer = self.run(lambda conn, check=question: run_checks(conn, check))  # type: ignore[misc]
            assert not answer.count, (question.name, answer.examples)

    def ended(self, return_id: str) -> None:
        for action in (ReturnDue.APPROVE, ReturnDue.REMIND, ReturnDue.EXPIRE, ReturnDue.INSPECT):
            self.time_passes(return_id, action)

        async def status(conn: AsyncConnection) -> ReturnStatus:
            return (await returns.find(conn, return_id)).status

        # What is inspected waits for its refund alone.
        assert self.run(status) in (*CLOSED, ReturnStatus.INSPECTED)


def test_any_returns_keep_the_pieces(database_url: DatabaseUrls) -> None:
    configured = settings_for(database_url, return_labels=False)
    loop = asyncio.new_event_loop()
    databases = [Database.from_settings(configured.model_copy(update={"database_url": url}))
                 for url in (database_url.app_url, database_url.owner_url)]  # fmt: skip
    keys, terms = KeyRing(Vault.from_settings(configured)), ReturnPolicy.from_settings(configured)
    body = {"loop": loop, "database": databases[0], "owner": databases[1], "keys": keys, "terms": terms}
    try:
        run_state_machine_as_test(type("Returning", (Returning,), body), settings=FEWER)
    finally:
        for database in databases:
            loop.run_until_complete(database.close())
        loop.close()
