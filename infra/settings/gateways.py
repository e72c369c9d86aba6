"""Calls to every provider, and the sandbox that stands in for them."""

from pydantic import BaseModel, Field, SecretStr


class GatewaySettings(BaseModel):
    """Providers and the sandbox."""

    gateway_timeout_s: float = Field(default=5.0, gt=0)
    gateway_attempts: int = Field(default=5, ge=1)
    gateway_backoff_s: float = Field(default=1.0, gt=0, le=15)
    gateway_patience_s: float = Field(default=120.0, gt=0)
    breaker_failures: int = Field(default=20, ge=1)
    breaker_reset_s: float = Field(default=2.0, gt=0)
    sandbox_url: str = "http://127.0.0.1:8010"
    sandbox_webhook_secret: SecretStr = SecretStr("")
