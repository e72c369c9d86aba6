"""Notifications of gateways and carriers: verified and kept once."""

from collections.abc import Mapping

from api.dependencies import Services
from api.errors import Problem
from domain.errors import NotFound
from domain.gateways import BadSignature, CarrierNotification, PaymentNotification
from infra.db.autocommit import autocommit
from infra.db.messaging import inbox

Notification = PaymentNotification | CarrierNotification | None


async def receive(services: Services, provider: str, headers: Mapping[str, str], body: bytes) -> str:
    """What became of the notification: accepted, duplicate, or ignored where it is about nothing here.

    Raises NotFound `provider_not_found`; Problem `signature_invalid`, `signature_expired`, `payload_invalid`.
    """
    if provider not in services.payments and provider not in services.carriers:
        raise NotFound("provider_not_found", "no such provider here")
    notification = _verified(services, provider, headers, body)
    if notification is None:
        return "ignored"
    async with autocommit(services.database) as conn:
        if isinstance(notification, PaymentNotification):
            return await inbox.keep_payment(conn, provider, notification)
        return await inbox.keep_shipment(conn, provider, notification)


def _verified(services: Services, provider: str, headers: Mapping[str, str], body: bytes) -> Notification:
    """What the provider says, None when it is nothing to us. A provider may be both gateway and carrier.

    Raises Problem `signature_invalid`, `signature_expired`, `payload_invalid`.
    """
    notification: Notification = None
    try:
        if provider in services.payments:
            notification = services.payments[provider].parse_notification(headers, body)
        if notification is None and provider in services.carriers:
            notification = services.carriers[provider].parse_notification(headers, body)
    except BadSignature as error:
        raise Problem(error.code, "the notification is not accepted") from None
    return notification
