"""SF Express's objects in our words. Source: https://open.sf-express.com, the pages of the services in sf_protocol."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from domain.gateways import Address, BookingRequest, CarrierNotification
from domain.json_types import JsonObject
from domain.shipping.shipments import ShipmentStatus

# filterResult of an order: SF does not deliver there.
UNDELIVERABLE = 3
# Orders that are there under this orderId, that are not, and that were cancelled before.
REPEATED, UNKNOWN, CANCELLED = "sf_8016", ("sf_8018", "sf_8024"), "sf_8037"
_BEIJING = timezone(timedelta(hours=8))
# What a scan says of the parcel. Attempts that failed (33, 70) and scans without meaning for a parcel (8000) have no
# word of ours. 99 and 648: it goes back to its sender.
_STATUS = {
    **dict.fromkeys(("50", "51", "54"), ShipmentStatus.PICKED_UP),
    **dict.fromkeys(("10", "30", "31", "36", "44", "46", "47", "130", "204", "607"), ShipmentStatus.IN_TRANSIT),
    **dict.fromkeys(("80", "657"), ShipmentStatus.DELIVERED),
    **dict.fromkeys(("99", "648"), ShipmentStatus.REFUSED),
}


def reference_of(idempotency_key: str) -> str:
    """The orderId of a booking: at most 64 characters, the same for the same key."""
    return idempotency_key.replace("/", "-")[:64]


def order_of(request: BookingRequest, monthly_card: str, product: int) -> JsonObject:
    """msgData of a booking: one parcel that the sender pays for."""
    contents: list[JsonObject] = [{"name": line.sku, "count": line.quantity} for line in request.lines]
    return {
        "language": "zh-CN",
        "orderId": reference_of(request.idempotency_key),
        "cargoDetails": [*contents] or [{"name": request.order_no, "count": 1}],
        "contactInfoList": [{"contactType": 1, **_contact(request.origin)},
                            {"contactType": 2, **_contact(request.destination)}],
        "monthlyCard": monthly_card,
        "payMethod": 1,
        "expressTypeId": product,
        "parcelQty": len(request.parcels),
        "totalWeight": _kilograms(request),
        "isReturnRoutelabel": 1,
    }  # fmt: skip


def prices_of(request: BookingRequest, monthly_card: str, product: int) -> JsonObject:
    """msgData of the question what a parcel costs."""
    return {
        "businessType": str(product),
        "weight": _kilograms(request),
        "searchPrice": "1",
        "monthlyCard": monthly_card,
        "srcAddress": _place(request.origin),
        "destAddress": _place(request.destination),
    }


def fee_minor(found: dict[str, Any], product: int) -> int | None:
    """The price of the product in minor units of CNY; None where SF names none."""
    for one in found.get("deliverTmDto") or ():
        if str(one.get("businessType")) == str(product) and one.get("fee") is not None:
            return int((Decimal(str(one["fee"])) * 100).to_integral_value())
    return None


def waybill_of(found: dict[str, Any]) -> str:
    """The number of the parcel. Raises LookupError where there is none."""
    numbers = [one for one in found["waybillNoInfoList"] if one.get("waybillType") in (1, None)]
    return str(numbers[0]["waybillNo"])


def routes_of(found: dict[str, Any], tracking_no: str) -> list[CarrierNotification]:
    """The scans of a parcel that say something, the oldest first. Raises LookupError, TypeError, ValueError."""
    scans = [scan for one in found.get("routeResps") or () if str(one["mailNo"]) == tracking_no
             for scan in one.get("routes") or ()]  # fmt: skip
    reported = [_scan(scan, tracking_no) for scan in scans if str(scan.get("opCode")) in _STATUS]
    return sorted(reported, key=lambda one: one.occurred_at)


def _scan(scan: dict[str, Any], tracking_no: str) -> CarrierNotification:
    at = datetime.strptime(scan["acceptTime"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=_BEIJING).astimezone(UTC)
    code, sequence = str(scan["opCode"]), int(at.timestamp())
    return CarrierNotification(
        f"{tracking_no}:{code}:{sequence}", tracking_no, tracking_no, None, _STATUS[code], at, sequence
    )


def _kilograms(request: BookingRequest) -> float:
    """At least 10 g: SF takes no 0."""
    return max(sum(parcel.weight_g for parcel in request.parcels), 10) / 1000


def _contact(address: Address) -> JsonObject:
    return {
        "contact": address.name,
        "mobile": address.phone,
        "country": address.country,
        "province": address.province,
        "city": address.city,
        "county": address.district,
        "address": address.line1,
        "postCode": address.postcode,
    }


def _place(address: Address) -> JsonObject:
    return {
        "province": address.province,
        "city": address.city,
        "district": address.district,
        "address": address.line1,
    }
