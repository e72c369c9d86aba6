"""SF Express through its open platform (https://open.sf-express.com), with an own client.

Limits: within mainland China, one parcel for each booking, paid by the sender's monthly account in CNY. The price is
asked for after the booking, so a booking whose price cannot be had has no cost. SF signs no pushed scans: they are not
taken, and its parcels are followed by asking (`track`). A parcel that has left is not intercepted.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import orjson

from domain.gateways import (
    BadSignature,
    Booking,
    BookingRequest,
    CancelResult,
    CarrierNotification,
    GatewayError,
    ProviderRefused,
    ProviderUnavailable,
    TrackedParcel,
)
from domain.json_types import JsonObject
from domain.shipping.shipments import has_left
from infra.gateways.carriers import sf_objects as objects
from infra.gateways.carriers.sf_protocol import CREATE, NAME, PRICES, PRINT, ROUTES, SEARCH, UPDATE, digest, opened
from infra.gateways.http import ProviderClient, bounded
from infra.settings import Settings

PRODUCTION = "https://sfapi.sf-express.com"
TEST = "https://sfapi-sbox.sf-express.com"
_CANCEL = 2
_CURRENCY = "CNY"


class SfCarrier:
    """A CarrierGateway and a TrackingGateway."""

    name = NAME

    def __init__(self, client: ProviderClient, settings: Settings) -> None:
        self._client, self._partner_id = client, settings.sf_partner_id
        self._checkword = settings.sf_checkword.get_secret_value()
        self._card, self._product = settings.sf_monthly_card, settings.sf_product

    @classmethod
    def from_settings(cls, settings: Settings) -> "SfCarrier":
        url = settings.sf_server_url or (TEST if settings.sf_test_mode else PRODUCTION)
        return cls(ProviderClient(NAME, url, settings.gateway_timeout_s), settings)

    async def book(self, request: BookingRequest) -> Booking:
        """One orderId is one parcel: repeating a booking finds the first one."""
        if request.origin.country != request.destination.country:
            raise ProviderRefused("customs_not_supported", NAME)
        async with bounded(NAME, self._client.timeout_s):
            order_id = objects.reference_of(request.idempotency_key)
            try:
                found = await self._call(CREATE, objects.order_of(request, self._card, self._product))
            except ProviderRefused as refused:
                if refused.code != objects.REPEATED:
                    raise
                found = await self._call(SEARCH, {"orderId": order_id})
            if found.get("filterResult") == objects.UNDELIVERABLE:
                await self._call(UPDATE, {"orderId": order_id, "dealType": _CANCEL})
                raise ProviderRefused("address_refused", NAME)
            cost_minor = await self._price(request)
            return await self._booking(order_id, found, cost_minor)

    async def cancel(self, shipment_ref: str, idempotency_key: str) -> CancelResult:
        """When SF refuses, the scans say whether it has the parcel."""
        async with bounded(NAME, self._client.timeout_s):
            try:
                await self._call(UPDATE, {"orderId": shipment_ref, "dealType": _CANCEL})
            except ProviderRefused as refused:
                if refused.code == objects.CANCELLED:
                    return CancelResult("cancelled")
                if await self._has_left(shipment_ref):
                    return CancelResult("already_picked_up")
                raise
        return CancelResult("cancelled")

    async def lookup(self, idempotency_key: str) -> Booking | None:
        """Its cost is not asked for again."""
        order_id = objects.reference_of(idempotency_key)
        async with bounded(NAME, self._client.timeout_s):
            try:
                found = await self._call(SEARCH, {"orderId": order_id})
            except ProviderRefused as refused:
                if refused.code in objects.UNKNOWN:
                    return None
                raise
            if found.get("filterResult") == objects.UNDELIVERABLE:
                return None
            return await self._booking(order_id, found, None)

    async def track(self, parcel: TrackedParcel) -> list[CarrierNotification]:
        """The scans of the parcel so far, by its tracking number."""
        asked: JsonObject = {
            "trackingType": "1",
            "trackingNumber": [parcel.tracking_no],
            "methodType": "1",
            "checkPhoneNo": parcel.phone[-4:],
        }
        async with bounded(NAME, self._client.timeout_s):
            found = await self._call(ROUTES, asked)
        with _readable():
            return objects.routes_of(found, parcel.tracking_no)

    def parse_notification(self, headers: Mapping[str, str], body: bytes) -> CarrierNotification | None:
        """Nothing that is pushed can be trusted: SF signs nothing."""
        raise BadSignature("signature_invalid", NAME)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _booking(self, order_id: str, found: dict[str, Any], cost_minor: int | None) -> Booking:
        with _readable():
            tracking_no = objects.waybill_of(found)
        return Booking(order_id, tracking_no, "PDF", await self._label(tracking_no), cost_minor, _CURRENCY)

    async def _price(self, request: BookingRequest) -> int | None:
        """None where it cannot be had: the parcel is booked all the same."""
        try:
            found = await self._call(PRICES, objects.prices_of(request, self._card, self._product))
            with _readable():
                return objects.fee_minor(found, self._product)
        except GatewayError:
            return None

    async def _label(self, tracking_no: str) -> bytes:
        """Empty where it cannot be had; it can be printed on SF's pages."""
        asked: JsonObject = {
            "templateCode": f"fm_150_standard_{self._partner_id}",
            "version": "2.0",
            "fileType": "pdf",
            "sync": True,
            "documents": [{"masterWaybillNo": tracking_no}],
        }
        try:
            found = await self._call(PRINT, asked)
            with _readable():
                file = found["files"][0]
                url, token = str(file["url"]), str(file["token"])
            return await self._client.fetch(url, {"X-Auth-token": token})
        except GatewayError:
            return b""

    async def _has_left(self, order_id: str) -> bool:
        found = await self._call(SEARCH, {"orderId": order_id})
        with _readable():
            tracking_no = objects.waybill_of(found)
        return any(has_left(scan.status) for scan in await self.track(TrackedParcel(NAME, tracking_no)))

    async def _call(self, service: str, data: JsonObject) -> dict[str, Any]:
        """What the service answers. Raises ProviderRefused, ProviderUnavailable."""
        message, timestamp = orjson.dumps(data).decode(), str(round(time.time() * 1000))
        form = {
            "partnerID": self._partner_id,
            "requestID": str(uuid4()),
            "serviceCode": service,
            "timestamp": timestamp,
            "msgDigest": digest(message, timestamp, self._checkword),
            "msgData": message,
        }
        headers = {"content-type": "application/x-www-form-urlencoded;charset=UTF-8"}
        answer = await self._client.call("POST", "/std/service", content=urlencode(form), headers=headers)
        if not answer.ok:
            raise ProviderRefused(f"http_{answer.status}", NAME)
        return opened(answer.body)


@contextmanager
def _readable() -> Iterator[None]:
    """An answer that makes no sense is none that counts: the call may have been carried out, and is asked for."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        raise ProviderUnavailable("bad_response", NAME) from None
