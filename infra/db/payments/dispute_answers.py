"""Answering a dispute at its provider: one answer, in time, whoever asks and however often.

The request is written down before the provider is asked, and keeps others from answering; the answer after it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict, NotFound
from domain.payments.disputes import DisputeStatus
from infra.db.customers.profiles import KeyRing, data_key_of
from infra.db.orders.state import timeline
from infra.db.payments.provider_cases import sealing_context

# A call to a provider is over well before; afterwards the request counts as its dead sender's.
HELD_S = 30
_ORDER_OF = text("SELECT order_no FROM disputes WHERE payment_id = :dispute_id")
_STATE = text(
    """
    SELECT d.status, d.answered_at, d.due_at <= now() AS overdue,
           d.asking_until > now() AND d.asking IS DISTINCT FROM CAST(:asking AS text) AS busy,
           p.provider, p.provider_ref,
           (SELECT s.carrier FROM shipments s WHERE s.order_no = d.order_no AND s.status <> 'cancelled'
               AND s.replaced_at IS NULL ORDER BY s.shipment_id LIMIT 1) AS carrier
      FROM disputes d JOIN payments p USING (payment_id) WHERE d.payment_id = :dispute_id
    """
)
_OPEN = text(
    """
    UPDATE disputes SET asking = :asking, asking_until = now() + make_interval(secs => :held_s),
           evidence_enc = coalesce(:evidence, evidence_enc)
     WHERE payment_id = :dispute_id
    """
)
_RELEASE = text(
    """UPDATE disputes SET asking_until = NULL
        WHERE payment_id = :dispute_id AND asking = :asking AND answered_at IS NULL AND status = 'open'"""
)
_ANSWERED = text(
    """
    UPDATE disputes SET answered_at = now(), answered_by = :actor, asking_until = NULL,
           accepted_at = CASE WHEN :accepted THEN now() END
     WHERE payment_id = :dispute_id AND asking = :asking AND answered_at IS NULL RETURNING order_no
    """
)
_IS_ANSWERED = text(
    """SELECT order_no, accepted_at IS NOT NULL AS accepted FROM disputes
        WHERE payment_id = :dispute_id AND asking = :asking AND answered_at IS NOT NULL"""
)


class _State(NamedTuple):
    """Where the dispute stands. `busy`: another request is being sent to the provider."""

    status: str
    answered_at: datetime | None
    overdue: bool | None
    busy: bool | None
    provider: str
    provider_ref: str
    carrier: str | None


@dataclass(frozen=True, slots=True)
class Answered:
    """A dispute that has its answer: it was `accepted`, or evidence was handed in."""

    order_no: str
    accepted: bool


@dataclass(frozen=True, slots=True)
class DisputeRequest:
    """What is to be asked of which provider; `carrier` brought the parcel, as far as there is one."""

    order_no: str
    provider: str
    provider_ref: str
    carrier: str


async def begin(
    conn: AsyncConnection, keys: KeyRing, dispute_id: int, asking: str, evidence: dict[str, str] | None
) -> DisputeRequest:
    """Write the request down, with the `evidence` sealed (None: the dispute is to be accepted).

    Raises NotFound `dispute_not_found`; Conflict `dispute_closed`, `dispute_answered`, `dispute_overdue`,
    `dispute_in_progress`, `customer_erased`.
    """
    order_no = (await conn.execute(_ORDER_OF, {"dispute_id": dispute_id})).scalar_one_or_none()
    if order_no is None:
        raise NotFound("dispute_not_found")
    await timeline.lock_order(conn, order_no)
    at = {"dispute_id": dispute_id, "asking": asking}
    state = _State(**(await conn.execute(_STATE, at)).mappings().one())
    _require_open(state)
    sealed = None
    if evidence is not None:
        key = await data_key_of(conn, order_no)
        if key is None:
            raise Conflict("customer_erased")
        sealed = keys.seal_json(key, evidence, sealing_context(dispute_id))
    await conn.execute(_OPEN, {**at, "held_s": HELD_S, "evidence": sealed})
    return DisputeRequest(order_no, state.provider, state.provider_ref, state.carrier or "")


def _require_open(state: _State) -> None:
    if state.answered_at is not None:
        raise Conflict("dispute_answered")
    if state.status != DisputeStatus.OPEN:
        raise Conflict("dispute_closed")
    if state.overdue:
        raise Conflict("dispute_overdue")
    if state.busy:
        raise Conflict("dispute_in_progress")


async def release(conn: AsyncConnection, dispute_id: int, asking: str) -> None:
    """The provider has refused: somebody else may answer at once."""
    await conn.execute(_RELEASE, {"dispute_id": dispute_id, "asking": asking})


async def finish(conn: AsyncConnection, dispute_id: int, asking: str, actor: str, *, accepted: bool) -> None:
    """The provider has the answer: on the timeline and, by trigger, in the audit log; once."""
    at = {"dispute_id": dispute_id, "asking": asking}
    order_no = (await conn.execute(_ORDER_OF, {"dispute_id": dispute_id})).scalar_one()
    await timeline.lock_order(conn, order_no)
    if (await conn.execute(_ANSWERED, {**at, "actor": actor, "accepted": accepted})).first() is not None:
        event_type = "dispute_accepted" if accepted else "dispute_answered"
        await timeline.append(conn, order_no, event_type, actor, key=f"dispute_answered:{dispute_id}")


async def answered_by(conn: AsyncConnection, dispute_id: int, asking: str) -> Answered | None:
    """The answer, where this very request was answered; else None."""
    about = {"dispute_id": dispute_id, "asking": asking}
    row = (await conn.execute(_IS_ANSWERED, about)).mappings().one_or_none()
    return Answered(**row) if row else None
