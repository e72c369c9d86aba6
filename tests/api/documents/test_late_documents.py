"""Documents and money: what a provider tells later leaves documents as they are, and no document holds up money."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy.exc import DBAPIError

from domain.orders.status import OrderEvent, Status
from infra.db.orders.state import timeline
from infra.db.stock import reservations
from tests.api.after_sales.test_after_sales import on_its_way
from tests.api.conftest import ApiClient, an_order, unique
from tests.api.documents.test_change_payment_invoices import PAYMENT, invoices, issued, more_expensive, taken, wrong
from tests.factories.late_money import report_event
from tests.factories.order_changes import change, lines, stocked


async def cancelled(shop: ApiClient, number: str) -> None:
    await shop.sql("UPDATE orders SET cancelling = 'customer_request' WHERE order_no = %s", number)
    async with shop.app.state.services.database.begin() as conn:
        await timeline.lock_order(conn, number)
        await reservations.release(conn, number)
        await timeline.transition(conn, number, Status.PAID, OrderEvent.ORDER_CANCELLED)


async def given_back(shop: ApiClient, number: str) -> str:
    """All of its money, without a refund of its own, as undoing an order gives it back; its reference."""
    ref = unique("re")
    await shop.sql(
        "INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key, "
        "provider_ref, parent_id) SELECT order_no, 'refund', 1, 'sandbox', amount_minor, currency, 'succeeded', %s, "
        "%s, payment_id FROM payments WHERE order_no = %s AND kind = 'capture'", unique("key"), ref, number,
    )  # fmt: skip
    return ref


@pytest.mark.parametrize("decided", [True, False])
async def test_what_bounces_of_a_cancelled_order_leaves_its_documents_right(shop: ApiClient, decided: bool) -> None:
    number = await on_its_way(shop, an_order(await stocked(shop, 1_000), 1))
    await issued(shop, f"/v1/orders/{number}/invoice")
    if decided:
        ref = unique("re")
        assert await report_event(shop, number, kind="refund", provider_ref=ref) == "refunded"
    else:
        ref = await given_back(shop, number)
    await cancelled(shop, number)
    if decided:
        await issued(shop, f"/v1/orders/{number}/credit-note")
    assert await report_event(shop, number, kind="refund", provider_ref=ref, status="failed") == "reversed"
    assert await wrong(shop, number) == []
    if not decided:
        await issued(shop, f"/v1/orders/{number}/credit-note")
        assert await wrong(shop, number) == []


@pytest.mark.parametrize("outcome", ["lost", "won"])
async def test_a_dispute_of_a_cancelled_order_leaves_its_documents_right(shop: ApiClient, outcome: str) -> None:
    number = await on_its_way(shop, an_order(await stocked(shop, 1_000), 1))
    await issued(shop, f"/v1/orders/{number}/invoice")
    assert await report_event(shop, number, kind="dispute", provider_ref=f"dp-{number}") == "disputed"
    await cancelled(shop, number)
    await issued(shop, f"/v1/orders/{number}/credit-note")
    assert await wrong(shop, number) == []
    for received in (outcome, "known"):
        assert (
            await report_event(shop, number, kind="dispute", provider_ref=f"dp-{number}", outcome=outcome) == received
        )
    assert await wrong(shop, number) == []
    # Decided the other way after all: money has moved that the database has no room for, and staff are notified.
    other = {"lost": "won", "won": "lost"}[outcome]
    assert await report_event(shop, number, kind="dispute", provider_ref=f"dp-{number}", outcome=other) == "unapplied"
    stored = "SELECT reason FROM inbox WHERE order_no = %s AND outcome = 'unapplied'"
    assert await shop.sql(stored, number) == [{"reason": "dispute_decided_otherwise"}]


@asynccontextmanager
async def no_documents(shop: ApiClient, number: str, sqlstate: str) -> AsyncIterator[None]:
    """The database refuses every document of the order."""
    name = unique("refused").replace("-", "_")
    await shop.sql(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.order_no = '{number}' "
        f"THEN RAISE EXCEPTION 'no' USING ERRCODE = '{sqlstate}'; END IF; RETURN NEW; END $$"
    )
    await shop.sql(f"CREATE TRIGGER {name} BEFORE INSERT ON documents FOR EACH ROW EXECUTE FUNCTION {name}()")
    try:
        yield
    finally:
        await shop.sql(f"DROP FUNCTION {name} CASCADE")


async def test_money_is_in_the_database_whatever_becomes_of_its_invoice(shop: ApiClient) -> None:
    sku = await stocked(shop, 1_000)
    number = await on_its_way(shop, an_order(sku, 1))
    first = await issued(shop, f"/v1/orders/{number}/invoice")
    async with no_documents(shop, number, "OM999"):
        await more_expensive(shop, number, **{sku: 3})
    (order,) = await shop.sql(
        "SELECT total_minor, (SELECT sum(t.captured_minor)::bigint FROM payments p "
        "JOIN payment_totals t USING (payment_id) WHERE p.order_no = o.order_no) AS taken "
        "FROM orders o WHERE order_no = %s", number,
    )  # fmt: skip
    assert order == {"total_minor": 3_000, "taken": 3_000}
    (found,) = await wrong(shop, number)
    assert (found.place, found.expected, found.found) == (first["document_no"], "3000", "1000")
    # While the fault is there it is refused; once it is corrected, support makes up for it.
    path, amy, ben = (
        f"/v1/orders/{number}/supplementary-invoices",
        shop.as_("support", "amy"),
        shop.as_("finance", "ben"),
    )
    async with no_documents(shop, number, "OM999"):
        refused = await amy.post(path)
        assert (refused.status_code, refused.json()["code"]) == (409, "invoice_refused")
    key = unique("key")
    for answer in (await amy.post(path, key=key), await amy.post(path, key=key)):
        assert answer.status_code == 201, answer.text
        [item] = answer.json()["items"]
        assert (item["total_minor"], item["supplement_to"]) == (2_000, first["document_no"])
    assert [one["total_minor"] for one in await invoices(shop, number)] == [1_000, 2_000]
    assert await wrong(shop, number) == []
    again = await ben.post(path)
    assert (again.status_code, again.json()["code"]) == (409, "nothing_to_invoice")
    audited = await shop.sql("SELECT actor, reference FROM audit_log WHERE action = 'invoice_made_up'")
    assert audited == [{"actor": "support:amy", "reference": item["document_no"]}]


async def test_an_invoice_that_a_repeat_would_write_is_not_left_out(shop: ApiClient) -> None:
    sku = await stocked(shop, 1_000)
    number = await on_its_way(shop, an_order(sku, 1))
    await issued(shop, f"/v1/orders/{number}/invoice")
    assert (await change(shop, number, lines(**{sku: 3}) | PAYMENT)).json()["state"] == "awaiting_payment"
    async with no_documents(shop, number, "40P01"):
        with pytest.raises(DBAPIError):
            await taken(shop, number)
    assert [one["total_minor"] for one in await invoices(shop, number)] == [1_000]
    await taken(shop, number)
    assert [one["total_minor"] for one in await invoices(shop, number)] == [1_000, 2_000]
