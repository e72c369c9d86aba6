"""Stripe's objects in our words."""

from dataclasses import replace
from datetime import UTC, datetime
from time import time
from typing import Any

from domain.gateways import Evidence, GatewayResult, PaymentNotification, ProviderRefused
from domain.payments.transactions import PaymentKind, PaymentStatus
from infra.provider_rules.stripe_amounts import from_stripe

NAME = "stripe"
# How long a card's authorisation stands where the charge does not say it.
CARD_LIFETIME_S = 7 * 86_400

_INTENT_EVENTS = {
    "payment_intent.amount_capturable_updated": (PaymentKind.AUTHORISE, PaymentStatus.SUCCEEDED),
    "payment_intent.payment_failed": (PaymentKind.AUTHORISE, PaymentStatus.FAILED),
    "payment_intent.succeeded": (PaymentKind.CAPTURE, PaymentStatus.SUCCEEDED),
    "payment_intent.canceled": (PaymentKind.VOID, PaymentStatus.SUCCEEDED),
}
_REFUND_EVENTS = frozenset({"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"})
_DISPUTE_EVENTS = frozenset(
    {
        "charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed", "charge.dispute.funds_withdrawn",
        "charge.dispute.funds_reinstated",
    }
)  # fmt: skip
_REFUND_STATUS = {
    "succeeded": PaymentStatus.SUCCEEDED,
    "pending": PaymentStatus.PENDING,
    "requires_action": PaymentStatus.PENDING,
}
_KEY_OF = {
    PaymentKind.AUTHORISE: "idempotency_key",
    PaymentKind.CAPTURE: "capture_key",
    PaymentKind.VOID: "void_key",
    PaymentKind.REFUND: "idempotency_key",
}


def plain(value: Any) -> dict[str, Any]:
    """An object of the SDK as nested dictionaries."""
    converted: dict[str, Any] = value.to_dict() if hasattr(value, "to_dict") else value
    return converted


def intent_result(intent: dict[str, Any]) -> GatewayResult:
    """The authorisation. One that wants a step of the customer (3-D Secure) has failed: nobody is there to take it."""
    status, code = _authorisation(intent)
    return GatewayResult(status, intent["id"], _minor(intent), code, _risk(intent), _expires_at(intent))


def capture_result(intent: dict[str, Any]) -> GatewayResult:
    """The capture that a PaymentIntent's charge stands for."""
    status = PaymentStatus.SUCCEEDED if intent["status"] == "succeeded" else PaymentStatus.PENDING
    return GatewayResult(status, charge_of(intent), captured_minor(intent))


def void_result(intent: dict[str, Any]) -> GatewayResult:
    """The end of a PaymentIntent."""
    status = PaymentStatus.SUCCEEDED if intent["status"] == "canceled" else PaymentStatus.PENDING
    return GatewayResult(status, void_ref(intent["id"]), _minor(intent))


def refund_result(refund: dict[str, Any]) -> GatewayResult:
    """A Refund; FAILED covers a canceled one."""
    status = _REFUND_STATUS.get(refund["status"], PaymentStatus.FAILED)
    code = (refund.get("failure_reason") or "refund_failed") if status is PaymentStatus.FAILED else None
    return GatewayResult(status, refund["id"], _minor(refund), code)


_READINGS = {
    PaymentKind.AUTHORISE: intent_result,
    PaymentKind.CAPTURE: capture_result,
    PaymentKind.VOID: void_result,
}


def void_ref(intent_id: str) -> str:
    return f"{intent_id}:void"


def charge_of(intent: dict[str, Any]) -> str | None:
    """The id of its charge, which Stripe gives as an id or as an object."""
    charge = intent.get("latest_charge")
    ref = charge.get("id") if isinstance(charge, dict) else charge
    return str(ref) if ref else None


def captured_minor(intent: dict[str, Any]) -> int:
    """What was taken, in minor units; a partial capture takes less than was authorised."""
    received = intent.get("amount_received")
    return _minor(intent, intent["amount"] if received is None else received)


def _minor(reported: dict[str, Any], amount: int | None = None) -> int:
    """Our minor units of an amount of Stripe's; the object's own unless another is named."""
    return from_stripe(int(reported["amount"] if amount is None else amount), reported["currency"])


def notification_of(event: dict[str, Any]) -> PaymentNotification | None:
    """A payment's news, or None for any other event, and for PaymentIntents that bear no order number of ours.

    Refunds and disputes of the dashboard bear none: they name the charge.
    Raises KeyError, TypeError or AttributeError on what is no event of Stripe's.
    """
    reported: dict[str, Any] = event["data"]["object"]
    kind_and_status = _INTENT_EVENTS.get(event["type"])
    if kind_and_status is not None:
        return _intent_notification(event["id"], reported, *kind_and_status)
    if event["type"] in _REFUND_EVENTS:
        return _notification(
            event["id"], reported, PaymentKind.REFUND, refund_result(reported), _id_of(reported.get("charge"))
        )
    if event["type"] in _DISPUTE_EVENTS:
        return _dispute_notification(event["id"], reported)
    return None


def stripe_evidence(evidence: Evidence) -> dict[str, str]:
    """As Stripe's fields: what was said with the customer would be a file there, so it stands with the explanation."""
    texts = (evidence.explanation, evidence.customer_communication)
    fields = {
        "uncategorized_text": "\n\n".join(part for part in texts if part),
        "shipping_tracking_number": evidence.tracking_no,
        "shipping_carrier": evidence.carrier,
    }
    return {name: value for name, value in fields.items() if value}


def dispute_answered(dispute: dict[str, Any], *, lost: str) -> bool:
    """Whether it was answered as is wanted; raises ProviderRefused where it can be answered no more.

    `lost` "accepted": one that is lost counts as given up.
    """
    details = dispute.get("evidence_details") or {}
    if dispute["status"] == "lost" and lost == "accepted":
        return True
    if dispute["status"] in ("won", "lost"):
        raise ProviderRefused("dispute_closed", NAME)
    if details.get("submission_count"):
        if lost == "accepted":
            raise ProviderRefused("dispute_answered", NAME)
        return True
    if details.get("past_due"):
        raise ProviderRefused("dispute_overdue", NAME)
    return False


def _dispute_notification(event_id: str, dispute: dict[str, Any]) -> PaymentNotification | None:
    """Money that the bank takes back. An inquiry (warning_…) takes none yet."""
    if dispute["status"].startswith("warning"):
        return None
    return PaymentNotification(
        event_id=event_id,
        order_no=(dispute.get("metadata") or {}).get("order_no") or "",
        provider_ref=dispute["id"],
        kind=PaymentKind.DISPUTE,
        status=PaymentStatus.SUCCEEDED,
        amount_minor=_minor(dispute),
        currency=dispute["currency"].upper(),
        error_code=dispute.get("reason"),
        parent_ref=_id_of(dispute["charge"]),
        outcome=dispute["status"] if dispute["status"] in ("won", "lost") else "",
        due_at=_moment((dispute.get("evidence_details") or {}).get("due_by")),
    )


def _intent_notification(
    event_id: str, intent: dict[str, Any], kind: PaymentKind, status: PaymentStatus
) -> PaymentNotification | None:
    known = _READINGS[kind](intent)
    result = replace(known, status=status)
    return _notification(event_id, intent, kind, result, None if kind is PaymentKind.AUTHORISE else intent["id"])


def _notification(
    event_id: str, reported: dict[str, Any], kind: PaymentKind, result: GatewayResult, parent_ref: str | None
) -> PaymentNotification | None:
    metadata = reported.get("metadata") or {}
    reported_by_charge = kind is PaymentKind.REFUND and parent_ref is not None
    if not (metadata.get("order_no") or reported_by_charge) or result.provider_ref is None:
        return None
    return PaymentNotification(
        event_id=event_id,
        order_no=metadata.get("order_no") or "",
        provider_ref=result.provider_ref,
        kind=kind,
        status=result.status,
        amount_minor=result.amount_minor,
        currency=reported["currency"].upper(),
        idempotency_key=metadata.get(_KEY_OF[kind]),
        error_code=result.error_code,
        parent_ref=parent_ref,
        parent_key=metadata.get("idempotency_key") if kind in (PaymentKind.CAPTURE, PaymentKind.VOID) else None,
        risk=result.risk,
        expires_at=result.expires_at,
    )


def _authorisation(intent: dict[str, Any]) -> tuple[PaymentStatus, str | None]:
    status = intent["status"]
    if status in ("requires_capture", "succeeded"):
        return PaymentStatus.SUCCEEDED, None
    if status == "processing":
        return PaymentStatus.PENDING, None
    if status == "requires_action":
        return PaymentStatus.FAILED, "authentication_required"
    if status == "canceled" and intent.get("latest_charge") is not None:
        # It stood before it was given up.
        return PaymentStatus.SUCCEEDED, None
    return PaymentStatus.FAILED, decline_code(intent.get("last_payment_error") or {})


def decline_code(error: dict[str, Any]) -> str:
    """Why a card was refused, never the message; a refusal without a reason is "declined"."""
    code = error.get("decline_code") or error.get("code")
    return "declined" if code in (None, "card_declined", "generic_decline") else str(code)


def _risk(intent: dict[str, Any]) -> str | None:
    charge = intent.get("latest_charge")
    outcome = (charge.get("outcome") or {}) if isinstance(charge, dict) else {}
    return "review" if outcome.get("risk_level") == "elevated" or intent.get("review") else None


def _expires_at(intent: dict[str, Any]) -> str | None:
    """When what is only authorised ends: as the charge says, else a card's seven days after it was authorised."""
    if intent["status"] != "requires_capture":
        return None
    latest = intent.get("latest_charge")
    charge: dict[str, Any] = latest if isinstance(latest, dict) else {}
    card = (charge.get("payment_method_details") or {}).get("card") or {}
    begun_s = charge.get("created") or intent.get("created") or int(time())
    return _moment(card.get("capture_before") or begun_s + CARD_LIFETIME_S)


def _moment(seconds: Any) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).isoformat() if seconds else ""


def _id_of(value: Any) -> str | None:
    ref = value.get("id") if isinstance(value, dict) else value
    return str(ref) if ref else None
