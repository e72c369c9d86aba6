"""The sandbox's HTTP surface: three providers and the switchboard of faults."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from infra.sandbox import carriers, messages, payments
from infra.sandbox.calls import Call, Endpoint, FaultInjector, answer, invalid, listing, plain
from infra.sandbox.carriers import Carriers
from infra.sandbox.config import SandboxConfig
from infra.sandbox.faults import FaultError, Faults
from infra.sandbox.kuaidi100 import Kuaidi100
from infra.sandbox.ledger import Ledger, Row
from infra.sandbox.messages import Messages
from infra.sandbox.parcels import Parcels
from infra.sandbox.payments import Payments
from infra.sandbox.sf_express import SfExpress
from infra.sandbox.webhooks import Webhooks
from infra.security.known_hosts import KnownHosts


def create_app(config: SandboxConfig) -> Starlette:
    """The whole process in one application; its books are open from here to the end of its lifespan."""
    ledger = Ledger(config.directory)
    faults = Faults(ledger)
    webhooks = Webhooks(ledger, faults, config.webhook_url, config.webhook_secret)
    gateway = Payments(ledger, webhooks, config.pending_s)
    parcels = Parcels(ledger, webhooks, config.carrier_step_s, config.manual_carrier, config.quiet_transit)
    carrier = Carriers(ledger, parcels)
    provider = Messages(ledger)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        loops = [asyncio.create_task(run()) for run in (webhooks.run, gateway.alarm.run, parcels.alarm.run)]
        yield
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        ledger.close()

    return Starlette(
        lifespan=lifespan,
        middleware=[Middleware(KnownHosts, also=(config.host, *config.known_hosts))],
        routes=[
            *_payment_routes(ledger, gateway, FaultInjector("payments", faults, gateway.order_of, config.slow_s)),
            *_carrier_routes(ledger, carrier, FaultInjector("carriers", faults, carrier.order_of, config.slow_s)),
            _post("/kuaidi100/poll/query.do", Kuaidi100(ledger, config.kuaidi100_key).query),
            *_sf_routes(SfExpress(ledger, carrier, config.sf_checkword)),
            *_message_routes(ledger, provider, FaultInjector("messages", faults, provider.order_of, config.slow_s)),
            *_fault_routes(faults),
            _get("/healthz", plain(lambda _: {"status": "ok"})),
        ],
    )


def _payment_routes(ledger: Ledger, gateway: Payments, injector: FaultInjector) -> list[Route]:
    disputed = replace(injector, order_of=gateway.disputes.order_of)
    return [
        _post("/payments/authorise", injector.endpoint("authorise", gateway.authorise)),
        _post("/payments/{id}/capture", injector.endpoint("capture", gateway.capture)),
        _post("/payments/{id}/void", injector.endpoint("void", gateway.void)),
        _post("/payments/{id}/refund", injector.endpoint("refund", gateway.refund)),
        _get("/payments/lookup", injector.endpoint("lookup", gateway.lookup)),
        _post("/payments/pay", plain(gateway.pay)),
        _post("/payments/{id}/decide", plain(gateway.decide)),
        _post("/payments/{id}/expire", plain(gateway.expire)),
        _post("/payments/{id}/dispute", plain(gateway.disputes.open)),
        _post("/disputes/{id}/close", plain(gateway.disputes.close)),
        _post("/disputes/{id}/evidence", disputed.endpoint("dispute", gateway.disputes.take_evidence)),
        _post("/disputes/{id}/accept", disputed.endpoint("dispute", gateway.disputes.accept)),
        _get("/disputes", listing(ledger, "disputes", ("order_no", "payment_id"), gateway.disputes.listed)),
        _get("/payments", listing(ledger, "payments", ("order_no", "idempotency_key"), payments.as_json)),
    ]


def _carrier_routes(ledger: Ledger, carrier: Carriers, injector: FaultInjector) -> list[Route]:
    return [
        _post("/shipments", injector.endpoint("book", carrier.book, status=201)),
        _post("/shipments/{id}/cancel", injector.endpoint("cancel", carrier.cancel)),
        _post("/shipments/{id}/advance", plain(carrier.advance)),
        _get("/shipments/lookup", injector.endpoint("lookup", carrier.lookup)),
        _get("/shipments", listing(ledger, "shipments", ("order_no", "idempotency_key"), carriers.as_json)),
        _get("/shipments/{id}", injector.endpoint("lookup", carrier.get)),
    ]


def _sf_routes(sf: SfExpress) -> list[Route]:
    return [_post("/sf/std/service", sf.service), _get("/sf/labels/{number}", sf.label)]


def _message_routes(ledger: Ledger, provider: Messages, injector: FaultInjector) -> list[Route]:
    return [
        _post("/messages", injector.endpoint("send", provider.send, status=201)),
        _get("/messages", listing(ledger, "messages", messages.FILTERS, messages.as_json)),
        _get("/messages/{id}/content", plain(provider.content)),
    ]


def _fault_routes(faults: Faults) -> list[Route]:
    def add(call: Call) -> Row:
        try:
            return faults.add(call.body)
        except FaultError as error:
            raise invalid(str(error)) from None

    async def list_faults(_: Request) -> Response:
        return answer({"items": faults.as_json(), "next_cursor": None})

    async def clear(_: Request) -> Response:
        return answer({"cleared": faults.clear()})

    return [
        _post("/faults", plain(add, status=201)),
        _get("/faults", list_faults),
        Route("/faults", clear, methods=["DELETE"]),
    ]


def _post(path: str, endpoint: Endpoint) -> Route:
    return Route(path, endpoint, methods=["POST"])


def _get(path: str, endpoint: Endpoint) -> Route:
    return Route(path, endpoint, methods=["GET"])
