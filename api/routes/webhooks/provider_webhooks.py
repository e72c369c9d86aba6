"""Notifications of gateways and carriers: verified, kept once, acknowledged."""

from fastapi import APIRouter, Request, Response

from api.dependencies import json_response, services_of
from api.http.openapi import Answer, operation
from api.schemas.payments.provider_webhooks import ProviderNotificationReceipt
from api.services.webhooks import provider_notifications

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])


@router.post("/{provider}", **operation("receive_provider_notification", Answer(200, ProviderNotificationReceipt)))
async def notified(provider: str, request: Request) -> Response:
    """A signed notification. 200 acknowledges it, also when it was known before or is about nothing here."""
    services, body = services_of(request), await request.body()
    status = await provider_notifications.receive(services, provider, dict(request.headers), body)
    return json_response({"status": status})
