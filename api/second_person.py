"""Asking for a second person, before money moves."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from api.dependencies import Services, actor, derived_id
from domain.access import Principal, Role
from infra.db import approvals, events
from infra.db.approvals import Approval, Ask

DECIDED_BY = (Role.SUPPORT, Role.FINANCE, Role.OPERATIONS)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An act that needs a second person: `wish` is its body as it was sent; `number` None for a bulk act."""

    kind: str
    number: str | None
    action: str
    orders: int
    amount_minor: int
    currency: str | None
    wish: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Yes:
    """A second person's yes: the act is still the act of who asked for it."""

    approval_id: str
    asked_by: str

    @classmethod
    def of(cls, approval: Approval) -> "Yes":
        return cls(approval.approval_id, approval.asked_by)


async def ask(conn: AsyncConnection, parts: Services, caller: Principal, key: str, wanted: Wanted) -> dict[str, Any]:
    """Keep the request; the body of a 202. Raises Conflict `approval_waiting`."""
    if wanted.number is not None:
        await events.lock_order(conn, wanted.number)
    approval_id = f"apr_{derived_id(caller, key, f'ask {wanted.kind} {wanted.number}')}"
    lifetime_s = parts.settings.approval_lifetime_s
    request = Ask(approval_id, wanted.kind, wanted.number, wanted.action, wanted.orders, wanted.amount_minor,
                  wanted.currency, wanted.wish, actor(caller), lifetime_s)  # fmt: skip
    expires_at = await approvals.ask(conn, parts.keys, request)
    return {
        "approval_id": approval_id,
        "state": "waiting",
        "orders": wanted.orders,
        "amount_minor": wanted.amount_minor,
        "currency": wanted.currency,
        "expires_at": expires_at,
    }
