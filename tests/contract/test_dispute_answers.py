"""What every provider of payments does alike with the answer to a dispute: the sandbox, and Stripe's adapter on a
server that answers as Stripe documents (localstripe has no disputes)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from domain.gateways import Evidence, PaymentGateway, PaymentRequest, ProviderRefused
from infra.gateways.payments.store_credit import StoreCredit
from tests.contract.payment_bench import PATIENT_S, SECRET, guarded, sandbox_at, stripe_at
from tests.contract.processes import sandbox
from tests.contract.receiver import Receiver
from tests.infra.servers import serving

EVIDENCE = Evidence("she signed for it", "thank you", "1Z999", "ups")


@dataclass
class StripeDisputes:
    """Disputes as Stripe has them: evidence can be submitted once, until it is due."""

    disputes: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/disputes/{id}", self.read, methods=["GET"]),
                Route("/v1/disputes/{id}", self.update, methods=["POST"]),
                Route("/v1/disputes/{id}/close", self.close, methods=["POST"]),
            ]
        )

    async def read(self, request: Request) -> JSONResponse:
        found = self.disputes.get(request.path_params["id"])
        return JSONResponse(found) if found else self._no("resource_missing", 404)

    async def update(self, request: Request) -> JSONResponse:
        found = self.disputes[request.path_params["id"]]
        self.requests[found["id"]] = parse_qs((await request.body()).decode())
        if found["evidence_details"]["submission_count"] or found["evidence_details"]["past_due"]:
            return self._no("evidence_not_accepted")
        found["evidence_details"]["submission_count"] = 1
        found["status"] = "under_review"
        return JSONResponse(found)

    async def close(self, request: Request) -> JSONResponse:
        found = self.disputes[request.path_params["id"]]
        if found["status"] in ("won", "lost"):
            return self._no("dispute_already_closed")
        found["status"] = "lost"
        return JSONResponse(found)

    def _no(self, code: str, status: int = 400) -> JSONResponse:
        return JSONResponse({"error": {"type": "invalid_request_error", "code": code, "message": "no"}}, status)


@dataclass
class Bench:
    """A gateway, and its provider's own acts."""

    gateway: PaymentGateway
    http: httpx.AsyncClient | None
    stripe: StripeDisputes

    async def disputed(self, *, due: bool = True, status: str = "") -> str:
        """A dispute that was opened; its time is over, or it is decided, where that is said."""
        if self.http is None:
            ref = f"dp_{len(self.stripe.disputes)}"
            details = {"submission_count": 0, "past_due": not due, "due_by": 4_000_000_000}
            row = {"id": ref, "object": "dispute", "status": status or "needs_response", "evidence_details": details}
            self.stripe.disputes[ref] = row
            return ref
        request = PaymentRequest("N1", 1000, "CNY", f"k{id(object())}")
        paid = await self._post("/payments/pay", order_no=request.order_no, amount_minor=1000, currency="CNY")
        row = await self._post(f"/payments/{paid['id']}/dispute", **({} if due else {"answer_within_s": 0}))
        if status:
            await self._post(f"/disputes/{row['id']}/close", status=status)
        return str(row["id"])

    async def status(self, ref: str) -> str:
        if self.http is None:
            return str(self.stripe.disputes[ref]["status"])
        items = (await self.http.get("/disputes")).json()["items"]
        return next(str(item["status"]) for item in items if item["id"] == ref)

    async def _post(self, path: str, **body: Any) -> dict[str, Any]:
        assert self.http is not None
        answer = await self.http.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture(scope="module", params=["sandbox", "stripe"])
async def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    stripe, receiver = StripeDisputes(), Receiver()
    if request.param == "stripe":
        async with serving(stripe.app()) as url:
            made = Bench(guarded(stripe_at(url, PATIENT_S)), None, stripe)
            yield made
            await made.gateway.aclose()
        return
    directory: Path = tmp_path_factory.mktemp("disputes")
    async with (
        serving(receiver.app) as hooks,
        sandbox(directory, f"{hooks}/v1/webhooks/sandbox", SECRET) as url,
        httpx.AsyncClient(base_url=url, timeout=60) as http,
    ):
        made = Bench(guarded(sandbox_at(url, PATIENT_S)), http, stripe)
        yield made
        await made.gateway.aclose()


async def refused(action: Any) -> str:
    with pytest.raises(ProviderRefused) as refusal:
        await action
    return refusal.value.code


async def test_evidence_that_is_handed_in_again_is_done(bench: Bench) -> None:
    ref = await bench.disputed()
    for _ in range(2):
        await bench.gateway.answer_dispute(ref, EVIDENCE, f"{ref}/evidence")
    if bench.http is None:
        requested = bench.stripe.requests[ref]
        assert requested["submit"] == ["True"] or requested["submit"] == ["true"]
        assert requested["evidence[uncategorized_text]"] == ["she signed for it\n\nthank you"]
        assert requested["evidence[shipping_tracking_number]"] == ["1Z999"]
        assert requested["evidence[shipping_carrier]"] == ["ups"]
    assert await refused(bench.gateway.accept_dispute(ref, f"{ref}/accept")) == "dispute_answered"
    assert await bench.status(ref) != "lost"


async def test_an_accepted_dispute_is_lost(bench: Bench) -> None:
    ref = await bench.disputed()
    for _ in range(2):
        await bench.gateway.accept_dispute(ref, f"{ref}/accept")
    assert await bench.status(ref) == "lost"
    assert await refused(bench.gateway.answer_dispute(ref, EVIDENCE, f"{ref}/evidence")) in (
        "dispute_closed",
        "dispute_answered",
    )


async def test_after_the_deadline_evidence_is_refused(bench: Bench) -> None:
    ref = await bench.disputed(due=False)
    assert await refused(bench.gateway.answer_dispute(ref, EVIDENCE, f"{ref}/evidence")) == "dispute_overdue"


@pytest.mark.parametrize("status", ["won", "lost"])
async def test_a_decided_dispute_takes_no_evidence(bench: Bench, status: str) -> None:
    ref = await bench.disputed(status=status)
    assert await refused(bench.gateway.answer_dispute(ref, EVIDENCE, f"{ref}/evidence")) == "dispute_closed"


async def test_an_unknown_dispute_is_refused(bench: Bench) -> None:
    assert await refused(bench.gateway.answer_dispute("dp_unknown", EVIDENCE, "k1"))


def test_evidence_is_in_no_representation() -> None:
    assert not any(word in repr(EVIDENCE) for word in ("signed", "thank", "1Z999"))


async def test_store_credit_has_no_disputes() -> None:
    gateway = StoreCredit(None)  # type: ignore[arg-type]
    assert await refused(gateway.accept_dispute("d", "k")) == "dispute_by_hand"
    assert await refused(gateway.answer_dispute("d", EVIDENCE, "k")) == "dispute_by_hand"
