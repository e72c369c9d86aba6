"""Answering a repeated request with its first answer."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from api.dependencies import Services, actor
from api.errors import Problem
from api.replies import Reply, as_sent
from domain.access import Principal
from domain.errors import RuleBroken
from infra.db import idempotency
from infra.db.engine import Connection
from infra.db.idempotency import Answered, Claim, Request

# A workflow call is over well before; afterwards a claim counts as its dead holder's.
HOLD_S = 20.0
NOT_AGAIN = "the secrets of this were in the first answer alone and are not kept; where they are lost, make others"

IdempotentRequest = Request
Work = Callable[[Connection], Awaitable[Any]]


def request_of(caller: Principal, key: str, digest: bytes) -> Request:
    """What the caller asks under this key; `digest` is that of the body."""
    return Request(actor(caller), key, digest, caller.origin)


def replayed(answered: Answered) -> Reply:
    """The first answer again, marked as such."""
    return Reply(answered.response, answered.status_code, replayed=True)


async def run_in_transaction(services: Services, request: Request, status: int, work: Work) -> Reply:
    """Do `work` and keep its answer in one transaction; a refusal leaves nothing, not even the key.

    A concurrent request with the same key waits for this one's end and then gives its answer.
    """
    async with services.database.begin() as conn:
        claim = await idempotency.claim(conn, services.keys, request, HOLD_S)
        if isinstance(claim, Answered):
            return replayed(claim)
        content = await work(conn)
        await _keep(conn, services, claim, status, content)
    return Reply(content, status)


@dataclass(frozen=True, slots=True)
class SecretAnswer:
    """An answer of which `secrets` are in the first one alone; they are kept nowhere, sealed neither."""

    body: Mapping[str, object]
    secrets: Mapping[str, object]


async def run_with_secrets(
    services: Services, request: Request, status: int, work: Callable[[Connection], Awaitable[SecretAnswer]]
) -> Reply:
    """As `run_in_transaction`; a repeat gives the answer without its secrets and with a `note` that says so."""
    async with services.database.begin() as conn:
        claim = await idempotency.claim(conn, services.keys, request, HOLD_S)
        if isinstance(claim, Answered):
            return replayed(claim)
        answer = await work(conn)
        await _keep(conn, services, claim, status, {**answer.body, "note": NOT_AGAIN})
    return Reply({**answer.body, **answer.secrets}, status)


@dataclass(frozen=True, slots=True)
class WorkflowCall:
    """A request that an order's workflow decides.

    `prepare` checks and writes what must be in the database before; `call` calls the workflow; `from_database` answers
    without the workflow if the database shows that this request was accepted (else None); `settle` writes what belongs
    to the answer.
    """

    prepare: Callable[[Connection], Awaitable[None]]
    call: Callable[[], Awaitable[Any]]
    from_database: Callable[[Connection], Awaitable[Any | None]]
    settle: Callable[[Connection], Awaitable[None]] | None = None


async def run_by_workflow(services: Services, request: Request, status: int, call: WorkflowCall) -> Reply:
    """Claim the request, ask the workflow, keep the answer.

    A refusal leaves no key. Without an answer the key lapses: the same key may ask again. What was accepted already is
    the answer, also where the workflow refuses it as a second one.
    """
    async with services.database.begin() as conn:
        claim = await idempotency.claim(conn, services.keys, request, HOLD_S)
        if isinstance(claim, Answered):
            return replayed(claim)
        content = await call.from_database(conn) if claim.repeated else None
        if content is None:
            await call.prepare(conn)
    if content is None:
        content = await _call_workflow(services, claim, call)
    async with services.database.begin() as conn:
        if call.settle is not None:
            await call.settle(conn)
        await _keep(conn, services, claim, status, content)
    return Reply(content, status)


async def _call_workflow(services: Services, claim: Claim, call: WorkflowCall) -> Any:
    try:
        return await call.call()
    except (RuleBroken, Problem) as error:
        async with services.database.begin() as conn:
            content = await call.from_database(conn)
            if content is None:
                give_up = idempotency.release if isinstance(error, RuleBroken) else idempotency.lapse
                await give_up(conn, claim)
        if content is None:
            raise
        return content


async def _keep(conn: Connection, services: Services, claim: Claim, status: int, content: Any) -> None:
    """An answer that names an order is its customer's."""
    plain = as_sent(content)
    order_no = plain.get("order_no") if isinstance(plain, dict) else None
    await idempotency.finish(conn, services.keys, claim, status, plain, order_no)
