"""The sandbox's carrier over HTTP."""

import base64
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook

from domain.gateways import (
    BadSignature,
    Booking,
    BookingRequest,
    CancelResult,
    CarrierNotification,
    ProviderRefused,
    ProviderUnavailable,
)
from domain.orders.delivery_slots import as_json
from domain.shipping.shipments import ShipmentStatus
from infra.gateways.http import Answer, ProviderClient
from infra.gateways.signatures import verified_json

NAME = "sandbox"


class SandboxCarrier:
    """A CarrierGateway."""

    name = NAME

    def __init__(self, base_url: str, webhook_secret: str, timeout_s: float) -> None:
        self._client = ProviderClient(NAME, base_url, timeout_s)
        self._verifier = Webhook(webhook_secret) if webhook_secret else None

    async def book(self, request: BookingRequest) -> Booking:
        return _booking(await self._client.call("POST", "/shipments", json=_body(request)))

    async def cancel(self, shipment_ref: str, idempotency_key: str) -> CancelResult:
        body = {"idempotency_key": idempotency_key}
        answer = await self._client.call("POST", f"/shipments/{shipment_ref}/cancel", json=body)
        if answer.body.get("error_code") == "already_picked_up":
            return CancelResult("already_picked_up")
        _raise_refusal(answer)
        return CancelResult("cancelled")

    async def lookup(self, idempotency_key: str) -> Booking | None:
        params = {"idempotency_key": idempotency_key}
        answer = await self._client.call("GET", "/shipments/lookup", params=params)
        if answer.status == 404 and answer.body.get("error_code") == "not_found":
            return None
        return _booking(answer)

    def parse_notification(self, headers: Mapping[str, str], body: bytes) -> CarrierNotification | None:
        if self._verifier is None:
            raise BadSignature("signature_invalid", NAME)
        event_id, event = verified_json(NAME, self._verifier, headers, body)
        if event.get("type") != "shipment.updated":
            return None
        try:
            return _notification(event_id, event["data"])
        except (KeyError, TypeError, ValueError):
            raise BadSignature("payload_invalid", NAME) from None

    async def aclose(self) -> None:
        await self._client.aclose()


def _body(request: BookingRequest) -> dict[str, Any]:
    return {
        "order_no": request.order_no,
        "idempotency_key": request.idempotency_key,
        "reference": request.reference,
        "from": asdict(request.origin),
        "to": asdict(request.destination),
        "parcels": [asdict(parcel) for parcel in request.parcels],
        "lines": [asdict(line) for line in request.lines],
        "delivery_slot": as_json(request.slot),
    }


def _raise_refusal(answer: Answer) -> None:
    if not answer.ok:
        raise ProviderRefused(str(answer.body.get("error_code") or f"http_{answer.status}"), NAME)


def _booking(answer: Answer) -> Booking:
    _raise_refusal(answer)
    body = answer.body
    try:
        return Booking(
            shipment_ref=body["id"],
            tracking_no=body["tracking_no"],
            label_format=body["label"]["format"],
            label=base64.b64decode(body["label"]["content_base64"]),
            cost_minor=body["cost_minor"],
            currency=body["currency"],
        )
    except (KeyError, TypeError, ValueError):
        raise ProviderUnavailable("bad_response", NAME) from None


def _notification(event_id: str, data: dict[str, Any]) -> CarrierNotification:
    return CarrierNotification(
        event_id=event_id,
        shipment_ref=data["id"],
        tracking_no=data["tracking_no"],
        order_no=data["order_no"],
        status=ShipmentStatus(data["status"]),
        occurred_at=datetime.fromisoformat(data["occurred_at"]).astimezone(UTC),
        sequence=data["sequence"],
    )
