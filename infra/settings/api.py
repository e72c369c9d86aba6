"""The API: where it listens, and what one caller may ask of it."""

from typing import Annotated

from limits import parse_many
from pydantic import AfterValidator, BaseModel, Field, field_validator

from infra.settings.parsing import networks


class ApiSettings(BaseModel):
    """API."""

    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8000, ge=0, le=65535)
    trusted_proxies: Annotated[str, AfterValidator(networks)] = ""
    max_body_bytes: int = Field(default=1_048_576, ge=1)
    max_upload_bytes: int = Field(default=9_000_000, ge=1)
    max_bill_bytes: int = Field(default=200_000_000, ge=1)
    max_header_bytes: int = Field(default=32_768, ge=4_096)
    header_timeout_s: float = Field(default=10.0, gt=0)
    body_timeout_s: float = Field(default=30.0, gt=0)
    connections_per_address: int = Field(default=500, ge=0)
    rate_limit_token: str = "500/second"  # noqa: S105
    rate_limit_customer: str = "100/second;3000/minute"
    rate_limit_address: str = "200/second;6000/minute"

    @field_validator("rate_limit_token", "rate_limit_customer", "rate_limit_address")
    @classmethod
    def _known_rates(cls, typed: str) -> str:
        try:
            return typed if not typed.strip() or parse_many(typed) else ""
        except ValueError:
            raise ValueError("must be rates such as 50/second;1500/minute") from None
