"""Payments: the provider, and how long an order waits for money."""

from typing import Literal

from pydantic import BaseModel, Field, SecretStr

from domain.payments.shipment_captures import CaptureMode

EXPIRED_PAYMENT_TIMEOUT_S = 3 * 86_400


class PaymentSettings(BaseModel):
    """Payments."""

    payment_provider: Literal["sandbox", "stripe"] = "sandbox"
    capture: CaptureMode = CaptureMode.ORDER
    stripe_api_key: SecretStr = SecretStr("")
    stripe_api_base: str = "https://api.stripe.com"
    stripe_webhook_secret: SecretStr = SecretStr("")
    payment_timeout_s: int = Field(default=1800, ge=0)
    exchange_payment_timeout_s: int = Field(default=3 * 86_400, ge=0)
    expired_payment_timeout_s: int = Field(default=EXPIRED_PAYMENT_TIMEOUT_S, ge=0)
    payment_poll_s: int = Field(default=60, ge=0)
    payment_pending_patience_s: int = Field(default=14 * 86_400, ge=0)
