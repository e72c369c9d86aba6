"""A parcel that is lost or refused: a refund, or the same goods again.

It is decided here and carried out by the order's workflow.

The first parcel keeps its status. The items of a lost parcel are gone; items that return from either go into quarantine
when they arrive.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.after_sales.delivery_exceptions import ParcelState, ReturningParcel, exception_among, units_back
from domain.errors import Conflict, NotFound
from domain.orders.status import Status
from domain.shipping.shipments import ShipmentStatus
from domain.stock.movements import MovementKind, effect
from infra.db.after_sales import exchange_fallback, lost_parts
from infra.db.after_sales.lost_parts import LostPart
from infra.db.approvals import approval_limits
from infra.db.orders.changing import cancellation
from infra.db.orders.state import timeline
from infra.db.orders.state.order_state import load_state
from infra.db.stock import reservations, split_reservations
from infra.settings import Settings

_PARCELS = text(
    """
    SELECT s.shipment_id, s.status AS parcel, s.replaced_at IS NOT NULL AS replaced, o.status,
           o.cancelling IS NOT NULL AS cancelling, o.currency,
           s.fulfilment_no AS number, p.split, p.alone, coalesce(p.status = 'cancelled', false) AS given_up,
           coalesce((SELECT sum(t.captured_minor - t.refunded_minor - t.disputed_minor)
                       FROM payments p JOIN payment_totals t USING (payment_id)
                      WHERE p.order_no = o.order_no AND p.provider <> 'terms'), 0)::bigint AS refund_minor
      FROM orders o JOIN shipments s USING (order_no),
           LATERAL (SELECT count(*) > 1 AS split, max(f.status) FILTER (WHERE f.number = s.fulfilment_no) AS status,
                           count(*) FILTER (WHERE f.number <> s.fulfilment_no AND f.status <> 'cancelled') = 0 AS alone
                      FROM fulfilments f WHERE f.order_no = o.order_no) p
     WHERE o.order_no = :order_no ORDER BY s.shipment_id
    """
)
_REPLACE = text("UPDATE shipments SET replaced_at = now(), updated_at = now() WHERE shipment_id = :shipment_id")
_INSERT_CONTENTS = text(
    """
    INSERT INTO replaced_parcel_lines (shipment_id, sku, quantity)
    SELECT s.shipment_id, a.sku, a.quantity FROM shipments s JOIN reservations a USING (order_no)
     WHERE s.shipment_id = :shipment_id AND a.warehouse = s.warehouse AND a.state = 'shipped'
       AND a.fulfilment_no = s.fulfilment_no
    """
)
# What was in the first parcel alone is no part of the second.
_LEAVE_OUT = text(
    """
    UPDATE reservations SET state = 'released'
     WHERE order_no = :order_no AND fulfilment_no = :number AND state = 'shipped'
       AND NOT sku = ANY(CAST(:skus AS text[]))
    """
)
_REFUND_WAITS = text(
    """SELECT EXISTS (SELECT FROM refunds r JOIN refund_lines n USING (refund_id)
                       WHERE r.order_no = :order_no AND r.status = 'awaiting_approval' AND n.quantity > 0)"""
)
_SIGNAL = text(
    """INSERT INTO workflow_requests (kind, subject, name, payload)
       VALUES ('signal_order', :order_no, 'after_sales', '{"about": "delivery_problem"}')"""
)
# Of an order that was undone nothing was sent again: what is in the parcel is what the order had shipped.
_RETURNING = text(
    """
    SELECT s.order_no, s.status, s.warehouse, s.came_back_at, s.replaced_at IS NOT NULL
             OR o.status = 'cancelled' OR o.cancelling IS NOT NULL
             OR EXISTS (SELECT FROM fulfilments f WHERE f.order_no = s.order_no AND f.number = s.fulfilment_no
                           AND f.status = 'cancelled')
             OR EXISTS (SELECT FROM order_events e WHERE e.order_no = s.order_no AND e.type = 'replacement_not_stopped'
                           AND e.data ->> 'shipment_id' = s.shipment_id) AS given_up,
           (SELECT json_object_agg(n.sku, n.quantity) FROM (
              SELECT c.sku, c.quantity FROM replaced_parcel_lines c WHERE c.shipment_id = s.shipment_id
              UNION ALL
              SELECT a.sku, a.quantity FROM reservations a
               WHERE a.order_no = s.order_no AND a.warehouse = s.warehouse AND a.state = 'shipped'
                 AND a.fulfilment_no = s.fulfilment_no AND s.replaced_at IS NULL) n) AS contents
      FROM shipments s JOIN orders o USING (order_no) WHERE s.shipment_id = :shipment_id
    """
)
_ORDER_OF = text("SELECT order_no FROM shipments WHERE shipment_id = :shipment_id")
_MARK_RECEIVED = text("UPDATE shipments SET came_back_at = now(), updated_at = now() WHERE shipment_id = :shipment_id")
_QUARANTINE = text(
    """
    INSERT INTO stock_movements (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta,
                                 quarantined_delta, order_no, reference, actor)
    VALUES (:key, :kind, :sku, :warehouse, :quantity, :on_hand, :reserved, :quarantined, :order_no, :reference, :actor)
    """
)


@dataclass(frozen=True, slots=True)
class DeliveryException:
    """A parcel that is lost or refused, and what would be refunded to the customer: all of the order, or `part` of an
    order that ships in several."""

    order_no: str
    shipment_id: str
    parcel: str
    refund_minor: int
    currency: str
    part: LostPart | None = None


async def exception_of(conn: AsyncConnection, order_no: str) -> DeliveryException:
    """Raises Conflict `no_delivery_problem`."""
    rows = (await conn.execute(_PARCELS, {"order_no": order_no})).all()
    parcels = [ParcelState(ShipmentStatus(row.parcel), row.replaced, row.given_up) for row in rows]
    first = rows[0] if rows else None
    place = exception_among(Status(first.status), first.cancelling, parcels, split=first.split) if first else None
    if place is None:
        raise Conflict("no_delivery_problem", "no parcel of this order is lost or refused")
    row = rows[place]
    if row.split:
        part = await lost_parts.part_of(conn, order_no, row.number, alone=row.alone)
        minor = row.refund_minor if row.alone else part.refund_minor
        return DeliveryException(order_no, row.shipment_id, row.parcel, minor, row.currency, part)
    refund_minor = row.refund_minor + await exchange_fallback.quote(conn, order_no)
    return DeliveryException(order_no, row.shipment_id, row.parcel, refund_minor, row.currency)


async def added_minor(conn: AsyncConnection, problem: DeliveryException) -> int:
    """What of the money is not promised as a refund already."""
    if problem.part is not None and not problem.part.alone:
        return problem.refund_minor
    exchange_minor = await exchange_fallback.quote(conn, problem.order_no)
    return exchange_minor + await approval_limits.undone(conn, problem.order_no)


async def sent_again(conn: AsyncConnection, order_no: str, fulfilment_id: str = "") -> bool:
    """True while a second parcel is to be booked, for the fulfilment that is named."""
    state = await load_state(conn, order_no)
    if fulfilment_id:
        return any(part.fulfilment_id == fulfilment_id and part.to_be_booked for part in state.fulfilments)
    return state.reship and state.parcel in ("", "booking")


@dataclass(frozen=True, slots=True)
class Resend:
    """From where what is sent once more: {sku: units}, without what was refunded meanwhile."""

    warehouse: str
    goods: Mapping[str, int]


async def resend_of(conn: AsyncConnection, order_no: str, part: LostPart | None = None) -> Resend:
    """What would be sent once more, by the best warehouse that can send all of it. Raises Conflict `stock_short`,
    `refund_waiting`, `nothing_to_send`."""
    if (await conn.execute(_REFUND_WAITS, {"order_no": order_no})).scalar_one():
        raise Conflict("refund_waiting", "a refund of its items waits for approval: its outcome comes first")
    if part is None:
        demand = await reservations.demand_of(conn, order_no)
        goods, able = demand.wanted, demand.candidates()
    else:
        goods = await split_reservations.goods_of(conn, order_no, part.number)
        able = await split_reservations.senders_of(conn, order_no, goods)
    if not able:
        raise Conflict("stock_short", "no warehouse can send all of it once more: choose refund")
    return Resend(able[0], goods)


async def refund(conn: AsyncConnection, problem: DeliveryException, actor: str, settings: Settings) -> None:
    """The order is undone as support would: all of its money goes back; of an order with other parts, what is in the
    parcel. The caller has locked the order."""
    if problem.part is not None and not problem.part.alone:
        await lost_parts.give_up(conn, problem.order_no, problem.part, actor, settings)
        await conn.execute(_SIGNAL, {"order_no": problem.order_no})
        return
    await cancellation.mark(conn, problem.order_no, f"parcel_{problem.parcel}", actor)
    await conn.execute(_SIGNAL, {"order_no": problem.order_no})


async def reship(conn: AsyncConnection, problem: DeliveryException, actor: str) -> Resend:
    """Reserve anew what was not refunded and let the workflow book a second parcel; answers with what goes from where.

    The caller has locked the order. Raises Conflict as `resend_of` does; StockGone when another order reserved first.
    """
    part = problem.part
    resend = await resend_of(conn, problem.order_no, part)
    await conn.execute(_INSERT_CONTENTS, {"shipment_id": problem.shipment_id})
    await conn.execute(_REPLACE, {"shipment_id": problem.shipment_id})
    number = part.number if part else 1
    await conn.execute(_LEAVE_OUT, {"order_no": problem.order_no, "number": number, "skus": list(resend.goods)})
    if part is None:
        await reservations.reserve_at(conn, problem.order_no, resend.warehouse)
    else:
        await split_reservations.reserve_part(conn, problem.order_no, part.number, resend.warehouse, resend.goods)
    data = {
        **({"fulfilment": part.number} if part else {}),
        "shipment_id": problem.shipment_id,
        "parcel": problem.parcel,
        "warehouse": resend.warehouse,
        "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in sorted(resend.goods.items())],
        "waiting": timeline.waiting("carrier", "the carrier is booked again"),
    }
    await timeline.append(conn, problem.order_no, "parcel_replaced", actor, data=data)
    await conn.execute(_SIGNAL, {"order_no": problem.order_no})
    return resend


async def order_of(conn: AsyncConnection, shipment_id: str) -> str:
    """Raises NotFound `shipment_not_found`."""
    order_no: str | None = (await conn.execute(_ORDER_OF, {"shipment_id": shipment_id})).scalar_one_or_none()
    if order_no is None:
        raise NotFound("shipment_not_found", "no parcel has this number")
    return order_no


class ReceivedUnits(TypedDict):
    """Units of a SKU that were in the parcel."""

    sku: str
    quantity: int


class ReceivedParcel(TypedDict):
    """An undeliverable parcel that came back, and what is in quarantine now."""

    shipment_id: str
    warehouse: str
    lines: list[ReceivedUnits]


async def receive_undeliverable(
    conn: AsyncConnection, shipment_id: str, arrived: Mapping[str, int] | None, actor: str
) -> ReceivedParcel:
    """Take what is in the parcel into quarantine: all that was in it, or what `arrived` says.

    The caller has locked the order. Raises Conflict `parcel_not_expected`, `parcel_came_back`, `more_than_sent`.
    """
    row = (await conn.execute(_RETURNING, {"shipment_id": shipment_id})).one()
    contents: dict[str, int] = row.contents or {}
    parcel = ReturningParcel(ShipmentStatus(row.status), row.came_back_at is not None, row.given_up, contents)
    units = units_back(parcel, arrived)
    for sku, quantity in sorted(units.items()):
        on_hand, reserved, quarantined = effect(MovementKind.QUARANTINE_IN, quantity)
        await conn.execute(_QUARANTINE, {
            "key": f"{shipment_id}/came-back/{sku}", "kind": MovementKind.QUARANTINE_IN, "sku": sku,
            "warehouse": row.warehouse, "quantity": quantity, "on_hand": on_hand, "reserved": reserved,
            "quarantined": quarantined, "order_no": row.order_no, "reference": shipment_id, "actor": actor,
        })  # fmt: skip
    await conn.execute(_MARK_RECEIVED, {"shipment_id": shipment_id})
    lines: list[ReceivedUnits] = [{"sku": sku, "quantity": quantity} for sku, quantity in sorted(units.items())]
    facts: ReceivedParcel = {"shipment_id": shipment_id, "warehouse": row.warehouse, "lines": lines}
    await timeline.append(conn, row.order_no, "parcel_came_back", actor, data=facts)
    return facts
