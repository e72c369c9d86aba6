"""The providers of an installation: which there are, behind a breaker each, and counted."""

import base64
import inspect
import sys
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import REGISTRY

from domain.gateways import (
    CarrierGateway,
    LostCall,
    MessageGateway,
    OutgoingMessage,
    PaymentGateway,
    PaymentRequest,
    ProviderRefused,
    ProviderUnavailable,
)
from domain.payments.transactions import PaymentKind
from infra.gateways.carriers.sandbox_carrier import SandboxCarrier
from infra.gateways.circuit_breaker import CircuitBreaker
from infra.gateways.instrumented import instrumented
from infra.gateways.notifications.sandbox_messages import SandboxMessages
from infra.gateways.payments.sandbox_payments import SandboxPayments
from infra.gateways.registry import build_carriers, build_messages, build_payments, close_all
from infra.settings import Settings
from tests.contract import faulty

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
REQUEST = PaymentRequest("N1", 100, "CNY", "N1:pay:1", "tok_ok")
GATEWAYS: dict[type, Callable[[], Any]] = {
    PaymentGateway: lambda: SandboxPayments("http://127.0.0.1:1", "", 1.0),
    CarrierGateway: lambda: SandboxCarrier("http://127.0.0.1:1", "", 1.0),
    MessageGateway: lambda: SandboxMessages("http://127.0.0.1:1", 1.0),
}
DONE = '{"id":"p1","status":"%s","amount_minor":100,"kind":"authorise"}'


def _settings(**changes: object) -> Settings:
    return Settings(**{"sandbox_webhook_secret": SECRET, "breaker_failures": 3, "breaker_reset_s": 60, **changes})


def _count(operation: str, outcome: str) -> float:
    labels = {"provider": "sandbox", "operation": operation, "outcome": outcome}
    return REGISTRY.get_sample_value("oms_provider_calls_total", labels) or 0.0


async def test_the_sandbox_is_always_there_and_others_when_configured() -> None:
    assert set(build_payments(_settings())) == set(build_carriers(_settings())) == {"sandbox"}
    both = build_payments(_settings(stripe_api_key="sk_test_1", payment_provider="stripe"))
    assert {name: gateway.name for name, gateway in both.items()} == {"sandbox": "sandbox", "stripe": "stripe"}
    carriers = build_carriers(_settings(ups_client_id="c", ups_client_secret="s", sandbox_url="", carrier="ups"))
    assert {name: gateway.name for name, gateway in carriers.items()} == {"ups": "ups"}
    await close_all(both)
    await close_all(carriers)


def test_a_chosen_provider_must_be_configured() -> None:
    with pytest.raises(ValueError, match="'stripe' is not configured"):
        build_payments(_settings(payment_provider="stripe"))
    with pytest.raises(ValueError, match="'ups' is not configured"):
        build_carriers(_settings(carrier="ups"))


def test_a_missing_extra_is_said_clearly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "karrio.lib", None)
    with pytest.raises(RuntimeError, match=r"pip install .durable-oms\[carriers\]"):
        build_carriers(_settings(ups_client_id="c", carrier="ups"))


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [(200, DONE % "succeeded", "ok"), (200, DONE % "failed", "failed"), (409, '{"error_code":"x"}', "refused")],
)
async def test_every_call_is_counted_by_its_outcome(status: int, body: str, outcome: str) -> None:
    async with faulty.answering(status, body) as url:
        gateways = build_payments(_settings(sandbox_url=url))
        before = _count("authorise", outcome)
        try:
            await gateways["sandbox"].authorise(REQUEST)
        except ProviderRefused:
            assert outcome == "refused"
        assert _count("authorise", outcome) == before + 1
        await close_all(gateways)


async def test_a_provider_that_is_down_is_left_alone() -> None:
    async with faulty.answering(503, "{}") as url:
        gateways = build_payments(_settings(sandbox_url=url))
        gateway, codes = gateways["sandbox"], []
        unavailable, kept_out = _count("lookup", "unavailable"), _count("lookup", "circuit_open")
        for _ in range(5):
            with pytest.raises(ProviderUnavailable) as caught:
                await gateway.lookup(LostCall(PaymentKind.AUTHORISE, REQUEST))
            codes.append(caught.value.code)
        assert codes == ["http_503"] * 3 + ["circuit_open"] * 2
        assert 0 < (caught.value.retry_after_s or 0) <= 60
        assert _count("lookup", "unavailable") == unavailable + 3
        assert _count("lookup", "circuit_open") == kept_out + 2
        await close_all(gateways)


@pytest.mark.parametrize("protocol", [PaymentGateway, CarrierGateway, MessageGateway])
async def test_no_call_of_a_gateway_passes_an_open_breaker(protocol: type) -> None:
    gateway, breaker = GATEWAYS[protocol](), CircuitBreaker("sandbox", 1, 60)
    with pytest.raises(ProviderUnavailable), breaker.guarding():
        raise ProviderUnavailable("timeout", "sandbox")
    behind = instrumented(gateway, breaker)
    calls = [name for name, member in vars(protocol).items() if inspect.iscoroutinefunction(member)]
    for call in set(calls) - {"aclose"}:
        with pytest.raises(ProviderUnavailable, match="circuit_open"):
            await getattr(behind, call)("never", "sent")
    await behind.aclose()


async def test_messages_are_counted_by_their_channel() -> None:
    async with faulty.answering(503, "{}") as url:
        gateway = build_messages(_settings(sandbox_url=url, sms_provider="sandbox"))["sms"]
        before = _count("send_sms", "unavailable")
        with pytest.raises(ProviderUnavailable):
            await gateway.send(OutgoingMessage("k", "sms", "code", None, "+1", "", "hello"))
        assert _count("send_sms", "unavailable") == before + 1
        await gateway.aclose()


async def test_carriers_and_payments_have_a_breaker_each() -> None:
    async with faulty.answering(503, "{}") as url:
        settings = _settings(sandbox_url=url, breaker_failures=1)
        payments, carriers = build_payments(settings), build_carriers(settings)
        for code in ("http_503", "circuit_open"):
            with pytest.raises(ProviderUnavailable) as caught:
                await payments["sandbox"].lookup(LostCall(PaymentKind.VOID, REQUEST))
            assert caught.value.code == code
        for code in ("http_503", "circuit_open"):
            with pytest.raises(ProviderUnavailable) as caught:
                await carriers["sandbox"].cancel("s", "k")
            assert caught.value.code == code
        await close_all(payments)
        await close_all(carriers)
