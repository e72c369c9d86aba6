"""UPS's objects in our words; karrio maps the long ones."""

import base64
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from domain.currencies import exponent
from domain.gateways import Address, Booking, BookingRequest, CarrierNotification
from domain.shipping.shipments import ShipmentStatus, has_left

NAME = "ups"
REFERENCE_CHARS = 35
# Of the currencies that UPS bills in.

# The type of an activity; "X" (an exception) has no word of ours and waits for the next fact.
_STATUS = {
    "M": ShipmentStatus.BOOKED,
    "MV": ShipmentStatus.CANCELLED,
    "P": ShipmentStatus.PICKED_UP,
    "I": ShipmentStatus.IN_TRANSIT,
    "O": ShipmentStatus.IN_TRANSIT,
    "D": ShipmentStatus.DELIVERED,
    "RS": ShipmentStatus.REFUSED,
}


class UpsMapping:
    """Our request as UPS's and UPS's answer as ours. Raises RuntimeError when the extra "carriers" is missing."""

    def __init__(self, account_number: str, country: str = "US") -> None:
        try:
            import karrio.lib
            import karrio.mappers.ups.mapper
            import karrio.mappers.ups.settings
        except ImportError as error:
            raise RuntimeError('UPS needs the extra "carriers": pip install "durable-oms[carriers]"') from error
        self._lib = karrio.lib
        settings = karrio.mappers.ups.settings.Settings(
            client_id="", client_secret="", account_number=account_number, account_country_code=country
        )
        self._mapper = karrio.mappers.ups.mapper.Mapper(settings)
        self.currency: str = settings.default_currency

    def request_body(self, request: BookingRequest) -> tuple[dict[str, Any], Any]:
        """The body of a shipping request, and what `booking` needs to read the answer."""
        serializable = self._mapper.create_shipment_request(_shipment_request(request))
        body: dict[str, Any] = self._lib.to_dict(self._lib.to_json(serializable.serialize()))
        _correct(body["ShipmentRequest"]["Shipment"], sum(line.quantity for line in request.lines))
        return body, serializable.ctx

    def booking(self, body: dict[str, Any], context: Any) -> Booking | None:
        """The booked shipment, or None when the answer holds none."""
        details, _ = self._mapper.parse_shipment_response(self._lib.Deserializable(body, lambda given: given, context))
        if details is None:
            return None
        cost_minor, currency = _cost(body["ShipmentResponse"]["ShipmentResults"], self.currency)
        label = base64.b64decode(details.docs.label or "")
        return Booking(
            details.shipment_identifier, details.tracking_number, details.label_type, label, cost_minor, currency
        )


def reference_of(idempotency_key: str) -> str:
    """What UPS can keep of a key: 35 characters, none of which would part a path."""
    return idempotency_key.replace("/", "-")[:REFERENCE_CHARS]


def error_codes(body: dict[str, Any]) -> list[str]:
    """The codes of a refusal, without its messages."""
    errors = (body.get("response") or {}).get("errors") or []
    return [str(error.get("code")) for error in errors if isinstance(error, dict)]


def live_number_in(tracking: dict[str, Any]) -> str | None:
    """The number of the first parcel whose label was not voided: several may bear one reference."""
    for package in _packages(tracking):
        if package.get("trackingNumber") and _last_status(package) is not ShipmentStatus.CANCELLED:
            return str(package["trackingNumber"])
    return None


def was_voided(tracking: dict[str, Any]) -> bool:
    """Whether the parcel's last activity is that its label was voided."""
    return _last_status(_first(tracking)) is ShipmentStatus.CANCELLED


def has_left_in_tracking(tracking: dict[str, Any]) -> bool:
    """Whether the carrier has the parcel."""
    status = _last_status(_first(tracking))
    return status is not None and has_left(status)


def label_of_recovery(body: dict[str, Any]) -> bytes:
    """The label in an answer of the label service, empty when there is none."""
    results = (body.get("LabelRecoveryResponse") or {}).get("LabelResults") or {}
    first = results[0] if isinstance(results, list) else results
    return base64.b64decode((first.get("LabelImage") or {}).get("GraphicImage") or "")


def notification_of(event: dict[str, Any]) -> CarrierNotification | None:
    """A parcel's news; None for an activity that we have no word for. Raises KeyError, ValueError on no UPS event."""
    number, activity = str(event["trackingNumber"]), event["activityStatus"]
    status = _STATUS.get(activity["type"])
    if status is None:
        return None
    occurred_at = _time(event)
    sequence = int(occurred_at.timestamp())
    return CarrierNotification(
        event_id=f"{number}:{activity['type']}:{activity.get('code', '')}:{sequence}",
        shipment_ref=number,
        tracking_no=number,
        order_no=None,
        status=status,
        occurred_at=occurred_at,
        sequence=sequence,
    )


def _time(event: dict[str, Any]) -> datetime:
    """In UTC; a parcel's local time is taken for it when UPS names no other."""
    prefix = "gmt" if event.get("gmtActivityDate") else "local"
    text = f"{event[prefix + 'ActivityDate']}{event[prefix + 'ActivityTime']}".replace("-", "").replace(":", "")
    return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def _packages(tracking: dict[str, Any]) -> list[dict[str, Any]]:
    shipments = (tracking.get("trackResponse") or {}).get("shipment") or []
    return [package for shipment in shipments for package in shipment.get("package") or []]


def _first(tracking: dict[str, Any]) -> dict[str, Any]:
    return next(iter(_packages(tracking)), {})


def _last_status(package: dict[str, Any]) -> ShipmentStatus | None:
    activities = package.get("activity") or []
    kinds = [(activity.get("status") or {}).get("type") for activity in activities]
    return next((_STATUS[kind] for kind in kinds if kind in _STATUS), None)


def _shipment_request(request: BookingRequest) -> Any:
    from karrio.core import models

    domestic_us = request.origin.country == "US"
    reference = reference_of(request.idempotency_key)
    return models.ShipmentRequest(
        service="ups_ground" if domestic_us else "ups_standard",
        shipper=_party(request.origin),
        recipient=_party(request.destination),
        parcels=[
            models.Parcel(weight=parcel.weight_g / 1000, weight_unit="KG", reference_number=reference)
            for parcel in request.parcels
        ],
        reference=reference,
        label_type="PDF",
    )


def _party(address: Address) -> Any:
    from karrio.core import models

    return models.Address(
        person_name=address.name or "Warehouse",
        company_name=address.name or "Warehouse",
        phone_number=address.phone or None,
        country_code=address.country,
        state_code=address.province or None,
        city=" ".join(filter(None, (address.district, address.city))),
        address_line1=address.line1,
        postal_code=address.postcode or None,
    )


def _correct(shipment: dict[str, Any], pieces: int) -> None:
    """Takes out what karrio fills in for lack of better: sizes called "None", a value of 1.00, a payer of duties."""
    for package in shipment["Package"]:
        package.pop("Dimensions", None)
    shipment.pop("InvoiceLineTotal", None)
    shipment["NumOfPiecesInShipment"] = str(max(pieces, 1))
    charges = shipment["PaymentInformation"]["ShipmentCharge"]
    shipment["PaymentInformation"]["ShipmentCharge"] = [charge for charge in charges if charge["Type"] == "01"]


def _cost(results: dict[str, Any], default_currency: str) -> tuple[int, str]:
    """Minor units: what was negotiated with the account, else the list price, else 0."""
    negotiated = (results.get("NegotiatedRateCharges") or {}).get("TotalCharge")
    charge = negotiated or (results.get("ShipmentCharges") or {}).get("TotalCharges") or {}
    currency = charge.get("CurrencyCode") or default_currency
    return int(Decimal(charge.get("MonetaryValue") or "0").scaleb(exponent(currency))), currency
