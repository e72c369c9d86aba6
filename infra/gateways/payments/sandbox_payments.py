"""The sandbox's payment gateway over HTTP."""

from collections.abc import Mapping
from typing import Any

from standardwebhooks import Webhook

from domain.gateways import (
    BadSignature,
    Evidence,
    GatewayResult,
    LostCall,
    PaymentNotification,
    PaymentRequest,
    ProviderRefused,
    ProviderUnavailable,
)
from domain.payments.transactions import PaymentKind, PaymentStatus
from infra.gateways.http import Answer, ProviderClient
from infra.gateways.signatures import verified_json

NAME = "sandbox"


class SandboxPayments:
    """A PaymentGateway. Declines are results; what the sandbox finds impossible (409, 422) is ProviderRefused."""

    name = NAME
    captures_in_parts = True

    def __init__(self, base_url: str, webhook_secret: str, timeout_s: float) -> None:
        self._client = ProviderClient(NAME, base_url, timeout_s)
        self._verifier = Webhook(webhook_secret) if webhook_secret else None

    async def authorise(self, request: PaymentRequest) -> GatewayResult:
        return await self._post("/payments/authorise", {**_body(request), "token": request.token})

    async def capture(self, authorisation_ref: str, request: PaymentRequest) -> GatewayResult:
        return await self._post(f"/payments/{authorisation_ref}/capture", _body(request))

    async def void(self, authorisation_ref: str, request: PaymentRequest) -> GatewayResult:
        body = {"idempotency_key": request.idempotency_key, "order_no": request.order_no}
        try:
            return await self._post(f"/payments/{authorisation_ref}/void", body)
        except ProviderRefused as refusal:
            if refusal.code != "authorisation_expired":
                raise
            return GatewayResult(PaymentStatus.SUCCEEDED, f"{authorisation_ref}:expired", request.amount_minor)

    async def refund(self, capture_ref: str, request: PaymentRequest) -> GatewayResult:
        return await self._post(f"/payments/{capture_ref}/refund", _body(request))

    async def lookup(self, lost: LostCall) -> GatewayResult | None:
        params = {"idempotency_key": lost.request.idempotency_key}
        answer = await self._client.call("GET", "/payments/lookup", params=params)
        if answer.status == 404 and answer.body.get("error_code") == "not_found":
            return None
        result = _result(answer)
        if answer.body.get("kind") != lost.kind:
            raise ProviderRefused("idempotency_key_reused", NAME)
        return result

    async def answer_dispute(self, dispute_ref: str, evidence: Evidence, idempotency_key: str) -> None:
        texts = {"explanation": evidence.explanation, "customer_communication": evidence.customer_communication}
        parcel = {"tracking_no": evidence.tracking_no, "carrier": evidence.carrier}
        await self._answer(dispute_ref, "evidence", {**texts, **parcel, "idempotency_key": idempotency_key})

    async def accept_dispute(self, dispute_ref: str, idempotency_key: str) -> None:
        await self._answer(dispute_ref, "accept", {"idempotency_key": idempotency_key})

    def parse_notification(self, headers: Mapping[str, str], body: bytes) -> PaymentNotification | None:
        if self._verifier is None:
            raise BadSignature("signature_invalid", NAME)
        event_id, event = verified_json(NAME, self._verifier, headers, body)
        read = _NOTIFICATIONS.get(str(event.get("type")))
        if read is None:
            return None
        try:
            return read(event_id, event["data"])
        except (KeyError, TypeError, ValueError):
            raise BadSignature("payload_invalid", NAME) from None

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _answer(self, dispute_ref: str, action: str, body: dict[str, Any]) -> None:
        answer = await self._client.call("POST", f"/disputes/{dispute_ref}/{action}", json=body)
        if not answer.ok:
            raise ProviderRefused(str(answer.body.get("error_code") or f"http_{answer.status}"), NAME)

    async def _post(self, path: str, body: dict[str, Any]) -> GatewayResult:
        return _result(await self._client.call("POST", path, json=body))


def _body(request: PaymentRequest) -> dict[str, Any]:
    return {
        "order_no": request.order_no,
        "amount_minor": request.amount_minor,
        "currency": request.currency,
        "idempotency_key": request.idempotency_key,
    }


def _result(answer: Answer) -> GatewayResult:
    body = answer.body
    if not answer.ok:
        raise ProviderRefused(str(body.get("error_code") or f"http_{answer.status}"), NAME)
    try:
        return GatewayResult(
            status=PaymentStatus(body["status"]),
            provider_ref=body["id"],
            amount_minor=body["amount_minor"],
            error_code=body.get("error_code"),
            risk=body.get("risk"),
            expires_at=body.get("expires_at"),
        )
    except (KeyError, ValueError):
        raise ProviderUnavailable("bad_response", NAME) from None


def _notification(event_id: str, data: dict[str, Any]) -> PaymentNotification:
    return PaymentNotification(
        event_id=event_id,
        order_no=data["order_no"],
        provider_ref=data["id"],
        kind=PaymentKind(data["kind"]),
        status=PaymentStatus(data["status"]),
        amount_minor=data["amount_minor"],
        currency=data["currency"],
        idempotency_key=data.get("idempotency_key"),
        error_code=data.get("error_code"),
        parent_ref=data.get("parent_id"),
        risk=data.get("risk"),
        expires_at=data.get("expires_at"),
    )


def _dispute(event_id: str, data: dict[str, Any]) -> PaymentNotification:
    return PaymentNotification(
        event_id=event_id,
        order_no=data["order_no"],
        provider_ref=data["id"],
        kind=PaymentKind.DISPUTE,
        status=PaymentStatus.SUCCEEDED,
        amount_minor=data["amount_minor"],
        currency=data["currency"],
        error_code=data["reason"],
        parent_ref=data["payment_id"],
        outcome=data["status"] if data["status"] in ("won", "lost") else "",
        due_at=data.get("evidence_due_at") or "",
    )


_NOTIFICATIONS = {"payment.updated": _notification, "dispute.updated": _dispute}
