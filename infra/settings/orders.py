"""Orders: what one may hold, and how long it waits."""

from pydantic import BaseModel, Field


class OrderSettings(BaseModel):
    """Orders."""

    customer_channel: str = Field(default="web", min_length=1, max_length=32)
    max_order_lines: int = Field(default=500, ge=1)
    unpaid_units_per_customer: int = Field(default=1_000, ge=0)
    # Shorter than idempotency keys are kept, on which it rests that a draft is placed once.
    order_draft_s: int = Field(default=6 * 86_400, ge=60, le=6 * 86_400)
    note_change_s: int = Field(default=86_400, ge=0)
    delivery_slot_days_ahead: int = Field(default=60, ge=1, le=365)
    backlog_limit: int = Field(default=1_000_000, ge=0)
    backorder_timeout_s: int = Field(default=30 * 86_400, ge=0)
    backorder_choice_s: int = Field(default=3 * 86_400, ge=60)
    backorder_cancel_after_slips: int = Field(default=0, ge=0, le=1000)
    overdue_escalation_s: int = Field(default=7 * 86_400, ge=0)
    max_fulfilments: int = Field(default=3, ge=1, le=20)
    hold_deadline_s: int = Field(default=2 * 86_400, ge=1)
    hold_escalation_s: int = Field(default=4 * 3600, ge=1)
    hold_risk_above_minor: int = Field(default=0, ge=0)
