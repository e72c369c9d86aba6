"""Idempotency keys: the same key and body give the first answer again."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict, RuleBroken


@dataclass(frozen=True, slots=True)
class Request:
    """A caller's key with the hash of what he asked; `subject` names the caller, role included.

    `origin` is where he speaks from, as the audit log says it; empty for customers and channels.
    """

    subject: str
    key: str
    hash: bytes
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """The first answer to a request; `resource` is what it made."""

    status_code: int
    response: Any
    resource: str | None


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a request until `locked_until`.

    `repeated` says that an earlier run with this key began and was not answered; `resource` is what it had made.
    """

    request: Request
    locked_until: datetime
    resource: str | None = None
    repeated: bool = False


# Whose request it is and where it came from goes to the audit log's triggers with the claim: no statement of its own.
_INSERT = text(
    """
    INSERT INTO idempotency_keys AS k (subject, key, request_hash, state, resource, locked_until)
    VALUES (:subject, :key, :hash, 'running', :resource, clock_timestamp() + make_interval(secs => :hold_s))
    ON CONFLICT (subject, key) DO UPDATE SET locked_until = excluded.locked_until
     WHERE k.state = 'running' AND k.locked_until <= clock_timestamp() AND k.request_hash = excluded.request_hash
    RETURNING locked_until, resource, created_at < now() AS repeated,
              set_config('oms.actor', :subject, true), set_config('oms.origin', :origin, true)
    """
)
_FIND = text(
    """
    SELECT request_hash, state, status_code, response, resource
      FROM idempotency_keys WHERE subject = :subject AND key = :key
    """
)
_FINISH = text(
    """
    UPDATE idempotency_keys SET state = 'done', status_code = :status_code, response = CAST(:response AS jsonb)
     WHERE subject = :subject AND key = :key AND state = 'running' AND locked_until = :locked_until
    """
)
_LAPSE = text(
    """
    UPDATE idempotency_keys SET locked_until = clock_timestamp()
     WHERE subject = :subject AND key = :key AND state = 'running' AND locked_until = :locked_until
    """
)
_RELEASE = text(
    """
    DELETE FROM idempotency_keys
     WHERE subject = :subject AND key = :key AND state = 'running' AND locked_until = :locked_until
    """
)


def judged(row: Any, request_hash: bytes) -> Answered | None:
    """The answer that `row` keeps, or None while its first run still works.

    Raises RuleBroken `idempotency_key_reused` when it was made with another body.
    """
    if bytes(row.request_hash) != request_hash:
        raise RuleBroken("idempotency_key_reused", "this Idempotency-Key was used with another request; take a new one")
    if row.state == "done":
        return Answered(row.status_code, row.response, row.resource)
    return None


def in_progress() -> Conflict:
    """The refusal of a request whose first run still works."""
    return Conflict("idempotency_in_progress", "the first request with this Idempotency-Key still runs; ask again soon")


async def claim(
    conn: AsyncConnection, request: Request, hold_s: float, resource: str | None = None
) -> Claim | Answered:
    """Claim the request for `hold_s` seconds, or find its answer. A claim whose holder died is taken over.

    What the transaction does from here on is this caller's to the audit log. Raises RuleBroken
    `idempotency_key_reused`, Conflict `idempotency_in_progress`.
    """
    wish = {"subject": request.subject, "key": request.key, "hash": request.hash}
    more = {"hold_s": float(hold_s), "resource": resource, "origin": request.origin}
    row = (await conn.execute(_INSERT, {**wish, **more})).one_or_none()
    if row is not None:
        return Claim(request, row.locked_until, row.resource, row.repeated)
    found = (await conn.execute(_FIND, {"subject": request.subject, "key": request.key})).one_or_none()
    answered = judged(found, request.hash) if found is not None else None
    if answered is None:
        raise in_progress()
    return answered


async def finish(conn: AsyncConnection, claim: Claim, status_code: int, response: Any) -> bool:
    """Keep the answer; False when the claim had been lost to somebody else."""
    kept = {"status_code": status_code, "response": orjson.dumps(response).decode(), **_held(claim)}
    return (await conn.execute(_FINISH, kept)).rowcount == 1


async def lapse(conn: AsyncConnection, claim: Claim) -> None:
    """Give the claim up without an answer: the same request may ask again at once, and is known as a repeated one."""
    await conn.execute(_LAPSE, _held(claim))


async def release(conn: AsyncConnection, claim: Claim) -> None:
    """Forget the claim: the request was refused and left nothing."""
    await conn.execute(_RELEASE, _held(claim))


def _held(claim: Claim) -> dict[str, Any]:
    return {"subject": claim.request.subject, "key": claim.request.key, "locked_until": claim.locked_until}
