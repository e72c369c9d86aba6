"""Webhooks to subscribers: where they may go, and how often they are tried."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, field_validator

from infra.settings.parsing import networks


class WebhookSettings(BaseModel):
    """Webhooks."""

    webhook_attempts: int = Field(default=12, ge=1)
    webhook_timeout_s: float = Field(default=10.0, gt=0)
    webhook_dead_after_s: float = Field(default=3 * 86_400.0, ge=0)
    webhook_ports: str = "80,443"
    webhook_denied_networks: Annotated[str, AfterValidator(networks)] = ""
    allow_private_webhook_targets: bool = False

    @field_validator("webhook_ports")
    @classmethod
    def _known_ports(cls, typed: str) -> str:
        ports = [int(one) for one in typed.split(",") if one.strip().isdigit()]
        if len(ports) != typed.count(",") + 1 or not all(0 < port < 65_536 for port in ports):
            raise ValueError("must be ports such as 80,443")
        return ",".join(str(port) for port in ports)
