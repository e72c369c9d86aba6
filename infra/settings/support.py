"""Parked steps, and actions that need approval."""

from pydantic import BaseModel, Field


class SupportSettings(BaseModel):
    """Support and approvals."""

    escalation_s: int = Field(default=4 * 3600, ge=0)
    approval_limit_minor: int = Field(default=100_000, ge=0)
    approval_limit_person_day_minor: int = Field(default=0, ge=0)
    approval_lifetime_s: int = Field(default=3 * 86_400, ge=60)
