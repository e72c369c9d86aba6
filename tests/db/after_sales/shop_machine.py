"""A shop of one customer for the property test of after-sales: orders that the functions of infra/db move."""

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.orders.inbox import parcel_moved, position_of
from domain.gateways import Booking, GatewayError, GatewayResult, PaymentRequest
from domain.orders.status import OrderEvent, Status
from domain.payments.transactions import PaymentKind, PaymentStatus
from domain.shipping.shipments import ShipmentStatus
from infra.db.after_sales import delivery_exceptions, exchange_fallback
from infra.db.checks.consistency_checks import CHECKS
from infra.db.customers.profiles import KeyRing
from infra.db.engine import Database
from infra.db.orders.changing import cancellation
from infra.db.orders.state import timeline
from infra.db.payments import refund_payouts, refund_plans, refunds, transactions
from infra.db.payments.transactions import PaymentIntent
from infra.db.shipping import shipments
from infra.db.shipping.shipments import PartRef
from infra.db.stock import reservations
from infra.gateways.payments.store_credit import StoreCredit
from infra.settings import Settings

Out = TypeVar("Out")
HOUSE = "WH-EAST"
# What the catalogue has: (price, units on the shelf). There is never enough of RARE.
GOODS = {"TEA": (334, 40), "CUP": (500, 40), "POT": (334, 40), "RARE": (900, 1)}
# (sku, quantity, discount, shipping, added tax) of the first order's lines.
LINES = [("TEA", 5, 51, 13, 3), ("CUP", 2, 0, 4, 0), ("TEA", 1, 0, 3, 0)]
# Everything that the database holds of one customer, but for clocks and requests to workflows.
TABLES = {
    "orders": "order_no", "order_lines": "order_no, line_no", "order_events": "order_no, seq",
    "payments": "payment_id", "payment_ledger": "entry_id", "refunds": "order_no, refund_no",
    "shipments": "shipment_id", "reservations": "order_no, sku, warehouse, fulfilment_no",
    "stock_movements": "movement_id",
    "returns": "return_id", "return_lines": "return_id, line_no", "order_changes": "order_no, change_no",
    "order_change_lines": "order_no, change_no, line_no", "exchanges": "return_id",
    "store_credit_entries": "entry_id",
}  # fmt: skip
_DIGEST = text(
    "SELECT md5(concat("
    + ", ".join(
        f"(SELECT coalesce(jsonb_agg(to_jsonb(t) - 'updated_at' ORDER BY {order})::text, '') FROM {table} t "
        "WHERE t.order_no = ANY(:orders))"
        for table, order in TABLES.items()
    )
    + ", (SELECT jsonb_agg(to_jsonb(l) ORDER BY sku, warehouse)::text FROM stock_levels l WHERE sku = ANY(:skus))"
    ", (SELECT jsonb_agg(to_jsonb(c) ORDER BY currency)::text FROM store_credits c WHERE customer_id = :customer)"
    ", (SELECT jsonb_agg(to_jsonb(t) ORDER BY t.payment_id)::text FROM payment_totals t JOIN payments p "
    "USING (payment_id) WHERE p.order_no = ANY(:orders))))"
)

# Of each order: money that came, that is kept, that is not promised either, and what lines and refunds say of it.
MONEY = (
    "SELECT o.order_no, o.status, o.total_minor, coalesce(m.kept, 0)::bigint AS kept, "
    "coalesce(m.free, 0)::bigint AS free, coalesce(l.kept, 0)::bigint AS booked, "
    "coalesce(n.of_lines, 0)::bigint AS of_lines, coalesce(d.decided, 0)::bigint AS decided, "
    "coalesce(d.amended, 0)::bigint AS amended, coalesce(m.captured, 0)::bigint AS captured FROM orders o "
    "LEFT JOIN (SELECT p.order_no, sum(captured_minor) AS captured, sum(captured_minor - refunded_minor) AS "
    "kept, sum(captured_minor - refunded_minor - promised_minor) AS free FROM payments p JOIN payment_totals "
    "USING (payment_id) GROUP BY p.order_no) m USING (order_no) "
    "LEFT JOIN (SELECT order_no, sum(CASE WHEN credit_account = 'customer_funds' THEN amount_minor ELSE 0 END "
    "- CASE WHEN debit_account = 'customer_funds' THEN amount_minor ELSE 0 END) AS kept FROM payment_ledger "
    "GROUP BY order_no) l USING (order_no) "
    "LEFT JOIN (SELECT order_no, sum(refunded_minor) AS of_lines FROM order_lines GROUP BY order_no) n "
    "USING (order_no) LEFT JOIN (SELECT order_no, sum(amount_minor) AS decided, sum(amount_minor) FILTER "
    "(WHERE origin = 'amendment') AS amended FROM refunds WHERE status NOT IN ('refused', 'overtaken') "
    "GROUP BY order_no) d USING (order_no) WHERE o.customer_id = :c"
)
# Of each order and SKU: what is wanted, was sent (again), came back, is held, and is on returns.
PIECES = (
    "SELECT l.*, coalesce(m.sent, 0)::bigint AS sent, coalesce(m.back, 0)::bigint AS back, coalesce(m.held, 0)"
    "::bigint AS held, coalesce(r.returning, 0)::bigint AS returning, (SELECT count(*) FROM shipments s "
    "WHERE s.order_no = l.order_no AND s.replaced_at IS NOT NULL) AS again FROM (SELECT order_no, o.status, "
    "sku, sum(quantity - cancelled_quantity)::bigint AS wanted, sum(returned_quantity)::bigint AS returned "
    "FROM order_lines JOIN orders o USING (order_no) WHERE customer_id = :c GROUP BY order_no, o.status, sku) "
    "l LEFT JOIN (SELECT order_no, sku, sum(quantity) FILTER (WHERE kind = 'ship') AS sent, sum(quantity) "
    "FILTER (WHERE kind IN ('return_restock', 'quarantine_in')) AS back, sum(reserved_delta) AS held "
    "FROM stock_movements GROUP BY order_no, sku) m USING (order_no, sku) "
    "LEFT JOIN (SELECT n.order_no, n.sku, sum(n.quantity) AS returning FROM return_lines n JOIN returns r "
    "USING (return_id) JOIN return_statuses s USING (status) WHERE s.counted GROUP BY 1, 2) r "
    "USING (order_no, sku)"
)

# What pieces that went back or were changed for others were worth, beside what their line was sold for. Not of lines of
# which a refund was refused: what it leaves open is made up for by the last pieces.
PARTS = """
    SELECT l.order_no, l.line_no, l.quantity, l.paid_minor - l.shipping_minor AS goods, l.shipping_minor AS shipping,
           l.tax_minor AS tax, x.units, x.goods AS of_goods, x.shipping AS of_shipping, x.tax AS of_tax
      FROM orders o JOIN order_lines l USING (order_no), LATERAL (
             SELECT n.quantity AS units, n.goods_worth_minor AS goods, n.shipping_worth_minor AS shipping, NULL AS tax
               FROM refunds r JOIN refund_lines n USING (refund_id)
              WHERE r.order_no = l.order_no AND n.line_no = l.line_no AND n.quantity > 0
             UNION ALL
             SELECT -c.quantity_delta, c.discount_minor - c.items_minor - c.tax_added_minor, -c.shipping_minor,
                    -c.tax_minor
               FROM order_change_lines c WHERE c.order_no = l.order_no AND c.line_no = l.line_no AND c.kept_line) x
     WHERE o.customer_id = :c AND l.refunded_quantity + l.cancelled_quantity <= l.quantity + (
             SELECT coalesce(sum(n.quantity), 0) FROM refunds r JOIN refund_lines n USING (refund_id)
              WHERE r.order_no = l.order_no AND n.line_no = l.line_no AND r.origin = 'amendment')
       AND NOT EXISTS (SELECT FROM refunds r JOIN refund_lines n USING (refund_id)
                        WHERE r.order_no = l.order_no AND n.line_no = l.line_no AND n.quantity > 0
                          AND r.status IN ('refused', 'overtaken'))
"""

REFUSALS = {
    *("refund_exceeds_captured", "amount_invalid", "nothing_captured", "refund_closed"),
    *("order_closed", "unknown_line", "not_delivered", "return_window_closed", "return_exceeds_delivered"),
    *("more_than_returned", "return_already_received", "return_already_inspected", "return_not_received"),
    *("return_decided", "return_closed", "return_not_cancellable", "no_delivery_problem", "stock_short"),
    *("parcel_not_expected", "parcel_came_back", "approval_decided", "approval_lapsed", "currency_mismatch"),
    *("label_printed", "parcel_on_its_way", "payment_in_progress", "pay_difference_needed", "already_refunded"),
    *("exchange_goods_stay", "product_inactive", "unknown_sku", "not_cancellable"),
}
ALL = text(
    " UNION ALL ".join(
        f"SELECT '{one.code}' AS code, q.place, q.expected, q.found FROM ({one.sql}) q" for one in CHECKS
    )
)


class Shop:
    """One customer's first order, and those that exchanges bring."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, database: Database, owner: Database, keys: KeyRing, settings: Settings
    ) -> None:
        self.loop, self.database, self.owner, self.keys, self.settings = loop, database, owner, keys, settings
        self.tag = secrets.token_hex(5)
        self.customer = f"C-{self.tag}"
        self.skus = {name: f"{name}-{self.tag}" for name in GOODS}
        self.first = f"A-{self.tag}"
        self.parts: Any = SimpleNamespace(database=database, keys=keys, settings=settings)
        self.run(self._open, owner=True)

    def run(self, work: Callable[[AsyncConnection], Awaitable[Out]], *, owner: bool = False) -> Out:
        async def transaction() -> Out:
            async with (self.owner if owner else self.database).begin() as conn:
                return await work(conn)

        return self.loop.run_until_complete(transaction())

    def rows(self, statement: str, **values: Any) -> list[Any]:
        async def read(conn: AsyncConnection) -> list[Any]:
            return list((await conn.execute(text(statement), values)).all())

        return self.run(read)

    def orders(self) -> list[str]:
        return [row[0] for row in self.rows("SELECT order_no FROM orders WHERE customer_id = :c ORDER BY created_at, "
                                            "order_no", c=self.customer)]  # fmt: skip

    def answers(self) -> list[Any]:
        """What `oms ledger check` finds wrong, in one statement."""

        async def ask(conn: AsyncConnection) -> list[Any]:
            return list((await conn.execute(ALL)).all())

        return self.run(ask)

    def digest(self) -> str:
        names = list(self.skus.values())
        (row,) = self.run(lambda conn: self._digest(conn, names))
        return str(row)

    async def _digest(self, conn: AsyncConnection, names: list[str]) -> Any:
        found = await conn.execute(text("SELECT order_no FROM orders WHERE customer_id = :c"), {"c": self.customer})
        values = {"orders": list(found.scalars()), "skus": names, "customer": self.customer}
        return (await conn.execute(_DIGEST, values)).one()

    async def _open(self, conn: AsyncConnection) -> None:
        async def write(statement: str, **values: Any) -> None:
            await conn.execute(text(statement), {"o": self.first, "c": self.customer, **values})

        plain, wrapped = self.keys.vault.new_data_key()
        await write("INSERT INTO customers (customer_id, data_key) VALUES (:c, :k)", k=wrapped)
        for name, (price, units) in GOODS.items():
            sku = self.skus[name]
            await write("INSERT INTO products (sku, name, price_minor, currency) VALUES (:s, :s, :p, 'CNY')",
                        s=sku, p=price)  # fmt: skip
            await write("INSERT INTO stock_levels (sku, warehouse) VALUES (:s, :h)", s=sku, h=HOUSE)
            await write(
                "INSERT INTO stock_movements (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, "
                "reserved_delta, actor) VALUES (:s, 'receipt', :s, :h, :n, :n, 0, 'test')", s=sku, h=HOUSE, n=units,
            )  # fmt: skip
        items = sum(GOODS[name][0] * units for name, units, *_ in LINES)
        discount, shipping, tax = (sum(line[place] for line in LINES) for place in (2, 3, 4))
        address = self.keys.vault.seal_json(plain, {"name": "Li", "line1": "x"}, f"{self.first}:ship_to")
        await write(
            "INSERT INTO orders (order_no, channel, type, customer_id, currency, items_minor, discount_minor, "
            "shipping_minor, tax_minor, tax_added_minor, total_minor, country, province, city, ship_to_enc, placed_by) "
            "VALUES (:o, 'web', 'standard', :c, 'CNY', :i, :d, :s, :t, :t, :x, 'CN', 'p', 'c', :a, 'test')",
            i=items, d=discount, s=shipping, t=tax, x=items - discount + shipping + tax, a=address,
        )  # fmt: skip
        for number, (name, units, *shared) in enumerate(LINES, 1):
            await write(
                "INSERT INTO order_lines (order_no, line_no, sku, name, quantity, unit_price_minor, discount_minor, "
                "shipping_minor, tax_minor, tax_added_minor) VALUES (:o, :n, :s, 'x', :q, :p, :d, :sh, :t, :t)",
                n=number, s=self.skus[name], q=units, p=GOODS[name][0],
                **dict(zip(("d", "sh", "t"), shared, strict=True)),
            )  # fmt: skip

    # ── an order goes on ──────────────────────────────────────────────────────────────────────────────────

    async def goes_on(self, conn: AsyncConnection, order_no: str) -> None:
        """The next thing that happens of itself: reserved, booked, picked up, delivered."""
        standing = await position_of(conn, order_no)
        if standing.cancelling:
            return
        if standing.status is Status.RECEIVED:
            if HOUSE in (await reservations.demand_of(conn, order_no)).candidates():
                await reservations.reserve_at(conn, order_no, HOUSE)
                data = {"warehouse": HOUSE}
                await timeline.transition(conn, order_no, standing.status, OrderEvent.STOCK_RESERVED, data=data)
                await self._pay_nothing(conn, order_no)
            else:
                await self._undo(conn, order_no, "stock_not_available")
        elif standing.status is Status.PAID or await delivery_exceptions.sent_again(conn, order_no):
            await self._book(conn, order_no)
        elif standing.status in (Status.PREPARING, Status.SHIPPED):
            left = standing.status is Status.SHIPPED and not await reservations.warehouse_of(conn, order_no)
            await self.parcel(conn, order_no, ShipmentStatus.DELIVERED if left else ShipmentStatus.PICKED_UP)
        elif standing.status is Status.DELIVERED:
            await timeline.complete(conn, order_no)

    async def parcel(self, conn: AsyncConnection, order_no: str, reported: ShipmentStatus) -> None:
        """The carrier's word about the parcel that is on its way."""
        standing = await position_of(conn, order_no)
        parcel = await shipments.live_shipment(conn, order_no)
        if parcel is None or parcel.status in (*_GONE, ShipmentStatus.DELIVERED, ShipmentStatus.BOOKING):
            return
        if standing.status not in (Status.PREPARING, Status.SHIPPED) or standing.cancelling:
            return
        await shipments.set_status(conn, parcel, reported)
        await parcel_moved(conn, order_no, standing, reported, self.settings)

    async def _pay_nothing(self, conn: AsyncConnection, order_no: str) -> None:
        total = text("SELECT total_minor FROM orders WHERE order_no = :o")
        if not (await conn.execute(total, {"o": order_no})).scalar_one():
            await timeline.transition(conn, order_no, Status.PENDING_PAYMENT, OrderEvent.PAYMENT_RECORDED)

    async def _book(self, conn: AsyncConnection, order_no: str) -> None:
        if (opened := await shipments.open_booking(conn, PartRef(order_no), "sandbox")) is None:
            return
        answer = Booking(secrets.token_hex(6), secrets.token_hex(6), "PDF", b"", 500, "CNY")
        assert await shipments.booked(conn, opened[0], answer, b"", {})

    def pay(self, order_no: str, *, with_credit: bool = False) -> None:
        """Capture what the order costs, from the sandbox or from store credit, as far as there is enough."""
        rows = self.rows("SELECT total_minor FROM orders WHERE order_no = :o AND status = 'pending_payment' "
                         "AND cancelling IS NULL", o=order_no)  # fmt: skip
        if not rows or not rows[0][0]:
            return
        total, key, ref = rows[0][0], f"{order_no}/capture/1", secrets.token_hex(8)
        provider = "sandbox"
        if with_credit:
            provider, gateway = "store_credit", StoreCredit(self.database)
            held = self.loop.run_until_complete(
                gateway.authorise(PaymentRequest(order_no, total, "CNY", f"{order_no}/{ref}", "balance"))
            )
            if held.status is not PaymentStatus.SUCCEEDED:
                return
            capture = gateway.capture(held.provider_ref or "", PaymentRequest(order_no, total, "CNY", key))
            ref = self.loop.run_until_complete(capture).provider_ref or ""

        async def captured(conn: AsyncConnection) -> None:
            status = await timeline.lock_order(conn, order_no)
            new = PaymentIntent(order_no, total, "CNY", key, kind=PaymentKind.CAPTURE, provider=provider, attempt=1)
            stored = await transactions.begin(conn, new)
            assert await transactions.finish(conn, stored, GatewayResult(PaymentStatus.SUCCEEDED, ref, total))
            await timeline.transition(conn, order_no, status, OrderEvent.PAYMENT_CAPTURED)

        self.run(captured)

    # ── money back ────────────────────────────────────────────────────────────────────────────────────────

    def pay_refund(self, refund_id: str, outcome: PaymentStatus = PaymentStatus.SUCCEEDED) -> None:
        """One call for each part that is due, and what the provider says to it."""
        parts = self.run(lambda conn: refund_payouts.due_parts(conn, refund_id))
        for part in parts:
            self._give_back(part, outcome)
        if parts:
            self.run(lambda conn: self._settle(conn, parts[0].order_no, refund_id))

    async def _settle(self, conn: AsyncConnection, order_no: str, refund_id: str) -> None:
        await timeline.lock_order(conn, order_no)
        await refund_payouts.settle(conn, refund_id)

    def _give_back(self, new: PaymentIntent, outcome: PaymentStatus) -> None:
        stored = self.run(lambda conn: transactions.begin(conn, new))
        if stored.decided:
            return
        ref = secrets.token_hex(8)
        if new.provider == "store_credit" and outcome is PaymentStatus.SUCCEEDED:
            try:
                result = self.loop.run_until_complete(StoreCredit(self.database).refund(new.parent_ref, new))
            except GatewayError as error:
                raise AssertionError(f"store credit does not take back {new}") from error
            ref = result.provider_ref or ""
        self.run(lambda conn: transactions.finish(conn, stored, GatewayResult(outcome, ref, new.amount_minor)))

    def undo(self, order_no: str) -> None:
        """What the workflow does of an order that is being undone: all money back, stock free, cancelled."""
        due = self.run(lambda conn: refund_payouts.approved(conn, order_no))
        for refund_id in due:
            self.pay_refund(refund_id)
        self.run(lambda conn: self._overtake(conn, order_no))
        for row in self.rows("SELECT p.payment_id, p.provider, p.provider_ref, t.captured_minor - t.refunded_minor "
                             "AS left_minor FROM payments p JOIN payment_totals t USING (payment_id) "
                             "WHERE p.order_no = :o", o=order_no):  # fmt: skip
            if row.left_minor:
                key = f"{order_no}/refund/{row.payment_id}"
                new = PaymentIntent(order_no, row.left_minor, "CNY", key, kind=PaymentKind.REFUND, attempt=1,
                                    provider=row.provider, parent_id=row.payment_id,
                                    parent_ref=row.provider_ref)  # fmt: skip
                self._give_back(new, PaymentStatus.SUCCEEDED)
        self.run(lambda conn: self._undo(conn, order_no, "customer"))

    async def _overtake(self, conn: AsyncConnection, order_no: str) -> None:
        await timeline.lock_order(conn, order_no)
        await refunds.overtake(conn, order_no)

    async def _undo(self, conn: AsyncConnection, order_no: str, cause: str) -> None:
        status = await timeline.lock_order(conn, order_no)
        await reservations.release(conn, order_no)
        if parcel := await shipments.live_shipment(conn, order_no):
            await shipments.cancelled(conn, parcel)
        await timeline.transition(conn, order_no, status, OrderEvent.ORDER_CANCELLED, data={"cause": cause})
        await cancellation.unmark(conn, order_no)
        await exchange_fallback.fall_back(conn, order_no, cause)

    def body_digest(self, *parts: Any) -> bytes:
        return hashlib.sha256(repr(parts).encode()).digest()


_GONE = (ShipmentStatus.LOST, ShipmentStatus.REFUSED)


def money_adds_up(shop: Shop) -> None:
    """For each order: what came in less what went out is what is kept for it."""
    for row in shop.rows(MONEY, c=shop.customer):
        assert row.of_lines == row.decided <= row.captured, row
        assert 0 <= row.free <= row.kept <= row.booked <= row.captured, row
        if row.captured:
            assert row.captured == row.total_minor + row.amended, row
        if row.status == "cancelled":
            assert row.kept == row.booked == 0, row
        elif row.captured:
            assert row.free == row.captured - row.decided, row
            lines_are_worth_what_is_left(shop, row.order_no, row.free)


def lines_are_worth_what_is_left(shop: Shop, order_no: str, free: int) -> None:
    """Whatever is left of the money can be named by lines; without a change for other goods it is just that."""
    lines = shop.run(lambda conn: refund_plans.lines_of(conn, order_no))
    assert sum(one.goods_left_minor + one.shipping_left_minor for one in lines) >= free
    swapped = shop.rows("SELECT 1 FROM order_change_lines WHERE order_no = :o AND kept_line", o=order_no)
    if not swapped:
        assert sum(one.goods_left_minor + one.shipping_left_minor for one in lines) == free


def pieces_are_worth_their_part(shop: Shop) -> None:
    """k of n pieces are worth k/n of every amount of their line, within one minor unit, whatever went before."""
    for row in shop.rows(PARTS, c=shop.customer):
        for name in ("goods", "shipping", "tax"):
            part, whole = getattr(row, f"of_{name}"), getattr(row, name)
            assert part is None or abs(part * row.quantity - whole * row.units) < row.quantity, (name, row)


def pieces_add_up(shop: Shop) -> None:
    """For each order: pieces that were sent less those that came back are those that the customer kept."""
    for row in shop.rows(PIECES, c=shop.customer):
        assert row.returning == row.returned <= row.wanted, row
        if row.status in ("delivered", "completed"):
            assert (row.sent, row.held) == ((row.again + 1) * row.wanted, 0), row
            assert row.back <= row.returned + row.again * row.wanted, row
        elif row.status == "cancelled":
            assert row.held == 0 <= row.sent - row.back, row
        elif row.status in ("pending_payment", "paid", "preparing"):
            assert (row.sent, row.held) == (0, row.wanted), row
