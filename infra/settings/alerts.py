"""Alerts to staff, and what causes one."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field
from pydantic_settings import NoDecode

from infra.settings.parsing import json_list


class AlertSettings(BaseModel):
    """Alerts to staff."""

    console_url: str = ""
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
    watched_dirs: Annotated[tuple[str, ...], NoDecode, BeforeValidator(json_list)] = ()
    books_check_s: float = Field(default=3600.0, gt=0)
    books_check_timeout_s: float = Field(default=300.0, gt=0)
