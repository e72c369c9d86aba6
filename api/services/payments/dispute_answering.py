"""Answering a dispute: what the HTTP calls and the console's forms both do.

The provider is asked between two transactions: a request whose answer was lost is sent again under its key, and the
provider carries it out once.
"""

import hashlib
from collections.abc import Awaitable, Callable
from typing import TypedDict

import orjson

from api.dependencies import Services, actor, derived_id
from api.errors import Problem, unavailable
from api.idempotency import WorkflowCall, request_of, run_by_workflow
from api.replies import Reply
from api.schemas.payments.disputes import HandIn
from domain.access import Principal, Role
from domain.errors import Conflict
from domain.gateways import Evidence, PaymentGateway, ProviderRefused, ProviderUnavailable
from domain.payments.disputes import DisputeAnswer
from infra.db.engine import Connection
from infra.db.payments import dispute_answers, provider_cases
from infra.db.payments.dispute_answers import DisputeRequest
from infra.db.payments.provider_cases import EVIDENCE

OpenDispute = provider_cases.OpenDispute
READ_BY = (Role.SUPPORT, Role.FINANCE, Role.OPERATIONS)
ANSWERED_BY = (Role.SUPPORT, Role.FINANCE)

Call = Callable[[PaymentGateway, DisputeRequest], Awaitable[None]]


async def submit_evidence(
    services: Services, caller: Principal, key: str, digest: bytes, dispute_id: int, evidence: HandIn
) -> Reply:
    """Submit evidence to the provider; 200. Final: a provider accepts one answer.

    Raises Problem `evidence_missing`, `provider_unavailable`; else as `infra.db.payments.dispute_answers.begin` does,
    and Conflict `dispute_by_hand`, `provider_not_configured`, `provider_refused`.
    """
    texts = {name: getattr(evidence, name) or "" for name in EVIDENCE}
    if not any(texts.values()):
        raise Problem("evidence_missing")

    async def call(gateway: PaymentGateway, dispute: DisputeRequest) -> None:
        carrier = dispute.carrier if texts["tracking_no"] else ""
        await gateway.answer_dispute(dispute.provider_ref, Evidence(**texts, carrier=carrier), _key(dispute, texts))

    return await _answer(services, caller, (key, digest), dispute_id, texts, call)


async def accept(services: Services, caller: Principal, key: str, dispute_id: int) -> Reply:
    """Give the money up: the provider closes the dispute as lost and notifies. Raises as `submit_evidence` does."""

    async def call(gateway: PaymentGateway, dispute: DisputeRequest) -> None:
        await gateway.accept_dispute(dispute.provider_ref, _key(dispute, None))

    return await _answer(services, caller, (key, f"accept {dispute_id}".encode()), dispute_id, None, call)


def _key(dispute: DisputeRequest, texts: dict[str, str] | None) -> str:
    """The provider's key: the same for the same answer, whoever sends it again."""
    content = hashlib.sha256(orjson.dumps(texts, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]
    return f"{dispute.order_no}/dispute/{dispute.provider_ref}/{'evidence' if texts else 'accept'}/{content}"


async def _answer(
    services: Services,
    caller: Principal,
    sent: tuple[str, bytes],
    dispute_id: int,
    texts: dict[str, str] | None,
    call: Call,
) -> Reply:
    key, digest = sent
    asking = derived_id(caller, key, f"dispute {dispute_id}")
    dispute: DisputeRequest | None = None

    async def prepare(conn: Connection) -> None:
        nonlocal dispute
        dispute = await dispute_answers.begin(conn, services.keys, dispute_id, asking, texts)
        _gateway(services, dispute)

    async def call_workflow() -> AnsweredDispute:
        assert dispute is not None
        try:
            await call(_gateway(services, dispute), dispute)
        except ProviderRefused as refusal:
            async with services.database.begin() as conn:
                await dispute_answers.release(conn, dispute_id, asking)
            raise _refused(refusal.code) from None
        except ProviderUnavailable:
            raise unavailable("provider_unavailable") from None
        return _view(dispute_id, dispute.order_no, accepted=texts is None)

    async def settle(conn: Connection) -> None:
        await dispute_answers.finish(conn, dispute_id, asking, actor(caller), accepted=texts is None)

    async def from_database(conn: Connection) -> AnsweredDispute | None:
        done = await dispute_answers.answered_by(conn, dispute_id, asking)
        return None if done is None else _view(dispute_id, done.order_no, accepted=done.accepted)

    request = request_of(caller, key, digest)
    return await run_by_workflow(services, request, 200, WorkflowCall(prepare, call_workflow, from_database, settle))


def _refused(code: str) -> Conflict:
    known = (
        Conflict("dispute_closed"),
        Conflict("dispute_answered"),
        Conflict("dispute_overdue"),
        Conflict("dispute_by_hand"),
    )
    return next((refusal for refusal in known if refusal.code == code), Conflict("provider_refused"))


def _gateway(services: Services, dispute: DisputeRequest) -> PaymentGateway:
    gateway = services.payments.get(dispute.provider)
    if gateway is None:
        raise Conflict("provider_not_configured")
    return gateway


class AnsweredDispute(TypedDict):
    """The answer that was given to a dispute."""

    dispute_id: int
    order_no: str
    answer: DisputeAnswer


def _view(dispute_id: int, order_no: str, *, accepted: bool) -> AnsweredDispute:
    return {"dispute_id": dispute_id, "order_no": order_no, "answer": answer_of(accepted=accepted)}


async def open_ones(services: Services) -> list[OpenDispute]:
    """Open disputes, those to be answered first."""
    async with services.database.begin() as conn:
        return await provider_cases.disputes(conn, services.keys)


def answer_of(*, accepted: bool) -> DisputeAnswer:
    """Which answer it was."""
    return DisputeAnswer.ACCEPTED if accepted else DisputeAnswer.EVIDENCE
