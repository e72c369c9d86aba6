"""Whatever a customer, support and a warehouse do to an order, in whatever order: money and pieces add up, always.

All acts of after-sales on one order and on those that exchanges bring, through the functions that the product calls.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.errors import Problem
from api.services.orders import order_changes
from domain.access import Principal, Role
from domain.after_sales.returns import CLOSED, Condition, Found, Reason, Resolution, ReturnDue, ReturnStatus
from domain.errors import RuleBroken
from domain.orders.status import CANCELLABLE, TERMINAL
from domain.payments.refunds import Origin, RefundStatus
from domain.payments.transactions import PaymentStatus
from domain.shipping.shipments import ShipmentStatus
from infra.db.after_sales import delivery_exceptions, return_deadlines, return_handling, return_requests, returns
from infra.db.after_sales.return_policy import ReturnPolicy
from infra.db.after_sales.return_requests import ReturnRequest
from infra.db.after_sales.settlement import SettlementContext
from infra.db.approvals import approval_requests
from infra.db.approvals.approval_limits import Limits
from infra.db.customers.profiles import KeyRing
from infra.db.engine import Database
from infra.db.orders.changing import cancellation
from infra.db.orders.state import timeline
from infra.db.payments import refund_plans, refunds
from infra.db.payments.refund_plans import NewRefund, NewRefundLine
from infra.security.crypto import Vault
from tests.api.conftest import settings_for
from tests.conftest import DatabaseUrls
from tests.db.after_sales.shop_machine import (
    REFUSALS,
    Shop,
    money_adds_up,
    pieces_add_up,
    pieces_are_worth_their_part,
)
from tests.examples import few

SKUS = st.sampled_from(["TEA", "CUP", "POT"])
UNITS = st.integers(1, 4)
WHICH = st.integers(0, 7)
REPORTED = st.sampled_from([one for one in Condition if one is not Condition.LOST])
SUPPORT = Principal(Role.SUPPORT, "ann")
SOME = few(6, stateful_step_count=25)
Operation = Callable[[AsyncConnection], Awaitable[Any]]


class AfterSales(RuleBasedStateMachine):
    """One customer's orders; `which` picks one of those that exist by now."""

    shop_parts: tuple[Any, ...]
    terms: ReturnPolicy

    def __init__(self) -> None:
        super().__init__()
        self.shop = Shop(*self.shop_parts)

    @initialize(stage=st.sampled_from(["received", "paid", "delivered"]))
    def begins(self, stage: str) -> None:
        """Most of it is about orders that were paid."""
        if stage == "paid":
            self.goes_on(0)
            self.shop.pay(self.shop.first)
        elif stage == "delivered":
            self.arrives(0)

    # ── helpers ───────────────────────────────────────────────────────────────────────────────────────────

    def order(self, which: int) -> str:
        known = self.shop.orders()
        return known[which % len(known)]

    def tried(self, work: Operation) -> Any:
        """What the database answered; None where it refused by a rule, and then nothing has changed."""
        before = self.shop.digest()
        try:
            return self.shop.run(work)
        except (RuleBroken, Problem) as refused:
            assert refused.code in REFUSALS, (refused.code, refused.detail)
        assert self.shop.digest() == before
        return None

    def one_of(self, statement: str, which: int) -> Any:
        rows = self.shop.rows(statement, c=self.shop.customer)
        return rows[which % len(rows)] if rows else None

    def open_refund(self, order_no: str, **options: Any) -> Any:
        ask = NewRefund(f"rf_{secrets.token_hex(16)}", order_no, Origin.SUPPORT, "support:ann", "because", **options)
        return self.tried(lambda conn: refunds.open_refund(conn, self.shop.keys, ask))

    # ── an order goes on ──────────────────────────────────────────────────────────────────────────────────

    @rule(which=WHICH)
    def goes_on(self, which: int) -> None:
        order_no = self.order(which)
        if self.shop.rows("SELECT 1 FROM orders WHERE order_no = :o AND status <> 'delivered'", o=order_no):
            self.tried(lambda conn: self.shop.goes_on(conn, order_no))

    @rule(which=WHICH)
    def arrives(self, which: int) -> None:
        """Everything goes well up to the door."""
        order_no = self.order(which)
        for _ in range(5):
            self.shop.pay(order_no)
            self.goes_on(which)

    @rule(which=WHICH)
    def window_closes(self, which: int) -> None:
        order_no = self.order(which)
        self.tried(lambda conn: timeline.complete(conn, order_no))

    @rule(which=WHICH, with_credit=st.booleans())
    def pay(self, which: int, with_credit: bool) -> None:
        self.shop.pay(self.order(which), with_credit=with_credit)

    @rule(which=WHICH, reported=st.sampled_from([ShipmentStatus.LOST, ShipmentStatus.REFUSED]))
    def parcel_is_lost(self, which: int, reported: ShipmentStatus) -> None:
        order_no = self.order(which)
        rows = self.shop.rows("SELECT 1 FROM orders WHERE order_no = :o AND status = 'shipped'", o=order_no)
        if rows:
            self.tried(lambda conn: self.shop.parcel(conn, order_no, reported))

    @rule(which=WHICH, again=st.booleans())
    def choose(self, which: int, again: bool) -> None:
        order_no = self.order(which)

        async def work(conn: AsyncConnection) -> None:
            await timeline.lock_order(conn, order_no)
            problem = await delivery_exceptions.exception_of(conn, order_no)
            if again:
                await delivery_exceptions.reship(conn, problem, "customer:c")
            else:
                await delivery_exceptions.refund(conn, problem, "customer:c", self.shop.settings)

        self.tried(work)

    @rule(which=WHICH)
    def parcel_comes_back(self, which: int) -> None:
        parcel = self.one_of("SELECT shipment_id FROM shipments JOIN orders USING (order_no) WHERE customer_id = :c "
                             "ORDER BY 1", which)  # fmt: skip

        async def work(conn: AsyncConnection) -> None:
            await timeline.lock_order(conn, await delivery_exceptions.order_of(conn, parcel[0]))
            await delivery_exceptions.receive_undeliverable(conn, parcel[0], None, "warehouse:w")

        if parcel:
            self.tried(work)

    # ── changed, cancelled ────────────────────────────────────────────────────────────────────────────────

    @rule(which=WHICH, sku=SKUS, units=st.integers(0, 7), instead=st.sampled_from(["", "TEA", "CUP", "POT"]))
    def change(self, which: int, sku: str, units: int, instead: str) -> None:
        """More or fewer of a SKU, or so many of another instead."""
        order_no, names = self.order(which), self.shop.skus
        wanted = {row.sku: row.units for row in self.shop.rows(
            "SELECT sku, sum(quantity - cancelled_quantity)::bigint AS units FROM order_lines WHERE order_no = :o "
            "GROUP BY sku", o=order_no)}  # fmt: skip
        less = max(wanted.get(names[sku], 0) - units, 0)
        wanted[names[sku]] = units
        if instead and instead != sku:
            wanted[names[instead]] = wanted.get(names[instead], 0) + less
        wanted = {name: count for name, count in wanted.items() if count}
        if not wanted:
            return
        request = order_changes.ChangeRequest(frozenset({order_changes.ANY}), lines=wanted)

        async def work(_: AsyncConnection) -> None:
            key = secrets.token_hex(8)
            await order_changes.change(self.shop.parts, SUPPORT, key, self.shop.body_digest(wanted), order_no, request)

        self.tried(work)

    @rule(which=WHICH)
    def cancel(self, which: int) -> None:
        order_no = self.order(which)

        async def work(conn: AsyncConnection) -> None:
            if await timeline.lock_order(conn, order_no) not in CANCELLABLE:
                raise RuleBroken("not_cancellable")
            await cancellation.mark(conn, order_no, "customer", "customer:c")

        self.tried(work)

    @rule(which=WHICH)
    def is_undone(self, which: int) -> None:
        order_no = self.order(which)
        if self.shop.rows("SELECT 1 FROM orders WHERE order_no = :o AND cancelling IS NOT NULL", o=order_no):
            self.shop.undo(order_no)

    # ── refunds ───────────────────────────────────────────────────────────────────────────────────────────

    @rule(which=WHICH, amount=st.integers(1, 1500), limit=st.sampled_from([None, 0]))
    def refund_amount(self, which: int, amount: int, limit: int | None) -> None:
        self.open_refund(self.order(which), amount_minor=amount, limits=None if limit is None else Limits(limit))

    @rule(which=WHICH, sku=SKUS, units=UNITS, shipping=st.booleans(), limit=st.sampled_from([None, 0]))
    def refund_units(self, which: int, sku: str, units: int, shipping: bool, limit: int | None) -> None:
        lines = (NewRefundLine(units, sku=self.shop.skus[sku]),)
        self.open_refund(
            self.order(which), lines=lines, include_shipping=shipping, limits=None if limit is None else Limits(limit)
        )

    @rule(which=WHICH, verdict=st.sampled_from(["approved", "refused", "nobody"]))
    def approver(self, which: int, verdict: str) -> None:
        refund = self.one_of("SELECT refund_id, order_no, approval_id FROM refunds r JOIN orders USING (order_no) "
                             "WHERE customer_id = :c AND r.status = 'awaiting_approval' ORDER BY 1", which)  # fmt: skip
        if refund is None:
            return

        async def late(conn: AsyncConnection) -> None:
            expire = text("UPDATE approvals SET expires_at = now() WHERE approval_id = :a")
            await conn.execute(expire, {"a": refund.approval_id})

        async def work(conn: AsyncConnection) -> None:
            await timeline.lock_order(conn, refund.order_no)
            if verdict == "nobody":
                return await refunds.lapse(conn, refund.order_no)
            await approval_requests.decide(conn, self.shop.keys, refund.approval_id, verdict, "finance:ben", "x")
            text = RefundStatus(verdict)
            return await refunds.decided(conn, refund.order_no, refund.refund_id, text, "finance:ben")

        if verdict == "nobody":
            self.shop.run(late, owner=True)
        self.tried(work)

    @rule(which=WHICH, outcome=st.sampled_from([PaymentStatus.SUCCEEDED, PaymentStatus.SUCCEEDED,
                                                PaymentStatus.FAILED, PaymentStatus.PENDING]))  # fmt: skip
    def refund_is_paid(self, which: int, outcome: PaymentStatus) -> None:
        refund = self.one_of("SELECT refund_id FROM refunds r JOIN orders USING (order_no) WHERE customer_id = :c "
                             "AND r.status = 'approved' ORDER BY 1", which)  # fmt: skip
        if refund:
            self.shop.pay_refund(refund[0], outcome)

    # ── returns and exchanges ─────────────────────────────────────────────────────────────────────────────

    @rule(
        which=WHICH,
        sku=SKUS,
        units=UNITS,
        reason=st.sampled_from(Reason),
        resolution=st.sampled_from(Resolution),
        instead=st.dictionaries(st.sampled_from(["TEA", "CUP", "POT", "RARE"]), st.integers(1, 3), max_size=2),
    )
    def ask_for_return(
        self, which: int, sku: str, units: int, reason: Reason, resolution: Resolution, instead: dict[str, int]
    ) -> None:
        wanted = {self.shop.skus[name]: count for name, count in instead.items()}
        ask = ReturnRequest(
            f"rt_{secrets.token_hex(16)}", self.order(which), {self.shop.skus[sku]: units}, "because", reason,
            resolution, "customer:c", exchange_for=wanted if resolution is Resolution.EXCHANGE else {},
        )  # fmt: skip
        self.tried(lambda conn: return_requests.open_return(conn, self.shop.keys, self.terms, ask))

    @rule(which=WHICH, sku=SKUS, units=st.integers(1, 2), resolution=st.sampled_from(Resolution))
    def sends_back(self, which: int, sku: str, units: int, resolution: Resolution) -> None:
        """A return that goes well, for money, credit or the same again."""
        self.ask_for_return(which, sku, units, Reason.CHANGED_MIND, resolution, {})
        newest = len(self.shop.rows("SELECT 1 FROM returns r JOIN orders USING (order_no) WHERE customer_id = :c AND "
                                    "NOT r.status = ANY(:closed)", c=self.shop.customer,
                                    closed=[str(one) for one in CLOSED])) - 1  # fmt: skip
        if newest >= 0:
            self.comes_back(newest, Condition.AS_NEW, 100, 10**9)

    @rule(which=WHICH, action=st.sampled_from(["approve", "reject", "cancel", "sent"]))
    def answer(self, which: int, action: str) -> None:
        async def work(conn: AsyncConnection, order_return: Any) -> Any:
            if action == "reject":
                return await return_handling.reject(conn, order_return, "support:a", self.terms, self.shop.keys, "no")
            if action == "sent":
                return await return_handling.sent(conn, order_return, "customer:c", self.terms, "post", "1")
            return await getattr(return_handling, action)(conn, order_return, "customer:c", self.terms)

        self.of_return(which, work)

    @rule(which=WHICH, condition=REPORTED, percent=st.sampled_from([0, 50, 100]), limit=st.sampled_from([0, 10**9]))
    def comes_back(self, which: int, condition: Condition, percent: int, limit: int) -> None:
        """Received and inspected, all of one condition."""
        terms = replace(self.terms, damaged_percent=percent, limits=Limits(limit))
        context = SettlementContext(self.shop.keys, terms, "warehouse:w")

        async def received(conn: AsyncConnection, order_return: Any) -> Any:
            found = [
                Found(one.sku, one.quantity, condition) for one in await returns.lines_of(conn, order_return.return_id)
            ]
            return await return_handling.receive(conn, order_return, "warehouse:w", terms, found)

        self.of_return(which, received)
        self.of_return(which, lambda conn, order_return: return_handling.inspect(conn, order_return, context, []))

    @rule(which=WHICH, action=st.sampled_from(ReturnDue))
    def time_passes(self, which: int, action: ReturnDue) -> None:
        context = SettlementContext(self.shop.keys, self.terms, "system")
        self.of_return(
            which,
            lambda conn, order_return: return_deadlines.process_due(conn, order_return, action, context),
            late=True,
        )

    def of_return(
        self, which: int, action: Callable[[AsyncConnection, Any], Awaitable[Any]], *, late: bool = False
    ) -> None:
        found = self.one_of("SELECT return_id FROM returns r JOIN orders USING (order_no) WHERE customer_id = :c AND "
                            "NOT r.status IN ('completed', 'rejected', 'expired', 'cancelled') "
                            "ORDER BY r.created_at", which)  # fmt: skip
        if found is None:
            return

        async def overdue(conn: AsyncConnection) -> None:
            await conn.execute(text("UPDATE returns SET deadline = now(), remind_at = remind_at - interval '1 year' "
                                    "WHERE return_id = :r AND deadline IS NOT NULL"), {"r": found[0]})  # fmt: skip

        async def work(conn: AsyncConnection) -> Any:
            return await action(conn, await returns.lock(conn, found[0]))

        if late:
            self.shop.run(overdue)
        self.tried(work)

    # ── what must hold ────────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def every_check_of_the_database_finds_nothing(self) -> None:
        assert self.shop.answers() == []

    @invariant()
    def money_in_less_money_out_is_what_is_kept(self) -> None:
        money_adds_up(self.shop)

    @invariant()
    def pieces_that_went_back_were_worth_their_part(self) -> None:
        pieces_are_worth_their_part(self.shop)

    @invariant()
    def pieces_sent_less_pieces_back_are_pieces_kept(self) -> None:
        pieces_add_up(self.shop)

    # ── the end ───────────────────────────────────────────────────────────────────────────────────────────

    def teardown(self) -> None:
        """Every order can still reach an end; then what is left can be refunded, and not one cent more."""
        for _ in range(6):
            for place in range(len(self.shop.orders())):
                self.brought_on(place)
        orders = self.shop.rows("SELECT order_no, status, cancelling FROM orders WHERE customer_id = :c",
                                c=self.shop.customer)  # fmt: skip
        assert all(row.status in TERMINAL and row.cancelling is None for row in orders), orders
        for row in self.shop.rows("SELECT r.return_id, r.status FROM returns r JOIN orders USING (order_no) "
                                  "WHERE customer_id = :c", c=self.shop.customer):  # fmt: skip
            assert ReturnStatus(row.status) in CLOSED, row
        for row in orders:
            order_no = row.order_no
            left = self.shop.run(lambda conn, number=order_no: refund_plans.left_of(conn, number))  # type: ignore[misc]
            if row.status == "completed" and left:
                assert self.open_refund(order_no, amount_minor=left + 1) is None
                assert self.open_refund(order_no, amount_minor=left) is not None
        self.every_check_of_the_database_finds_nothing()
        self.money_in_less_money_out_is_what_is_kept()
        self.pieces_sent_less_pieces_back_are_pieces_kept()

    def brought_on(self, place: int) -> None:
        """What happens when nobody asks for anything any more."""
        for _ in range(4):
            self.approver(0, "nobody")
            self.refund_is_paid(0, PaymentStatus.SUCCEEDED)
        for action in (ReturnDue.APPROVE, ReturnDue.REMIND, ReturnDue.EXPIRE, ReturnDue.INSPECT, ReturnDue.COMPLETE):
            for which in range(3):
                self.time_passes(which, action)
        self.choose(place, again=False)
        self.is_undone(place)
        self.arrives(place)
        self.window_closes(place)


def test_after_sales_of_any_kind_keep_money_and_pieces(database_url: DatabaseUrls) -> None:
    configured = settings_for(database_url, return_labels=False)
    loop = asyncio.new_event_loop()
    databases = [Database.from_settings(configured.model_copy(update={"database_url": url}))
                 for url in (database_url.app_url, database_url.owner_url)]  # fmt: skip
    parts = (loop, *databases, KeyRing(Vault.from_settings(configured)), configured)
    body = {"shop_parts": parts, "terms": ReturnPolicy.from_settings(configured)}
    try:
        run_state_machine_as_test(type("AfterSales", (AfterSales,), body), settings=SOME)
    finally:
        for database in databases:
            loop.run_until_complete(database.close())
        loop.close()
