"""The order's lifecycle as data.

`TRANSITIONS` is the single source: the API's allowed actions, the workflow's steps, the database's
`order_transitions` table and the tests are read from it.
"""

from enum import StrEnum


class Status(StrEnum):
    """Status of an order. `received` is kept but not yet reserved; `cancelled` shows once all is undone."""

    RECEIVED = "received"
    PENDING_PAYMENT = "pending_payment"
    PAID = "paid"
    PREPARING = "preparing"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class OrderEvent(StrEnum):
    """Events that change an order's status."""

    STOCK_RESERVED = "stock_reserved"
    PAYMENT_CAPTURED = "payment_captured"
    PAYMENT_RECORDED = "payment_recorded"
    CAPTURE_DEFERRED = "capture_deferred"
    PAYMENT_ON_TERMS = "payment_on_terms"
    SHIPMENT_BOOKED = "shipment_booked"
    SHIPMENT_RECORDED = "shipment_recorded"
    SHIPMENT_PICKED_UP = "shipment_picked_up"
    SHIPMENT_DELIVERED = "shipment_delivered"
    RETURN_WINDOW_CLOSED = "return_window_closed"
    ORDER_CANCELLED = "order_cancelled"


# What else happens to an order: on the timeline, without changing its status.
NOTES = frozenset(
    {
        "order_placed",
        "stock_short",
        "payment_requested",
        "payment_authorised",
        "payment_declined",
        "part_captured",
        "part_capture_refused",
        "payment_voided",
        "payment_approved",
        "payment_overdue",
        "terms_paid",
        "terms_reduced",
        "authorisation_renewed",
        "authorisation_not_renewed",
        "delivery_extended",
        "refund_refused",
        "refund_bounced",
        "payment_refunded",
        "payment_returned",
        "dispute_opened",
        "dispute_answered",
        "dispute_accepted",
        "dispute_won",
        "dispute_lost",
        "refund_opened",
        "refund_approved",
        "refund_rejected",
        "refund_overtaken",
        "refund_reopened",
        "refund_pending",
        "cancel_requested",
        "cancel_refused",
        "stock_released",
        "shipment_cancelled",
        "shipment_in_transit",
        "shipment_lost",
        "shipment_refused",
        "step_parked",
        "step_escalated",
        "step_resolved",
        "resolution_refused",
        "order_amended",
        "order_changed",
        "change_awaits_payment",
        "supplement_captured",
        "change_undone",
        "order_adjusted",
        "contact_corrected",
        "priority_changed",
        "promise_moved",
        "warehouse_changed",
        "hold_put_on",
        "hold_released",
        "hold_escalated",
        "hold_expired",
        "invoice_issued",
        "credit_note_issued",
        "feedback_given",
        "feedback_answered",
        "return_requested",
        "return_approved",
        "return_rejected",
        "return_reminder",
        "return_in_transit",
        "return_received",
        "return_inspected",
        "return_completed",
        "return_expired",
        "return_cancelled",
        "return_label_booked",
        "return_label_failed",
        "store_credit_granted",
        "fulfilment_booked",
        "fulfilment_shipped",
        "fulfilment_delivered",
        "fulfilment_given_up",
        "fulfilment_reserved",
        "fulfilment_produced",
        "production_extended",
        "codes_issued",
        "service_performed",
        "backorder_cancelled",
        "backorder_waited",
        "supplier_requested",
        "supplier_extended",
        "supplier_recall_requested",
        "supplier_refused",
        "parcel_replaced",
        "replacement_booked",
        "replacement_picked_up",
        "replaced_parcel_reported",
        "replacement_stopped",
        "replacement_not_stopped",
        "parcel_came_back",
        "exchange_sent",
        "exchange_fell_back",
        "guarantee_authorised",
        "guarantee_declined",
        "guarantee_released",
        "guarantee_claimed",
        "guarantee_given_up",
    }
)

S, E = Status, OrderEvent
TRANSITIONS: dict[tuple[Status, OrderEvent], Status] = {
    (S.RECEIVED, E.STOCK_RESERVED): S.PENDING_PAYMENT,
    (S.RECEIVED, E.ORDER_CANCELLED): S.CANCELLED,
    (S.PENDING_PAYMENT, E.PAYMENT_CAPTURED): S.PAID,
    (S.PENDING_PAYMENT, E.PAYMENT_RECORDED): S.PAID,
    # Authorised: it is captured as it ships.
    (S.PENDING_PAYMENT, E.CAPTURE_DEFERRED): S.PAID,
    # Its customer owes it from here on.
    (S.PENDING_PAYMENT, E.PAYMENT_ON_TERMS): S.PAID,
    (S.PENDING_PAYMENT, E.ORDER_CANCELLED): S.CANCELLED,
    (S.PAID, E.SHIPMENT_BOOKED): S.PREPARING,
    (S.PAID, E.SHIPMENT_RECORDED): S.PREPARING,
    (S.PAID, E.ORDER_CANCELLED): S.CANCELLED,
    (S.PREPARING, E.SHIPMENT_PICKED_UP): S.SHIPPED,
    (S.PREPARING, E.ORDER_CANCELLED): S.CANCELLED,
    (S.SHIPPED, E.SHIPMENT_DELIVERED): S.DELIVERED,
    # Only a parcel that is lost or refused lets support undo a shipped order.
    (S.SHIPPED, E.ORDER_CANCELLED): S.CANCELLED,
    (S.DELIVERED, E.RETURN_WINDOW_CLOSED): S.COMPLETED,
}
del S, E

TERMINAL = frozenset({Status.COMPLETED, Status.CANCELLED})
CANCELLABLE = frozenset({Status.RECEIVED, Status.PENDING_PAYMENT, Status.PAID, Status.PREPARING})

UNPAID = frozenset({Status.RECEIVED, Status.PENDING_PAYMENT})
DELIVERED_ORDERS = frozenset({Status.DELIVERED, Status.COMPLETED})


class ChangeKind(StrEnum):
    """What may be changed of an order after it was placed."""

    ADDRESS = "change_address"
    LINES = "change_lines"
    NOTE = "change_note"
    DELIVERY_SLOT = "change_delivery_slot"


# Address, lines and slot until they are sent to a carrier, the note until the parcel has left.
CHANGEABLE: dict[ChangeKind, frozenset[Status]] = {
    ChangeKind.ADDRESS: UNPAID | {Status.PAID},
    ChangeKind.LINES: UNPAID | {Status.PAID},
    ChangeKind.NOTE: UNPAID | {Status.PAID, Status.PREPARING},
    ChangeKind.DELIVERY_SLOT: UNPAID | {Status.PAID},
}


def next_status(status: Status, event: OrderEvent) -> Status | None:
    """The status that `event` leads to from `status`, or None where the jump is illegal."""
    return TRANSITIONS.get((status, event))


def reachable(start: Status = Status.RECEIVED) -> frozenset[Status]:
    """Every status that some sequence of events reaches from `start`."""
    visited, todo = {start}, [start]
    while todo:
        status = todo.pop()
        for (source, _), target in TRANSITIONS.items():
            if source is status and target not in visited:
                visited.add(target)
                todo.append(target)
    return frozenset(visited)


def allowed_actions(
    status: Status,
    *,
    cancelling: bool,
    awaiting_payment: bool,
    refundable: bool = False,
    returnable: bool = False,
    paying: bool = False,
    parcel: bool = False,
    change_waits: bool = False,
    owed: bool = False,
) -> list[str]:
    """What a caller may ask of an order now, for `allowed_actions` in the API.

    `refundable` and `returnable` are for those who may refund or return it, while something is left to; `owed`: an
    order on payment terms can be paid now; the rest as in `open_changes`.
    """
    if cancelling:
        return []
    actions = ["cancel"] if status in CANCELLABLE else []
    if owed or (status is Status.PENDING_PAYMENT and awaiting_payment):
        actions.append("pay")
    if refundable:
        actions.append("refund")
    if returnable:
        actions.append("return")
    return actions + [change.value for change in open_changes(status, paying, parcel, change_waits)]


def open_changes(status: Status, paying: bool, parcel: bool, change_waits: bool) -> list[ChangeKind]:
    """Which changes an order takes that is not being cancelled: none while another change waits for its payment.

    `paying` says that a payment is in flight or taken, `parcel` that one is being booked or has its label.
    """
    if change_waits:
        return []
    return [change for change in ChangeKind if may_change(change, status, paying=paying, parcel=parcel)]


def may_change(change: ChangeKind, status: Status, *, paying: bool, parcel: bool) -> bool:
    """True when an order that is not being cancelled takes the change. `paying` and `parcel` as in `open_changes`."""
    if status not in CHANGEABLE[change]:
        return False
    if change is not ChangeKind.NOTE and parcel:
        return False
    return not (change is ChangeKind.LINES and paying and status in UNPAID)
