"""Payment and fulfilment status as filters of a list: the rules of `domain` as conditions on an order.

No column keeps them. Where a status belongs to few orders, the list follows the order statuses that it can have, each
over its index; what was refunded, refunded in part or disputed is found by a partial index.
"""

from collections.abc import Collection, Mapping

from sqlalchemy import Boolean, ColumnElement, and_, literal_column, not_, or_

from domain.orders import payment_status
from domain.orders.payment_status import PaymentState
from domain.orders.status import DELIVERED_ORDERS, UNPAID, Status
from domain.shipping import fulfilment_status
from domain.shipping.fulfilment_status import PARCEL_OF_PART, FulfilmentState, fulfilment_state
from domain.shipping.lateness import Lateness
from domain.shipping.shipments import ShipmentStatus
from infra.db.orders.divided import DIVIDED
from infra.db.orders.searching.lateness import LATENESS
from infra.db.orders.searching.list_sources import ORDERS


def _sql(condition: str) -> ColumnElement[bool]:
    return literal_column(f"({condition})", Boolean)


_CAPTURES = """payments p JOIN payment_totals t USING (payment_id)
  WHERE p.order_no = orders.order_no AND p.purpose IN ('order', 'supplement')"""
# The planner knows how many these are, and begins there where they are few.
_AMONG = """orders.order_no IN (SELECT p.order_no FROM payments p JOIN payment_totals t USING (payment_id)
  WHERE t.{0} > 0 AND p.purpose IN ('order', 'supplement'))"""
_CAPTURED = _sql(f"EXISTS (SELECT FROM {_CAPTURES})")
_KEPT = _sql(
    f"SELECT count(*) > 0 AND sum(t.refunded_minor) = 0 AND sum(t.disputed_minor) = 0 FROM {_CAPTURES}"  # noqa: S608
)
_REFUNDED, _DISPUTED = _sql(_AMONG.format("refunded_minor")), _sql(_AMONG.format("disputed_minor"))
# A capture that is refunded in part, or one of several captures: no other order can be refunded in part.
_REFUNDED_IN_PART = _sql(
    """orders.order_no IN (
         SELECT p.order_no FROM payments p JOIN payment_totals t USING (payment_id)
          WHERE t.refunded_minor > 0 AND t.refunded_minor < t.captured_minor AND p.purpose IN ('order', 'supplement')
         UNION ALL
         SELECT p.order_no FROM payments p
          WHERE p.kind = 'capture' AND p.purpose = 'supplement' AND p.status <> 'failed')"""
)
_AUTHORISED = _sql(
    """EXISTS (SELECT FROM payments p
         WHERE p.order_no = orders.order_no AND p.purpose IN ('order', 'supplement') AND p.kind = 'authorise'
           AND p.status = 'succeeded'
           AND NOT EXISTS (SELECT FROM payments n WHERE n.order_no = p.order_no AND n.parent_id = p.payment_id
                              AND n.kind IN ('capture', 'void') AND n.fulfilment_no IS NULL AND n.status <> 'failed')
           AND authorised_left_minor(p.payment_id, p.amount_minor) > 0)"""
)
_OWED = _sql(
    """orders.type = 'b2b' AND orders.order_no IN (SELECT v.order_no FROM receivables v
         WHERE v.owed_minor > 0 AND v.due_at IS NOT NULL)"""
)
_DIVIDED = DIVIDED.format(order_no="orders.order_no")
_OF_PART = " ".join(f"WHEN '{part.value}' THEN '{parcel.value}'" for part, parcel in PARCEL_OF_PART.items())
_LEAST_FAR = f"array_position('{{{','.join(part.value for part in PARCEL_OF_PART)}}}', f.status)"
# That of the part that is least far, where an order has several.
_PARCEL_OF_PARTS = f"""CASE WHEN {_DIVIDED} THEN coalesce((SELECT CASE f.status {_OF_PART} END
                FROM fulfilments f WHERE f.order_no = orders.order_no AND f.status <> 'cancelled'
               ORDER BY {_LEAST_FAR} LIMIT 1), 'booking') END"""  # noqa: S608
_BY_SHIPMENT = _sql("orders.capture = 'shipment'")
# The parcel that goes out now; none counts as one that is not booked yet.
_PARCEL = f"""coalesce({_PARCEL_OF_PARTS}, (SELECT p.status FROM shipments p
                WHERE p.order_no = orders.order_no AND p.status <> 'cancelled' AND p.replaced_at IS NULL
                ORDER BY array_position('{{lost,refused,booking,booked,picked_up,in_transit,delivered}}', p.status)
                LIMIT 1), 'booking')"""  # noqa: S608


def statuses(payment: PaymentState | None, fulfilment: FulfilmentState | None) -> frozenset[Status]:
    """The statuses that an order with both can have; all where nothing is asked."""
    found = frozenset(Status)
    if payment is not None:
        found &= payment_status.ORDER_STATUSES[payment]
    if fulfilment is not None:
        found &= fulfilment_status.ORDER_STATUSES[fulfilment]
    return found


# Nothing was promised before, and nothing is late any more after it.
LATE_ORDERS = frozenset({Status.PENDING_PAYMENT, Status.PAID, Status.PREPARING, Status.SHIPPED})


def conditions(payment: PaymentState | None, fulfilment: FulfilmentState | None) -> list[ColumnElement[bool]]:
    """What an order with both fulfils."""
    found = [_PAYMENT[payment]] if payment is not None else []
    return [*found, _fulfilment(fulfilment)] if fulfilment is not None else found


def _status_in(wanted: Collection[Status]) -> ColumnElement[bool]:
    return ORDERS.c.status.in_(sorted(status.value for status in wanted))


def _paid() -> ColumnElement[bool]:
    """Captured and kept; or past its payment without one."""
    due = frozenset(Status) - UNPAID - {Status.CANCELLED}
    kept = and_(_KEPT, not_(and_(_BY_SHIPMENT, _AUTHORISED)), not_(_OWED))
    return or_(kept, and_(_status_in(DELIVERED_ORDERS) | _status_in(due) & not_(_AUTHORISED), not_(_CAPTURED)))


def _refunded() -> ColumnElement[bool]:
    sums = "sum(t.disputed_minor) = 0 AND sum(t.refunded_minor) >= sum(t.captured_minor)"
    return and_(not_(_OWED), _REFUNDED, _sql(f"SELECT {sums} FROM {_CAPTURES}"))  # noqa: S608


def _refunded_in_part() -> ColumnElement[bool]:
    sums = "sum(t.disputed_minor) = 0 AND sum(t.refunded_minor) > 0 AND sum(t.refunded_minor) < sum(t.captured_minor)"
    return and_(not_(_OWED), _REFUNDED_IN_PART, _sql(f"SELECT {sums} FROM {_CAPTURES}"))  # noqa: S608


_PAYMENT: Mapping[PaymentState, ColumnElement[bool]] = {
    PaymentState.PENDING: and_(_status_in(UNPAID), not_(_CAPTURED), not_(_AUTHORISED)),
    PaymentState.AUTHORISED: and_(
        _status_in(payment_status.ORDER_STATUSES[PaymentState.AUTHORISED]), not_(_CAPTURED), _AUTHORISED
    ),
    PaymentState.PARTIALLY_PAID: and_(_BY_SHIPMENT, _KEPT, _AUTHORISED, not_(_OWED)),
    PaymentState.ON_TERMS: and_(_OWED, _CAPTURED, not_(_DISPUTED)),
    PaymentState.PAID: _paid(),
    PaymentState.PARTIALLY_REFUNDED: _refunded_in_part(),
    PaymentState.REFUNDED: _refunded(),
    PaymentState.DISPUTED: _DISPUTED,
    PaymentState.VOIDED: and_(_status_in({Status.CANCELLED}), not_(_CAPTURED)),
}


def late(ways: Collection[Lateness]) -> ColumnElement[bool]:
    """Orders with a fulfilment that is late in one of these ways. What is not over is few: the list begins there."""
    wanted = ", ".join(repr(way.value) for way in sorted(ways))
    return _sql(
        "orders.cancelling IS NULL AND orders.order_no IN (SELECT f.order_no FROM fulfilments f"  # noqa: S608
        f" WHERE f.status NOT IN ('delivered', 'cancelled') AND {LATENESS} IN ({wanted}))"
    )


def _fulfilment(state: FulfilmentState) -> ColumnElement[bool]:
    possible = fulfilment_status.ORDER_STATUSES[state]
    by_parcel = and_(_status_in(possible - DELIVERED_ORDERS), _parcel_gives(state))
    if state is FulfilmentState.DELIVERED:
        return _status_in(DELIVERED_ORDERS) | by_parcel
    held = _status_in(fulfilment_status.ORDER_STATUSES[FulfilmentState.ON_HOLD]) & ORDERS.c.hold.is_not(None)
    if state is FulfilmentState.ON_HOLD:
        return and_(held, _parcel_gives(FulfilmentState.UNFULFILLED))
    return and_(by_parcel, not_(held)) if state is FulfilmentState.UNFULFILLED else by_parcel


def _parcel_gives(state: FulfilmentState) -> ColumnElement[bool]:
    """The parcel of an order that is open and not held is so far; any is, for a cancelled order."""
    if state is FulfilmentState.CANCELLED:
        return _status_in({Status.CANCELLED})
    parcels = [one for one in ShipmentStatus if fulfilment_state(Status.PREPARING, one, held=False) is state]
    return _sql(f"{_PARCEL} IN ({', '.join(repr(one.value) for one in parcels)})")
