"""Which providers this installation has, by name."""

from collections.abc import Callable, Mapping

from domain.gateways import CarrierGateway, MessageGateway, PaymentGateway, TrackingGateway
from domain.notifications import Channel
from infra.db.engine import Database
from infra.email import smtp
from infra.gateways.carriers.kuaidi100 import COMPANIES, Kuaidi100
from infra.gateways.carriers.sandbox_carrier import SandboxCarrier
from infra.gateways.carriers.sf_carrier import SfCarrier
from infra.gateways.circuit_breaker import CircuitBreaker
from infra.gateways.instrumented import instrumented
from infra.gateways.notifications.sandbox_messages import SandboxMessages
from infra.gateways.notifications.smtp_messages import SmtpMessages
from infra.gateways.payments.on_terms import OnTerms
from infra.gateways.payments.sandbox_payments import SandboxPayments
from infra.gateways.payments.store_credit import StoreCredit
from infra.settings import Settings


def build_payments(settings: Settings, database: Database | None = None) -> dict[str, PaymentGateway]:
    """The configured payment providers, each with circuit breaker and metrics; with the database also store credit and
    payment terms.

    Raises ValueError when none fits.
    """
    built: dict[str, PaymentGateway] = {}
    if settings.sandbox_url:
        secret = settings.sandbox_webhook_secret.get_secret_value()
        built["sandbox"] = SandboxPayments(settings.sandbox_url, secret, settings.gateway_timeout_s)
    if settings.stripe_api_key.get_secret_value():
        # Imported when used: the SDK takes a third of a second.
        from infra.gateways.payments.stripe_payments import StripePayments

        built["stripe"] = StripePayments.from_settings(settings)
    if database is not None:
        built["store_credit"] = StoreCredit(database)
        built["terms"] = OnTerms()
    _require(settings.payment_provider, built)
    breaker = _breakers(settings)
    return {name: instrumented(gateway, breaker(name)) for name, gateway in built.items()}


def build_carriers(settings: Settings) -> dict[str, CarrierGateway]:
    """The configured carriers, each behind its breaker and counted. Raises ValueError when none fits."""
    built: dict[str, CarrierGateway] = {}
    if settings.sandbox_url:
        secret = settings.sandbox_webhook_secret.get_secret_value()
        built["sandbox"] = SandboxCarrier(settings.sandbox_url, secret, settings.gateway_timeout_s)
    if settings.ups_client_id:
        from infra.gateways.carriers.ups_carrier import UpsCarrier

        built["ups"] = UpsCarrier.from_settings(settings)
    if settings.sf_partner_id:
        built["sf"] = SfCarrier.from_settings(settings)
    _require(settings.carrier, built)
    breaker = _breakers(settings)
    return {name: instrumented(gateway, breaker(name)) for name, gateway in built.items()}


def build_trackers(settings: Settings) -> dict[str, TrackingGateway]:
    """Who is asked for the parcels of a carrier that reports nothing, by carrier."""
    built, breaker = dict[str, TrackingGateway](), _breakers(settings)
    if settings.kuaidi100_customer:
        asked = instrumented(Kuaidi100.from_settings(settings), breaker("kuaidi100"))
        built |= dict.fromkeys(COMPANIES, asked)
    if settings.sf_partner_id:
        built["sf"] = instrumented(SfCarrier.from_settings(settings), breaker("sf"))
    return built


def build_messages(settings: Settings) -> dict[str, MessageGateway]:
    """Who brings messages, by channel; a channel without a provider is missing. Raises ValueError when none fits."""
    chosen = {Channel.EMAIL.value: settings.email_provider, Channel.SMS.value: settings.sms_provider}
    breaker = _breakers(settings)
    return {
        channel: instrumented(_messages_by(provider, settings), breaker(provider))
        for channel, provider in chosen.items()
        if provider != "none"
    }


def _messages_by(provider: str, settings: Settings) -> MessageGateway:
    built: dict[str, MessageGateway] = {}
    if settings.sandbox_url:
        built["sandbox"] = SandboxMessages(settings.sandbox_url, settings.gateway_timeout_s)
    if smtp.configured(settings):
        built["smtp"] = SmtpMessages(settings)
    _require(provider, built)
    return built[provider]


Gateways = (
    Mapping[str, PaymentGateway]
    | Mapping[str, CarrierGateway]
    | Mapping[str, MessageGateway]
    | Mapping[str, TrackingGateway]
)


async def close_all(gateways: Gateways) -> None:
    """Closes the connections of all of them."""
    for gateway in gateways.values():
        await gateway.aclose()


def _require(name: str, built: Mapping[str, object]) -> None:
    if name not in built:
        raise ValueError(f"the chosen provider {name!r} is not configured")


def _breakers(settings: Settings) -> Callable[[str], CircuitBreaker]:
    return lambda name: CircuitBreaker(name, settings.breaker_failures, settings.breaker_reset_s)
