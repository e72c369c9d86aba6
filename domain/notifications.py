"""Messages to customers: which events, with which template, on which channel, in which language."""

from enum import StrEnum


class Channel(StrEnum):
    """Channels to a customer. NONE: there is neither an address nor a number, so the message is skipped."""

    EMAIL = "email"
    SMS = "sms"
    NONE = "none"


class MessageState(StrEnum):
    """OPEN is on its way; FAILED was refused, or given up after its last try; SKIPPED could never be sent."""

    OPEN = "open"
    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"


SIGN_IN = "sign_in_code"
# Its words have codes that somebody can use.
CODES_ISSUED = "codes_issued"

# Event type -> template. An event that is not here causes no message.
NOTIFICATION_OF_EVENT: dict[str, str] = {
    "order_placed": "order_placed",
    "payment_captured": "payment_captured",
    "payment_recorded": "payment_captured",
    "capture_deferred": "capture_deferred",
    "payment_on_terms": "payment_on_terms",
    "terms_paid": "payment_captured",
    "terms_reduced": "terms_reduced",
    "payment_overdue": "payment_overdue",
    "part_captured": "part_captured",
    "payment_declined": "payment_declined",
    "payment_refunded": "payment_refunded",
    "payment_returned": "payment_returned",
    "payment_voided": "payment_voided",
    "order_changed": "order_changed",
    "order_amended": "order_changed",
    "change_awaits_payment": "change_awaits_payment",
    "change_undone": "change_undone",
    "order_cancelled": "order_cancelled",
    "cancel_refused": "cancel_refused",
    "shipment_booked": "shipment_booked",
    "shipment_recorded": "shipment_booked",
    "shipment_picked_up": "shipment_picked_up",
    "shipment_delivered": "shipment_delivered",
    "fulfilment_shipped": "fulfilment_shipped",
    "shipment_lost": "shipment_lost",
    "shipment_refused": "shipment_refused",
    "delivery_extended": "delivery_extended",
    "promise_moved": "promise_moved",
    "backorder_cancelled": "backorder_cancelled",
    "codes_issued": CODES_ISSUED,
    "parcel_replaced": "parcel_replaced",
    "replacement_picked_up": "replacement_picked_up",
    "replacement_stopped": "replacement_stopped",
    "replacement_not_stopped": "replacement_not_stopped",
    "parcel_came_back": "parcel_came_back",
    "return_requested": "return_requested",
    "return_approved": "return_approved",
    "return_rejected": "return_rejected",
    "return_reminder": "return_reminder",
    "return_label_booked": "return_label_booked",
    "return_in_transit": "return_in_transit",
    "return_received": "return_received",
    "return_inspected": "return_inspected",
    "return_completed": "return_completed",
    "return_expired": "return_expired",
    "return_cancelled": "return_cancelled",
    "exchange_sent": "exchange_sent",
    "exchange_fell_back": "exchange_fell_back",
    "guarantee_authorised": "guarantee_authorised",
    "guarantee_declined": "guarantee_declined",
    "guarantee_released": "guarantee_released",
    "guarantee_claimed": "guarantee_claimed",
    "store_credit_granted": "store_credit_granted",
    "feedback_answered": "feedback_answered",
}
# What the timeline of the portal shows without a message: the customer did it a moment ago and has read the answer, it
# is a part of a step that has a message, or a document.
SHOWN_WITHOUT_NOTIFICATION = frozenset(
    {
        *("cancel_requested", "feedback_given", "contact_corrected"),
        *("fulfilment_booked", "fulfilment_delivered", "fulfilment_given_up", "fulfilment_reserved"),
        *("backorder_waited", "fulfilment_produced", "service_performed"),
        *("stock_reserved", "stock_short", "shipment_in_transit", "shipment_cancelled", "replacement_booked"),
        *("refund_opened", "refund_pending", "refund_rejected", "return_window_closed"),
        *("invoice_issued", "credit_note_issued"),
    }
)

_CHINESE = frozenset({"CN", "TW", "HK", "MO"})


def language_of(chosen: str | None, country: str | None) -> str:
    """The customer's own choice, else by the country that the order goes to."""
    if chosen in ("en", "zh"):
        return chosen
    return "zh" if (country or "").upper() in _CHINESE else "en"


def masked(channel: str, to: str) -> str:
    """As much of an address or a number as its owner needs to know it again."""
    if channel == Channel.EMAIL:
        local, _, host = to.rpartition("@")
        return f"{local[:1]}***@{host}"
    digits = [sign for sign in to if sign.isdigit()]
    return f"***{''.join(digits[-4:])}" if len(digits) > 6 else "***"
