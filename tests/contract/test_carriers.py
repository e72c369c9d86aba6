"""What every carrier does alike: the sandbox as a process, and UPS's adapter on a simulated UPS."""

import base64
import hashlib
import itertools
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from domain.gateways import (
    Address,
    BadSignature,
    BookingLine,
    BookingRequest,
    CarrierGateway,
    Parcel,
    ProviderRefused,
    ProviderUnavailable,
    TrackedParcel,
)
from domain.shipping.shipments import ShipmentStatus
from infra.gateways.carriers.sf_carrier import SfCarrier
from infra.gateways.carriers.sf_protocol import digest
from infra.settings import Settings
from tests.contract import faulty
from tests.contract.carrier_bench import CarrierBench, sandbox_bench, sf_bench, ups_bench
from tests.contract.payment_bench import TIMEOUT_S, standard_signed
from tests.contract.processes import free_port

_numbers = itertools.count(1)


@pytest.fixture(scope="module", params=["sandbox", "ups", "sf"])
async def carrier(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[CarrierBench]:
    start = {"sandbox": sandbox_bench, "ups": ups_bench, "sf": sf_bench}[request.param]
    async with start(tmp_path_factory.mktemp(request.param)) as made:
        yield made
        await made.gateway.aclose()


# Whoever signs what they tell, or shows a credential.
telling = pytest.mark.parametrize("carrier", ["sandbox", "ups"], indirect=True, scope="module")


def _request(line1: str = "1 Made-up Street", city: str = "New York") -> BookingRequest:
    number = next(_numbers)
    return BookingRequest(
        order_no=f"N{number}",
        idempotency_key=f"N{number}/book/1",
        reference=f"N{number}",
        origin=Address(
            "US", "NY", "New York", line1="2 Store Street", postcode="10001", name="Shop", phone="2125550100"
        ),
        destination=Address("US", "NY", city, line1=line1, postcode="10001", name="Made Up", phone="2125550101"),
        parcels=(Parcel(1200),),
        lines=(BookingLine("SKU-1", 2),),
    )


async def test_a_parcel_is_booked_with_its_label(carrier: CarrierBench) -> None:
    booking = await carrier.gateway.book(_request())
    assert booking.shipment_ref and booking.tracking_no
    assert booking.label_format == "PDF" and booking.label.startswith(b"%PDF")
    assert (booking.cost_minor or 0) > 0 and len(booking.currency) == 3


async def test_nothing_personal_is_in_a_representation() -> None:
    body = repr(_request())
    assert not any(word in body for word in ("Made Up", "Street", "2125550101", "10001", "New York"))


async def test_a_refused_address_is_distinguished(carrier: CarrierBench) -> None:
    request = _request("UNDELIVERABLE 1")
    with pytest.raises(ProviderRefused) as caught:
        await carrier.gateway.book(request)
    assert caught.value.code == "address_refused"
    assert await carrier.gateway.lookup(request.idempotency_key) is None


async def test_a_booking_is_found_by_its_key(carrier: CarrierBench) -> None:
    request = _request()
    assert await carrier.gateway.lookup(request.idempotency_key) is None
    booking = await carrier.gateway.book(request)
    found = await carrier.gateway.lookup(request.idempotency_key)
    assert found is not None
    assert (found.shipment_ref, found.tracking_no) == (booking.shipment_ref, booking.tracking_no)
    assert found.label.startswith(b"%PDF")


async def test_a_parcel_is_called_back_once_and_for_all(carrier: CarrierBench) -> None:
    request = _request()
    booking = await carrier.gateway.book(request)
    for _ in range(2):
        assert await carrier.gateway.cancel(booking.shipment_ref, f"{request.order_no}/cancel/1")


async def test_a_parcel_that_has_left_is_not_called_back(carrier: CarrierBench) -> None:
    request = _request()
    booking = await carrier.gateway.book(request)
    await carrier.move(booking, "picked_up")
    result = await carrier.gateway.cancel(booking.shipment_ref, f"{request.order_no}/cancel/1")
    assert result.outcome == "already_picked_up" and not result


async def test_an_unknown_parcel_is_refused(carrier: CarrierBench) -> None:
    with pytest.raises(ProviderRefused):
        await carrier.gateway.cancel("unknown", "k:cancel:1")


@telling
async def test_a_notification_tells_of_a_parcel(carrier: CarrierBench) -> None:
    booking = await carrier.gateway.book(_request())
    headers, body = await carrier.authentic(booking)
    notice = carrier.gateway.parse_notification(headers, body)
    assert notice is not None and notice.event_id
    assert (notice.status, notice.tracking_no) == (ShipmentStatus.PICKED_UP, booking.tracking_no)
    assert (notice.shipment_ref, notice.occurred_at.utcoffset().total_seconds()) == (booking.shipment_ref, 0)  # type: ignore[union-attr]
    assert notice.sequence > 0


@telling
async def test_a_notification_of_somebody_else_is_refused(carrier: CarrierBench) -> None:
    headers, body = await carrier.authentic(await carrier.gateway.book(_request()))
    for forged in ({}, {name: value[:-1] + "~" for name, value in headers.items()}):
        with pytest.raises(BadSignature) as caught:
            carrier.gateway.parse_notification(forged, body)
        assert caught.value.code == "signature_invalid"


@telling
async def test_a_notification_without_sense_is_refused(carrier: CarrierBench) -> None:
    own = b'{"trackingNumber":"1"}' if carrier.ups else b'{"type":"shipment.updated","data":{"status":"flown"}}'
    for body in (b"[]", b"{", own):
        headers = {"credential": "credential"} if carrier.ups else standard_signed(body, time.time())
        with pytest.raises(BadSignature) as caught:
            carrier.gateway.parse_notification(headers, body)
        assert caught.value.code == "payload_invalid"


def _operations(gateway: CarrierGateway) -> list[Callable[[], Awaitable[object]]]:
    return [
        lambda: gateway.book(_request()),
        lambda: gateway.cancel("s", "k:cancel:1"),
        lambda: gateway.lookup("k:book:1"),
    ]


@pytest.mark.parametrize("server", [faulty.silent, faulty.dripping])
async def test_a_call_is_over_in_time(carrier: CarrierBench, server) -> None:  # type: ignore[no-untyped-def]
    async with server() as url:
        gateway = carrier.at(url, TIMEOUT_S)
        for action in _operations(gateway):
            started_s = time.monotonic()
            with pytest.raises(ProviderUnavailable) as caught:
                await action()
            assert caught.value.code == "timeout"
            assert TIMEOUT_S * 0.9 < time.monotonic() - started_s < TIMEOUT_S + 60
        await gateway.aclose()


async def test_nobody_there_is_unavailable(carrier: CarrierBench) -> None:
    gateway = carrier.at(f"http://127.0.0.1:{free_port()}")
    for action in _operations(gateway):
        with pytest.raises(ProviderUnavailable) as caught:
            await action()
        assert caught.value.code == "connection"
    await gateway.aclose()


@pytest.mark.parametrize("status", [401, 429, 500, 503])
async def test_a_passing_failure_is_unavailable(carrier: CarrierBench, status: int) -> None:
    body = json.dumps({"error_code": "x", "message": faulty.SECRET_MESSAGE})
    async with faulty.answering(status, body, "retry-after: 7\r\n", oauth=True) as url:
        gateway = carrier.at(url)
        for action in _operations(gateway):
            with pytest.raises(ProviderUnavailable) as caught:
                await action()
            assert (caught.value.code, caught.value.retry_after_s) == (f"http_{status}", 7)
            assert faulty.SECRET_MESSAGE not in repr(caught.value) + str(caught.value)
        await gateway.aclose()


async def test_nonsense_is_unavailable(carrier: CarrierBench) -> None:
    for body in ("<html>", "[]", "{}"):
        async with faulty.answering(200, body, oauth=True) as url:
            gateway = carrier.at(url)
            with pytest.raises(ProviderUnavailable) as caught:
                await gateway.book(_request())
            assert caught.value.code == "bad_response"
            await gateway.aclose()


# What only one of them can show.

only_sandbox = pytest.mark.parametrize("carrier", ["sandbox"], indirect=True, scope="module")
only_sf = pytest.mark.parametrize("carrier", ["sf"], indirect=True, scope="module")
only_ups = pytest.mark.parametrize("carrier", ["ups"], indirect=True, scope="module")


async def _fault(carrier: CarrierBench, mode: str, kind: str, order_no: str) -> None:
    async with httpx.AsyncClient(base_url=carrier.url) as outside:
        fault = {"target": "carriers", "mode": mode, "count": 1, "match": {"order_no": order_no, "kind": kind}}
        (await outside.post("/faults", json=fault)).raise_for_status()


@only_sandbox
@pytest.mark.parametrize(("mode", "done"), [("timeout_after", True), ("timeout_before", False)])
async def test_after_a_lost_answer_the_carrier_is_asked(carrier: CarrierBench, mode: str, done: bool) -> None:
    request = _request()
    await _fault(carrier, mode, "book", request.order_no)
    hasty = carrier.at(carrier.url, TIMEOUT_S)
    with pytest.raises(ProviderUnavailable) as caught:
        await hasty.book(request)
    assert caught.value.code == "timeout"
    found = await carrier.gateway.lookup(request.idempotency_key)
    assert (found is not None) == done
    booking = await carrier.gateway.book(request)
    assert not done or booking == found
    await hasty.aclose()


@only_sandbox
async def test_a_final_rejection_is_refused(carrier: CarrierBench) -> None:
    request = _request()
    await _fault(carrier, "reject", "book", request.order_no)
    with pytest.raises(ProviderRefused) as caught:
        await carrier.gateway.book(request)
    assert caught.value.code == "rejected"


@only_ups
async def test_what_ups_is_asked_for(carrier: CarrierBench) -> None:
    assert carrier.ups is not None
    request = _request()
    booking = await carrier.gateway.book(request)
    shipment = carrier.ups.requests[-1]["ShipmentRequest"]["Shipment"]
    assert "None" not in json.dumps(shipment)
    assert (shipment["NumOfPiecesInShipment"], shipment["Shipper"]["ShipperNumber"]) == ("2", "A1B2C3")
    assert shipment["Package"][0]["PackageWeight"]["Weight"] == "2.65"
    assert carrier.ups.of_reference(request.idempotency_key.replace("/", "-")) == booking.tracking_no
    assert (booking.cost_minor, booking.currency) == (1234, "USD")


@only_ups
async def test_another_refusal_of_ups_is_its_code(carrier: CarrierBench) -> None:
    with pytest.raises(ProviderRefused) as caught:
        await carrier.gateway.book(_request(city="NOWHERE"))
    assert caught.value.code == "ups_111210"
    assert "Liu" not in repr(caught.value)


_UNREADABLE = (
    {"access_token": "t0", "expires_in": "soon"},
    {
        "access_token": "t0",
        "expires_in": 3600,
        "ShipmentResponse": {
            "ShipmentResults": {
                "ShipmentIdentificationNumber": "1Z",
                "NegotiatedRateCharges": {"TotalCharge": {"CurrencyCode": "USD", "MonetaryValue": "twelve"}},
                "PackageResults": [{"TrackingNumber": "1Z", "ShippingLabel": {"GraphicImage": "?"}}],
            }
        },
    },
    {"access_token": "t0", "expires_in": 3600, "trackResponse": {"shipment": ["x"]}},
)


@only_ups
@pytest.mark.parametrize("answer", _UNREADABLE)
async def test_an_answer_of_ups_that_makes_no_sense_is_unavailable_and_no_fault_of_ours(
    carrier: CarrierBench, answer: dict[str, Any]
) -> None:
    async with faulty.answering(200, json.dumps(answer)) as url:
        gateway = carrier.at(url)
        with pytest.raises(ProviderUnavailable) as caught:
            await (gateway.lookup("k/book/1") if "trackResponse" in answer else gateway.book(_request()))
        assert caught.value.code == "bad_response"
        await gateway.aclose()


@only_ups
async def test_of_several_parcels_under_one_reference_the_one_that_was_not_voided_is_found(
    carrier: CarrierBench,
) -> None:
    request = _request()
    first, second = [await carrier.gateway.book(request) for _ in range(2)]
    await carrier.gateway.cancel(first.shipment_ref, "void")
    found = await carrier.gateway.lookup(request.idempotency_key)
    assert found is not None and found.shipment_ref == second.shipment_ref


@only_ups
async def test_a_revoked_token_is_renewed(carrier: CarrierBench) -> None:
    assert carrier.ups is not None
    await carrier.gateway.book(_request())
    before, carrier.ups.revoked = carrier.ups.tokens, True
    with pytest.raises(ProviderUnavailable) as caught:
        await carrier.gateway.book(_request())
    assert caught.value.code == "http_401"
    await carrier.gateway.book(_request())
    await carrier.gateway.book(_request())
    assert carrier.ups.tokens == before + 1


@only_ups
async def test_abroad_is_refused(carrier: CarrierBench) -> None:
    request = _request()
    abroad = BookingRequest("N", "N:book:1", "N", request.origin, Address("CA"), request.parcels)
    with pytest.raises(ProviderRefused) as caught:
        await carrier.gateway.book(abroad)
    assert caught.value.code == "customs_not_supported"


@only_ups
@pytest.mark.parametrize(
    ("kind", "status"), [("D", ShipmentStatus.DELIVERED), ("I", ShipmentStatus.IN_TRANSIT), ("X", None)]
)
async def test_activities_in_our_words(carrier: CarrierBench, kind: str, status: ShipmentStatus | None) -> None:
    body = {"trackingNumber": "1Z", "activityStatus": {"type": kind},
            "localActivityDate": "20260102", "localActivityTime": "030405"}  # fmt: skip
    notice = carrier.gateway.parse_notification({"credential": "credential"}, json.dumps(body).encode())
    assert (notice.status if notice else None) is status
    assert notice is None or notice.occurred_at.isoformat() == "2026-01-02T03:04:05+00:00"


@only_sf
async def test_sf_signs_what_it_is_asked(carrier: CarrierBench) -> None:
    """The digest as the documentation describes it; a call that is signed with another word is not taken."""
    expected = hashlib.md5(b"%7B%7D1%7E*", usedforsecurity=False).digest()
    assert digest("{}", "1", "~*") == base64.b64encode(expected).decode()
    wrong = SfCarrier.from_settings(Settings(sf_partner_id="OMS", sf_checkword="other", sf_server_url=carrier.url))
    with pytest.raises(ProviderUnavailable) as caught:
        await wrong.book(_request())
    assert caught.value.code == "sf_A1006"
    await wrong.aclose()


@only_sf
async def test_a_repeated_booking_of_sf_is_the_same_parcel(carrier: CarrierBench) -> None:
    request = _request()
    first, again = [await carrier.gateway.book(request) for _ in range(2)]
    assert (first.shipment_ref, first.tracking_no) == (again.shipment_ref, again.tracking_no)
    assert (first.cost_minor, first.currency, first.shipment_ref) == (1000, "CNY", f"{request.order_no}-book-1")


@only_sf
@pytest.mark.parametrize(
    ("moved", "reported"),
    [
        ("picked_up", [ShipmentStatus.PICKED_UP]),
        ("delivered", [ShipmentStatus.PICKED_UP, ShipmentStatus.IN_TRANSIT, ShipmentStatus.DELIVERED]),
        ("refused", [ShipmentStatus.PICKED_UP, ShipmentStatus.IN_TRANSIT, ShipmentStatus.REFUSED]),
    ],
)
async def test_parcels_of_sf_are_followed_by_asking(
    carrier: CarrierBench, moved: str, reported: list[ShipmentStatus]
) -> None:
    sf = SfCarrier.from_settings(Settings(sf_partner_id="OMS", sf_checkword="checkword", sf_server_url=carrier.url))
    booking = await sf.book(_request())
    parcel = TrackedParcel("sf", booking.tracking_no, "13800138000")
    assert await sf.track(parcel) == []
    await carrier.move(booking, moved)
    scans = await sf.track(parcel)
    assert [scan.status for scan in scans] == reported
    assert scans == await sf.track(parcel) and len({scan.event_id for scan in scans}) == len(reported)
    assert await sf.track(TrackedParcel("sf", "SF0")) == []
    await sf.aclose()


@only_sf
async def test_what_is_pushed_in_the_name_of_sf_is_refused(carrier: CarrierBench) -> None:
    pushed = b'{"Body":{"WaybillRoute":[{"mailno":"SF1","opCode":"80","acceptTime":"2026-01-01 00:00:00","id":"1"}]}}'
    with pytest.raises(BadSignature):
        carrier.gateway.parse_notification({}, pushed)


async def test_without_a_price_the_parcel_is_booked_without_a_cost() -> None:
    booked = {"filterResult": 2, "waybillNoInfoList": [{"waybillType": 1, "waybillNo": "SF1"}]}
    found = {"success": True, "errorCode": "S0000", "msgData": booked}
    async with faulty.answering(200, json.dumps({"apiResultCode": "A1000", "apiResultData": json.dumps(found)})) as url:
        sf = SfCarrier.from_settings(Settings(sf_partner_id="OMS", sf_checkword="c", sf_server_url=url))
        booking = await sf.book(_request())
        assert (booking.cost_minor, booking.label, booking.tracking_no) == (None, b"", "SF1")
        await sf.aclose()
