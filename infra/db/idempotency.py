"""Idempotency keys: the same key and body give the first answer again.

An answer may contain personal data, so it is stored encrypted: that of an order with its customer's key, and erased
with it; any other with the master key.
"""

from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict, RuleBroken
from domain.json_types import JsonValue
from infra.db.customers.profiles import KeyRing, data_key_of
from infra.db.driver_types import DriverRow
from infra.security.crypto import Unreadable


@dataclass(frozen=True, slots=True)
class Request:
    """A caller's key with the hash of what was asked; `subject` names the caller, role included.

    `origin` is the channel and address of the caller, as in the audit log; empty for customers and channels.
    """

    subject: str
    key: str
    hash: bytes
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """The first answer to a request; `resource` is what it made."""

    status_code: int
    response: JsonValue
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


# The claim also sets actor and origin for the triggers of the audit log: that saves a statement.
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
    SELECT k.request_hash, k.state, k.status_code, k.response, k.response_enc, k.order_no, k.resource,
           c.data_key
      FROM idempotency_keys k LEFT JOIN orders o ON o.order_no = k.order_no LEFT JOIN customers c USING (customer_id)
     WHERE k.subject = :subject AND k.key = :key
    """
)
_FINISH = text(
    """
    UPDATE idempotency_keys
       SET state = 'done', status_code = :status_code, response_enc = :sealed, order_no = CAST(:order_no AS text)
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


def judged(row: DriverRow, request: Request, keys: KeyRing) -> Answered | None:
    """The answer in `row`, or None while the first request is being processed.

    Raises RuleBroken `idempotency_key_reused` when it was made with another body, Conflict `answer_erased`.
    """
    if bytes(row.request_hash) != request.hash:
        raise RuleBroken("idempotency_key_reused", "this Idempotency-Key was used with another request; take a new one")
    if row.state == "done":
        return Answered(row.status_code, _opened(row, request, keys), row.resource)
    return None


def sealed(keys: KeyRing, request: Request, response: JsonValue) -> bytes:
    """An answer without a customer, as it is stored."""
    return keys.vault.seal_answer(orjson.dumps(response), _context(request.subject, request.key))


def sealed_for(keys: KeyRing, data_key: bytes | None, subject: str, key: str, response: JsonValue) -> bytes:
    """An answer about a customer's order, as it is stored; empty for an erased customer."""
    if data_key is None:
        return b""
    return keys.vault.seal(keys.unwrap(data_key), orjson.dumps(response), _context(subject, key))


def _context(subject: str, key: str) -> str:
    return f"{subject}:{key}:answer"


def _opened(row: DriverRow, request: Request, keys: KeyRing) -> JsonValue:
    if row.response_enc is None:
        return row.response  # stored before answers were encrypted, and encrypted soon
    context = _context(request.subject, request.key)
    try:
        if row.order_no is None:
            return orjson.loads(keys.vault.open_answer(row.response_enc, context))
        if row.data_key is not None:
            return orjson.loads(keys.vault.open(keys.unwrap(row.data_key), row.response_enc, context))
    except Unreadable:
        pass
    raise Conflict("answer_erased", "the answer to this request was erased with the data of its customer")


def in_progress() -> Conflict:
    """The refusal while the first request is being processed."""
    return Conflict("idempotency_in_progress", "the first request with this Idempotency-Key still runs; ask again soon")


async def claim(
    conn: AsyncConnection, keys: KeyRing, request: Request, hold_s: float, resource: str | None = None
) -> Claim | Answered:
    """Claim the request for `hold_s` seconds, or find its answer. A claim whose holder died is taken over.

    The audit log attributes the rest of the transaction to this caller. Raises RuleBroken
    `idempotency_key_reused`, Conflict `idempotency_in_progress`, `answer_erased`.
    """
    values = {"subject": request.subject, "key": request.key, "hash": request.hash}
    more = {"hold_s": float(hold_s), "resource": resource, "origin": request.origin}
    row = (await conn.execute(_INSERT, {**values, **more})).one_or_none()
    if row is not None:
        return Claim(request, row.locked_until, row.resource, row.repeated)
    found = (await conn.execute(_FIND, {"subject": request.subject, "key": request.key})).one_or_none()
    answered = judged(found, request, keys) if found is not None else None
    if answered is None:
        raise in_progress()
    return answered


async def finish(
    conn: AsyncConnection,
    keys: KeyRing,
    claim: Claim,
    status_code: int,
    response: JsonValue,
    order_no: str | None = None,
) -> bool:
    """Store the answer, encrypted for the customer of `order_no`; False when another took the claim over."""
    if order_no is None:
        enc = sealed(keys, claim.request, response)
    else:
        data_key = await data_key_of(conn, order_no)
        enc = sealed_for(keys, data_key, claim.request.subject, claim.request.key, response)
    values = {"status_code": status_code, "sealed": enc, "order_no": order_no, **_held(claim)}
    return (await conn.execute(_FINISH, values)).rowcount == 1


async def lapse(conn: AsyncConnection, claim: Claim) -> None:
    """Release the claim without an answer: the same request may be sent again at once, and counts as a repeat."""
    await conn.execute(_LAPSE, _held(claim))


async def release(conn: AsyncConnection, claim: Claim) -> None:
    """Delete the claim: the request was refused and wrote nothing."""
    await conn.execute(_RELEASE, _held(claim))


def _held(claim: Claim) -> dict[str, object]:
    return {"subject": claim.request.subject, "key": claim.request.key, "locked_until": claim.locked_until}
