"""Stock: transfers and counts."""

from pydantic import BaseModel, Field


class StockSettings(BaseModel):
    """Stock."""

    transfer_timeout_s: int = Field(default=7 * 86_400, ge=1)
