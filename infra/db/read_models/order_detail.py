"""Reading one order for people: the whole of it, its timeline, and what cancelling it would mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Literal, TypedDict, cast

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.json_types import JsonFields
from domain.orders.delivery_slots import TimeSlot, as_json
from domain.orders.holds import HoldKind
from domain.orders.status import Status
from domain.orders.waiting import Waiting
from domain.payments.attempts import state_of
from domain.payments.receivables import state_on_terms
from domain.payments.refunds import Origin, RefundStatus
from domain.payments.shipment_captures import CaptureMode
from domain.payments.transactions import PaymentKind, PaymentPurpose, PaymentStatus
from domain.shipping.fulfilments import status_by_parcel
from domain.shipping.shipments import ShipmentStatus
from domain.times import rfc3339
from infra.db.after_sales import exchange_fallback, return_queries
from infra.db.customers.profiles import KeyRing, profile_context
from infra.db.orders.changing import cancellation
from infra.db.orders.state import situation_facts
from infra.db.orders.state.state_facts import transaction_of
from infra.db.read_models.order_fields import EventFields, OrderFields
from infra.db.shipping import fulfilments


@dataclass(frozen=True, slots=True)
class OrderOverview:
    """As much of an order as access, waiting and the first refusals need."""

    order_no: str
    channel: str
    customer_id: str
    status: Status
    cancelling: str | None
    waiting: Waiting | None
    parked: bool


_OVERVIEWS = text(
    """
    SELECT o.order_no, o.channel, o.customer_id, o.status, o.cancelling, o.waiting,
           EXISTS (SELECT FROM parked_steps p WHERE p.order_no = o.order_no AND p.resolved_at IS NULL) AS parked
      FROM orders o WHERE o.order_no = ANY(CAST(:order_nos AS text[]))
    """
)

# Times inside JSON are cast to UTC; `_zulu` marks them so.
_ORDER = text(
    """
    SELECT o.order_no, o.channel, o.external_ref, o.type, o.status, o.total_minor, o.items_minor, o.shipping_minor,
           o.discount_minor, o.tax_minor, o.currency, o.exchange_of, o.exchange_return,
           o.customer_id, o.ship_to_enc, o.note_enc, o.slot_from, o.slot_to, o.backorder, o.ship_complete,
           o.priority, o.hold, o.warehouse, o.capture, o.event_seq, o.cancelling, o.waiting,
           o.created_at, o.updated_at, c.data_key,
           CASE WHEN o.contact_corrected THEN k.profile_enc ELSE coalesce(s.profile_enc, c.profile_enc) END
             AS profile_enc, o.contact_corrected,
           (SELECT json_agg(json_build_object('line_no', l.line_no, 'sku', l.sku, 'name', l.name,
                     'quantity', l.quantity - l.cancelled_quantity, 'unit_price_minor', l.unit_price_minor,
                     'total_minor', (l.quantity - l.cancelled_quantity) * l.unit_price_minor,
                     'discount_minor', l.discount_minor, 'shipping_minor', l.shipping_minor, 'tax_minor', l.tax_minor,
                     'paid_minor', l.paid_minor, 'refunded_minor', l.refunded_minor,
                     'refunded_quantity', l.refunded_quantity, 'cancelled_quantity', l.cancelled_quantity,
                     'returned_quantity', l.returned_quantity)
                     ORDER BY l.line_no)
              FROM order_lines l WHERE l.order_no = o.order_no AND l.quantity > l.cancelled_quantity) AS lines,
           (SELECT json_agg(json_build_object('payment_id', p.payment_id, 'kind', p.kind, 'purpose', p.purpose,
                     'status', p.status, 'amount_minor', p.amount_minor, 'currency', p.currency,
                     'provider', p.provider, 'provider_ref', p.provider_ref, 'error_code', p.error_code,
                     'parent_id', p.parent_id, 'fulfilment_no', p.fulfilment_no,
                     'attempt', CASE WHEN p.attempt > 0 THEN p.attempt END,
                     'created_at', p.created_at AT TIME ZONE 'UTC', 'updated_at', p.updated_at AT TIME ZONE 'UTC',
                     'expires_at', p.expires_at AT TIME ZONE 'UTC') ORDER BY p.payment_id)
              FROM payments p WHERE p.order_no = o.order_no) AS payments,
           (SELECT json_agg(json_build_object('shipment_id', s.shipment_id, 'status', s.status, 'carrier', s.carrier,
                     'tracking_no', s.tracking_no, 'warehouse', s.warehouse, 'fulfilment_no', s.fulfilment_no,
                     'replaced', s.replaced_at IS NOT NULL, 'came_back', s.came_back_at IS NOT NULL,
                     'created_at', s.created_at AT TIME ZONE 'UTC',
                     'scans', coalesce((SELECT json_agg(json_build_object('status', n.status,
                                'occurred_at', n.occurred_at AT TIME ZONE 'UTC') ORDER BY n.occurred_at, n.event_id)
                                FROM shipment_scans n WHERE n.shipment_id = s.shipment_id), '[]'))
                     ORDER BY s.created_at, s.shipment_id)
              FROM shipments s WHERE s.order_no = o.order_no) AS shipments,
           {fulfilments},
           (SELECT json_build_object('fulfilment_no', b.number, 'promised_from', b.promised_from AT TIME ZONE 'UTC',
                     'promised_to', b.promised_to AT TIME ZONE 'UTC', 'decide_by', b.decide_by AT TIME ZONE 'UTC',
                     'slips', b.slip)
              FROM backorder_choices b WHERE b.order_no = o.order_no AND b.choice IS NULL) AS backorder_choice,
           (SELECT json_build_object('park_no', k.park_no, 'step', k.step, 'subject', k.subject,
                     'error', k.error, 'since', k.since AT TIME ZONE 'UTC',
                     'attempts', k.attempts, 'options', k.options, 'refused', (
                       SELECT json_build_object('action', r.action, 'code', f.code,
                                                'at', f.refused_at AT TIME ZONE 'UTC')
                         FROM refused_resolutions f JOIN resolutions r USING (resolution_id)
                        WHERE f.order_no = k.order_no AND f.park_no = k.park_no
                        ORDER BY f.refused_at DESC LIMIT 1))
              FROM parked_steps k WHERE k.order_no = o.order_no AND k.resolved_at IS NULL) AS needs_attention,
           (SELECT json_agg(json_build_object('hold_no', h.hold_no, 'kind', h.kind, 'stops', h.stops, 'owner', h.owner,
                     'default_outcome', h.default_outcome, 'put_on_by', h.put_on_by,
                     'put_on_at', h.put_on_at AT TIME ZONE 'UTC', 'until', h.until AT TIME ZONE 'UTC',
                     'escalated_at', h.escalated_at AT TIME ZONE 'UTC', 'closed_at', h.closed_at AT TIME ZONE 'UTC',
                     'closed_by', h.closed_by, 'outcome', h.outcome) ORDER BY h.hold_no)
              FROM holds h WHERE h.order_no = o.order_no) AS holds,
           (SELECT json_agg(json_build_object('refund_id', r.refund_id, 'refund_no', r.refund_no, 'origin', r.origin,
                     'return_id', r.return_id, 'amount_minor', r.amount_minor, 'currency', r.currency,
                     'status', r.status, 'created_at', r.created_at AT TIME ZONE 'UTC',
                     'pending_since', (SELECT min(p.created_at) AT TIME ZONE 'UTC' FROM payments p
                       WHERE p.order_no = r.order_no AND p.refund_id = r.refund_id AND p.status = 'pending'),
                     'failed_since', (SELECT k.since AT TIME ZONE 'UTC' FROM parked_steps k
                       WHERE k.order_no = r.order_no AND k.resolved_at IS NULL AND k.step = 'refund'
                         AND k.subject = r.refund_id))
                     ORDER BY r.refund_no)
              FROM refunds r WHERE r.order_no = o.order_no) AS refunds,
           (SELECT coalesce(sum(t.captured_minor - t.refunded_minor - t.promised_minor - t.disputed_minor
                                - t.settled_minor), 0)::bigint
              FROM payments p JOIN payment_totals t USING (payment_id)
             WHERE p.order_no = o.order_no AND p.purpose <> 'stray') AS left_minor,
           (SELECT json_build_object('what', u.what, 'to_pay_minor', u.amount_minor,
                     'total_after_minor', u.total_after_minor, 'stock', u.held, 'until',
                     coalesce(nullif(difference_until(u.order_no, u.payment_no), 'infinity'), u.until)
                       AT TIME ZONE 'UTC')
              FROM change_payments u WHERE u.order_no = o.order_no AND u.status = 'awaiting_payment')
             AS pending_change,
           EXISTS (SELECT FROM returns r WHERE r.order_no = o.order_no) AS returned,
           (SELECT max(r.attempt) FROM payment_requests r WHERE r.order_no = o.order_no) AS newest_attempt,
           CASE WHEN o.type = 'b2b' THEN (
             SELECT json_build_object('purchase_order', v.purchase_order, 'terms_days', v.terms_days,
                                      'due_at', v.due_at AT TIME ZONE 'UTC', 'owed_minor', v.owed_minor)
               FROM receivables v WHERE v.order_no = o.order_no) END AS receivable,
           is_paying(o.order_no) AS paying, is_booked(o.order_no) AS booked,
           {situation}
      FROM orders o JOIN customers c USING (customer_id) LEFT JOIN customer_contacts s USING (customer_id, channel)
      LEFT JOIN order_contacts k USING (customer_id, contact_id)
     WHERE o.order_no = :order_no
    """.replace("{situation}", situation_facts.selected("o")).replace("{fulfilments}", fulfilments.COLUMN)
)

_EVENTS = text(
    """
    SELECT seq, type, from_status, to_status, data, actor, occurred_at
      FROM order_events WHERE order_no = :order_no AND seq > :after ORDER BY seq LIMIT :limit
    """
)

_CONSEQUENCE = text(
    """
    SELECT o.currency,
           coalesce((SELECT sum(t.captured_minor - t.refunded_minor - t.disputed_minor)
                       FROM payments p JOIN payment_totals t USING (payment_id)
                      WHERE p.order_no = o.order_no AND p.provider <> 'terms'), 0)::bigint AS refund_minor,
           coalesce((SELECT sum(authorised_left_minor(a.payment_id, a.amount_minor)) FROM payments a
                      WHERE a.order_no = o.order_no AND a.kind = 'authorise' AND a.status = 'succeeded'
                        AND NOT EXISTS (SELECT FROM payments n WHERE n.parent_id = a.payment_id
                                         AND n.kind IN ('capture', 'void') AND n.fulfilment_no IS NULL
                                         AND n.status <> 'failed')), 0)::bigint
             AS void_minor,
           (SELECT json_agg(json_build_object('sku', h.sku, 'quantity', h.quantity) ORDER BY h.sku)
              FROM (SELECT a.sku, sum(a.quantity) AS quantity FROM reservations a
                     WHERE a.order_no = o.order_no AND a.state = 'reserved' GROUP BY a.sku) h) AS stock,
           EXISTS (SELECT FROM shipments s WHERE s.order_no = o.order_no AND s.status <> 'cancelled'
                      AND s.replaced_at IS NULL) AS parcel
      FROM orders o WHERE o.order_no = :order_no
    """
)


# Events from before the request was kept with them name the actor alone.
_CANCELLED_BY = text(
    """
    SELECT EXISTS (SELECT FROM orders o JOIN order_events e USING (order_no)
                    WHERE o.order_no = :order_no AND (o.cancelling IS NOT NULL OR o.status = 'cancelled')
                      AND e.type = 'cancel_requested'
                      AND (e.key = :key OR (e.key IS NULL AND e.actor = :actor)))
    """
)


async def cancelled_by(conn: AsyncConnection, order_no: str, request_id: str, actor: str) -> bool:
    """True when the order is cancelled, or being so, because of this request of `actor`."""
    row = {"order_no": order_no, "key": cancellation.request_key(request_id), "actor": actor}
    return bool((await conn.execute(_CANCELLED_BY, row)).scalar_one())


async def overviews(conn: AsyncConnection, order_nos: Sequence[str]) -> dict[str, OrderOverview]:
    """The orders that exist, by number."""
    rows = await conn.execute(_OVERVIEWS, {"order_nos": list(order_nos)})
    return {row["order_no"]: OrderOverview(**{**row, "status": Status(row["status"])}) for row in rows.mappings()}


async def whole_order(conn: AsyncConnection, keys: KeyRing, order_no: str) -> OrderFields | None:
    """Everything that is known of an order, personal fields decrypted (None where their key is gone)."""
    row = (await conn.execute(_ORDER, {"order_no": order_no})).one_or_none()
    if row is None:
        return None
    order: JsonFields = {**row._mapping, "status": Status(row.status), "capture": CaptureMode(row.capture)}
    key, profile, ship_to, note = (order.pop(name) for name in ("data_key", "profile_enc", "ship_to_enc", "note_enc"))
    known = keys.open_json(key, profile, profile_context(row.customer_id)) or {}
    order["customer"] = {"id": row.customer_id, **{name: known.get(name) for name in ("name", "email", "phone")}}
    order["ship_to"] = keys.open_json(key, ship_to, f"{order_no}:ship_to")
    order["note"] = keys.open_json(key, note, f"{order_no}:note")
    begin, end = order.pop("slot_from"), order.pop("slot_to")
    order["delivery_slot"] = as_json(TimeSlot(begin.astimezone(UTC), end.astimezone(UTC))) if begin else None
    order["situation_facts"] = situation_facts.facts_of(order, keys, key)
    for name in situation_facts.COLUMNS:
        del order[name]
    order["lines"] = order["lines"] or []
    transactions = [transaction_of(payment) for payment in order["payments"] or []]
    attempt = order.pop("newest_attempt")
    order["attempt_state"] = state_of(attempt, transactions)
    order["terms_attempt_state"] = state_on_terms(attempt, transactions)
    order |= _terms(order.pop("receivable"))
    order["payments"] = [_payment(payment) for payment in order["payments"] or []]
    order["shipments"] = [_shipment(shipment) for shipment in order["shipments"] or []]
    order["fulfilments"] = [_zulu_unless_none(part, "promised_to") for part in order["fulfilments"] or _only(order)]
    order["refunds"] = [_refund(refund) for refund in order["refunds"] or []]
    order["returns"] = await return_queries.of_order(conn, order_no) if order.pop("returned") else []
    order["holds"] = [_hold(hold) for hold in order["holds"] or []]
    if order["pending_change"] is not None:
        _zulu(order["pending_change"], "until")
    for name in ("promised_from", "promised_to", "decide_by") if order["backorder_choice"] else ():
        _zulu(order["backorder_choice"], name)
    if order["needs_attention"] is not None:
        _zulu(order["needs_attention"], "since")
        if order["needs_attention"]["refused"] is not None:
            _zulu(order["needs_attention"]["refused"], "at")
    return cast(OrderFields, order)


def _terms(receivable: JsonFields | None) -> JsonFields:
    """What an order on payment terms has; of any other order nothing."""
    found = receivable or dict.fromkeys(("purchase_order", "terms_days", "due_at", "owed_minor"))
    return _zulu_unless_none(dict(found), "due_at")


async def timeline(conn: AsyncConnection, order_no: str, after: int, limit: int) -> list[EventFields]:
    """At most `limit` events after the sequence number `after`, oldest first."""
    rows = await conn.execute(_EVENTS, {"order_no": order_no, "after": after, "limit": limit})
    return [cast(EventFields, {**row._mapping, "data": _with_utc(row.data)}) for row in rows]


def _with_utc(data: JsonFields) -> JsonFields:
    """Older events have `until` with an offset, +00:00."""
    fields = dict(data)
    if isinstance(fields.get("until"), str):
        fields["until"] = rfc3339(fields["until"])
    if isinstance(fields.get("waiting"), dict):
        fields["waiting"] = _with_utc(fields["waiting"])
    return fields


class ReleasedStock(TypedDict):
    """Units of a SKU that go back to stock."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class CancellationConsequence:
    """What cancelling an order would give back, in minor units, and what becomes of its goods and its parcel."""

    refund_minor: int
    void_minor: int
    currency: str
    stock: Sequence[ReleasedStock]
    parcel: Literal["recall"] | None


async def consequence(conn: AsyncConnection, order_no: str) -> CancellationConsequence:
    """What cancelling the order now would give back."""
    row = (await conn.execute(_CONSEQUENCE, {"order_no": order_no})).one()
    # Of an exchange order the money that is behind its goods goes back, too, where it was paid.
    refund_minor = row.refund_minor + await exchange_fallback.quote(conn, order_no)
    parcel: Literal["recall"] | None = "recall" if row.parcel else None
    return CancellationConsequence(refund_minor, row.void_minor, row.currency, row.stock or [], parcel)


def _shipment(shipment: JsonFields) -> JsonFields:
    shipment["status"] = ShipmentStatus(shipment["status"])
    shipment["scans"] = [_zulu(scan, "occurred_at") for scan in shipment["scans"]]
    return _zulu(shipment, "created_at")


def _only(order: JsonFields) -> list[JsonFields]:
    """The only fulfilment of an order whose stock was reserved before there were rows of them."""
    if order["warehouse"] is None:
        return []
    parcels = [parcel for parcel in order["shipments"] if parcel["status"] != ShipmentStatus.CANCELLED]
    parcel = next((one for one in parcels if not one["replaced"]), None)
    status = status_by_parcel(Status(order["status"]), ShipmentStatus(parcel["status"]) if parcel else None)
    lines = [{name: line[name] for name in ("line_no", "sku", "quantity")} for line in order["lines"]]
    newest = parcel or (parcels[-1] if parcels else None)
    part = {"fulfilment_id": f"{order['order_no']}-F1", "number": 1, "warehouse": order["warehouse"]}
    shipment_id = newest["shipment_id"] if newest else None
    return [
        {**part, "kind": "parcel", "status": status, "lines": lines, "shipment_id": shipment_id, "promised_to": None}
    ]


def _refund(refund: JsonFields) -> JsonFields:
    refund |= {"status": RefundStatus(refund["status"]), "origin": Origin(refund["origin"])}
    for name in ("pending_since", "failed_since"):
        if refund[name] is not None:
            _zulu(refund, name)
    return _zulu(refund, "created_at")


def _hold(hold: JsonFields) -> JsonFields:
    hold["kind"] = HoldKind(hold["kind"])
    for name in ("put_on_at", "until", "escalated_at", "closed_at"):
        if hold[name] is not None:
            _zulu(hold, name)
    return hold


def _payment(payment: JsonFields) -> JsonFields:
    payment["kind"], payment["purpose"] = PaymentKind(payment["kind"]), PaymentPurpose(payment["purpose"])
    payment["status"] = PaymentStatus(payment["status"])
    del payment["attempt"], payment["updated_at"]
    if payment["expires_at"] is not None:
        _zulu(payment, "expires_at")
    return _zulu(payment, "created_at")


def _zulu_unless_none(entry: JsonFields, name: str) -> JsonFields:
    return entry if entry[name] is None else _zulu(entry, name)


def _zulu(entry: JsonFields, name: str) -> JsonFields:
    entry[name] = f"{entry[name]}Z"
    return entry
