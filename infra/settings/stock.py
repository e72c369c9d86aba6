"""Stock: transfers, purchase orders, counts."""

from pydantic import BaseModel, Field


class StockSettings(BaseModel):
    """Stock."""

    transfer_timeout_s: int = Field(default=7 * 86_400, ge=1)
    over_delivery_percent: int = Field(default=0, ge=0, le=100)
    count_approval_units: int = Field(default=100, ge=0)
    count_approval_minor: int = Field(default=100_000, ge=0)
    stock_case_overdue_s: int = Field(default=2 * 86_400, ge=1)
    codes_low: int = Field(default=10, ge=0)
