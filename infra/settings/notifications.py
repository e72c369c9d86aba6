"""Messages to customers."""

from typing import Literal

from pydantic import BaseModel, Field


class NotificationSettings(BaseModel):
    """Messages to customers."""

    email_provider: Literal["sandbox", "smtp", "none"] = "sandbox"
    sms_provider: Literal["sandbox", "none"] = "sandbox"
    message_attempts: int = Field(default=20, ge=1)
    message_backoff_s: float = Field(default=2.0, gt=0)
