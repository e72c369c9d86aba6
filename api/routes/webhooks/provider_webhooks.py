"""Notifications of gateways and carriers: verified, kept once, acknowledged."""

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response

from api.dependencies import Services, json_response, services_of
from api.errors import Problem
from api.http.openapi import Answer, operation
from api.schemas.payments.provider_webhooks import ProviderNotificationReceipt
from domain.errors import NotFound
from domain.gateways import BadSignature, CarrierNotice, PaymentNotice
from infra.db.autocommit import autocommit
from infra.db.messaging import inbox

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

Notice = PaymentNotice | CarrierNotice | None


@router.post("/{provider}", **operation("receive_provider_notification", Answer(200, ProviderNotificationReceipt)))
async def notified(provider: str, request: Request) -> Response:
    """A signed notification. 200 acknowledges it, also when it was known before or is about nothing here."""
    services = services_of(request)
    if provider not in services.payments and provider not in services.carriers:
        raise NotFound("provider_not_found", "no such provider here")
    notice = _verified(services, provider, dict(request.headers), await request.body())
    if notice is None:
        return json_response({"status": "ignored"})
    async with autocommit(services.database) as conn:
        if isinstance(notice, PaymentNotice):
            return json_response({"status": await inbox.keep_payment(conn, provider, notice)})
        return json_response({"status": await inbox.keep_shipment(conn, provider, notice)})


def _verified(services: Services, provider: str, headers: Mapping[str, str], body: bytes) -> Notice:
    """What the provider says, None when it is nothing to us. A provider may be both gateway and carrier.

    Raises Problem `signature_invalid`, `signature_expired`, `payload_invalid`.
    """
    notice: Notice = None
    try:
        if provider in services.payments:
            notice = services.payments[provider].parse_notification(headers, body)
        if notice is None and provider in services.carriers:
            notice = services.carriers[provider].parse_notification(headers, body)
    except BadSignature as error:
        raise Problem(error.code, "the notification is not accepted") from None
    return notice
