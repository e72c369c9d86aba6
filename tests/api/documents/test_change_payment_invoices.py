"""What is paid on top of an invoiced order has an invoice of its own; refunds are credited on all of its invoices."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from domain.gateways import GatewayResult
from domain.orders.status import OrderEvent, Status
from domain.payments.transactions import PaymentStatus
from infra.db.checks.consistency_checks import CHECKS, run_checks
from infra.db.orders.state import timeline
from infra.db.payments import change_payments, transactions
from infra.db.stock import reservations
from tests.api.after_sales.test_after_sales import arrives, on_its_way, sends_back
from tests.api.conftest import ApiClient, an_order, open_api, unique
from tests.api.documents.test_documents import text_of
from tests.conftest import DatabaseUrls
from tests.examples import few
from tests.factories.late_money import bounced, claimed, disputed
from tests.factories.order_changes import HOUSE, change, lines, paid, reserved, stocked
from tests.factories.sales import paid_back, refunded

PAYMENT = {"payment": {"method": "sandbox", "token": "tok_ok"}}


async def taken(shop: ApiClient, number: str) -> None:
    """The difference that a change waits for is captured, as a step of the order's workflow writes it."""
    async with shop.app.state.services.database.begin() as conn:
        await timeline.lock_order(conn, number)
        (open_one,) = [one for one in await change_payments.of_order(conn, number) if one.status == "awaiting_payment"]
        change_payment = await change_payments.find(conn, number, open_one.payment_no)
        for _ in ("authorise", "capture"):
            opened = await change_payments.open_call(conn, change_payment, ["sandbox"], "sandbox")
            async with change_payments.applied(conn, number, change_payment.payment_no):
                done = GatewayResult(PaymentStatus.SUCCEEDED, unique("ref"), change_payment.amount_minor)
                await transactions.finish(conn, opened, done)


async def more_expensive(shop: ApiClient, number: str, **units: int) -> None:
    answer = await change(shop, number, lines(**units) | PAYMENT)
    assert (answer.status_code, answer.json()["state"]) == (200, "awaiting_payment"), answer.text
    await taken(shop, number)


async def issued(shop: ApiClient, path: str) -> dict[str, Any]:
    answer = await shop.post(path, {})
    assert answer.status_code == 201, answer.text
    return dict((await shop.get(f"/v1/documents/{answer.json()['document_no']}")).json())


async def invoices(shop: ApiClient, number: str) -> list[dict[str, Any]]:
    listed = (await shop.get(f"/v1/orders/{number}/documents")).json()["items"]
    found = [one["document_no"] for one in listed if one["kind"] == "invoice"]
    return [dict((await shop.get(f"/v1/documents/{one}")).json()) for one in found]


async def wrong(shop: ApiClient, *numbers: str) -> list[Any]:
    """What `oms ledger check` finds of the documents of these orders."""
    rows = await shop.sql("SELECT document_no FROM documents WHERE order_no = ANY(%s)", list(numbers))
    async with shop.app.state.services.database.begin() as conn:
        checks = [question for question in CHECKS if question.code in ("documents", "credit_notes")]
        found = [one for question in checks for one in (await run_checks(conn, question)).examples]
    return [one for one in found if one.place in {row["document_no"] for row in rows}]


async def test_what_is_paid_on_top_of_an_invoiced_order_is_invoiced_with_its_capture(shop: ApiClient) -> None:
    sku = await stocked(shop, 1_000)
    number = await on_its_way(shop, an_order(sku, 1))
    first = await issued(shop, f"/v1/orders/{number}/invoice")
    await more_expensive(shop, number, **{sku: 3})
    again, more = await invoices(shop, number)
    assert again == first and (first["supplement_to"], more["supplement_to"]) == (None, first["document_no"])
    assert (more["total_minor"], more["items_minor"], more["discount_minor"]) == (2_000, 2_000, 0)
    assert [(line["sku"], line["quantity"], line["total_minor"]) for line in more["lines"]] == [(sku, 2, 2_000)]
    assert (more["billed_to"], more["seller"]) == (first["billed_to"], first["seller"])
    numbers = await shop.sql("SELECT number FROM documents WHERE order_no = %s ORDER BY issued_at", number)
    assert numbers[1]["number"] > numbers[0]["number"], "the next of the same series"
    answer = (await shop.get(f"/v1/orders/{number}/events")).json()["items"][-1]
    assert (answer["type"], answer["data"]["supplement_to"]) == ("invoice_issued", first["document_no"])
    pdf = text_of(await shop.get(f"/v1/documents/{more['document_no']}.pdf", lang="en"))
    for words in ("Supplementary invoice", f"Supplement to {first['document_no']}", "¥20.00"):
        assert words in pdf, pdf
    assert (await shop.post(f"/v1/orders/{number}/invoice", {})).json()["document_no"] == first["document_no"]
    assert await wrong(shop, number) == []


async def test_goods_that_cost_more_are_credited_on_both_invoices(shop: ApiClient) -> None:
    """1,000 changed for two of 900: 800 are paid on top. Each piece is credited by its parts of both invoices."""
    old, new = await stocked(shop, 1_000), await stocked(shop, 900)
    number = await on_its_way(shop, an_order(old, 1))
    first = await issued(shop, f"/v1/orders/{number}/invoice")
    await more_expensive(shop, number, **{new: 2})
    _, more = await invoices(shop, number)
    assert (more["total_minor"], more["items_minor"], more["discount_minor"]) == (800, 1_800, 1_000)
    pdf = text_of(await shop.get(f"/v1/documents/{more['document_no']}.pdf", lang="en"))
    assert "Already invoiced -10.00" in pdf, pdf
    for _ in range(2):
        refund = await refunded(shop, number, lines=[{"sku": new, "quantity": 1}])
        note = await issued(shop, f"/v1/refunds/{refund}/credit-note")
        parts = [(one["document_no"], one["total_minor"]) for one in note["corrections"]]
        assert parts == [(first["document_no"], 500), (more["document_no"], 400)]
        assert (note["corrects"], note["total_minor"]) == (first["document_no"], 900)
        assert [(line["sku"], line["quantity"]) for line in note["lines"]] == [(old, 0), (new, 1)]
    pdf = text_of(await shop.get(f"/v1/documents/{note['document_no']}.pdf", lang="en"))
    for part in (f"{first['document_no']} ¥5.00", f"{more['document_no']} ¥4.00"):
        assert part in pdf.replace("  ", " "), pdf
    assert await wrong(shop, number) == []


async def test_units_taken_off_again_are_credited_on_the_invoice_that_has_them(shop: ApiClient) -> None:
    sku = await stocked(shop, 1_000)
    number = await on_its_way(shop, an_order(sku, 1))
    await issued(shop, f"/v1/orders/{number}/invoice")
    await more_expensive(shop, number, **{sku: 3})
    (_, more), (top,) = (
        await invoices(shop, number),
        await shop.sql("SELECT max(line_no) AS n FROM order_lines WHERE order_no = %s", number),
    )
    body = {"lines": [{"line_no": 1, "quantity": 1}, {"line_no": top["n"], "quantity": 1}]}
    off = (await change(shop, number, body)).json()["refund_id"]
    await paid_back(shop, off)
    note = await issued(shop, f"/v1/refunds/{off}/credit-note")
    assert [one["document_no"] for one in note["corrections"]] == [more["document_no"]] == [note["corrects"]]
    assert (note["total_minor"], await wrong(shop, number)) == (1_000, [])


async def test_a_cancelled_orders_invoices_are_credited_together(shop: ApiClient) -> None:
    sku = await stocked(shop, 1_000)
    number = await on_its_way(shop, an_order(sku, 1))
    await issued(shop, f"/v1/orders/{number}/invoice")
    await more_expensive(shop, number, **{sku: 3})
    for capture, minor in await _captures(shop, number):
        await shop.sql(
            "INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key, "
            "provider_ref, parent_id) VALUES (%s, 'refund', 1, 'sandbox', %s, 'CNY', 'succeeded', %s, %s, %s)",
            number, minor, unique("key"), unique("ref"), capture,
        )  # fmt: skip
    await shop.sql("UPDATE orders SET cancelling = 'customer_request' WHERE order_no = %s", number)
    async with shop.app.state.services.database.begin() as conn:
        await timeline.lock_order(conn, number)
        await reservations.release(conn, number)
        await timeline.transition(conn, number, Status.PAID, OrderEvent.ORDER_CANCELLED)
    note = await issued(shop, f"/v1/orders/{number}/credit-note")
    assert [one["total_minor"] for one in note["corrections"]] == [1_000, 2_000]
    assert "¥30.00" in text_of(await shop.get(f"/v1/documents/{note['document_no']}.pdf", lang="en"))
    assert await wrong(shop, number) == []


async def test_an_exchange_that_costs_more_has_an_invoice_of_its_own(shop: ApiClient) -> None:
    """Its order is over the difference; each order's invoices less its credit notes are what it kept."""
    old, new = await stocked(shop, 1_000), await stocked(shop, 1_500)
    number = await on_its_way(shop, an_order(old, 1))
    await issued(shop, f"/v1/orders/{number}/invoice")
    await arrives(shop, number)
    wanted = [{"sku": new, "quantity": 1}]
    other = (await sends_back(shop, number, old, 1, resolution="exchange", exchange_lines=wanted))["exchange"][
        "order_no"
    ]
    await reserved(shop, other)
    await paid(shop, other)
    invoice = await issued(shop, f"/v1/orders/{other}/invoice")
    assert (invoice["total_minor"], invoice["items_minor"], invoice["discount_minor"]) == (500, 1_500, 1_000)
    await arrives(shop, other)
    await sends_back(shop, other, new, 1)
    for order_no, minor in ((number, 1_000), (other, 500)):
        (back,) = await shop.sql("SELECT refund_id FROM refunds WHERE order_no = %s", order_no)
        await paid_back(shop, back["refund_id"])
        assert (await issued(shop, f"/v1/refunds/{back['refund_id']}/credit-note"))["total_minor"] == minor
    assert await wrong(shop, number, other) == []


async def _captures(shop: ApiClient, number: str) -> list[tuple[int, int]]:
    rows = await shop.sql(
        "SELECT payment_id, amount_minor FROM payments WHERE order_no = %s AND kind = 'capture'", number
    )
    return [(row["payment_id"], row["amount_minor"]) for row in rows]


async def test_an_invoice_that_comes_later_is_over_everything(shop: ApiClient) -> None:
    sku = await stocked(shop, 1_000)
    number = await on_its_way(shop, an_order(sku, 1))
    await more_expensive(shop, number, **{sku: 3})
    whole = await issued(shop, f"/v1/orders/{number}/invoice")
    assert (whole["total_minor"], len(await invoices(shop, number))) == (3_000, 1)
    await more_expensive(shop, number, **{sku: 4})
    assert [one["total_minor"] for one in await invoices(shop, number)] == [3_000, 1_000]
    assert await wrong(shop, number) == []


async def test_the_ledger_check_finds_money_on_top_that_is_on_no_invoice(shop: ApiClient) -> None:
    sku = await stocked(shop, 1_000)
    number = await on_its_way(shop, an_order(sku, 1))
    first = await issued(shop, f"/v1/orders/{number}/invoice")
    await shop.sql("ALTER TABLE change_payments DISABLE TRIGGER change_payment_invoiced")
    try:
        await more_expensive(shop, number, **{sku: 3})
    finally:
        await shop.sql("ALTER TABLE change_payments ENABLE TRIGGER change_payment_invoiced")
    (found,) = await wrong(shop, number)
    assert (found.place, found.expected, found.found) == (first["document_no"], "3000", "1000")
    # As the migration issues it for orders of earlier versions.
    await shop.sql("SELECT invoice_change_payment(s) FROM change_payments s WHERE order_no = %s", number)
    assert await wrong(shop, number) == []


# ── whatever happens to an order ───────────────────────────────────────────────────────────────────────────────────
PRICES = (1_000, 333, 70)
WANTED = st.tuples(*(st.integers(0, 4) for _ in PRICES)).filter(any)
BEFORE = st.tuples(st.sampled_from(["change", "change", "change", "refund", "units", "invoice"]), WANTED)
MADE_MORE_EXPENSIVE = st.lists(BEFORE, min_size=2, max_size=5).map(
    lambda actions: [*actions[:1], ("invoice", (1,)), *actions[1:]]
)
AFTER = st.tuples(st.sampled_from(["refund", "units", "return", "exchange", "invoice"]), WANTED)
LATE = st.tuples(st.sampled_from(["dispute", "claim", "bounce", "refund"]), WANTED)
DELIVERED = st.tuples(st.lists(AFTER, max_size=3), st.lists(LATE, min_size=2, max_size=4)).map(
    lambda actions: [*actions[0][:1], *actions[1], *actions[0][1:]]
)
CHARGES = st.tuples(st.integers(0, 50), st.integers(0, 900))
TAXES = ((0, True), (1_300, True), (1_300, False))


class Scenario:
    """An order of three products and those that were given in exchange for its goods, invoiced on the way."""

    def __init__(self, shop: ApiClient, skus: list[str], number: str) -> None:
        self.shop, self.skus, self.numbers = shop, skus, [number]

    async def run(self, what: str, units: tuple[int, ...]) -> None:
        number, sku = self.numbers[-1], self.skus[units.index(max(units))]
        match what:
            case "change":
                await self.changed(number, {sku: n for sku, n in zip(self.skus, units, strict=True) if n})
            case "refund" | "units":
                body = {"amount_minor": 1 + 97 * sum(units)} if what == "refund" else {
                    "lines": [{"sku": sku, "quantity": 1}], "include_shipping": units[0] % 2 == 0}  # fmt: skip
                response = await self.shop.post(f"/v1/orders/{number}/refunds", {"reason": "late", **body})
                event(f"{what}: {response.status_code}")
            case "return" | "exchange":
                await self.return_goods(number, what, sku)
            case "claim":
                there = await self.shop.sql(
                    "SELECT sku FROM order_lines WHERE order_no = %s AND quantity - cancelled_quantity > "
                    "returned_quantity ORDER BY line_no", number)  # fmt: skip
                done = await claimed(self.shop, number, there[sum(units) % len(there)]["sku"]) if there else None
                event(f"claim: {done is not None}")
            case "dispute":
                await self.disputed(number, units)
            case "bounce":
                paid_ones = "SELECT refund_id FROM refunds WHERE order_no = %s AND status = 'succeeded'"
                for refund in (await self.shop.sql(paid_ones, number))[:1]:
                    event("a refund bounced")
                    await bounced(self.shop, number, refund["refund_id"])
            case "invoice":
                response = await self.shop.post(f"/v1/orders/{number}/invoice", {})
                assert response.status_code == 201 or response.json()["code"] == "not_invoiceable", response.text

    async def disputed(self, number: str, units: tuple[int, ...]) -> None:
        """A part of what is left of a capture, lost more often than won."""
        left = await self.shop.sql(
            "SELECT captured_minor - refunded_minor - promised_minor - disputed_minor AS minor FROM payments p "
            "JOIN payment_totals t USING (payment_id) WHERE order_no = %s AND kind = 'capture' ORDER BY payment_id",
            number,
        )  # fmt: skip
        capture, outcome = sum(units) % len(left), "won" if units[0] == 1 else "lost"
        if minor := left[capture]["minor"] * (1 + units[1]) // 5:
            event(f"dispute: {outcome}")
            await disputed(self.shop, number, outcome, of_capture=capture, amount_minor=minor)

    async def changed(self, number: str, units: dict[str, int]) -> None:
        answer = await change(self.shop, number, lines(**units) | PAYMENT)
        state = answer.json().get("state", answer.json().get("code"))
        event(f"change: {state}")
        if state == "awaiting_payment":
            await taken(self.shop, number)

    async def return_goods(self, number: str, what: str, sku: str) -> None:
        body = {"resolution": "refund"} if what == "return" else {
            "resolution": "exchange", "exchange_lines": [{"sku": self.skus[0], "quantity": 2}]}  # fmt: skip
        left = await self.shop.sql(
            "SELECT 1 FROM order_lines WHERE order_no = %s AND sku = %s AND "
            "quantity - cancelled_quantity > returned_quantity", number, sku)  # fmt: skip
        if not left:
            return
        back = await sends_back(self.shop, number, sku, 1, reason_code="not_as_described", **body)
        event(f"{what}: {back['settled']}")
        if new := (back.get("exchange") or {}).get("order_no"):
            await self.exchanged(new)

    async def exchanged(self, new: str) -> None:
        """The other goods are paid, invoiced and delivered."""
        async with self.shop.app.state.services.database.begin() as conn:
            await timeline.lock_order(conn, new)
            if HOUSE not in (await reservations.demand_of(conn, new)).candidates():
                return
        await reserved(self.shop, new)
        (order,) = await self.shop.sql("SELECT total_minor FROM orders WHERE order_no = %s", new)
        if order["total_minor"]:
            event("a difference paid")
            await paid(self.shop, new)
            await issued(self.shop, f"/v1/orders/{new}/invoice")
            await arrives(self.shop, new)
            self.numbers.append(new)

    async def check(self, number: str) -> None:
        """Once each refund is paid and has its credit note, what is invoiced and not credited is what was kept."""
        open_ones = "SELECT refund_id FROM refunds WHERE order_no = %s AND status = 'approved'"
        for row in await self.shop.sql(open_ones, number):
            await paid_back(self.shop, row["refund_id"])
        if not await self.shop.sql("SELECT 1 FROM documents WHERE order_no = %s", number):
            return
        paid_ones = "SELECT refund_id FROM refunds WHERE order_no = %s AND status = 'succeeded' ORDER BY refund_no"
        for row in await self.shop.sql(paid_ones, number):
            response = await self.shop.post(f"/v1/refunds/{row['refund_id']}/credit-note")
            assert response.status_code == 201, response.text
        (rows,) = await self.shop.sql(
            "SELECT sum(t.captured_minor - t.refunded_minor - t.disputed_minor)::bigint AS n FROM payments p "
            "JOIN payment_totals t USING (payment_id) WHERE p.order_no = %s", number)  # fmt: skip
        (text,) = await self.shop.sql(
            "SELECT sum(CASE kind WHEN 'invoice' THEN total_minor ELSE -total_minor END)::bigint AS n, "
            "count(*) FILTER (WHERE supplement_no > 0) AS more FROM documents WHERE order_no = %s", number)  # fmt: skip
        assert text["n"] == rows["n"]
        event(f"supplementary invoices: {text['more']}")


async def run_scenario(
    shop: ApiClient, first: tuple[int, ...], charges: tuple[int, int], before: list[Any], after: list[Any]
) -> None:
    skus = [await stocked(shop, price, 99) for price in PRICES]
    wanted = [{"sku": sku, "quantity": n} for sku, n in zip(skus, first, strict=True) if n]
    items = sum(price * n for price, n in zip(PRICES, first, strict=True))
    body = an_order(lines=wanted, discount_minor=min(charges[0], items), shipping_minor=charges[1])
    found = Scenario(shop, skus, await on_its_way(shop.as_("channel", "web"), body))
    for actions in (before, after):
        for what, units in actions:
            await found.run(what, units)
            for number in found.numbers:
                await found.check(number)
        if actions is before:
            await arrives(shop, found.numbers[0])
    assert await wrong(shop, *found.numbers) == []


def test_invoices_less_credit_notes_are_what_was_kept(database_url: DatabaseUrls) -> None:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        shops = [runner.run(_shop(stack, database_url, *tax)) for tax in TAXES]

        @few(4)
        @given(st.integers(0, 2), WANTED, CHARGES, MADE_MORE_EXPENSIVE, DELIVERED)
        def reported(
            tax: int, first: tuple[int, ...], charges: tuple[int, int], before: list[Any], after: list[Any]
        ) -> None:
            runner.run(run_scenario(shops[tax], first, charges, before, after))

        try:
            reported()
        finally:
            runner.run(stack.aclose())


async def _shop(stack: AsyncExitStack, urls: DatabaseUrls, rate_bp: int, included: bool) -> ApiClient:
    opened = await stack.enter_async_context(open_api(urls, tax_rate_bp=rate_bp, tax_included=included))
    return opened.as_("support", "amy")
