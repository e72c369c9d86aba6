"""A carrier on its server: the sandbox as a process, and UPS's adapter on a simulated UPS."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from domain.gateways import Booking, CarrierGateway
from infra.gateways.carriers.sandbox_carrier import SandboxCarrier
from infra.gateways.carriers.sf_carrier import SfCarrier
from infra.gateways.carriers.ups_carrier import UpsCarrier
from infra.gateways.circuit_breaker import CircuitBreaker
from infra.gateways.instrumented import instrumented
from infra.settings import Settings
from tests.contract.payment_bench import NEVER, PATIENT_S, SECRET
from tests.contract.processes import sandbox
from tests.contract.receiver import Receiver
from tests.contract.ups_server import Ups
from tests.infra.servers import serving


@dataclass
class CarrierBench:
    """A carrier on its server, and what a test must know of the two."""

    gateway: CarrierGateway
    url: str
    at: Callable[..., CarrierGateway]
    move: Callable[[Booking, str], Awaitable[object]]
    authentic: Callable[[Booking], Awaitable[tuple[dict[str, str], bytes]]]
    ups: Ups | None = None


def guarded(gateway: CarrierGateway) -> CarrierGateway:
    return instrumented(gateway, CircuitBreaker(gateway.name, NEVER, 1.0))


def _sandbox_at(url: str, timeout_s: float = PATIENT_S) -> CarrierGateway:
    return SandboxCarrier(url, SECRET, timeout_s)


def _ups_at(url: str, timeout_s: float = PATIENT_S) -> CarrierGateway:
    return UpsCarrier.from_settings(
        Settings(
            ups_client_id="client",
            ups_client_secret="secret",
            ups_account_number="A1B2C3",
            ups_server_url=url,
            ups_webhook_secret="credential",
            gateway_timeout_s=timeout_s,
        )
    )


@asynccontextmanager
async def sandbox_bench(directory: Path) -> AsyncIterator[CarrierBench]:
    receiver = Receiver()
    async with (
        serving(receiver.app) as hooks,
        sandbox(directory, f"{hooks}/hook", SECRET, MANUAL_CARRIER="1") as url,
        httpx.AsyncClient(base_url=url) as outside,
    ):

        async def move(booking: Booking, status: str) -> None:
            answer = await outside.post(f"/shipments/{booking.shipment_ref}/advance", json={"status": status})
            answer.raise_for_status()

        async def authentic(booking: Booking) -> tuple[dict[str, str], bytes]:
            await move(booking, "picked_up")
            post = await receiver.first(lambda p: p if booking.tracking_no.encode() in p.body else None)
            return post.headers, post.body

        yield CarrierBench(guarded(_sandbox_at(url, PATIENT_S)), url, _sandbox_at, move, authentic)


def _sf_at(url: str, timeout_s: float = PATIENT_S) -> CarrierGateway:
    return SfCarrier.from_settings(
        Settings(sf_partner_id="OMS", sf_checkword="checkword", sf_server_url=url, gateway_timeout_s=timeout_s)
    )


@asynccontextmanager
async def sf_bench(directory: Path) -> AsyncIterator[CarrierBench]:
    async with (
        sandbox(directory, "", "", MANUAL_CARRIER="1", SF_CHECKWORD="checkword") as url,
        httpx.AsyncClient(base_url=url) as outside,
    ):

        async def move(booking: Booking, status: str) -> None:
            known = (await outside.get("/shipments")).json()["items"]
            (ref,) = [one["id"] for one in known if one["tracking_no"] == booking.tracking_no]
            (await outside.post(f"/shipments/{ref}/advance", json={"status": status})).raise_for_status()

        async def authentic(_: Booking) -> tuple[dict[str, str], bytes]:
            raise AssertionError("SF tells nothing that could be trusted")

        yield CarrierBench(guarded(_sf_at(f"{url}/sf")), f"{url}/sf", _sf_at, move, authentic)


@asynccontextmanager
async def ups_bench(_: Path) -> AsyncIterator[CarrierBench]:
    ups = Ups()
    kinds = {"picked_up": "P", "in_transit": "I", "delivered": "D"}

    async def move(booking: Booking, status: str) -> None:
        ups.parcels[booking.tracking_no]["activity"].insert(0, kinds[status])

    async def authentic(booking: Booking) -> tuple[dict[str, str], bytes]:
        body = {
            "trackingNumber": booking.tracking_no,
            "activityStatus": {"type": "P", "code": "OR", "description": "Origin Scan"},
            "localActivityDate": "20260101", "localActivityTime": "083000",
            "gmtActivityDate": "20260101", "gmtActivityTime": "13:30:00",
        }  # fmt: skip
        return {"Credential": "credential"}, json.dumps(body).encode()

    async with serving(ups.app()) as url:
        yield CarrierBench(guarded(_ups_at(url, PATIENT_S)), url, _ups_at, move, authentic, ups)
