"""Money whose success comes after the order was changed: it does not pay for what costs something else by now."""

import json
from typing import Any

import pytest

from activities.orders.inbox import apply_inbox
from activities.orders.views import view_of
from tests.api.conftest import ApiClient, unique
from tests.factories.order_changes import change, lines, placed, reserved, stocked


async def dropped(shop: ApiClient, number: str, kind: str) -> dict[str, Any]:
    """The first payment of the order, given up without an answer; what its provider says of it later."""
    await shop.sql(
        "INSERT INTO payment_requests (request_id, order_no, attempt, method, token, actor) "
        "VALUES (%s, %s, 1, 'sandbox', 'tok_ok', 't')", unique("req"), number)  # fmt: skip
    parent = None
    made = [("authorise", "failed" if kind == "authorise" else "succeeded")]
    made += [("capture", "failed"), ("void", "succeeded")] if kind == "capture" else []
    for one, status in made:
        (row,) = await shop.sql(
            "INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key, "
            "provider_ref, parent_id) SELECT order_no, %s, 1, 'sandbox', total_minor, currency, %s, %s, %s, %s "
            "FROM orders WHERE order_no = %s RETURNING payment_id, amount_minor",
            one, status, f"{number}/{one}/1", None if status == "failed" else unique("ref"), parent, number,
        )  # fmt: skip
        parent = parent or row["payment_id"]
    return {
        "provider_ref": unique("late"), "kind": kind, "status": "succeeded", "amount_minor": row["amount_minor"],
        "currency": "CNY", "idempotency_key": f"{number}/{kind}/1", "parent_ref": None, "error_code": None,
    }  # fmt: skip


async def apply_event(shop: ApiClient, number: str, fact: dict[str, Any]) -> None:
    """The fact is applied."""
    await shop.sql(
        "INSERT INTO inbox (provider, event_id, kind, order_no, fact) VALUES ('sandbox', %s, 'payment', %s, %s)",
        unique("ev"), number, json.dumps(fact))  # fmt: skip
    services = shop.app.state.services
    async with services.database.begin() as conn:
        await apply_inbox(conn, number, services.settings)


@pytest.mark.parametrize("kind", ["capture", "authorise"])
async def test_a_late_success_pays_no_order_that_costs_something_else_by_now(shop: ApiClient, kind: str) -> None:
    sku = await stocked(shop, 1_000)
    number = await placed(shop, sku, 1)
    await reserved(shop, number)
    fact = await dropped(shop, number, kind)
    answer = await change(shop.as_("support", "amy"), number, lines(**{sku: 3}))
    assert answer.status_code == 200, answer.text
    await apply_event(shop, number, fact)
    services = shop.app.state.services
    async with services.database.begin() as conn:
        view = await view_of(conn, number)
    (order,) = await shop.sql("SELECT status, total_minor FROM orders WHERE order_no = %s", number)
    assert order == {"status": "pending_payment", "total_minor": 3_000}
    assert (view.attempt_state, view.stray) == ("failed", True)
    (back,) = await shop.sql("SELECT kind, purpose, amount_minor FROM money_to_return(%s, false)", number)
    assert back == {"kind": "refund" if kind == "capture" else "void", "purpose": "stray", "amount_minor": 1_000}


async def test_a_late_success_of_what_costs_the_same_pays_for_it(shop: ApiClient) -> None:
    number = await placed(shop, await stocked(shop, 1_000), 1)
    await reserved(shop, number)
    await apply_event(shop, number, await dropped(shop, number, "capture"))
    (order,) = await shop.sql("SELECT status FROM orders WHERE order_no = %s", number)
    assert order == {"status": "paid"}
