"""Money that moves long after the sale: guarantees that are claimed, chargebacks, refunds that bounce."""

import json
from typing import Any

from activities.orders.inbox import apply_inbox
from domain.after_sales.guarantees import GuaranteeStatus
from domain.gateways import GatewayResult
from domain.payments.transactions import PaymentKind, PaymentStatus
from infra.db.after_sales import guarantees, returns, settlement
from infra.db.after_sales.return_policy import ReturnPolicy
from infra.db.after_sales.settlement import SettlementContext
from infra.db.orders.state import timeline
from infra.db.payments import transactions
from tests.api.conftest import ApiClient, unique
from tests.factories.returns import a_return

CARD = {"method": "sandbox", "token": "tok_ok"}


async def report_event(shop: ApiClient, number: str, of_capture: int = 0, **fact: Any) -> str:
    """A fact of the provider about a capture of the order is applied; what became of it."""
    captures = "SELECT * FROM payments WHERE order_no = %s AND kind = 'capture' ORDER BY payment_id"
    capture = (await shop.sql(captures, number))[of_capture]
    whole = {
        "amount_minor": capture["amount_minor"], "currency": "CNY", "status": "succeeded", "idempotency_key": None,
        "parent_ref": capture["provider_ref"], "parent_key": None, "error_code": None, "outcome": None, **fact,
    }  # fmt: skip
    (row,) = await shop.sql(
        "INSERT INTO inbox (provider, event_id, kind, order_no, fact) VALUES ('sandbox', %s, 'payment', %s, %s) "
        "RETURNING inbox_id", unique("ev"), number, json.dumps(whole),
    )  # fmt: skip
    services = shop.app.state.services
    async with services.database.begin() as conn:
        await apply_inbox(conn, number, services.settings)
    (rows,) = await shop.sql("SELECT outcome FROM inbox WHERE inbox_id = %s", row["inbox_id"])
    return str(rows["outcome"])


async def answered(shop: ApiClient, number: str, return_id: str) -> None:
    """What is due on the guarantee is done, as a step of the order's workflow writes it."""
    services = shop.app.state.services
    async with services.database.begin() as conn:
        await timeline.lock_order(conn, number)
        guarantee = await guarantees.find(conn, return_id)
        assert guarantee is not None
        opened = await guarantees.open_call(conn, guarantee)
        assert opened is not None
        done = GatewayResult(PaymentStatus.SUCCEEDED, unique("ref"), opened.intent.amount_minor)
        await transactions.finish(conn, opened, done)
        claim = opened.intent.kind is PaymentKind.CAPTURE
        await guarantees.move(
            conn, guarantee, GuaranteeStatus.CLAIMED if claim else GuaranteeStatus.AUTHORISED, guarantee.claim_minor
        )
        if not claim:
            back = await returns.find(conn, return_id)
            context = SettlementContext(services.keys, ReturnPolicy.from_settings(services.settings), "system")
            assert await settlement.place_in_advance(conn, back, context)


async def sent_first(shop: ApiClient, number: str, sku: str, **options: Any) -> str | None:
    """An exchange in advance whose guarantee is authorised; None where the goods are worth nothing any more."""
    body = a_return(sku, 1, resolution="exchange", advance=True, payment=CARD, **options)
    made = await shop.post(f"/v1/orders/{number}/returns", body)
    if made.json().get("code") in ("nothing_to_guarantee", "return_exceeds_delivered"):
        return None
    assert made.status_code == 201, made.text
    return_id = str(made.json()["return_id"])
    if made.json()["status"] == "requested":
        assert (await shop.as_("support", "ann").post(f"/v1/returns/{return_id}/approve", {})).status_code == 200
    await answered(shop, number, return_id)
    return return_id


async def claimed(shop: ApiClient, number: str, sku: str, **options: Any) -> str | None:
    """An exchange in advance whose old goods never come."""
    return_id = await sent_first(shop, number, sku, **options)
    if return_id is not None:
        await shop.sql("UPDATE returns SET status = 'expired' WHERE return_id = %s", return_id)
        await answered(shop, number, return_id)
    return return_id


async def disputed(shop: ApiClient, number: str, outcome: str, **fact: Any) -> None:
    """A bank takes the money of a capture, and decides for good."""
    ref = unique("dp")
    assert await report_event(shop, number, kind="dispute", provider_ref=ref, **fact) == "disputed"
    assert await report_event(shop, number, kind="dispute", provider_ref=ref, outcome=outcome, **fact) == outcome


async def bounced(shop: ApiClient, number: str, refund_id: str) -> None:
    """All of a paid refund comes back."""
    paid = "SELECT provider_ref, amount_minor FROM payments WHERE refund_id = %s AND status = 'succeeded'"
    for part in await shop.sql(paid, refund_id):
        assert await report_event(shop, number, kind="refund", status="failed", **part) == "reversed"
