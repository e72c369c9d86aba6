"""Answering a dispute at its provider: one answer, in time, carried out once. The sandbox is the provider."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from domain.payments.transactions import PaymentKind
from infra.db.payments import dispute_answers
from tests.api.conftest import ApiClient, open_api, unique
from tests.conftest import DatabaseUrls
from tests.console.payments.test_provider_cases import report_payment
from tests.contract.payment_bench import SECRET
from tests.contract.processes import sandbox
from tests.contract.receiver import Receiver
from tests.factories.sales import placed
from tests.infra.servers import serving

EVIDENCE = {"explanation": "she signed for it herself", "tracking_no": "T1", "customer_communication": "thank you"}
LATER = timedelta(days=5)


class Bank:
    """The sandbox, two front doors to its product, and disputes that both know of."""

    def __init__(self, sandbox: httpx.Client, shop: ApiClient, hasty: ApiClient) -> None:
        self.sandbox, self.shop, self.hasty = sandbox, shop, hasty

    async def disputed(self, due: timedelta = LATER, **opening: Any) -> tuple[str, str, int]:
        """(order, the provider's name of the dispute, ours)."""
        order_no = await placed(self.shop.as_("support"))
        [order] = await self.shop.sql("SELECT total_minor, currency FROM orders WHERE order_no = %s", order_no)
        body = {"order_no": order_no, "amount_minor": order["total_minor"], "currency": order["currency"]}
        capture = self.post("/payments/pay", body)["id"]
        await report_payment(self.shop, order_no, PaymentKind.CAPTURE, capture)
        ref = self.post(f"/payments/{capture}/dispute", opening)["id"]
        due_at = (datetime.now(UTC) + due).isoformat()
        await report_payment(self.shop, order_no, PaymentKind.DISPUTE, ref, parent_ref=capture, due_at=due_at)
        return order_no, ref, (await self.row(order_no))["payment_id"]

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.sandbox.post(path, json=body)
        assert answer.status_code < 300, answer.text
        return dict(answer.json())

    def at_bank(self, ref: str) -> dict[str, Any]:
        items = self.sandbox.get("/disputes").json()["items"]
        return dict(next(item for item in items if item["id"] == ref))

    async def row(self, order_no: str) -> dict[str, Any]:
        [row] = await self.shop.sql("SELECT * FROM disputes WHERE order_no = %s", order_no)
        return dict(row)

    async def notify_about(self, order_no: str) -> list[str]:
        rows = await self.shop.sql("SELECT type FROM order_events WHERE order_no = %s ORDER BY seq", order_no)
        return [row["type"] for row in rows if row["type"].startswith("dispute_")]

    async def audited(self, order_no: str) -> set[tuple[str, str]]:
        rows = await self.shop.sql(
            "SELECT action, actor FROM audit_log WHERE order_no = %s AND action LIKE 'dispute%%'", order_no
        )
        return {(row["action"], row["actor"]) for row in rows}


@pytest.fixture(scope="module")
async def bank(database_url: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bank]:
    receiver = Receiver()
    folder = tmp_path_factory.mktemp("bank")
    async with serving(receiver.app) as hooks, sandbox(folder, f"{hooks}/v1/webhooks/sandbox", SECRET) as url:
        patient = open_api(database_url, sandbox_url=url, gateway_timeout_s=60)
        hasty = open_api(database_url, sandbox_url=url, gateway_timeout_s=1)
        with httpx.Client(base_url=url, timeout=60) as http:
            async with patient as shop, hasty as other:
                tea = {"sku": "TEA-1", "name": "Green tea", "price_minor": 4_250, "currency": "CNY"}
                assert (await shop.as_("operations").post("/v1/products", tea)).status_code == 201
                yield Bank(http, shop, other)


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_evidence_is_handed_in_once_and_sealed(bank: Bank) -> None:
    order_no, ref, dispute_id = await bank.disputed()
    ann, path, key = bank.shop.as_("support", "ann"), f"/v1/disputes/{dispute_id}/evidence", unique("key")
    listed = {item["dispute_id"]: item for item in (await ann.get("/v1/disputes")).json()["items"]}
    assert (listed[dispute_id]["answer"], listed[dispute_id]["provider_ref"]) == (None, ref)
    for repeated in (False, True):
        answer = await ann.post(path, EVIDENCE, key=key)
        assert (answer.status_code, "Idempotent-Replayed" in answer.headers) == (200, repeated), answer.text
        assert answer.json() == {"dispute_id": dispute_id, "order_no": order_no, "answer": "evidence"}
    given = ["explanation", "customer_communication", "tracking_no"]
    assert bank.at_bank(ref)["answer"] == {"answer": "evidence", "given": given}
    row = await bank.row(order_no)
    assert (row["answered_by"], row["status"], row["accepted_at"]) == ("support:ann", "open", None)
    assert not any(word.encode() in bytes(row["evidence_enc"]) for word in ("signed", "thank"))
    assert await bank.notify_about(order_no) == ["dispute_opened", "dispute_answered"]
    assert await bank.audited(order_no) == {("dispute_answered", "support:ann")}
    for late in (await ann.post(path, EVIDENCE), await ann.post(f"/v1/disputes/{dispute_id}/accept")):
        assert refusal(late) == (409, "dispute_answered")
    listed = {item["dispute_id"]: item for item in (await ann.get("/v1/disputes")).json()["items"]}
    assert (listed[dispute_id]["answer"], listed[dispute_id]["evidence"]) == ("evidence", EVIDENCE)


async def test_a_dispute_that_is_accepted_is_lost_and_the_provider_says_so(bank: Bank) -> None:
    order_no, ref, dispute_id = await bank.disputed()
    finance = bank.shop.as_("finance", "ben")
    answer = await finance.post(f"/v1/disputes/{dispute_id}/accept")
    assert (answer.status_code, answer.json()["answer"]) == (200, "accepted")
    assert bank.at_bank(ref)["status"] == "lost"
    await report_payment(bank.shop, order_no, PaymentKind.DISPUTE, ref, outcome="lost")
    assert (await bank.row(order_no))["status"] == "lost"
    assert await bank.notify_about(order_no) == ["dispute_opened", "dispute_accepted", "dispute_lost"]
    assert await bank.audited(order_no) == {("dispute_accepted", "finance:ben")}


async def test_the_providers_decision_may_come_before_its_answer(bank: Bank) -> None:
    """It tells that an accepted dispute is lost before our call has returned: the act is recorded all the same."""
    order_no, ref, dispute_id = await bank.disputed()
    services = bank.shop.app.state.services
    async with services.database.begin() as conn:
        await dispute_answers.begin(conn, services.keys, dispute_id, "mine", None)
    await report_payment(bank.shop, order_no, PaymentKind.DISPUTE, ref, outcome="lost")
    for _ in range(2):
        async with services.database.begin() as conn:
            await dispute_answers.finish(conn, dispute_id, "mine", "support:ann", accepted=True)
    assert await bank.notify_about(order_no) == ["dispute_opened", "dispute_lost", "dispute_accepted"]
    assert await bank.audited(order_no) == {("dispute_accepted", "support:ann")}


async def test_an_answer_that_was_lost_is_asked_for_again_under_its_key(bank: Bank) -> None:
    order_no, ref, dispute_id = await bank.disputed()
    path, key = f"/v1/disputes/{dispute_id}/evidence", unique("key")
    bank.post("/faults", {"target": "payments", "mode": "timeout_after", "count": 1, "match": {"kind": "dispute"}})
    lost = await bank.hasty.as_("support", "ann").post(path, EVIDENCE, key=key)
    assert refusal(lost) == (503, "provider_unavailable") and lost.headers["Retry-After"]
    assert (await bank.row(order_no))["answered_at"] is None
    other = await bank.shop.as_("support", "eve").post(path, {"explanation": "something else"})
    assert refusal(other) == (409, "dispute_in_progress")
    again = await bank.shop.as_("support", "ann").post(path, EVIDENCE, key=key)
    assert again.status_code == 200, again.text
    assert bank.at_bank(ref)["answer"]["answer"] == "evidence"
    assert await bank.notify_about(order_no) == ["dispute_opened", "dispute_answered"]


async def test_two_people_at_once_give_one_answer(bank: Bank) -> None:
    order_no, ref, dispute_id = await bank.disputed()
    both = await asyncio.gather(
        bank.shop.as_("support", "ann").post(f"/v1/disputes/{dispute_id}/evidence", EVIDENCE),
        bank.shop.as_("finance", "ben").post(f"/v1/disputes/{dispute_id}/accept"),
    )
    assert sorted(answer.status_code for answer in both) == [200, 409]
    done = next(answer.json()["answer"] for answer in both if answer.status_code == 200)
    assert bank.at_bank(ref)["answer"]["answer"] == done
    assert len(await bank.audited(order_no)) == 1


@pytest.mark.parametrize(("reported_due", "opening"), [(-LATER, {}), (LATER, {"answer_within_s": 0})])
async def test_after_the_deadline_nothing_is_handed_in(
    bank: Bank, reported_due: timedelta, opening: dict[str, Any]
) -> None:
    """Ours knows it, or only the provider does."""
    order_no, ref, dispute_id = await bank.disputed(reported_due, **opening)
    for path, body in (("evidence", EVIDENCE), ("accept", None)):
        answer = await bank.shop.as_("support").post(f"/v1/disputes/{dispute_id}/{path}", body)
        assert refusal(answer) == (409, "dispute_overdue")
    assert (bank.at_bank(ref)["answer"], (await bank.row(order_no))["answered_at"]) == (None, None)


async def test_what_is_decided_is_not_answered(bank: Bank) -> None:
    order_no, ref, dispute_id = await bank.disputed()
    path = f"/v1/disputes/{dispute_id}/evidence"
    bank.post(f"/disputes/{ref}/close", {"status": "won"})
    for _ in range(2):  # the provider knows it; then it has notified us
        assert refusal(await bank.shop.as_("support").post(path, EVIDENCE)) == (409, "dispute_closed")
        await report_payment(bank.shop, order_no, PaymentKind.DISPUTE, ref, outcome="won")
    assert refusal(await bank.shop.as_("support").post("/v1/disputes/999999999/accept")) == (404, "dispute_not_found")


async def test_evidence_says_something(bank: Bank) -> None:
    _, _, dispute_id = await bank.disputed()
    answer = await bank.shop.as_("support").post(f"/v1/disputes/{dispute_id}/evidence", {})
    assert refusal(answer) == (422, "evidence_missing")
