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

# Event type -> template. An event that is not here causes no message.
NOTIFICATION_OF_EVENT: dict[str, str] = {
    "order_placed": "order_placed",
    "payment_captured": "payment_captured",
    "payment_recorded": "payment_captured",
    "payment_declined": "payment_declined",
    "payment_refunded": "payment_refunded",
    "payment_returned": "payment_returned",
    "order_changed": "order_changed",
    "change_undone": "change_undone",
    "order_cancelled": "order_cancelled",
    "shipment_picked_up": "shipment_picked_up",
    "shipment_delivered": "shipment_delivered",
    "shipment_lost": "shipment_lost",
    "shipment_refused": "shipment_refused",
    "return_requested": "return_requested",
    "return_approved": "return_approved",
    "return_rejected": "return_rejected",
    "return_reminder": "return_reminder",
    "return_received": "return_received",
    "return_completed": "return_completed",
    "return_expired": "return_expired",
    "return_cancelled": "return_cancelled",
    "exchange_sent": "exchange_sent",
    "store_credit_granted": "store_credit_granted",
}

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
