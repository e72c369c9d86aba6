"""Facts from providers: each kept once, whatever order they arrive in. Each costs one statement, all or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC
from typing import Literal

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.gateways import CarrierNotification, GatewayResult, PaymentNotification
from domain.orders.order_no import named_in, normalise
from domain.payments.payment_facts import PaymentFact
from domain.payments.transactions import PaymentKind, PaymentStatus
from domain.shipping.shipments import ShipmentStatus, has_left, is_progress
from infra.db.payments.transactions import PaymentIntent
from infra.db.shipping.shipments import Tracked

Outcome = Literal["accepted", "duplicate"]

_KEEP_PAYMENT = text(
    """
    INSERT INTO inbox (provider, event_id, kind, order_no, fact)
    VALUES (:provider, :event_id, 'payment',
            coalesce((SELECT o.order_no FROM orders o WHERE o.order_no = CAST(:order_no AS text)),
                     order_of_payment(CAST(:provider AS text), CAST(:parent_ref AS text))), CAST(:fact AS jsonb))
    ON CONFLICT (provider, event_id) DO NOTHING RETURNING inbox_id
    """
)
# `stirs` are the parcel's states that the fact carries further, `implied_by` what a waiting fact may say so that this
# one adds nothing. A parcel whose booking has not answered yet has no reference and is found by its order. Its look-up
# does without IS NULL and the waiting facts are counted, so that both go by the order's index entries: believing that
# hardly any row is open, the planner would read all of them.
_KEEP_SHIPMENT = text(
    """
    WITH parcel AS (
      SELECT shipment_id, order_no, status, false AS by_order FROM shipments
       WHERE carrier = CAST(:carrier AS text) AND carrier_ref = CAST(:carrier_ref AS text)
      UNION ALL
      SELECT shipment_id, order_no, status, true FROM shipments
       WHERE order_no = CAST(:order_no AS text) AND status <> 'cancelled' AND replaced_at IS NULL
         AND carrier = CAST(:carrier AS text)
         AND coalesce(carrier_ref, CAST(:carrier_ref AS text)) = CAST(:carrier_ref AS text)
         AND (SELECT count(*) FROM shipments x WHERE x.order_no = CAST(:order_no AS text) AND x.status = 'booking') < 2
       ORDER BY by_order LIMIT 1
    ), scan AS (
      INSERT INTO shipment_scans (carrier, event_id, shipment_id, status, occurred_at)
      SELECT CAST(:carrier AS text), CAST(:event_id AS text), p.shipment_id, CAST(:status AS text),
             CAST(:occurred_at AS timestamptz)
        FROM parcel p
      ON CONFLICT (carrier, event_id) DO NOTHING RETURNING 1
    ), told AS (
      SELECT p.order_no FROM parcel p, scan
       WHERE p.status = ANY(CAST(:stirs AS text[]))
         AND (SELECT count(*) FROM inbox i
               WHERE i.order_no = p.order_no AND i.processed_at IS NULL AND i.kind = 'shipment'
                 AND i.provider = CAST(:carrier AS text) AND i.fact ->> 'carrier_ref' = CAST(:carrier_ref AS text)
                 AND i.fact ->> 'status' = ANY(CAST(:implied_by AS text[]))) = 0
      UNION ALL
      SELECT coalesce(
               (SELECT o.order_no FROM orders o WHERE o.order_no = CAST(:order_no AS text) AND CAST(:wakes AS boolean)),
               (SELECT r.order_no FROM returns r WHERE r.carrier = CAST(:carrier AS text)
                   AND r.carrier_ref = CAST(:carrier_ref AS text) AND CAST(:wakes AS boolean)))
       WHERE NOT EXISTS (SELECT FROM parcel)
    ), fact AS (
      INSERT INTO inbox (provider, event_id, kind, order_no, fact)
      SELECT CAST(:carrier AS text), CAST(:event_id AS text), 'shipment', t.order_no, CAST(:fact AS jsonb) FROM told t
      ON CONFLICT (provider, event_id) DO NOTHING RETURNING 1
    )
    SELECT EXISTS (SELECT FROM scan) OR EXISTS (SELECT FROM fact) AS kept
    """
)

_KEEP_LATE = text(
    """INSERT INTO inbox (provider, event_id, kind, order_no, fact)
       SELECT CAST(:provider AS text), CAST(:event_id AS text), 'payment', CAST(:order_no AS text), CAST(:fact AS jsonb)
        WHERE NOT EXISTS (SELECT FROM payments p WHERE p.idempotency_key = :key AND p.status = 'succeeded')
       ON CONFLICT DO NOTHING"""
)
# Facts of an order that wait to be applied.
_OPEN = text(
    """SELECT inbox_id, order_no, provider, kind, fact FROM inbox
        WHERE order_no = :order_no AND processed_at IS NULL ORDER BY inbox_id"""
)
_CLOSE = text("UPDATE inbox SET processed_at = now(), outcome = :outcome WHERE inbox_id = :inbox_id")
_SET_ASIDE = text(
    "UPDATE inbox SET processed_at = now(), outcome = 'unapplied', reason = :reason WHERE inbox_id = :inbox_id"
)
# What could not be assigned while several bookings of its order had no answer.
_REOPEN = text("SELECT reopen_parcel_events(:order_no, :carrier, :carrier_ref)")
# What is checked at the end of a transaction is checked at the end of a fact, too.
_CHECKED_NOW = text("SET CONSTRAINTS ALL IMMEDIATE")
_CHECKED_LATER = text("SET CONSTRAINTS ALL DEFERRED")


def _is_relevant(known: ShipmentStatus, reported: ShipmentStatus) -> bool:
    """False for old news, and for movement between pick-up and door."""
    return is_progress(known, reported) and not (
        known is ShipmentStatus.PICKED_UP and reported is ShipmentStatus.IN_TRANSIT
    )


# Statuses that only the carrier knows are no keys here: they change nothing.
_STIRS = {
    reported.value: [known.value for known in ShipmentStatus if _is_relevant(known, reported)]
    for reported in ShipmentStatus
}
_IMPLIED_BY = {ShipmentStatus.IN_TRANSIT.value: [status.value for status in ShipmentStatus if has_left(status)]}


@dataclass(frozen=True, slots=True)
class InboxEvent:
    """A provider's event of an order that waits to be applied. Its content is read when it is applied."""

    inbox_id: int
    order_no: str
    provider: str
    kind: str
    fact: Mapping[str, str | int | None]

    @property
    def payment(self) -> PaymentFact:
        """What it says of a payment. Raises KeyError, TypeError or ValueError for what cannot be read."""
        known = {name: value for name, value in self.fact.items() if name in _PAYMENT_FACTS}
        typed = {"kind": PaymentKind(str(self.fact["kind"])), "status": PaymentStatus(str(self.fact["status"]))}
        return PaymentFact(**{**known, **typed})  # type: ignore[arg-type]

    @property
    def tracked(self) -> Tracked:
        """Which parcel it is about. Raises KeyError for what does not name one."""
        tracking_no = self.fact["tracking_no"]
        carrier_ref = str(self.fact["carrier_ref"])
        return Tracked(self.order_no, self.provider, carrier_ref, None if tracking_no is None else str(tracking_no))


_PAYMENT_FACTS = frozenset(field.name for field in fields(PaymentFact))
_OPTIONAL = ("parent_key", "outcome", "risk", "due_at", "expires_at")


async def keep_payment(conn: AsyncConnection, provider: str, notification: PaymentNotification) -> Outcome:
    """Keep a payment's fact; its order is woken.

    Its order is the one that it names, else the one of the payment that it is about. One that is about nothing of ours
    (yet) waits for that payment.
    """
    fact = {
        "provider_ref": notification.provider_ref,
        "kind": notification.kind,
        "status": notification.status,
        "amount_minor": notification.amount_minor,
        "currency": notification.currency,
        "idempotency_key": notification.idempotency_key,
        "error_code": notification.error_code,
        "parent_ref": notification.parent_ref,
        **{name: value for name in _OPTIONAL if (value := getattr(notification, name))},
    }
    row = {
        "provider": provider,
        "event_id": notification.event_id,
        "order_no": normalise(notification.order_no),
        "parent_ref": notification.parent_ref,
        "fact": _json(fact),
    }
    return _outcome((await conn.execute(_KEEP_PAYMENT, row)).one_or_none() is not None)


async def keep_shipment(conn: AsyncConnection, carrier: str, notification: CarrierNotification) -> Outcome:
    """Store a scan of a parcel, and signal its order where the scan may change it.

    That a parcel is on its way changes nothing while an earlier fact still waits to tell that it has left. A parcel
    that the database does not know (yet) leaves the fact in the inbox; with a word that we have no state for, it waits
    there for a person.
    """
    fact = {
        "carrier_ref": notification.shipment_ref,
        "tracking_no": notification.tracking_no,
        "status": notification.status,
        "occurred_at": notification.occurred_at.astimezone(UTC).isoformat(),
    }
    reported = str(notification.status)
    row = {
        "carrier": carrier,
        "carrier_ref": notification.shipment_ref,
        "order_no": named_in(notification.order_no or ""),
        "event_id": notification.event_id,
        "status": reported,
        "occurred_at": notification.occurred_at,
        "stirs": _STIRS.get(reported, []),
        "implied_by": _IMPLIED_BY.get(reported, []),
        "wakes": reported in _STIRS,
        "fact": _json(fact),
    }
    return _outcome((await conn.execute(_KEEP_SHIPMENT, row)).scalar_one())


async def save_late_result(conn: AsyncConnection, new: PaymentIntent, result: GatewayResult) -> None:
    """Keep a success that came after the order went on without it: the order's workflow returns the money."""
    fact = {
        "provider_ref": result.provider_ref,
        "kind": new.kind,
        "status": result.status,
        "amount_minor": result.amount_minor,
        "currency": new.currency,
        "idempotency_key": new.idempotency_key,
        "error_code": None,
        "parent_ref": None,
        "risk": result.risk,
        "expires_at": result.expires_at,
    }
    key = new.idempotency_key
    row = {"provider": new.provider, "order_no": new.order_no, "key": key, "fact": _json(fact)}
    await conn.execute(_KEEP_LATE, {**row, "event_id": f"late:{key}:{result.provider_ref}"})


async def open_facts(conn: AsyncConnection, order_no: str) -> list[InboxEvent]:
    """The order's events that wait, the oldest first."""
    return [InboxEvent(**row) for row in (await conn.execute(_OPEN, {"order_no": order_no})).mappings()]


async def close(conn: AsyncConnection, inbox_id: int, outcome: str) -> None:
    """The fact is applied."""
    await conn.execute(_CLOSE, {"inbox_id": inbox_id, "outcome": outcome})


async def reopen(conn: AsyncConnection, order_no: str, carrier: str, carrier_ref: str) -> None:
    """The parcel is known now: what came too early about it is applied."""
    await conn.execute(_REOPEN, {"order_no": order_no, "carrier": carrier, "carrier_ref": carrier_ref})


async def set_aside(conn: AsyncConnection, inbox_id: int, reason: str) -> None:
    """The fact cannot be applied; it is kept with the reason."""
    await conn.execute(_SET_ASIDE, {"inbox_id": inbox_id, "reason": reason})


async def check_constraints(conn: AsyncConnection) -> None:
    """Check now what is otherwise checked at the end of the transaction."""
    await conn.execute(_CHECKED_NOW)
    await conn.execute(_CHECKED_LATER)


def _outcome(stored: bool) -> Outcome:
    return "accepted" if stored else "duplicate"


def _json(fact: Mapping[str, object]) -> str:
    return orjson.dumps(fact).decode()
