"""Whatever is opened, decided, paid or failed, in whatever order: no more goes back than came in, of no line either."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import RuleBroken
from domain.gateways import GatewayResult
from domain.payments import renewals as rules
from domain.payments.refunds import Origin, RefundStatus
from domain.payments.transactions import PaymentStatus
from domain.payments.unapplied import to_return
from domain.support.parked_steps import is_over, subject_of
from domain.support.steps import Step
from infra.db.approvals import approval_requests
from infra.db.approvals.approval_limits import Limits
from infra.db.checks.consistency_checks import CHECKS, run_checks
from infra.db.customers.profiles import KeyRing
from infra.db.engine import Database
from infra.db.orders.state import timeline
from infra.db.orders.state.state_facts import StateFacts, load_facts
from infra.db.payments import refund_payouts, refund_plans, refunds, renewals, transactions
from infra.db.payments.refund_plans import NewRefund, NewRefundLine
from infra.security.crypto import Vault
from tests.api.conftest import settings_for
from tests.conftest import DatabaseUrls
from tests.db.payments import generated_orders
from tests.db.payments.generated_orders import ORDER, Rows, orders, write
from tests.examples import few

Out = TypeVar("Out")
# (sku, quantity, price, discount, shipping, added tax)
LINES = [("TEA", 3, 333, 50, 7, 3), ("CUP", 2, 500, 0, 4, 0), ("TEA", 1, 0, 0, 1, 0)]
REFUSALS = {"refund_exceeds_captured", "amount_invalid", "nothing_captured", "refund_closed"}
MONEY = [question for question in CHECKS if "refund" in question.name or "sold" in question.name]


class Refunding(RuleBasedStateMachine):
    """One order with two captures, as an order has that was changed after it was paid."""

    urls: DatabaseUrls
    loop: asyncio.AbstractEventLoop
    database: Database
    owner: Database
    keys: KeyRing

    opened = Bundle("opened")
    waiting = Bundle("waiting")

    def __init__(self) -> None:
        super().__init__()
        self.order_no = f"R-{secrets.token_hex(6)}"
        self.numbers = 0
        self.total = self.run(self._place)

    def run(self, work: Callable[[AsyncConnection], Awaitable[Out]], *, owner: bool = False) -> Out:
        async def transaction() -> Out:
            async with (self.owner if owner else self.database).begin() as conn:
                return await work(conn)

        return self.loop.run_until_complete(transaction())

    async def _place(self, conn: AsyncConnection) -> int:
        items = sum(q * p for _, q, p, *_ in LINES)
        discount, shipping, tax = (sum(line[i] for line in LINES) for i in (3, 4, 5))
        total = items - discount + shipping + tax
        values = {"o": self.order_no, "i": items, "d": discount, "s": shipping, "t": tax, "x": total}
        await conn.execute(text("INSERT INTO customers (customer_id, data_key) VALUES (:o, :k)"),
                           {"o": self.order_no, "k": self.keys.vault.new_data_key()[1]})  # fmt: skip
        await conn.execute(
            text(
                "INSERT INTO orders (order_no, channel, type, customer_id, currency, items_minor, discount_minor, "
                "shipping_minor, tax_minor, tax_added_minor, total_minor, country, province, city, ship_to_enc, "
                "placed_by) "
                "VALUES (:o, 'web', 'standard', :o, 'CNY', :i, :d, :s, :t, :t, :x, 'CN', 'p', 'c', '', 'test')"
            ),
            values,
        )
        for number, (sku, quantity, price, *rest) in enumerate(LINES, 1):
            row = {"o": self.order_no, "n": number, "sku": sku, "q": quantity, "p": price}
            await conn.execute(
                text(
                    "INSERT INTO order_lines (order_no, line_no, sku, name, quantity, unit_price_minor, "
                    "discount_minor, shipping_minor, tax_minor, tax_added_minor) "
                    "VALUES (:o, :n, :sku, :sku, :q, :p, :d, :s, :t, :t)"
                ),
                row | dict(zip(("d", "s", "t"), rest, strict=True)),
            )
        for amount in (total - 700, 700):
            reference = secrets.token_hex(8)
            await conn.execute(
                text(
                    "INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, "
                    "idempotency_key, provider_ref) "
                    "VALUES (:o, 'capture', 1, 'sandbox', :a, 'CNY', 'succeeded', :r, :r)"
                ),
                {"o": self.order_no, "a": amount, "r": reference},
            )
        return total

    def tried(self, work: Callable[[AsyncConnection], Awaitable[Out]]) -> Out | None:
        """What the database answered; None where it refused by a rule. Anything else fails the test."""
        try:
            return self.run(work)
        except RuleBroken as refused:
            assert refused.code in REFUSALS, refused.code
            return None

    def _ask(self, **options: Any) -> NewRefund:
        refund_id = f"rf_{secrets.token_hex(16)}"
        return NewRefund(refund_id, self.order_no, Origin.SUPPORT, "support:ann", "because", **options)

    def _open(self, **options: Any) -> str | None:
        requested = self._ask(**options)
        found = self.tried(lambda conn: refunds.open_refund(conn, self.keys, requested))
        return found.refund_id if found else None

    @rule(target=opened, amount=st.integers(1, 900))
    def open_amount(self, amount: int) -> str | None:
        return self._open(amount_minor=amount)

    @rule(target=opened, line=st.integers(1, 3), units=st.integers(1, 3), shipping=st.booleans())
    def open_units(self, line: int, units: int, shipping: bool) -> str | None:
        return self._open(lines=(NewRefundLine(units, line_no=line),), include_shipping=shipping)

    @rule(target=opened, units=st.integers(1, 4), amount=st.integers(1, 200))
    def open_units_for_less(self, units: int, amount: int) -> str | None:
        return self._open(lines=(NewRefundLine(units, sku="TEA"),), amount_minor=amount)

    @rule(target=waiting, amount=st.integers(1, 900))
    def ask_for_approval(self, amount: int) -> str | None:
        return self._open(amount_minor=amount, limits=Limits(0))

    @rule(target=opened, refund_id=consumes(waiting), yes=st.booleans())
    def decide(self, refund_id: str | None, yes: bool) -> str | None:
        if refund_id is None:
            return None
        verdict = RefundStatus.APPROVED if yes else RefundStatus.REFUSED

        async def work(conn: AsyncConnection) -> None:
            await timeline.lock_order(conn, self.order_no)
            query = text("SELECT approval_id FROM refunds WHERE refund_id = :r")
            approval_id = (await conn.execute(query, {"r": refund_id})).scalar_one()
            await approval_requests.decide(conn, self.keys, approval_id, verdict.value, "finance:ben", "x")
            await refunds.decided(conn, self.order_no, refund_id, verdict, "finance:ben")

        self.run(work)
        return refund_id if yes else None

    @rule(refund_id=consumes(waiting))
    def nobody_decides(self, refund_id: str | None) -> None:
        expire = text("UPDATE approvals SET expires_at = now() FROM refunds r WHERE r.approval_id = "
                      "approvals.approval_id AND r.refund_id = :r")  # fmt: skip

        async def late(conn: AsyncConnection) -> None:
            await conn.execute(expire, {"r": refund_id})

        async def work(conn: AsyncConnection) -> None:
            await timeline.lock_order(conn, self.order_no)
            await refunds.lapse(conn, self.order_no)

        self.run(late, owner=True)
        self.run(work)

    @rule(refund_id=opened, outcome=st.sampled_from([None, *PaymentStatus]), parts=st.integers(1, 2))
    def pay(self, refund_id: str | None, outcome: PaymentStatus | None, parts: int) -> None:
        """Intents for some of its parts, and (None: not yet) what the provider says."""

        async def work(conn: AsyncConnection) -> None:
            await timeline.lock_order(conn, self.order_no)
            for part in (await refund_payouts.due_parts(conn, refund_id or ""))[:parts]:
                stored = await transactions.begin(conn, part)
                if outcome not in (None, PaymentStatus.INTENT) and not stored.decided:
                    result = GatewayResult(outcome, secrets.token_hex(8), part.amount_minor)
                    await transactions.finish(conn, stored, result)
            await refund_payouts.settle(conn, refund_id or "")

        self.run(work)

    @rule(refund_id=opened, tag=st.integers(0, 10**9))
    def pay_manually(self, refund_id: str | None, tag: int) -> None:
        async def work(conn: AsyncConnection) -> None:
            await timeline.lock_order(conn, self.order_no)
            await refund_payouts.record_manually(conn, refund_id or "", str(tag), f"bank-{secrets.token_hex(4)}")

        self.run(work)

    @invariant()
    def no_more_goes_back_than_came_in(self) -> None:
        async def work(conn: AsyncConnection) -> tuple[int, int, int, int]:
            sums = text(
                "SELECT sum(captured_minor)::bigint AS captured, sum(refunded_minor + promised_minor)::bigint AS gone, "
                "(SELECT sum(refunded_minor)::bigint FROM order_lines WHERE order_no = :o) AS of_lines, "
                "(SELECT coalesce(sum(amount_minor), 0)::bigint FROM refunds WHERE order_no = :o "
                "AND status NOT IN ('refused', 'overtaken')) AS refunds "
                "FROM payments JOIN payment_totals USING (payment_id) WHERE order_no = :o"
            )
            row = (await conn.execute(sums, {"o": self.order_no})).one()
            return row.captured, row.gone, row.of_lines, row.refunds

        captured, gone, of_lines, decided = self.run(work)
        assert captured == self.total
        assert gone == of_lines == decided <= captured

    @invariant()
    def the_ledger_keeps_what_was_not_paid_back(self) -> None:
        async def work(conn: AsyncConnection) -> tuple[int, int]:
            stored = text(
                "SELECT coalesce(sum(CASE WHEN credit_account = 'customer_funds' THEN amount_minor ELSE 0 END - "
                "CASE WHEN debit_account = 'customer_funds' THEN amount_minor ELSE 0 END), 0)::bigint AS kept, "
                "(SELECT coalesce(sum(amount_minor), 0)::bigint FROM payments WHERE order_no = :o AND kind = 'refund' "
                "AND status = 'succeeded') AS paid FROM payment_ledger WHERE order_no = :o"
            )
            row = (await conn.execute(stored, {"o": self.order_no})).one()
            return row.kept, row.paid

        stored, paid = self.run(work)
        assert stored == self.total - paid

    def teardown(self) -> None:
        """What `oms ledger check` asks of money; all that is left can be refunded, and no more."""

        async def rest(conn: AsyncConnection) -> int:
            return await refund_plans.left_of(conn, self.order_no)

        if left := self.run(rest):
            assert self._open(amount_minor=left + 1) is None
            assert self._open(amount_minor=left) is not None
        for question in MONEY:
            answer = self.run(lambda conn, check=question: run_checks(conn, check))  # type: ignore[misc]
            assert not answer.count, (question.name, answer.examples)


MICROSECOND = timedelta(microseconds=1)
# Python alone decides on a change's payment: the database never ends that step.
DECIDED_TWICE = [step for step in Step if step is not Step.SUPPLEMENT]
GUARDS = text(
    """
    SELECT (SELECT coalesce(json_agg(json_build_array(m.payment_id, m.kind, m.purpose, m.amount_minor)), '[]')
              FROM money_to_return(:o, false) m) AS unapplied,
           (SELECT coalesce(json_agg(json_build_array(m.payment_id, m.kind, m.purpose, m.amount_minor)), '[]')
              FROM money_to_return(:o, true) m) AS everything,
           (SELECT json_object_agg(s, due_subject(:o, s)) FROM unnest(CAST(:steps AS text[])) s) AS subjects,
           (SELECT json_agg(json_build_array(s, x, parked_is_over(s, x)))
              FROM unnest(CAST(:steps AS text[])) s, unnest(CAST(:known AS text[])) x) AS over,
           ARRAY(SELECT g.return_id FROM guarantees g WHERE g.order_no = :o AND guarantee_is_due(g.return_id)) AS due
    """
)

# What serves as a candidate for a renewal, and when it is next signalled, beside the facts that the rules read.
RENEWALS = text(
    f"SELECT f.*, {renewals.DUE} AS due, authorisation_is_wanted(p.payment_id) AS needed, {renewals.AGAIN} AS again "
    f"FROM ({renewals.FACTS} WHERE p.order_no = :o) f JOIN payments p USING (payment_id)"
)


def compare_renewals(rows: Sequence[RowMapping]) -> None:
    for row in rows:
        facts, now = renewals.facts_of(row), row["now"]
        assert rules.is_needed(facts) == row["needed"], row["payment_id"]
        assert rules.is_due(facts, now) == row["due"], row["payment_id"]
        assert abs(rules.next_signal(facts.expires_at, now) - row["again"]) <= MICROSECOND


def compare(facts: StateFacts, guards: Any) -> None:
    for guarded, everything in ((guards.unapplied, False), (guards.everything, True)):
        decided = to_return(facts.money, facts.transactions, everything=everything)
        assert sorted(guarded) == sorted([d.payment_id, d.kind, d.purpose, d.amount_minor] for d in decided)
    assert guards.subjects == {step: subject_of(step, facts.subjects) for step in DECIDED_TWICE}
    # Of a capture the previous version knows no subject.
    for step, subject, over in (guard for guard in guards.over if guard[0] != Step.CAPTURE):
        assert over == is_over(Step(step), subject, facts.subjects), (step, subject)
    assert sorted(guards.due) == sorted(set(facts.subjects.guarantees))


def test_the_databases_guards_say_what_the_rules_say(database_url: DatabaseUrls) -> None:
    """Money to return, subjects of steps, parked steps that are over, renewals that are due: SQL serves approval
    limits, candidates, and processes of the version before. Nothing of the generated orders is kept."""
    loop = asyncio.new_event_loop()
    settings = settings_for(database_url).model_copy(update={"database_url": database_url.owner_url})
    owner = Database.from_settings(settings)

    async def found(conn: AsyncConnection, rows: Rows) -> tuple[StateFacts, Any, Sequence[RowMapping]]:
        async with conn.begin_nested() as savepoint:
            await write(conn, rows)
            known = [*generated_orders.REFUNDS, *generated_orders.RETURNS, "unknown"]
            guards = await conn.execute(GUARDS, {"o": ORDER, "steps": list(DECIDED_TWICE), "known": known})
            due = (await conn.execute(RENEWALS, {"o": ORDER})).mappings().all()
            read = await load_facts(conn, ORDER), guards.one(), due
            await savepoint.rollback()
        return read

    async def opened() -> AsyncConnection:
        conn = await owner.engine.connect()
        await conn.execute(text("SET LOCAL session_replication_role = replica"))
        for index in generated_orders.DROPPED_INDEXES:
            await conn.execute(text(f"DROP INDEX IF EXISTS {index}"))
        return conn

    conn = loop.run_until_complete(opened())

    @few(40)
    @given(orders())
    def check(rows: Rows) -> None:
        facts, guards, due = loop.run_until_complete(found(conn, rows))
        compare(facts, guards)
        compare_renewals(due)

    try:
        check()
    finally:
        loop.run_until_complete(conn.rollback())
        loop.run_until_complete(conn.close())
        loop.run_until_complete(owner.close())
        loop.close()


def test_any_refunds_stay_within_what_was_paid(database_url: DatabaseUrls) -> None:
    loop = asyncio.new_event_loop()
    settings = settings_for(database_url)
    database, owner = (
        Database.from_settings(settings.model_copy(update={"database_url": url}))
        for url in (database_url.app_url, database_url.owner_url)
    )
    keys = KeyRing(Vault.from_settings(settings))

    async def prepare() -> None:
        async with owner.begin() as conn:
            # An order that was changed after it was paid has two captures of its own.
            await conn.execute(text("DROP INDEX payments_one_capture_of_order"))
            for sku in ("TEA", "CUP"):
                await conn.execute(
                    text("INSERT INTO products (sku, name, price_minor, currency) VALUES (:s, :s, 1, 'CNY')"),
                    {"s": sku},
                )

    try:
        loop.run_until_complete(prepare())
        parts = {"loop": loop, "database": database, "owner": owner, "keys": keys}
        run_state_machine_as_test(type("Refunding", (Refunding,), parts), settings=few(12, stateful_step_count=25))
    finally:
        loop.run_until_complete(database.close())
        loop.run_until_complete(owner.close())
        loop.close()
