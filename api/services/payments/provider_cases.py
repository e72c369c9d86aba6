"""What waits at the providers for a person: disputes, and facts that could not be applied or fit nothing here."""

from dataclasses import dataclass
from typing import Literal

from api.dependencies import Services, actor
from api.idempotency import request_of, run_in_transaction
from api.replies import Reply
from api.schemas.payments.disputes import AnswerDispute
from domain.access import Principal
from infra.db.engine import Connection
from infra.db.payments import provider_cases
from infra.db.payments.provider_cases import Answer, OpenDispute, UnappliedEvent

EVIDENCE = provider_cases.EVIDENCE


@dataclass(frozen=True, slots=True)
class Waiting:
    """Open disputes, the nearest deadline first, and facts that nobody could apply, the oldest first."""

    disputes: list[OpenDispute]
    facts: list[UnappliedEvent]


async def waiting(services: Services) -> Waiting:
    """All that waits, up to a hundred of each."""
    async with services.database.begin() as conn:
        disputes = await provider_cases.disputes(conn, services.keys)
        return Waiting(disputes, await provider_cases.facts(conn))


async def keep_evidence(
    services: Services, caller: Principal, key: str, digest: bytes, dispute_id: int, evidence: AnswerDispute
) -> Reply:
    """Keep what a dispute is answered with, and whether it was handed in on the provider's own pages. Raises as
    `infra.db.payments.provider_cases.answer` does."""
    answer = Answer({name: getattr(evidence, name) or "" for name in EVIDENCE}, evidence.handed_in)

    async def work(conn: Connection) -> dict[str, int]:
        await provider_cases.answer(conn, services.keys, dispute_id, answer, actor(caller))
        return {"dispute_id": dispute_id}

    return await run_in_transaction(services, request_of(caller, key, digest), 200, work)


async def settle_event(
    services: Services, caller: Principal, key: str, inbox_id: int, action: Literal["again", "aside"]
) -> Reply:
    """Try a fact once more, or set it aside. Raises Conflict `fact_settled`."""

    async def work(conn: Connection) -> dict[str, int]:
        await provider_cases.settle_event(conn, inbox_id, actor(caller), again=action == "again")
        return {"inbox_id": inbox_id}

    digest = f"{action} {inbox_id}".encode()
    return await run_in_transaction(services, request_of(caller, key, digest), 200, work)
