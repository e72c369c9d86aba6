"""Whatever is tried, in whatever order: levels stay the sums of their movements, refunds stay within captures."""

import secrets
from typing import Any

import psycopg
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from psycopg.rows import TupleRow

from domain.payments.transactions import PaymentKind, PaymentStatus
from domain.stock.movements import MovementKind, effect
from tests.conftest import DatabaseUrls
from tests.examples import few
from tests.factories.raw_writes import PAYMENT

HOUSES = st.sampled_from(["WH-EAST", "WH-SOUTH"])
UNITS = st.integers(-12, 12)
AMOUNTS = st.integers(1, 6)
SOME = few(12, stateful_step_count=25)
NOTHING = (0, 0, 0)
REFUSALS = {"OM001", "OM003", "OM004", "23505", "23514"}


class Ledger(RuleBasedStateMachine):
    """Each example has an order and a product of its own; a refused operation must leave nothing behind."""

    app: psycopg.Connection[TupleRow]
    owner: psycopg.Connection[TupleRow]

    def __init__(self) -> None:
        super().__init__()
        self.name = f"P-{secrets.token_hex(6)}"
        self.app.execute("INSERT INTO customers (customer_id) VALUES (%s)", (self.name,))
        self.app.execute(
            "INSERT INTO orders (order_no, channel, type, customer_id, currency, items_minor, total_minor, country, "
            "province, city, ship_to_enc, placed_by) VALUES (%s, 'web', 'standard', %s, 'CNY', 9, 9, 'CN', 'p', 'c', "
            "'', 'test')",
            (self.name, self.name),
        )
        self.app.execute(
            "INSERT INTO products (sku, name, price_minor, currency) VALUES (%s, 'x', 1, 'CNY')", (self.name,)
        )
        for house in ("WH-EAST", "WH-SOUTH"):
            self.app.execute("INSERT INTO stock_levels (sku, warehouse) VALUES (%s, %s)", (self.name, house))

    def tried(self, statement: str, *values: Any) -> bool:
        """True when the database took it; any other refusal than by a rule fails the test."""
        try:
            self.app.execute(statement.encode(), values)
        except psycopg.Error as error:
            assert error.sqlstate in REFUSALS, error
            return False
        return True

    def rows(self, statement: str) -> list[TupleRow]:
        return self.app.execute(statement.encode(), {"name": self.name}).fetchall()


class StockLedger(Ledger):
    """The model: on hand, reserved and quarantined per warehouse."""

    def __init__(self) -> None:
        super().__init__()
        self.levels = {"WH-EAST": NOTHING, "WH-SOUTH": NOTHING}
        self.safety = dict.fromkeys(self.levels, 0)
        self.keys: set[int] = set()

    @rule(kind=st.sampled_from(MovementKind), house=HOUSES, units=UNITS, key=st.integers(0, 60))
    def move(self, kind: MovementKind, house: str, units: int, key: int) -> None:
        taken = self.tried(
            "INSERT INTO stock_movements (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, "
            "reserved_delta, quarantined_delta, order_no, actor) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'test')",
            f"{self.name}/{key}", kind.value, self.name, house, units, *effect(kind, units), self.name,
        )  # fmt: skip
        on_hand, reserved, quarantined = (a + b for a, b in zip(self.levels[house], effect(kind, units), strict=True))
        legal = units > 0 or (kind is MovementKind.ADJUSTMENT and units)
        enough = kind is not MovementKind.RESERVE or on_hand - reserved >= self.safety[house]
        possible = 0 <= reserved <= on_hand and quarantined >= 0
        assert taken == bool(legal and enough and possible and key not in self.keys)
        if taken:
            self.levels[house] = (on_hand, reserved, quarantined)
            self.keys.add(key)

    @rule(house=HOUSES, units=st.integers(0, 4))
    def keep_back(self, house: str, units: int) -> None:
        statement = "UPDATE stock_levels SET safety_stock = %s WHERE sku = %s AND warehouse = %s"
        self.owner.execute(statement, (units, self.name, house))
        self.safety[house] = units

    @invariant()
    def levels_are_what_the_model_says_and_the_sums_of_their_movements(self) -> None:
        found = self.rows(
            "SELECT warehouse, on_hand, reserved, quarantined, available FROM stock_levels WHERE sku = %(name)s"
        )
        assert {row[0]: row[1:4] for row in found} == self.levels
        assert all(row[4] == max(row[1] - row[2] - self.safety[row[0]], 0) for row in found)
        sums = self.rows(
            "SELECT warehouse, sum(on_hand_delta), sum(reserved_delta), sum(quarantined_delta) FROM stock_movements "
            "WHERE sku = %(name)s GROUP BY 1"
        )
        assert dict.fromkeys(self.levels, NOTHING) | {row[0]: row[1:] for row in sums} == self.levels


class PaymentLedger(Ledger):
    """Any transactions in any order, their outcomes reported in any order and repeatedly."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[int] = []

    @rule(kind=st.sampled_from(PaymentKind), purpose=st.sampled_from(["order", "stray"]), amount=AMOUNTS,
          status=st.sampled_from(PaymentStatus), parent=st.integers(0, 20))  # fmt: skip
    def begin(self, kind: PaymentKind, purpose: str, amount: int, status: PaymentStatus, parent: int) -> None:
        of = self.ids[parent % len(self.ids)] if self.ids else None
        reference = secrets.token_hex(8)
        self.tried(PAYMENT, self.name, kind, purpose, amount, status, reference, reference, of)
        self.learn()

    @rule(which=st.integers(0, 20), status=st.sampled_from(PaymentStatus))
    def report(self, which: int, status: PaymentStatus) -> None:
        if self.ids:
            payment = self.ids[which % len(self.ids)]
            self.tried("UPDATE payments SET status = %s WHERE payment_id = %s", status, payment)

    def learn(self) -> None:
        found = self.rows("SELECT payment_id FROM payments WHERE order_no = %(name)s ORDER BY 1")
        self.ids = [row[0] for row in found]

    @invariant()
    def never_more_goes_back_than_came_in(self) -> None:
        over = self.rows(
            "SELECT c.payment_id FROM payments c JOIN payments r ON r.parent_id = c.payment_id AND r.kind = 'refund' "
            "AND r.status <> 'failed' WHERE c.order_no = %(name)s GROUP BY c.payment_id, c.kind, c.amount_minor, "
            "c.status HAVING sum(r.amount_minor) > c.amount_minor OR c.kind <> 'capture' OR c.status <> 'succeeded'"
        )
        assert over == []

    @invariant()
    def totals_are_what_the_payments_say(self) -> None:
        wrong = self.rows(
            "SELECT t.payment_id FROM payment_totals t JOIN payments c USING (payment_id) WHERE c.order_no = %(name)s "
            "AND (t.captured_minor, t.refunded_minor) <> (c.amount_minor, (SELECT coalesce(sum(r.amount_minor), 0) "
            "FROM payments r WHERE r.parent_id = c.payment_id AND r.kind = 'refund' AND r.status <> 'failed'))"
        )
        assert wrong == []

    @invariant()
    def each_success_and_nothing_else_is_booked_once(self) -> None:
        booked = self.rows("SELECT payment_id, amount_minor FROM payment_ledger WHERE order_no = %(name)s ORDER BY 1")
        succeeded = self.rows(
            "SELECT payment_id, amount_minor FROM payments WHERE order_no = %(name)s AND status = 'succeeded' "
            "ORDER BY 1"
        )
        assert booked == succeeded

    @invariant()
    def the_order_is_paid_once_at_most(self) -> None:
        live = self.rows(
            "SELECT count(*) FROM payments WHERE order_no = %(name)s AND kind = 'capture' AND purpose = 'order' "
            "AND status <> 'failed'"
        )
        assert live[0][0] <= 1


def run(machine: type[Ledger], urls: DatabaseUrls) -> None:
    with (
        psycopg.connect(urls.app_url, autocommit=True) as app,
        psycopg.connect(urls.owner_url, autocommit=True) as owner,
    ):
        run_state_machine_as_test(type(machine.__name__, (machine,), {"app": app, "owner": owner}), settings=SOME)


def test_any_movements_leave_levels_that_are_their_sums(database_url: DatabaseUrls) -> None:
    run(StockLedger, database_url)


def test_any_transactions_leave_refunds_within_captures(database_url: DatabaseUrls) -> None:
    run(PaymentLedger, database_url)
