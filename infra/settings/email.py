"""The mail server, for messages to customers and for alerts."""

from typing import Literal

from pydantic import BaseModel, Field, SecretStr, field_validator

from infra.email.mail_address import require_sender


class EmailSettings(BaseModel):
    """Mail server."""

    smtp_host: str = ""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_tls: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_from: str = ""

    @field_validator("smtp_from")
    @classmethod
    def _one_sender(cls, typed: str) -> str:
        return require_sender(typed) if typed else typed
