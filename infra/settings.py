"""Every setting of every process, read once from the environment (prefix `OMS_`).

Each one is documented in docs/settings.md; a test fails on a setting that is not.
"""

import json
from functools import cached_property, lru_cache
from ipaddress import ip_network
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from limits import parse_many
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from domain.pricing.allocation import Tax, Terms
from infra.email.mail_address import require_sender

EXPIRED_PAYMENT_TIMEOUT_S = 3 * 86_400
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class Settings(BaseSettings):
    """Durations end in `_s` (seconds), amounts in `_minor` (minor units of the order's currency)."""

    model_config = SettingsConfigDict(env_prefix="OMS_", extra="ignore", frozen=True)

    # Books
    database_url: str = "postgresql://oms_app@127.0.0.1:5432/oms"
    owner_database_url: str = ""
    db_pool_size: int = Field(default=10, ge=1)
    db_pool_timeout_s: float = Field(default=5.0, gt=0)
    db_statement_timeout_s: float = Field(default=30.0, gt=0)
    db_silence_s: float = Field(default=2.0, gt=0)
    db_answer_s: float = Field(default=3.0, gt=0)

    # Temporal
    temporal_address: str = "127.0.0.1:7233"
    temporal_namespace: str = "default"
    temporal_ui_url: str = ""
    temporal_api_key: SecretStr = SecretStr("")
    temporal_tls: bool = False
    task_queue: str = "oms"
    temporal_retention_days: int = Field(default=30, ge=1)
    deployment_name: str = "oms"
    build_id: str = ""
    promote_first_version: bool = True
    max_cached_workflows: int = Field(default=1800, ge=0)
    orders_in_flight: int = Field(default=400, ge=1)
    sandboxed_workflows: bool = False

    # Front door
    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8000, ge=0, le=65535)
    metrics_host: str = "127.0.0.1"
    worker_metrics_port: int = Field(default=0, ge=0, le=65535)
    relay_metrics_port: int = Field(default=0, ge=0, le=65535)
    max_body_bytes: int = Field(default=1_048_576, ge=1)
    max_order_lines: int = Field(default=500, ge=1)
    max_header_bytes: int = Field(default=32_768, ge=4_096)
    header_timeout_s: float = Field(default=10.0, gt=0)
    body_timeout_s: float = Field(default=30.0, gt=0)
    connections_per_address: int = Field(default=500, ge=0)
    rate_limit_token: str = "500/second"  # noqa: S105
    rate_limit_customer: str = "100/second;3000/minute"
    rate_limit_address: str = "200/second;6000/minute"
    unpaid_units_per_customer: int = Field(default=1_000, ge=0)
    customer_channel: str = Field(default="web", min_length=1, max_length=32)
    delivery_slot_days_ahead: int = Field(default=60, ge=1, le=365)
    backlog_limit: int = Field(default=1_000_000, ge=0)
    workflow_timeout_s: float = Field(default=5.0, gt=0)

    # Trust
    token_secret: SecretStr = SecretStr("")
    token_lifetime_s: int = Field(default=86_400, ge=1)
    master_key: SecretStr = SecretStr("")
    previous_master_keys: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    allow_private_webhook_targets: bool = False
    webhook_ports: str = "80,443"
    webhook_denied_networks: str = ""
    trusted_proxies: str = ""
    staff_session_s: int = Field(default=12 * 3600, ge=60)
    staff_idle_s: int = Field(default=1800, ge=60)

    # Portal
    portal_url: str = ""
    portal_time_zone: str = "Asia/Shanghai"
    portal_session_s: int = Field(default=12 * 3600, ge=60)
    portal_idle_s: int = Field(default=1800, ge=60)
    portal_ask_window_s: int = Field(default=900, ge=1)
    portal_asks_per_contact: int = Field(default=5, ge=1)
    portal_asks_per_contact_day: int = Field(default=20, ge=1)
    portal_asks_per_address: int = Field(default=30, ge=1)
    portal_asks_per_address_day: int = Field(default=300, ge=1)

    # Providers
    payment_provider: Literal["sandbox", "stripe"] = "sandbox"
    carrier: Literal["sandbox", "ups"] = "sandbox"
    email_provider: Literal["sandbox", "smtp", "none"] = "sandbox"
    sms_provider: Literal["sandbox", "none"] = "sandbox"
    sandbox_url: str = "http://127.0.0.1:8010"
    sandbox_webhook_secret: SecretStr = SecretStr("")
    stripe_api_key: SecretStr = SecretStr("")
    stripe_api_base: str = "https://api.stripe.com"
    stripe_webhook_secret: SecretStr = SecretStr("")
    ups_client_id: str = ""
    ups_client_secret: SecretStr = SecretStr("")
    ups_account_number: str = ""
    ups_test_mode: bool = True
    ups_server_url: str = ""
    ups_webhook_secret: SecretStr = SecretStr("")
    gateway_timeout_s: float = Field(default=5.0, gt=0)
    gateway_attempts: int = Field(default=5, ge=1)
    gateway_backoff_s: float = Field(default=1.0, gt=0)
    gateway_patience_s: float = Field(default=120.0, gt=0)
    breaker_failures: int = Field(default=20, ge=1)
    breaker_reset_s: float = Field(default=2.0, gt=0)

    # The order's own clock
    payment_timeout_s: int = Field(default=1800, ge=0)
    exchange_payment_timeout_s: int = Field(default=3 * 86_400, ge=0)
    expired_payment_timeout_s: int = Field(default=EXPIRED_PAYMENT_TIMEOUT_S, ge=0)
    payment_poll_s: int = Field(default=60, ge=0)
    payment_pending_patience_s: int = Field(default=14 * 86_400, ge=0)
    backorder_timeout_s: int = Field(default=30 * 86_400, ge=0)
    dispatch_timeout_s: int = Field(default=2 * 86_400, ge=0)
    delivery_timeout_s: int = Field(default=14 * 86_400, ge=0)
    return_window_s: int = Field(default=7 * 86_400, ge=0)
    escalation_s: int = Field(default=4 * 3600, ge=0)

    # What an order carries beside its lines
    shipping_fee_minor: int = Field(default=0, ge=0, le=10**12)
    free_shipping_from_minor: int = Field(default=0, ge=0)
    tax_rate_bp: int = Field(default=0, ge=0, le=10_000)
    tax_included: bool = True

    # Holds and approvals
    hold_deadline_s: int = Field(default=2 * 86_400, ge=1)
    hold_escalation_s: int = Field(default=4 * 3600, ge=1)
    hold_risk_above_minor: int = Field(default=0, ge=0)
    approval_limit_minor: int = Field(default=100_000, ge=0)
    approval_limit_person_day_minor: int = Field(default=0, ge=0)
    approval_lifetime_s: int = Field(default=3 * 86_400, ge=60)

    # Returns
    return_auto_approve_minor: int = Field(default=100_000, ge=0)
    damaged_refund_percent: int = Field(default=100, ge=0, le=100)
    return_labels: bool = True
    return_answer_s: int = Field(default=2 * 86_400, ge=1)
    return_send_s: int = Field(default=14 * 86_400, ge=1)
    return_transit_s: int = Field(default=14 * 86_400, ge=1)
    return_inspect_s: int = Field(default=5 * 86_400, ge=1)

    # Relay
    relay_poll_s: float = Field(default=0.05, gt=0)
    audit_anchor_s: float = Field(default=300.0, gt=0)
    webhook_attempts: int = Field(default=12, ge=1)
    webhook_timeout_s: float = Field(default=10.0, gt=0)
    webhook_dead_after_s: float = Field(default=3 * 86_400.0, ge=0)

    # Messages to customers
    message_attempts: int = Field(default=20, ge=1)
    message_backoff_s: float = Field(default=2.0, gt=0)

    # Notices to staff
    notice_interval_s: float = Field(default=900.0, gt=0)
    notice_settle_s: float = Field(default=60.0, ge=0)
    notice_poll_s: float = Field(default=5.0, gt=0)
    notice_lag_s: float = Field(default=60.0, gt=0)
    provider_silent_s: float = Field(default=3 * 86_400, gt=0)
    notice_attempts: int = Field(default=10, ge=1)
    notice_machine_percent: int = Field(default=90, ge=1, le=100)
    notice_silent_s: float = Field(default=60.0, ge=20)
    notice_deaths: int = Field(default=3, ge=1)
    notice_deaths_s: float = Field(default=900.0, gt=0)
    watched_dirs: Annotated[tuple[str, ...], NoDecode] = ()
    books_check_s: float = Field(default=3600.0, gt=0)
    books_check_timeout_s: float = Field(default=300.0, gt=0)
    console_url: str = ""
    smtp_host: str = ""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_tls: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_from: str = ""

    # Invoices and credit notes
    seller_name: str = ""
    seller_address: str = ""
    seller_tax_number: str = ""
    seller_contact: str = ""
    seller_time_zone: str = "Asia/Shanghai"

    # Telemetry
    otlp_endpoint: str = ""
    log_level: str = "INFO"

    @field_validator("previous_master_keys", "watched_dirs", mode="before")
    @classmethod
    def _json_list(cls, typed: Any) -> Any:
        if not isinstance(typed, str):
            return typed
        try:
            listed = json.loads(typed or "[]")
        except ValueError:
            listed = None
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise ValueError('must be a JSON list such as ["one", "two"]')
        return listed

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, typed: str) -> str:
        if typed.upper() not in LOG_LEVELS:
            raise ValueError(f"must be one of {', '.join(LOG_LEVELS)}")
        return typed.upper()

    @field_validator("portal_time_zone", "seller_time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            return ZoneInfo(name).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("must be the IANA name of a time zone, such as Asia/Shanghai") from None

    @field_validator("rate_limit_token", "rate_limit_customer", "rate_limit_address")
    @classmethod
    def _known_rates(cls, typed: str) -> str:
        try:
            return typed if not typed.strip() or parse_many(typed) else ""
        except ValueError:
            raise ValueError("must be rates such as 50/second;1500/minute") from None

    @field_validator("smtp_from")
    @classmethod
    def _one_sender(cls, typed: str) -> str:
        return require_sender(typed) if typed else typed

    @field_validator("webhook_ports")
    @classmethod
    def _known_ports(cls, typed: str) -> str:
        ports = [int(one) for one in typed.split(",") if one.strip().isdigit()]
        if len(ports) != typed.count(",") + 1 or not all(0 < port < 65_536 for port in ports):
            raise ValueError("must be ports such as 80,443")
        return ",".join(str(port) for port in ports)

    @field_validator("trusted_proxies", "webhook_denied_networks")
    @classmethod
    def _known_proxies(cls, typed: str) -> str:
        try:
            return ",".join(str(ip_network(one.strip())) for one in typed.split(",") if one.strip())
        except ValueError:
            raise ValueError("must be addresses or networks such as 10.0.0.5,10.1.0.0/16") from None

    @cached_property
    def terms(self) -> Terms:
        """What an order carries beside its lines."""
        return Terms(self.shipping_fee_minor, self.free_shipping_from_minor, Tax(self.tax_rate_bp, self.tax_included))


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The process's settings; reads the environment the first time only."""
    return Settings()
