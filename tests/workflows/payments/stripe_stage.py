"""A stage whose customers pay at Stripe, and what its dashboard does, for tests."""

import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from infra.db.checks.consistency_checks import CHECKS, run_checks
from infra.db.messaging import inbox
from infra.gateways.payments.stripe_payments import StripePayments
from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.contract.payment_bench import PATIENT_S, SECRET, stripe_signed
from tests.contract.processes import localstripe
from tests.contract.receiver import Receiver
from tests.infra.servers import serving
from tests.order_stage import Stage, eventually, staged

KEY = "sk_test_12345"
PRICE_MINOR = 1000


class AtStripe:
    """A stage whose customers pay at Stripe, and Stripe's dashboard."""

    def __init__(self, stage: Stage, url: str) -> None:
        self.stage = stage
        self.gateway = StripePayments(KEY, SECRET, PATIENT_S, url)
        self.http = httpx.AsyncClient(base_url=f"{url}/v1", auth=(KEY, ""))

    async def close(self) -> None:
        await self.gateway.aclose()
        await self.http.aclose()

    async def api(self, path: str, **form: Any) -> dict[str, Any]:
        response = await self.http.post(path, data=form)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def intent(self, order_no: str, amount_minor: int = PRICE_MINOR, capture: str = "manual") -> dict[str, Any]:
        """The customer pays directly on a page of Stripe's."""
        form = {"amount": amount_minor, "currency": "cny", "payment_method": "pm_card_visa", "confirm": "true"}
        named = {"metadata[order_no]": order_no, "capture_method": capture}
        return await self.api("/payment_intents", **form, **named)

    async def notify(self, event: str, about: dict[str, Any], event_id: str = "") -> str:
        """A signed notification, kept as the front door keeps it."""
        event_id = event_id or f"evt_{secrets.token_hex(8)}"
        body = json.dumps({"id": event_id, "type": event, "data": {"object": about}}).encode()
        notice = self.gateway.parse_notification(stripe_signed(body, time.time()), body)
        assert notice is not None
        async with self.stage.database.begin() as conn:
            return await inbox.keep_payment(conn, "stripe", notice)

    async def refund(self, intent: dict[str, Any], amount_minor: int) -> dict[str, Any]:
        """Somebody refunds in the dashboard: the Refund bears nothing of ours."""
        return await self.api("/refunds", charge=charge_of(intent), amount=amount_minor)

    async def payment_rows(self, order_no: str) -> list[tuple[str, str, str, int]]:
        rows = await self.stage.sql(
            "SELECT kind, purpose, status, amount_minor FROM payments WHERE order_no = :o ORDER BY payment_id",
            o=order_no,
        )
        return [(row.kind, row.purpose, row.status, row.amount_minor) for row in rows]

    async def outcomes(self, order_no: str) -> list[str | None]:
        rows = await self.stage.sql("SELECT outcome FROM inbox WHERE order_no = :o ORDER BY inbox_id", o=order_no)
        return [row[0] for row in rows]

    async def applied(self, order_no: str) -> list[str | None]:
        """Wait until every fact of the order is applied; what became of each."""

        async def all_heard() -> list[str | None]:
            reported = await self.outcomes(order_no)
            return reported if reported and None not in reported else []

        return list(await eventually(all_heard))

    async def left_minor(self, order_no: str) -> int:
        rows = await self.stage.sql(
            "SELECT coalesce(sum(captured_minor - refunded_minor - promised_minor - disputed_minor), 0) FROM payments"
            " JOIN payment_totals USING (payment_id) WHERE order_no = :o",
            o=order_no,
        )
        return int(rows[0][0])


def charge_of(intent: dict[str, Any]) -> str:
    charge = intent["latest_charge"]
    return str(charge["id"] if isinstance(charge, dict) else charge)


def dispute(intent: dict[str, Any], status: str, amount_minor: int = PRICE_MINOR) -> dict[str, Any]:
    return {
        "id": f"dp_{intent['id']}", "object": "dispute", "amount": amount_minor, "currency": "cny", "metadata": {},
        "charge": charge_of(intent), "payment_intent": intent["id"], "reason": "fraudulent", "status": status,
    }  # fmt: skip


@asynccontextmanager
async def at_stripe(urls: DatabaseUrls, temporal: TemporalServer, folder: Path) -> AsyncIterator[AtStripe]:
    """What the database is asked at the end finds nothing wrong."""
    receiver = Receiver()
    async with serving(receiver.app) as hooks, localstripe(folder, f"{hooks}/v1/webhooks/stripe", SECRET) as url:
        settings = {"stripe_api_key": KEY, "stripe_webhook_secret": SECRET, "stripe_api_base": url}
        async with staged(urls, temporal.address, folder, **settings) as stage:
            await stage.stock("TEA", 1000, PRICE_MINOR)
            opened = AtStripe(stage, url)
            yield opened
            async with stage.owner.begin() as conn:
                for question in CHECKS:
                    answer = await run_checks(conn, question)
                    assert answer.count == 0, (question.code, answer.examples)
            await opened.close()


async def unpaid(shop: AtStripe) -> str:
    order_no = await shop.stage.place(token=None)
    await shop.stage.reaches(order_no, "pending_payment")
    return order_no


async def paid(shop: AtStripe) -> tuple[str, dict[str, Any]]:
    """An order that a PaymentIntent with automatic capture has paid."""
    order_no = await unpaid(shop)
    intent = await shop.intent(order_no, capture="automatic")
    await shop.notify("payment_intent.succeeded", intent)
    await shop.stage.reaches(order_no, "preparing")
    return order_no, intent


async def refunds_of(shop: AtStripe, intent: dict[str, Any]) -> list[dict[str, Any]]:
    """As Stripe has them, in the order of their making."""
    listed = (await shop.http.get("/refunds", params={"charge": charge_of(intent), "limit": 100})).json()["data"]
    return sorted(listed, key=lambda one: one["created"])


def bounced(refund: dict[str, Any]) -> dict[str, Any]:
    return {**refund, "status": "failed", "failure_reason": "lost_or_stolen_card"}


async def totals(shop: AtStripe, order_no: str) -> tuple[int, int]:
    """(given back, promised)."""
    [row] = await shop.stage.sql(
        "SELECT t.refunded_minor, t.promised_minor FROM payment_totals t JOIN payments USING (payment_id)"
        " WHERE order_no = :o",
        o=order_no,
    )
    return row.refunded_minor, row.promised_minor
