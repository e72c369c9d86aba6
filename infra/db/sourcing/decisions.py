"""What sourcing decided for an order, and why."""

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.sourcing.decision import DecisionFields, SourcingDecision

# How many of the warehouses that do not ship are stored.
_CONSIDERED = 20
_SAVE = text(
    """INSERT INTO sourcing_decisions (order_no, version, decision)
       VALUES (:order_no, nullif(CAST(:version AS integer), 0), CAST(:decision AS jsonb))"""
)
_NEWEST = text(
    """SELECT decided_at, version, decision FROM sourcing_decisions WHERE order_no = :order_no
        ORDER BY decision_id DESC LIMIT 1"""
)


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """A decision with the version of the profile that made it; 0 is the default profile."""

    decided_at: datetime
    version: int
    decision: DecisionFields


async def save_decision(conn: AsyncConnection, order_no: str, decision: SourcingDecision, version: int) -> None:
    """Store the decision, in the transaction that reserves."""
    await save_fields(conn, order_no, decision.fields(_CONSIDERED), version)


async def save_fields(conn: AsyncConnection, order_no: str, decision: DecisionFields, version: int) -> None:
    """Store a decision that a person changed, in the transaction that moves the stock."""
    stored = json.dumps(decision, ensure_ascii=False)
    await conn.execute(_SAVE, {"order_no": order_no, "version": version, "decision": stored})


async def newest(conn: AsyncConnection, order_no: str) -> StoredDecision | None:
    """The current decision; None where none was stored: one warehouse ships all of the order."""
    row = (await conn.execute(_NEWEST, {"order_no": order_no})).one_or_none()
    return StoredDecision(row.decided_at, row.version or 0, row.decision) if row else None
