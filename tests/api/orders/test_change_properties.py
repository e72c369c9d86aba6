"""Whatever is changed, paid, booked and cancelled, in whatever order: stock, lines, total and money stay together."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from domain.gateways import GatewayResult
from domain.orders.status import Status
from domain.payments.transactions import PaymentStatus
from infra.db.orders.state import timeline
from infra.db.payments import change_payments, transactions
from infra.db.stock import reservations
from tests.api.conftest import ApiClient, an_order, open_api, unique
from tests.conftest import DatabaseUrls
from tests.examples import few
from tests.factories.order_changes import HOUSE, change, ledger_of, paid, parcel, reserved, stocked

PAYMENT = {"payment": {"method": "sandbox", "token": "tok_ok"}}
AWAITED = ("awaiting_payment",)
PRICES = (1_000, 333, 70)
UNITS_THERE = 9
WANTED = st.tuples(*(st.integers(0, 6) for _ in PRICES))
MANY = st.tuples(*(st.integers(2, 6) for _ in PRICES))
OTHERS = st.sampled_from(
    ["reserve", "pay", "authorise", "decline", "book", "unbook", "refund", "cancel", "taken", "declined", "expired"]
)
CHANGES = st.tuples(st.sampled_from(["change", "change", "paying"]), WANTED)
STEPS = st.one_of(CHANGES, CHANGES, st.tuples(OTHERS, WANTED))
CHARGES = st.tuples(st.integers(0, 50), st.integers(0, 900))
TAXES = ((0, True), (1_300, True), (1_300, False))


class Scenario:
    """One order of three products, brought from act to act."""

    def __init__(self, shop: ApiClient, skus: list[str], number: str) -> None:
        self.shop, self.skus, self.number = shop, skus, number

    async def run_step(self, what: str, units: tuple[int, ...]) -> None:
        (order,) = await self.shop.sql("SELECT status, cancelling FROM orders WHERE order_no = %s", self.number)
        status = order["status"] if order["cancelling"] is None else "undone"
        match what:
            case "change" | "paying":
                await self.changed(units, PAYMENT if what == "paying" else {})
            case "taken" | "declined" | "expired":
                await self.decided(what)
            case "reserve" if status == "received":
                await self.reserve()
            case "pay" if status == "pending_payment" and not await self.in_flight():
                await paid(self.shop, self.number)
            case "authorise" if status == "pending_payment":
                await self.payment("intent")
            case "decline":
                await self.shop.sql(
                    "UPDATE payments SET status = 'failed' WHERE order_no = %s AND status = 'intent'", self.number
                )
            case "book" if status == "paid" and not await self.live():
                await parcel(self.shop, self.number)
            case "unbook":
                await self.shop.sql(
                    "UPDATE shipments SET status = 'cancelled', idempotency_key = idempotency_key || shipment_id, "
                    "shipment_id = shipment_id || '-' || tries WHERE order_no = %s", self.number)  # fmt: skip
            case "cancel" if status != "undone":
                await self.undo()
            case "refund" if status == "paid":
                await self.shop.post(
                    f"/v1/orders/{self.number}/refunds", {"amount_minor": 1 + units[0], "reason": "goodwill"}
                )

    async def decided(self, what: str) -> None:
        """What becomes of the difference that a change waits for, if one does."""
        async with self.shop.app.state.services.database.begin() as conn:
            await timeline.lock_order(conn, self.number)
            open_ones = [one for one in await change_payments.of_order(conn, self.number) if one.status in AWAITED]
            if what == "expired":
                await change_payments.give_up(conn, self.number, "payment_expired")
            elif open_ones:
                change_payment = await change_payments.find(conn, self.number, open_ones[0].payment_no)
                opened = await change_payments.open_call(conn, change_payment, ["sandbox"], "sandbox")
                if what == "declined":
                    declined = GatewayResult(PaymentStatus.FAILED, None, change_payment.amount_minor, "card_declined")
                    await transactions.finish(conn, opened, declined)
                    return
                for _ in ("authorise", "capture"):
                    opened = await change_payments.open_call(conn, change_payment, ["sandbox"], "sandbox")
                    done = GatewayResult(PaymentStatus.SUCCEEDED, unique("ref"), change_payment.amount_minor)
                    await transactions.finish(conn, opened, done)
        event(what)

    async def changed(self, units: tuple[int, ...], more: dict[str, Any]) -> None:
        """A change is previewed to the cent, or is refused and leaves nothing."""
        body = {"lines": [{"sku": sku, "quantity": n} for sku, n in zip(self.skus, units, strict=True) if n]}
        body |= more
        before = await ledger_of(self.shop, self.number)
        response = await change(self.shop, self.number, body, preview=True)
        assert await ledger_of(self.shop, self.number) == before
        answer = await change(self.shop, self.number, body)
        event(f"{before['orders'][0]['status']}: {answer.json().get('code', 'changed')}")
        assert answer.status_code == response.status_code, (response.text, answer.text)
        assert answer.status_code in (200, 409, 422), answer.text
        if answer.status_code != 200:
            assert answer.json()["code"] == response.json()["code"]
            assert await ledger_of(self.shop, self.number) == before
            return
        same = ("state", "changes", "total_before_minor", "total_after_minor", "refund_minor", "to_pay_minor", "stock")
        assert all(answer.json()[name] == response.json()[name] for name in same)
        if answer.json()["state"] == "awaiting_payment":
            event("awaiting payment")
            return
        rows = await self.shop.sql(
            "SELECT sku, sum(quantity - cancelled_quantity)::int AS n FROM order_lines WHERE order_no = %s "
            "GROUP BY sku HAVING sum(quantity - cancelled_quantity) > 0", self.number)  # fmt: skip
        content = {sku: n for sku, n in zip(self.skus, units, strict=True) if n}
        assert {row["sku"]: row["n"] for row in rows} == content

    async def reserve(self) -> None:
        async with self.shop.app.state.services.database.begin() as conn:
            await timeline.lock_order(conn, self.number)
            if HOUSE not in (await reservations.demand_of(conn, self.number)).candidates():
                return
        await reserved(self.shop, self.number)

    async def undo(self) -> None:
        """As far as a cancellation touches stock."""
        await self.shop.sql("UPDATE orders SET cancelling = 'customer_request' WHERE order_no = %s", self.number)
        async with self.shop.app.state.services.database.begin() as conn:
            await timeline.lock_order(conn, self.number)
            await reservations.release(conn, self.number)

    async def in_flight(self) -> bool:
        return bool(
            await self.shop.sql("SELECT 1 FROM payments WHERE order_no = %s AND status = 'intent'", self.number)
        )

    async def live(self) -> bool:
        return bool(
            await self.shop.sql("SELECT 1 FROM shipments WHERE order_no = %s AND status <> 'cancelled'", self.number)
        )

    async def payment(self, status: str) -> None:
        await self.shop.sql(
            "INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key) "
            "SELECT order_no, 'authorise', 1, 'sandbox', greatest(total_minor, 1), 'CNY', %s, %s FROM orders "
            "WHERE order_no = %s", status, unique("key"), self.number)  # fmt: skip

    async def check(self) -> None:
        (order,) = await self.shop.sql("SELECT * FROM orders WHERE order_no = %s", self.number)
        lines = await self.shop.sql("SELECT * FROM order_lines WHERE order_no = %s", self.number)
        found = await self.shop.sql("SELECT * FROM order_change_lines WHERE order_no = %s AND kept_line", self.number)
        wanted: dict[str, int] = {}
        for line in lines:
            units = line["quantity"] - line["cancelled_quantity"]
            wanted[line["sku"]] = wanted.get(line["sku"], 0) + units
        items = sum((line["quantity"] - line["cancelled_quantity"]) * line["unit_price_minor"] for line in lines)
        assert order["items_minor"] == items
        for name in ("discount_minor", "shipping_minor", "tax_minor", "tax_added_minor"):
            assert order[name] == sum(row[name] for row in (*lines, *found)), name
            assert order[name] >= 0
        holds = order["status"] != Status.RECEIVED and order["cancelling"] is None
        rows = await self.shop.sql(
            "SELECT sku, quantity FROM allocations WHERE order_no = %s AND state = 'reserved'", self.number
        )
        held = {row["sku"]: row["quantity"] for row in rows}
        for row in await self.shop.sql(
            "SELECT h.sku, h.quantity FROM change_payments s, jsonb_to_recordset(s.held) AS h (sku text, "
            "quantity bigint) WHERE s.order_no = %s AND s.status = 'awaiting_payment' AND h.quantity > 0",
            self.number,
        ):
            wanted[row["sku"]] = wanted.get(row["sku"], 0) + row["quantity"]
        assert held == ({sku: n for sku, n in wanted.items() if n} if holds else {})
        for sku in self.skus:
            (level,) = await self.shop.sql(
                "SELECT l.reserved, l.on_hand, sum(m.reserved_delta)::bigint AS moved FROM stock_levels l "
                "JOIN stock_movements m USING (sku, warehouse) WHERE l.sku = %s GROUP BY 1, 2", sku)  # fmt: skip
            assert level == {"reserved": held.get(sku, 0), "on_hand": UNITS_THERE, "moved": held.get(sku, 0)}
        await self.check_money(order)

    async def check_money(self, order: dict[str, Any]) -> None:
        """What was paid is what it costs and what went back because it was changed; goodwill is beside that."""
        captured = await self.shop.sql(
            "SELECT amount_minor AS n FROM payments WHERE order_no = %s AND kind = 'capture' AND purpose <> 'stray' "
            "AND status = 'succeeded'",
            self.number,
        )
        if not captured:
            return
        (back,) = await self.shop.sql(
            "SELECT coalesce(sum(amount_minor), 0)::bigint AS n FROM refunds WHERE order_no = %s "
            "AND origin = 'amendment'", self.number)  # fmt: skip
        assert sum(row["n"] for row in captured) == order["total_minor"] + back["n"]


async def run_scenario(
    shop: ApiClient, begun: int, first: tuple[int, ...], charges: tuple[int, int], actions: list[Any]
) -> None:
    """`begun`: 0 as placed, 1 reserved, 2 paid."""
    skus = [await stocked(shop, price, UNITS_THERE) for price in PRICES]
    lines = [{"sku": sku, "quantity": n} for sku, n in zip(skus, first, strict=True) if n]
    body = an_order(lines=lines or [{"sku": skus[0], "quantity": 1}], payment=None, channel="web")
    answer = await shop.as_("channel", "web").post(
        "/v1/orders", body | {"discount_minor": charges[0], "shipping_minor": charges[1]}
    )
    assert answer.status_code == 201, answer.text
    found = Scenario(shop, skus, answer.json()["order_no"])
    for what, units in [("reserve", first), ("pay", first)][:begun] + actions:
        await found.run_step(what, units)
        await found.check()


def test_stock_lines_total_and_money_stay_together(database_url: DatabaseUrls) -> None:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        shops = {tax: runner.run(_shop(stack, database_url, *tax)) for tax in TAXES}

        @few(9)
        @given(st.integers(0, 2), MANY, CHARGES, st.sampled_from(TAXES), st.lists(STEPS, min_size=3, max_size=8))
        def reported(
            begun: int, first: tuple[int, ...], charges: tuple[int, int], tax: tuple[int, bool], actions: list[Any]
        ) -> None:
            runner.run(run_scenario(shops[tax], begun, first, charges, actions))

        try:
            reported()
        finally:
            runner.run(stack.aclose())


async def _shop(stack: AsyncExitStack, urls: DatabaseUrls, rate_bp: int, included: bool) -> ApiClient:
    opened = await stack.enter_async_context(open_api(urls, tax_rate_bp=rate_bp, tax_included=included))
    return opened.as_("support", "amy")
