"""What waits at the providers for a person: disputes to answer, facts that could not be applied or fit nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict
from infra.db.customers.profiles import KeyRing, data_key_of
from infra.db.orders.state import timeline
from infra.security.crypto import Unreadable

MAX_CASES = 100
# A fact may come before what it is about: it is nobody's only after a while.
UNKNOWN_AFTER_S = 3600
EVIDENCE = ("explanation", "tracking_no", "customer_communication")

UNKNOWN = """
    SELECT inbox_id, provider, kind, order_no, fact, received_at, coalesce(outcome, 'unknown') AS outcome, reason
      FROM inbox WHERE order_no IS NULL AND processed_at IS NULL
       AND received_at <= now() - make_interval(secs => :unknown_after_s)
    UNION ALL
    SELECT inbox_id, provider, kind, order_no, fact, received_at, outcome, reason
      FROM inbox WHERE kind = 'payment' AND outcome = 'early'
       AND received_at <= now() - make_interval(secs => :unknown_after_s)
"""
# The parcel's facts are what a dispute about goods is answered with.
_DISPUTES = text(
    """
    SELECT d.payment_id AS dispute_id, d.order_no, d.reason, d.opened_at, d.due_at, d.answered_at, d.answered_by,
           d.accepted_at, d.evidence_enc, p.provider, p.provider_ref, p.amount_minor, p.currency, c.data_key,
           s.carrier, s.tracking_no,
           (SELECT min(x.occurred_at) FROM shipment_scans x
             WHERE x.shipment_id = s.shipment_id AND x.status = 'delivered') AS delivered_at
      FROM disputes d JOIN payments p USING (payment_id) JOIN orders o ON o.order_no = d.order_no
      JOIN customers c USING (customer_id)
      LEFT JOIN LATERAL (SELECT h.* FROM shipments h
                          WHERE h.order_no = d.order_no AND h.status <> 'cancelled' AND h.replaced_at IS NULL
                          ORDER BY h.fulfilment_no LIMIT 1) s ON true
     WHERE d.status = 'open'
     ORDER BY d.answered_at IS NOT NULL, coalesce(d.due_at, d.opened_at), d.payment_id LIMIT :limit
    """
)
_FACTS = text(
    f"""
    SELECT * FROM (
      SELECT inbox_id, provider, kind, order_no, fact, received_at, outcome, reason
        FROM inbox WHERE outcome = 'unapplied'
      UNION ALL {UNKNOWN}) f
     ORDER BY received_at, inbox_id LIMIT :limit
    """  # noqa: S608
)
_OPEN = text("SELECT order_no, answered_at FROM disputes WHERE payment_id = :dispute_id AND status = 'open'")
_ANSWER = text(
    """
    UPDATE disputes SET evidence_enc = :evidence,
           answered_at = CASE WHEN :answered THEN coalesce(answered_at, now()) ELSE answered_at END,
           answered_by = CASE WHEN :answered THEN coalesce(answered_by, :actor) ELSE answered_by END
     WHERE payment_id = :dispute_id AND status = 'open'
    """
)
_AGAIN = text("SELECT retry_inbox_event(:inbox_id, :actor)")
_ASIDE = text("SELECT dismiss_inbox_event(:inbox_id, :actor)")


@dataclass(frozen=True, slots=True)
class OpenDispute:
    """A dispute that is not decided, with the parcel that it may be about and the `evidence` that is kept."""

    dispute_id: int
    order_no: str
    reason: str
    opened_at: datetime
    due_at: datetime | None
    answered_at: datetime | None
    answered_by: str | None
    accepted_at: datetime | None
    provider: str
    provider_ref: str
    amount_minor: int
    currency: str
    carrier: str | None
    tracking_no: str | None
    delivered_at: datetime | None
    evidence: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class UnappliedEvent:
    """An event of a provider that could not be applied, or is about nothing that is known here."""

    inbox_id: int
    provider: str
    kind: str
    order_no: str | None
    fact: Mapping[str, object]
    received_at: datetime
    outcome: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered with, and whether it was handed in at the provider."""

    evidence: dict[str, str]
    handed_in: bool


async def disputes(conn: AsyncConnection, keys: KeyRing) -> list[OpenDispute]:
    """Those that are open: first what is to be answered, the nearest deadline first."""
    rows = (await conn.execute(_DISPUTES, {"limit": MAX_CASES})).mappings().all()
    return [_dispute(keys, row) for row in rows]


def _dispute(keys: KeyRing, row: RowMapping) -> OpenDispute:
    known = {name: value for name, value in row.items() if name not in ("data_key", "evidence_enc")}
    return OpenDispute(**known, evidence=_evidence(keys, row))


def _evidence(keys: KeyRing, row: RowMapping) -> dict[str, str]:
    blank = {**dict.fromkeys(EVIDENCE, ""), "tracking_no": row["tracking_no"] or ""}
    try:
        evidence = keys.open_json(row["data_key"], row["evidence_enc"], sealing_context(row["dispute_id"]))
    except Unreadable:
        evidence = None
    return {**blank, **(evidence or {})}


def sealing_context(dispute_id: int) -> str:
    """The context that a dispute's evidence is sealed with."""
    return f"dispute:{dispute_id}"


async def answer(conn: AsyncConnection, keys: KeyRing, dispute_id: int, answered: Answer, actor: str) -> None:
    """Keep what is answered with, and say once that somebody handed it in on the provider's pages.

    Raises Conflict `dispute_closed`, `dispute_answered`, `customer_erased`."""
    found = (await conn.execute(_OPEN, {"dispute_id": dispute_id})).one_or_none()
    if found is None:
        raise Conflict("dispute_closed")
    if found.answered_at is not None:
        if answered.handed_in:
            return
        raise Conflict("dispute_answered")
    order_no = found.order_no
    await timeline.lock_order(conn, order_no)
    key = await data_key_of(conn, order_no)
    if key is None:
        raise Conflict("customer_erased")
    sealed = keys.seal_json(key, answered.evidence, sealing_context(dispute_id))
    values = {"dispute_id": dispute_id, "evidence": sealed, "answered": answered.handed_in, "actor": actor}
    if not (await conn.execute(_ANSWER, values)).rowcount:
        raise Conflict("dispute_closed")
    noted = f"dispute_answered:{dispute_id}"
    if answered.handed_in and not await timeline.is_done(conn, order_no, noted):
        await timeline.append(conn, order_no, "dispute_answered", actor, key=noted)


async def facts(conn: AsyncConnection) -> list[UnappliedEvent]:
    """Facts that could not be applied, and those that fit nothing of ours, the oldest first."""
    values = {"limit": MAX_CASES, "unknown_after_s": UNKNOWN_AFTER_S}
    return [UnappliedEvent(**row) for row in (await conn.execute(_FACTS, values)).mappings()]


async def settle_event(conn: AsyncConnection, inbox_id: int, actor: str, *, again: bool) -> None:
    """Try it once more, or set it aside. Raises Conflict `fact_settled`."""
    done = await conn.execute(_AGAIN if again else _ASIDE, {"inbox_id": inbox_id, "actor": actor})
    if not done.scalar_one():
        raise Conflict("fact_settled")
