"""Every setting of every process, read once from the environment (prefix `OMS_`), grouped by capability.

Each one is documented in docs/settings.md, in the same groups; a test fails on a setting that is not.
"""

from functools import lru_cache

from pydantic_settings import BaseSettings, SettingsConfigDict

from infra.settings.access import AccessSettings
from infra.settings.after_sales import AfterSalesSettings
from infra.settings.alerts import AlertSettings
from infra.settings.api import ApiSettings
from infra.settings.database import DatabaseSettings
from infra.settings.documents import DocumentSettings
from infra.settings.email import EmailSettings
from infra.settings.gateways import GatewaySettings
from infra.settings.notifications import NotificationSettings
from infra.settings.orders import OrderSettings
from infra.settings.payments import EXPIRED_PAYMENT_TIMEOUT_S, PaymentSettings
from infra.settings.portal import PortalSettings
from infra.settings.pricing import PricingSettings
from infra.settings.processes import ProcessSettings
from infra.settings.shipping import ShippingSettings
from infra.settings.stock import StockSettings
from infra.settings.support import SupportSettings
from infra.settings.temporal import TemporalSettings
from infra.settings.webhooks import WebhookSettings

__all__ = ["EXPIRED_PAYMENT_TIMEOUT_S", "Settings", "settings"]


class Settings(
    ProcessSettings,
    PortalSettings,
    WebhookSettings,
    EmailSettings,
    AlertSettings,
    NotificationSettings,
    SupportSettings,
    DocumentSettings,
    AfterSalesSettings,
    GatewaySettings,
    StockSettings,
    ShippingSettings,
    PaymentSettings,
    PricingSettings,
    OrderSettings,
    AccessSettings,
    ApiSettings,
    TemporalSettings,
    DatabaseSettings,
    BaseSettings,
):
    """Durations end in `_s` (seconds), amounts in `_minor` (minor units of the order's currency)."""

    model_config = SettingsConfigDict(env_prefix="OMS_", extra="ignore", frozen=True)


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The process's settings; reads the environment the first time only."""
    return Settings()
