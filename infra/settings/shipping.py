"""Shipping: the carrier, and how long a parcel may take."""

from typing import Literal

from pydantic import BaseModel, Field, SecretStr


class ShippingSettings(BaseModel):
    """Shipping."""

    carrier: Literal["sandbox", "ups"] = "sandbox"
    ups_client_id: str = ""
    ups_client_secret: SecretStr = SecretStr("")
    ups_account_number: str = ""
    ups_test_mode: bool = True
    ups_server_url: str = ""
    ups_webhook_secret: SecretStr = SecretStr("")
    dispatch_timeout_s: int = Field(default=2 * 86_400, ge=0)
    delivery_timeout_s: int = Field(default=14 * 86_400, ge=0)
