"""A small UPS: enough of its shipping, voiding, tracking and label services to book a parcel and follow it."""

import base64
import io
from dataclasses import dataclass, field
from typing import Any

from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


def _picture() -> str:
    buffer = io.BytesIO()
    Image.new("L", (60, 40), 255).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def _error(status: int, code: str, message: str = "for Liu De, 13800138000") -> JSONResponse:
    return JSONResponse({"response": {"errors": [{"code": code, "message": message}]}}, status)


@dataclass
class Ups:
    """`parcels` maps a number to its reference and its activities' types, newest first."""

    parcels: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)
    tokens: int = 0
    revoked: bool = False
    # Tracking learns of a booking late.
    lag: bool = False

    def app(self) -> Starlette:
        version = "/api/shipments/v2409"
        return Starlette(
            routes=[
                Route("/security/v1/oauth/token", self._token, methods=["POST"]),
                Route(f"{version}/ship", self._guarded(self._ship), methods=["POST"]),
                Route(f"{version}/void/cancel/{{number}}", self._guarded(self._void), methods=["DELETE"]),
                Route("/api/track/v1/details/{number}", self._guarded(self._track)),
                Route("/api/track/v1/reference/details/{reference}", self._guarded(self._track_reference)),
                Route("/api/labels/v1/recovery", self._guarded(self._label), methods=["POST"]),
            ]
        )

    def of_reference(self, reference: str) -> str:
        return next(number for number, parcel in self.parcels.items() if parcel["reference"] == reference)

    def _guarded(self, action):  # type: ignore[no-untyped-def]
        async def handle(request: Request) -> JSONResponse:
            if request.headers.get("authorization") != f"Bearer t{self.tokens}" or self.revoked:
                self.revoked = False
                return _error(401, "250002")
            return await action(request)

        return handle

    async def _token(self, request: Request) -> JSONResponse:
        expected = base64.b64encode(b"client:secret").decode()
        if request.headers.get("authorization") != f"Basic {expected}":
            return _error(401, "10401")
        self.tokens += 1
        return JSONResponse({"access_token": f"t{self.tokens}", "expires_in": "14399", "issued_at": "1"})

    async def _ship(self, request: Request) -> JSONResponse:
        body = await request.json()
        self.requests.append(body)
        shipment = body["ShipmentRequest"]["Shipment"]
        if "UNDELIVERABLE" in shipment["ShipTo"]["Address"]["AddressLine"][0]:
            return _error(400, "120206")
        if shipment["ShipTo"]["Address"]["City"] == "NOWHERE":
            return _error(400, "111210")
        number = f"1Z{len(self.parcels):016d}"
        reference = shipment["Package"][0].get("ReferenceNumber", shipment.get("ReferenceNumber"))["Value"]
        self.parcels[number] = {"reference": reference, "activity": ["M"]}
        label = {"ImageFormat": {"Code": "PNG"}, "GraphicImage": _picture()}
        results = {
            "ShipmentIdentificationNumber": number,
            "ShipmentCharges": {"TotalCharges": {"CurrencyCode": "USD", "MonetaryValue": "19.99"}},
            "NegotiatedRateCharges": {"TotalCharge": {"CurrencyCode": "USD", "MonetaryValue": "12.34"}},
            "PackageResults": [{"TrackingNumber": number, "ShippingLabel": label}],
        }
        return JSONResponse({"ShipmentResponse": {"ShipmentResults": results}})

    async def _void(self, request: Request) -> JSONResponse:
        parcel = self.parcels.get(request.path_params["number"])
        if parcel is None or parcel["activity"] != ["M"]:
            return _error(400, "190102")
        parcel["activity"] = ["MV", "M"]
        done = {"Response": {"ResponseStatus": {"Code": "1"}}, "SummaryResult": {"Status": {"Code": "1"}}}
        return JSONResponse({"VoidShipmentResponse": done})

    async def _track(self, request: Request) -> JSONResponse:
        return self._tracked(request.path_params["number"])

    async def _track_reference(self, request: Request) -> JSONResponse:
        reference = request.path_params["reference"]
        numbers = [number for number, parcel in self.parcels.items() if parcel["reference"] == reference]
        return self._tracked(*([] if self.lag else numbers))

    def _tracked(self, *numbers: str) -> JSONResponse:
        found = [(number, self.parcels[number]) for number in numbers if number in self.parcels]
        if not found:
            return _error(404, "TV1002")
        packages = [
            {"trackingNumber": number, "activity": [{"status": {"type": kind}} for kind in parcel["activity"]]}
            for number, parcel in found
        ]
        return JSONResponse({"trackResponse": {"shipment": [{"package": [package]} for package in packages]}})

    async def _label(self, request: Request) -> JSONResponse:
        number = (await request.json())["LabelRecoveryRequest"]["TrackingNumber"]
        image = {"LabelImageFormat": {"Code": "PDF"}, "GraphicImage": base64.b64encode(b"%PDF-again").decode()}
        results = {"TrackingNumber": number, "LabelImage": image}
        return JSONResponse({"LabelRecoveryResponse": {"LabelResults": results}})
