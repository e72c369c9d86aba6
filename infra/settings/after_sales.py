"""Returns: when they are approved, and how long each step may take."""

from pydantic import BaseModel, Field


class AfterSalesSettings(BaseModel):
    """Returns."""

    return_window_s: int = Field(default=7 * 86_400, ge=0)
    return_auto_approve_minor: int = Field(default=100_000, ge=0)
    damaged_refund_percent: int = Field(default=100, ge=0, le=100)
    return_labels: bool = True
    return_answer_s: int = Field(default=2 * 86_400, ge=1)
    return_send_s: int = Field(default=14 * 86_400, ge=1)
    return_transit_s: int = Field(default=14 * 86_400, ge=1)
    return_inspect_s: int = Field(default=5 * 86_400, ge=1)
