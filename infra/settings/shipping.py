"""Shipping: the carrier, and how long a parcel may take."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from domain.shipping.tracking_links import shops_pages
from infra.settings.parsing import json_list


def _pages(typed: tuple[str, ...]) -> tuple[str, ...]:
    shops_pages(typed)
    return typed


class ShippingSettings(BaseModel):
    """Shipping."""

    carrier: Literal["sandbox", "ups", "sf"] = "sandbox"
    ups_client_id: str = ""
    ups_client_secret: SecretStr = SecretStr("")
    ups_account_number: str = ""
    ups_test_mode: bool = True
    ups_server_url: str = ""
    ups_webhook_secret: SecretStr = SecretStr("")
    sf_partner_id: str = ""
    sf_checkword: SecretStr = SecretStr("")
    sf_monthly_card: str = ""
    sf_product: int = Field(default=2, ge=1)
    sf_test_mode: bool = True
    sf_server_url: str = ""
    kuaidi100_customer: str = ""
    kuaidi100_key: SecretStr = SecretStr("")
    kuaidi100_server_url: str = ""
    tracking_s: float = Field(default=1800.0, gt=0)
    tracking_max_s: float = Field(default=21_600.0, gt=0)
    tracking_limit: int = Field(default=200, ge=1)
    tracking_links: Annotated[tuple[str, ...], NoDecode, BeforeValidator(json_list), AfterValidator(_pages)] = ()
    dispatch_timeout_s: int = Field(default=2 * 86_400, ge=0)
    supplier_timeout_s: int = Field(default=2 * 86_400, ge=0)
    delivery_timeout_s: int = Field(default=14 * 86_400, ge=0)
