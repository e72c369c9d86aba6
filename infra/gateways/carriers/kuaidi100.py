"""Kuaidi100 (快递100), which knows the parcels of most Chinese carriers: asked for a parcel, with an own client.

A request is a form: customer, param (JSON with com, num, phone) and sign, the upper-case hexadecimal MD5 of param, key
and customer. An answer has the state of the parcel and its scans, the newest first; or result false with a returnCode.
Kuaidi100 locks a number that is asked for more often than every half hour.

Source: https://api.kuaidi100.com/document, real-time query (实时查询), and kuaidi100-api/php-demo, src/synquery.php.
"""

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlencode

import orjson

from domain.gateways import CarrierNotification, ProviderRefused, ProviderUnavailable, TrackedParcel
from domain.shipping.shipments import ShipmentStatus
from infra.gateways.http import ProviderClient
from infra.settings import Settings

NAME = "kuaidi100"
PRODUCTION = "https://poll.kuaidi100.com"
# Our code of a carrier, and that of Kuaidi100.
COMPANIES = {
    "sf": "shunfeng",
    "zto": "zhongtong",
    "yto": "yuantong",
    "sto": "shentong",
    "yunda": "yunda",
    "ems": "ems",
    "jd": "jd",
    "jt": "jtexpress",
    "best": "huitongkuaidi",
    "deppon": "debangkuaidi",
}
# Difficulties (2) have no word of ours: the parcel is still on its way.
_STATUS = {
    "1": ShipmentStatus.PICKED_UP,
    **dict.fromkeys(("0", "5", "7", "8"), ShipmentStatus.IN_TRANSIT),
    "3": ShipmentStatus.DELIVERED,
    **dict.fromkeys(("4", "6", "14"), ShipmentStatus.REFUSED),
}
# Nothing is known of the parcel yet; the telephone number does not fit; the parameters make no sense.
_NOTHING, _REFUSED = "500", ("400", "408")
_BEIJING = timezone(timedelta(hours=8))


def sign(param: str, key: str, customer: str) -> str:
    """The signature of a request. MD5 is what Kuaidi100 asks for."""
    return hashlib.md5((param + key + customer).encode(), usedforsecurity=False).hexdigest().upper()


class Kuaidi100:
    """A TrackingGateway."""

    name = NAME

    def __init__(self, client: ProviderClient, customer: str, key: str) -> None:
        self._client, self._customer, self._key = client, customer, key

    @classmethod
    def from_settings(cls, settings: Settings) -> "Kuaidi100":
        client = ProviderClient(NAME, settings.kuaidi100_server_url or PRODUCTION, settings.gateway_timeout_s)
        return cls(client, settings.kuaidi100_customer, settings.kuaidi100_key.get_secret_value())

    async def track(self, parcel: TrackedParcel) -> list[CarrierNotification]:
        """The newest fact about the parcel. Raises ProviderRefused `unknown_carrier` and those of Kuaidi100."""
        if (company := COMPANIES.get(parcel.carrier)) is None:
            raise ProviderRefused("unknown_carrier", NAME)
        asked = {"com": company, "num": parcel.tracking_no, "phone": parcel.phone}
        param = orjson.dumps(asked).decode()
        form = {"customer": self._customer, "param": param, "sign": sign(param, self._key, self._customer)}
        headers = {"content-type": "application/x-www-form-urlencoded"}
        answer = await self._client.call("POST", "/poll/query.do", content=urlencode(form), headers=headers)
        if not answer.ok:
            raise ProviderRefused(f"http_{answer.status}", NAME)
        return _facts(answer.body, parcel)

    async def aclose(self) -> None:
        await self._client.aclose()


def _facts(body: dict[str, Any], parcel: TrackedParcel) -> list[CarrierNotification]:
    if body.get("result") is False or "state" not in body:
        return _refusal(str(body.get("returnCode")))
    status = _STATUS.get(str(body["state"]))
    scans = body.get("data")
    if status is None or not scans:
        return []
    try:
        at = max(_moment(scan["ftime"]) for scan in scans)
    except (KeyError, TypeError, ValueError):
        raise ProviderUnavailable("bad_response", NAME) from None
    number, sequence = parcel.tracking_no, int(at.timestamp())
    event_id = f"{number}:{body['state']}:{sequence}"
    return [CarrierNotification(event_id, number, number, None, status, at, sequence)]


def _moment(typed: str) -> datetime:
    """In UTC; Kuaidi100 says it in the time of Beijing."""
    return datetime.strptime(typed, "%Y-%m-%d %H:%M:%S").replace(tzinfo=_BEIJING).astimezone(UTC)


def _refusal(code: str) -> list[CarrierNotification]:
    if code == _NOTHING:
        return []
    if code in _REFUSED:
        raise ProviderRefused(f"kuaidi100_{code}", NAME)
    raise ProviderUnavailable("bad_response" if code == "None" else f"kuaidi100_{code}", NAME)
