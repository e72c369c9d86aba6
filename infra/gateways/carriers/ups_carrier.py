"""UPS through the mapping of karrio, an optional extra: `pip install durable-oms[carriers]`.

karrio turns our request into UPS's and its answer into ours. Its transport is not used: it blocks a thread without a
time-out and hides the HTTP status that tells a refusal from a failure.

Limits: one country (no customs papers); the service is UPS Ground in the United States and UPS Standard elsewhere. UPS
has no idempotency keys, so the key travels as the reference number and `lookup` asks the tracking service for it.
"""

import asyncio
import hmac
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import Any
from urllib.parse import quote

from domain.gateways import (
    BadSignature,
    Booking,
    BookingRequest,
    CancelResult,
    CarrierNotification,
    ProviderRefused,
    ProviderUnavailable,
)
from infra.gateways.carriers.ups_objects import (
    NAME,
    UpsMapping,
    error_codes,
    has_left_in_tracking,
    label_of_recovery,
    live_number_in,
    notification_of,
    reference_of,
    was_voided,
)
from infra.gateways.http import Answer, ProviderClient, bounded
from infra.gateways.signatures import json_object
from infra.settings import Settings

PRODUCTION = "https://onlinetools.ups.com"
TEST = "https://wwwcie.ups.com"
TOKEN_MARGIN_S = 60.0


class UpsCarrier:
    """A CarrierGateway."""

    name = NAME

    def __init__(self, mapping: UpsMapping, client: ProviderClient, credentials: tuple[str, str], secret: str) -> None:
        self._mapping, self._client, self._credentials, self._secret = mapping, client, credentials, secret
        self._token, self._token_until_s = "", 0.0
        self._token_lock = asyncio.Lock()

    @classmethod
    def from_settings(cls, settings: Settings) -> "UpsCarrier":
        """Raises RuntimeError when the extra is not installed."""
        url = settings.ups_server_url or (TEST if settings.ups_test_mode else PRODUCTION)
        client = ProviderClient(NAME, url, settings.gateway_timeout_s)
        credentials = (settings.ups_client_id, settings.ups_client_secret.get_secret_value())
        mapping = UpsMapping(settings.ups_account_number)
        return cls(mapping, client, credentials, settings.ups_webhook_secret.get_secret_value())

    async def book(self, request: BookingRequest) -> Booking:
        """Repeating a booking books again: ask `lookup` first."""
        if request.origin.country != request.destination.country:
            raise ProviderRefused("customs_not_supported", NAME)
        async with bounded(NAME, self._client.timeout_s):
            body, context = self._mapping.request_body(request)
            answer = await self._call("POST", "/api/shipments/v2409/ship", json=body)
            _raise_refusal(answer)
            with _readable():
                # Turning the label's picture into a PDF takes tens of milliseconds of processor.
                booking = await asyncio.to_thread(self._mapping.booking, answer.body, context)
        if booking is None:
            raise ProviderUnavailable("bad_response", NAME)
        return booking

    async def cancel(self, shipment_ref: str, idempotency_key: str) -> CancelResult:
        """When UPS refuses to void, its tracking says why: gone already, or voided before."""
        number = quote(shipment_ref, safe="")
        async with bounded(NAME, self._client.timeout_s):
            answer = await self._call("DELETE", f"/api/shipments/v2409/void/cancel/{number}")
            if answer.ok:
                return CancelResult("cancelled")
            tracking = await self._tracked(f"/api/track/v1/details/{number}")
        with _readable():
            if was_voided(tracking):
                return CancelResult("cancelled")
            if has_left_in_tracking(tracking):
                return CancelResult("already_picked_up")
        _raise_refusal(answer)
        raise ProviderUnavailable("bad_response", NAME)

    async def lookup(self, idempotency_key: str) -> Booking | None:
        """What UPS's tracking has under our reference, its label recovered, without its cost.

        None is not proof: UPS shows a shipment under its reference only some time after it was booked. A booking
        repeated after None may leave a second label, which nobody sticks on a parcel and which can be voided.
        """
        async with bounded(NAME, self._client.timeout_s):
            path = f"/api/track/v1/reference/details/{quote(reference_of(idempotency_key), safe='')}"
            tracking = await self._tracked(path, {"refNumType": "SmallPackage"})
            with _readable():
                number = live_number_in(tracking)
            if number is None:
                return None
            body = {"LabelRecoveryRequest": {"LabelSpecification": {"LabelImageFormat": {"Code": "PDF"}},
                                             "TrackingNumber": number}}  # fmt: skip
            recovered = await self._call("POST", "/api/labels/v1/recovery", json=body)
        with _readable():
            label = label_of_recovery(recovered.body) if recovered.ok else b""
        return Booking(number, number, "PDF", label, None, self._mapping.currency)

    def parse_notification(self, headers: Mapping[str, str], body: bytes) -> CarrierNotification | None:
        """UPS signs nothing: it shows the credential of the subscription, so age cannot be checked. The events are
        facts about a parcel and harmless when repeated.
        """
        credential = {name.lower(): value for name, value in headers.items()}.get("credential", "")
        if not self._secret or not hmac.compare_digest(credential.encode(), self._secret.encode()):
            raise BadSignature("signature_invalid", NAME)
        try:
            return notification_of(json_object(NAME, body))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise BadSignature("payload_invalid", NAME) from None

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _tracked(self, path: str, params: dict[str, str] | None = None) -> dict[str, Any]:
        answer = await self._call("GET", path, params={"locale": "en_US", **(params or {})})
        return answer.body if answer.ok else {}

    async def _call(self, method: str, path: str, **options: Any) -> Answer:
        headers = {"authorization": f"Bearer {await self._access_token()}", "transactionSrc": "oms"}
        try:
            return await self._client.call(method, path, headers=headers, **options)
        except ProviderUnavailable as error:
            if error.code == "http_401":
                # Revoked before its time; the next attempt gets a new one.
                self._token_until_s = 0.0
            raise

    async def _access_token(self) -> str:
        async with self._token_lock:
            if monotonic() >= self._token_until_s:
                form = b"grant_type=client_credentials"
                headers = {"content-type": "application/x-www-form-urlencoded"}
                answer = await self._client.call(
                    "POST", "/security/v1/oauth/token", content=form, headers=headers, auth=self._credentials
                )
                if not answer.ok or "access_token" not in answer.body:
                    raise ProviderUnavailable(f"http_{answer.status}", NAME)
                with _readable():
                    self._token_until_s = monotonic() + float(answer.body.get("expires_in", 0)) - TOKEN_MARGIN_S
                self._token = str(answer.body["access_token"])
            return self._token


@contextmanager
def _readable() -> Iterator[None]:
    """An answer that makes no sense is none that counts: the call may have been carried out, and is asked for."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError):  # OSError: of a picture
        raise ProviderUnavailable("bad_response", NAME) from None


def _raise_refusal(answer: Answer) -> None:
    if answer.ok:
        return
    codes = error_codes(answer.body)
    # UPS numbers what it finds wrong with the recipient's address 1202xx, and 120802 what it cannot find on the map.
    if any(code.startswith("1202") or code == "120802" for code in codes):
        raise ProviderRefused("address_refused", NAME)
    raise ProviderRefused(f"ups_{codes[0]}" if codes else f"http_{answer.status}", NAME)
