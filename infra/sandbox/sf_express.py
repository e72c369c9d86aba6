"""SF Express on a path of its own: its envelope, its signature, its services, over the parcels of the carrier.

POST /sf/std/service is as infra/gateways/carriers/sf_protocol describes it, GET /sf/labels/{number} takes the token of
an answer. A key of ours is an orderId of SF's; the order is what stands before `-book-` in it.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import Response

from infra.gateways.carriers import sf_protocol as protocol
from infra.sandbox.calls import Call, RefusalError, answer
from infra.sandbox.carriers import Carriers
from infra.sandbox.label import label_pdf
from infra.sandbox.ledger import Ledger, Row
from infra.sandbox.parcels import UNTOLD

KEY = UNTOLD
_BEIJING = timezone(timedelta(hours=8))
_OP_CODES = {
    "picked_up": ("50",),
    "in_transit": ("50", "30"),
    "lost": ("50", "30"),
    "delivered": ("50", "30", "80"),
    "refused": ("50", "30", "99"),
}
Service = Callable[[Row, Request], Row]


class BusinessError(Exception):
    """SF refuses, with a code of its own."""


class SfExpress:
    """The platform: each service takes msgData and gives msgData."""

    def __init__(self, ledger: Ledger, carriers: Carriers, checkword: str) -> None:
        self._ledger, self._carriers, self._checkword = ledger, carriers, checkword
        self._services: Mapping[str, Service] = {
            protocol.CREATE: self._create,
            protocol.SEARCH: self._search,
            protocol.UPDATE: self._update,
            protocol.ROUTES: self._routes,
            protocol.PRICES: self._prices,
            protocol.PRINT: self._print,
        }

    async def service(self, request: Request) -> Response:
        """One call of the platform."""
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))
        service = self._services.get(form.get("serviceCode", ""))
        if not protocol.is_signed(form, self._checkword):
            return _platform("A1006")
        if service is None:
            return _platform("A1004")
        try:
            done = service(orjson.loads(form["msgData"]), request)
            return _platform(protocol.TAKEN, {"success": True, "errorCode": protocol.DONE, "msgData": done})
        except BusinessError as error:
            code = str(error)
        except (RefusalError, orjson.JSONDecodeError, LookupError, TypeError, ValueError):
            code = "S0001"
        return _platform(protocol.TAKEN, {"success": False, "errorCode": code, "msgData": None})

    async def label(self, request: Request) -> Response:
        """The PDF of a parcel, for whoever has the token."""
        number = request.path_params["number"]
        row = self._ledger.one("SELECT * FROM shipments WHERE tracking_no = ?", number)
        if row is None or request.headers.get("x-auth-token") != self._token(number):
            return answer({"error_code": "not_found"}, 404)
        return Response(label_pdf(row["order_no"], number), media_type="application/pdf")

    def _create(self, data: Row, _: Request) -> Row:
        if self._row(data["orderId"]) is not None:
            raise BusinessError("8016")
        sender, recipient = data["contactInfoList"]
        body = {
            "order_no": data["orderId"].rpartition("-book-")[0] or data["orderId"],
            "idempotency_key": KEY + data["orderId"],
            "from": sender,
            "to": recipient,
            "parcels": [{"weight_g": round(data["totalWeight"] * 1000)}],
            "lines": data["cargoDetails"],
        }
        undeliverable = "UNDELIVERABLE" in recipient["address"].upper()
        booked = self._carriers.book(Call({}, {}, {**body, "to": {**recipient, "address": ""}}))
        return {**_order(data["orderId"], booked), "filterResult": 3 if undeliverable else 2}

    def _search(self, data: Row, _: Request) -> Row:
        row = self._known(data["orderId"])
        if row["status"] == "cancelled":
            raise BusinessError("8024")
        return _order(data["orderId"], row)

    def _update(self, data: Row, _: Request) -> Row:
        row = self._known(data["orderId"])
        if data["dealType"] != 2:
            raise BusinessError("S0003")
        if row["status"] == "cancelled":
            raise BusinessError("8037")
        if row["status"] != "booked":
            raise BusinessError("8062")
        self._carriers.cancel(Call({"id": row["id"]}, {}, {"idempotency_key": f"{row['idempotency_key']}/cancel"}))
        return {"orderId": data["orderId"], "resStatus": 2}

    def _routes(self, data: Row, _: Request) -> Row:
        return {"routeResps": [{"mailNo": number, "routes": self._scans(number)} for number in data["trackingNumber"]]}

    def _scans(self, number: str) -> list[Row]:
        row = self._ledger.one("SELECT * FROM shipments WHERE tracking_no = ?", number)
        if row is None:
            return []
        at = datetime.fromisoformat(row["occurred_at"]).astimezone(_BEIJING)
        codes = _OP_CODES.get(row["status"], ())
        times = [at - timedelta(minutes=len(codes) - place) for place in range(1, len(codes) + 1)]
        return [
            {"acceptTime": f"{time:%Y-%m-%d %H:%M:%S}", "opCode": code, "acceptAddress": "", "remark": ""}
            for code, time in zip(codes, times, strict=True)
        ]

    def _prices(self, data: Row, _: Request) -> Row:
        parcels = [{"weight_g": round(data["weight"] * 1000)}]
        origin, to = {"province": data["srcAddress"]["province"]}, {"province": data["destAddress"]["province"]}
        minor = self._carriers.price_minor({"from": origin, "to": to, "parcels": parcels})
        return {"deliverTmDto": [{"businessType": data["businessType"], "fee": minor / 100, "searchPrice": "1"}]}

    def _print(self, data: Row, request: Request) -> Row:
        number = data["documents"][0]["masterWaybillNo"]
        url = str(request.base_url).rstrip("/") + f"/sf/labels/{number}"
        return {"files": [{"waybillNo": number, "url": url, "token": self._token(number)}]}

    def _known(self, order_id: str) -> Row:
        row = self._row(order_id)
        if row is None:
            raise BusinessError("8018")
        return row

    def _row(self, order_id: str) -> Row | None:
        return self._ledger.one("SELECT * FROM shipments WHERE idempotency_key = ?", KEY + str(order_id))

    def _token(self, number: str) -> str:
        return hashlib.sha256(f"{self._checkword}:{number}".encode()).hexdigest()


def _order(order_id: str, row: Row) -> Row:
    return {
        "orderId": order_id,
        "filterResult": 2,
        "waybillNoInfoList": [{"waybillType": 1, "waybillNo": row["tracking_no"]}],
    }


def _platform(code: str, data: Any = None) -> Response:
    reported = "" if data is None else orjson.dumps(data).decode()
    return answer({"apiResultCode": code, "apiErrorMsg": "", "apiResponseID": "0", "apiResultData": reported})
