"""Body and answers of the calls on approvals."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from api.schemas.answers import Time
from api.schemas.fields import Body, Reason
from domain.payments.refunds import RefundStatus


class Decide(Body):
    """Why the approver agrees, or does not."""

    reason: Reason


class OpenedApproval(BaseModel):
    """An action that waits for an approver; nothing moves before."""

    approval_id: str
    state: Literal["waiting"]
    orders: int = Field(description="Number of orders that the action covers")
    amount_minor: int = Field(description="Money that the action moves, in minor units of `currency`")
    currency: str | None = Field(description="Null where the orders have several currencies")
    expires_at: Time


class Approval(BaseModel):
    """A request for an approval. `reason` and `value` are null where they are not given or were erased.

    `park_no`, `step` and `subject` describe the parked step that the action resolves.
    """

    approval_id: str
    kind: Literal["resolve", "adjust", "bulk", "refund"]
    order_no: str | None = Field(description="Null for a bulk job")
    action: str
    orders: int
    amount_minor: int = Field(description="Money that the action moves, in minor units of `currency`")
    currency: str | None
    asked_by: str
    asked_at: Time
    expires_at: Time
    decision: Literal["approved", "refused"] | None
    decided_by: str | None
    decided_at: Time | None
    done_at: Time | None = Field(description="When the approved action was carried out")
    lapsed: bool
    words: str | None = Field(description="The approver's reason")
    park_no: int | None
    step: str | None
    subject: str | None
    reason: str | None
    value: dict[str, Any] | None


class ApprovalList(BaseModel):
    """A page of approvals, the newest first."""

    items: list[Approval]
    next_cursor: str | None


class RefusedApproval(BaseModel):
    """The action is not carried out."""

    approval_id: str
    decision: Literal["refused"]


class ApprovedRefund(BaseModel):
    """A refund that was approved: `succeeded` for store credit, else the workflow pays it."""

    refund_id: str
    order_no: str
    status: Literal[RefundStatus.APPROVED, RefundStatus.SUCCEEDED]
