"""Requesting approval before money moves."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from api.dependencies import Services, actor, derived_id
from api.replies import Reply
from domain.access import Principal, Role
from domain.approvals import RequestedAction
from domain.errors import Conflict
from infra.db.approvals import approval_requests
from infra.db.approvals.approval_requests import Approval, NewApproval
from infra.db.engine import Connection
from infra.db.orders.state import timeline

DECIDED_BY = (Role.SUPPORT, Role.FINANCE, Role.OPERATIONS)


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """An action that needs approval. `number` is None for a bulk operation; `park_no` is the parked step that it
    resolves."""

    number: str | None
    action: str
    orders: int
    amount_minor: int
    currency: str | None
    request: RequestedAction
    park_no: int | None = None


@dataclass(frozen=True, slots=True)
class Approved:
    """An approval: the action still belongs to the requester."""

    approval_id: str
    asked_by: str

    @classmethod
    def of(cls, approval: Approval) -> "Approved":
        return cls(approval.approval_id, approval.asked_by)


class WaitingApproval(TypedDict):
    """The answer to an action that waits for an approver."""

    approval_id: str
    state: str
    orders: int
    amount_minor: int
    currency: str | None
    expires_at: datetime


def require_as_agreed(moves_minor: int, agreed_minor: int, currency: str) -> None:
    """A yes is for one amount. Raises Conflict `amount_differs`."""
    if moves_minor != agreed_minor:
        detail = "the act moves {moves} now and {agreed} were agreed to; refuse this request and ask again"
        raise Conflict("amount_differs", detail, moves_minor=moves_minor, agreed_minor=agreed_minor, currency=currency)


def approval_of(reply: Reply) -> str | None:
    """The approval that the action of this reply waits for; None for an action that is done."""
    approval_id: str | None = reply.content.get("approval_id")
    return approval_id


async def open_request(
    conn: Connection, services: Services, caller: Principal, key: str, requested: ApprovalRequest
) -> WaitingApproval:
    """Store the request; the body of a 202. Raises Conflict `approval_waiting`."""
    if requested.number is not None:
        await timeline.lock_order(conn, requested.number)
    approval_id = f"apr_{derived_id(caller, key, f'ask {requested.request.kind} {requested.number}')}"
    lifetime_s = services.settings.approval_lifetime_s
    new = NewApproval(approval_id, requested.number, requested.action, requested.orders, requested.amount_minor,
                      requested.currency, requested.request, actor(caller), lifetime_s, requested.park_no)  # fmt: skip
    expires_at = await approval_requests.open_request(conn, services.keys, new)
    return {
        "approval_id": approval_id,
        "state": "waiting",
        "orders": requested.orders,
        "amount_minor": requested.amount_minor,
        "currency": requested.currency,
        "expires_at": expires_at,
    }
