"""The customer portal: its address, sessions, and how often a sign-in code may be requested."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from infra.settings.parsing import time_zone


class PortalSettings(BaseModel):
    """Portal."""

    portal_url: str = ""
    portal_time_zone: Annotated[str, AfterValidator(time_zone)] = "Asia/Shanghai"
    portal_session_s: int = Field(default=12 * 3600, ge=60)
    portal_idle_s: int = Field(default=1800, ge=60)
    portal_ask_window_s: int = Field(default=900, ge=1)
    portal_asks_per_contact: int = Field(default=5, ge=1)
    portal_asks_per_contact_day: int = Field(default=20, ge=1)
    portal_asks_per_address: int = Field(default=30, ge=1)
    portal_asks_per_address_day: int = Field(default=300, ge=1)
