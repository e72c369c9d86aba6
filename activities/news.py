"""Applying facts from outside: whatever order they come in, each counts once and a later one implies the earlier."""

import logging
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.payments import PaymentKind, PaymentStatus
from domain.shipments import ShipmentStatus, has_left, is_news
from domain.states import Event, Status
from infra.db import events, holds, refund_paying, reservations, return_tending
from infra.db.return_terms import ReturnTerms
from infra.settings import Settings

_log = logging.getLogger(__name__)
_UNHEARD = text(
    """SELECT inbox_id, order_no, provider, kind, fact FROM inbox
        WHERE order_no = :order_no AND processed_at IS NULL ORDER BY inbox_id"""
)
_HEARD = text(
    """UPDATE inbox i SET processed_at = now(), outcome = h.outcome
         FROM unnest(CAST(:ids AS bigint[]), CAST(:outcomes AS text[])) AS h (inbox_id, outcome)
        WHERE i.inbox_id = h.inbox_id"""
)
_OURS = text(
    """SELECT p.payment_id, p.kind, p.status, p.purpose, p.refund_id FROM payments p
        WHERE p.order_no = :order_no AND (p.idempotency_key = :key
           OR (p.provider = :provider AND p.provider_ref = :ref AND p.kind = :kind)) LIMIT 1"""
)
_SETTLE = text(
    """UPDATE payments SET status = :status, provider_ref = coalesce(:ref, provider_ref), error_code = :error,
              purpose = :purpose, updated_at = now() WHERE payment_id = :payment_id"""
)
_FOREIGN = text(
    """INSERT INTO payments (order_no, kind, purpose, attempt, provider, amount_minor, currency, status,
                             idempotency_key, provider_ref)
       VALUES (:order_no, :kind, :purpose, -1, :provider, :amount, :currency, 'succeeded', :key, :ref)"""
)
_ORDER = text(
    """SELECT o.status, o.cancelling, o.total_minor, o.currency,
              EXISTS (SELECT FROM payments p WHERE p.order_no = o.order_no AND p.kind = 'capture'
                       AND p.purpose = 'order' AND p.status <> 'failed') AS has_capture,
              EXISTS (SELECT FROM shipments x WHERE x.order_no = o.order_no AND x.replaced_at IS NOT NULL) AS again
         FROM orders o WHERE o.order_no = :order_no"""
)
# Only where the fact is news: `older` are the states that it carries further.
_PARCEL_MOVES = text(
    """
    WITH told AS (
      SELECT shipment_id FROM shipments
       WHERE order_no = :order_no AND carrier = :carrier AND status = ANY(CAST(:older AS text[]))
         AND (carrier_ref = :ref OR (carrier_ref IS NULL AND status = 'booking' AND NOT EXISTS (
               SELECT FROM shipments x WHERE x.carrier = :carrier AND x.carrier_ref = :ref)))
       ORDER BY carrier_ref IS NULL LIMIT 1
    )
    UPDATE shipments s SET status = :status, carrier_ref = coalesce(carrier_ref, :ref),
           tracking_no = coalesce(tracking_no, :tracking_no), updated_at = now()
      FROM told, orders o
     WHERE s.shipment_id = told.shipment_id AND o.order_no = s.order_no
    RETURNING o.status, o.cancelling, s.shipment_id, s.replaced_at IS NOT NULL AS replaced,
              EXISTS (SELECT FROM shipments x WHERE x.order_no = o.order_no AND x.replaced_at IS NOT NULL) AS again
    """
)


# A refund that the provider had refused, or that somebody paid by hand, and that went through after all: there is no
# room left for it.
_PAID_TWICE = text(
    """SELECT CASE WHEN p.refund_id IS NULL THEN t.captured_minor - t.refunded_minor - t.promised_minor < p.amount_minor
                   ELSE EXISTS (SELECT FROM payments m WHERE m.refund_id = p.refund_id AND m.parent_id = p.parent_id
                                   AND m.status <> 'failed') END
         FROM payments p JOIN payment_totals t ON t.payment_id = p.parent_id WHERE p.payment_id = :payment_id"""
)


async def take_news(conn: AsyncConnection, order_no: str, settings: Settings) -> None:
    """Apply every open fact of the order, oldest first."""
    await events.lock_order(conn, order_no)
    heard: dict[int, str] = {}
    for row in (await conn.execute(_UNHEARD, {"order_no": order_no})).all():
        if row.kind == "payment":
            heard[row.inbox_id] = await _payment_fact(conn, order_no, row.provider, row.fact)
        else:
            heard[row.inbox_id] = await _parcel_fact(conn, row, settings)
    if heard:
        await holds.weigh_dearer(conn, settings, order_no)
        await conn.execute(_HEARD, {"ids": list(heard), "outcomes": list(heard.values())})


async def _payment_fact(conn: AsyncConnection, order_no: str, provider: str, fact: dict[str, Any]) -> str:
    values = {
        "order_no": order_no,
        "key": fact.get("idempotency_key"),
        "provider": provider,
        "ref": fact["provider_ref"],
        "kind": fact["kind"],
    }
    known = (await conn.execute(_OURS, values)).one_or_none()
    if fact["status"] == "pending" or (known is None and fact["status"] != "succeeded"):
        return "ignored"
    if known is None:
        return await _foreign_payment(conn, order_no, provider, fact)
    told = PaymentStatus(fact["status"])
    if known.status in (told, PaymentStatus.SUCCEEDED):
        return "known"
    return await _settle(conn, order_no, known, told, fact)


async def _settle(conn: AsyncConnection, order_no: str, known: Any, told: PaymentStatus, fact: dict[str, Any]) -> str:
    """Our own transaction, decided by the provider after we stopped waiting."""
    refused = known.kind == PaymentKind.REFUND and known.status == PaymentStatus.FAILED
    if refused and (await conn.execute(_PAID_TWICE, {"payment_id": known.payment_id})).scalar_one():
        _log.error("a refund was paid twice", extra={"payment_id": known.payment_id})
        return "paid_twice"
    order = (await conn.execute(_ORDER, {"order_no": order_no})).one()
    purpose = known.purpose
    if known.kind == PaymentKind.CAPTURE and told is PaymentStatus.SUCCEEDED and order.status == Status.CANCELLED:
        purpose = "stray"
    await conn.execute(
        _SETTLE,
        {
            "payment_id": known.payment_id,
            "status": told,
            "ref": fact["provider_ref"],
            "error": fact.get("error_code"),
            "purpose": purpose,
        },
    )
    names = {
        PaymentKind.AUTHORISE: "payment_authorised",
        PaymentKind.VOID: "payment_voided",
        PaymentKind.REFUND: "payment_refunded",
    }
    if told is PaymentStatus.FAILED:
        # The customer is told that he has not paid: of an authorisation or a capture only.
        taking = known.kind in (PaymentKind.AUTHORISE, PaymentKind.CAPTURE)
        if taking and purpose == "supplement":
            return "settled"  # the change is undone, and tells so itself
        name = "payment_declined" if taking else "refund_refused"
        await events.note(conn, order_no, name, data={"code": fact.get("error_code") or "declined"})
    elif known.refund_id is not None:
        await refund_paying.settle(conn, known.refund_id)
    elif known.kind in names:
        await events.note(conn, order_no, names[PaymentKind(known.kind)], data={"amount_minor": fact["amount_minor"]})
    elif purpose == "order":
        await mark_paid(conn, order_no, order.status, fact["amount_minor"])
    return "settled"


async def _foreign_payment(conn: AsyncConnection, order_no: str, provider: str, fact: dict[str, Any]) -> str:
    """A payment that we did not ask for: it pays the order if the order waits for just that, else it goes back."""
    order = (await conn.execute(_ORDER, {"order_no": order_no})).one()
    if fact["kind"] not in (PaymentKind.CAPTURE, PaymentKind.AUTHORISE):
        return "ignored"
    fits = (
        fact["kind"] == PaymentKind.CAPTURE
        and order.status in (Status.RECEIVED, Status.PENDING_PAYMENT)
        and not order.cancelling
        and not order.has_capture
        and (fact["amount_minor"], fact["currency"]) == (order.total_minor, order.currency)
    )
    await conn.execute(
        _FOREIGN,
        {
            "order_no": order_no,
            "kind": fact["kind"],
            "purpose": "order" if fits else "stray",
            "provider": provider,
            "amount": fact["amount_minor"],
            "currency": fact["currency"],
            "key": f"{provider}:{fact['provider_ref']}",
            "ref": fact["provider_ref"],
        },
    )
    if fits:
        await mark_paid(conn, order_no, order.status, fact["amount_minor"])
        return "paid"
    await events.note(conn, order_no, "payment_returned", data={"amount_minor": fact["amount_minor"]})
    return "stray"


async def mark_paid(conn: AsyncConnection, order_no: str, status: str, amount_minor: int) -> None:
    """Move a pending order to paid; one that is not yet reserved is moved on by its reservation."""
    if status == Status.PENDING_PAYMENT:
        wait = events.waiting("carrier", "the carrier is booked")
        data = {"amount_minor": amount_minor, "waiting": wait}
        await events.move(conn, order_no, Status.PENDING_PAYMENT, Event.PAYMENT_CAPTURED, data=data)


async def _parcel_fact(conn: AsyncConnection, row: Any, settings: Settings) -> str:
    fact = row.fact
    try:
        told = ShipmentStatus(fact["status"])
    except ValueError:
        return "ignored"
    values = {
        "order_no": row.order_no,
        "carrier": row.provider,
        "older": [status for status in ShipmentStatus if is_news(status, told)],
        "status": told,
        "ref": fact["carrier_ref"],
        "tracking_no": fact["tracking_no"],
    }
    moved = (await conn.execute(_PARCEL_MOVES, values)).one_or_none()
    if moved is None:
        terms = ReturnTerms.from_settings(settings)
        ours = await return_tending.parcel_told(conn, row.order_no, row.provider, fact["carrier_ref"], told, terms)
        return "return" if ours else "known"
    if moved.replaced:
        # Another parcel goes out instead of this one: where it is does not move the order, but people should know.
        data = {"shipment_id": moved.shipment_id, "status": told}
        await events.note(conn, row.order_no, "replaced_parcel_reported", data=data)
        return "replaced"
    standing = Standing(Status(moved.status), moved.cancelling is not None, moved.again)
    await parcel_moved(conn, row.order_no, standing, told, settings)
    return "applied"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an order stands that this transaction has locked; `again`: its parcel is not the first."""

    status: Status
    cancelling: bool
    again: bool = False


async def standing_of(conn: AsyncConnection, order_no: str) -> Standing:
    """Lock the order and read it."""
    status = await events.lock_order(conn, order_no)
    order = (await conn.execute(_ORDER, {"order_no": order_no})).one()
    return Standing(status, order.cancelling is not None, order.again)


async def parcel_moved(
    conn: AsyncConnection, order_no: str, standing: Standing, told: ShipmentStatus, settings: Settings
) -> None:
    """Bring the order to where its parcel is: a later fact implies the earlier ones.

    While a shipped order is being undone its parcel was given up: what turns up now is not delivered.
    """
    status = standing.status
    if status is Status.PAID:
        status = await events.move(conn, order_no, status, Event.SHIPMENT_BOOKED)
    if status is Status.PREPARING and has_left(told):
        await reservations.ship(conn, order_no)
        wait = events.waiting("delivery", "support looks into it", settings.delivery_timeout_s)
        status = await events.move(conn, order_no, status, Event.SHIPMENT_PICKED_UP, data={"waiting": wait})
    elif status is Status.SHIPPED and standing.again and has_left(told) and await reservations.ship(conn, order_no):
        wait = events.waiting("delivery", "support looks into it", settings.delivery_timeout_s)
        await events.note(conn, order_no, "replacement_picked_up", data={"waiting": wait})
    if told is ShipmentStatus.DELIVERED and status is Status.SHIPPED and not standing.cancelling:
        wait = events.waiting("return_window", "the order is completed", settings.return_window_s)
        await events.move(conn, order_no, status, Event.SHIPMENT_DELIVERED, data={"waiting": wait})
    elif told in (ShipmentStatus.LOST, ShipmentStatus.REFUSED):
        await events.note(conn, order_no, f"shipment_{told}")
