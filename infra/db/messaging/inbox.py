"""Facts from providers: each kept once, whatever order they arrive in. Each costs one statement, all or nothing."""

from datetime import UTC
from typing import Any, Literal

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.gateways import CarrierNotice, PaymentNotice
from domain.orders.order_no import named_in, normalise
from domain.shipping.shipments import ShipmentStatus, has_left, is_news

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


def _changes_story(known: ShipmentStatus, told: ShipmentStatus) -> bool:
    """False for old news, and for movement between pick-up and door."""
    return is_news(known, told) and not (known is ShipmentStatus.PICKED_UP and told is ShipmentStatus.IN_TRANSIT)


# A carrier's own words are no keys here: they change no story.
_STIRS = {
    told.value: [known.value for known in ShipmentStatus if _changes_story(known, told)] for told in ShipmentStatus
}
_IMPLIED_BY = {ShipmentStatus.IN_TRANSIT.value: [status.value for status in ShipmentStatus if has_left(status)]}


_IF_TOLD = ("parent_key", "outcome", "risk", "due_at", "expires_at")


async def keep_payment(conn: AsyncConnection, provider: str, notice: PaymentNotice) -> Outcome:
    """Keep a payment's fact; its order is woken.

    Its order is the one that it names, else the one of the payment that it is about. One that is about nothing of ours
    (yet) waits for that payment.
    """
    fact = {
        "provider_ref": notice.provider_ref,
        "kind": notice.kind,
        "status": notice.status,
        "amount_minor": notice.amount_minor,
        "currency": notice.currency,
        "idempotency_key": notice.idempotency_key,
        "error_code": notice.error_code,
        "parent_ref": notice.parent_ref,
        **{name: value for name in _IF_TOLD if (value := getattr(notice, name))},
    }
    row = {
        "provider": provider,
        "event_id": notice.event_id,
        "order_no": normalise(notice.order_no),
        "parent_ref": notice.parent_ref,
        "fact": _json(fact),
    }
    return _outcome((await conn.execute(_KEEP_PAYMENT, row)).one_or_none() is not None)


async def keep_shipment(conn: AsyncConnection, carrier: str, notice: CarrierNotice) -> Outcome:
    """Keep a parcel's scan, and wake its order where the fact may change its story.

    That a parcel is on its way changes nothing while an earlier fact still waits to tell that it has left. A parcel
    that the books do not know (yet) leaves the fact in the inbox; told in a word that we have no state for, it waits
    there for a person.
    """
    fact = {
        "carrier_ref": notice.shipment_ref,
        "tracking_no": notice.tracking_no,
        "status": notice.status,
        "occurred_at": notice.occurred_at.astimezone(UTC).isoformat(),
    }
    told = str(notice.status)
    row = {
        "carrier": carrier,
        "carrier_ref": notice.shipment_ref,
        "order_no": named_in(notice.order_no or ""),
        "event_id": notice.event_id,
        "status": told,
        "occurred_at": notice.occurred_at,
        "stirs": _STIRS.get(told, []),
        "implied_by": _IMPLIED_BY.get(told, []),
        "wakes": told in _STIRS,
        "fact": _json(fact),
    }
    return _outcome((await conn.execute(_KEEP_SHIPMENT, row)).scalar_one())


def _outcome(kept: bool) -> Outcome:
    return "accepted" if kept else "duplicate"


def _json(fact: dict[str, Any]) -> str:
    return orjson.dumps(fact).decode()
