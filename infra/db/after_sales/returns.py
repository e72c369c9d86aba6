"""Returns in the database: a row, its lines, the result of the inspection. Every change is made under the order's lock.

The database counts the items and guards the lifecycle; requests and actions of people are in other modules
(return_requests, return_handling, return_deadlines).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.after_sales.return_deadlines import LabelStatus, ReturnFacts
from domain.after_sales.returns import (
    RETURN_TRANSITIONS,
    Condition,
    LineFinding,
    LinePieces,
    Reason,
    Resolution,
    ReturnDue,
    ReturnEvent,
    ReturnStatus,
    wait_of,
)
from domain.errors import Conflict, NotFound
from domain.times import rfc3339
from infra.db.after_sales.return_policy import ReturnPolicy
from infra.db.orders.state import timeline

_COLUMNS = """return_id, order_no, return_no, resolution, status, reason_code, requested_by, warehouse, deadline,
              remind_at, reminded_at, default_outcome, label, label_tries, carrier, carrier_ref, tracking_no, parcel,
              settled"""
_ORDER_OF = text("SELECT order_no FROM returns WHERE return_id = :return_id")
_ONE = text(f"SELECT {_COLUMNS} FROM returns WHERE return_id = :return_id")  # noqa: S608
_LINES = text("SELECT line_no, sku, quantity FROM return_lines WHERE return_id = :return_id ORDER BY line_no")
_FINDINGS = text(
    """SELECT f.line_no, l.sku, f.condition, f.quantity
         FROM return_inspections f JOIN return_lines l USING (return_id, line_no)
        WHERE f.return_id = :return_id AND f.stage = :stage ORDER BY f.line_no, f.condition"""
)
_FOUND = text(
    """INSERT INTO return_inspections (return_id, line_no, stage, condition, quantity)
       VALUES (:return_id, :line_no, :stage, :condition, :quantity)"""
)
_MOVE = text(
    f"""
    UPDATE returns
       SET status = :status, deadline = now() + make_interval(secs => :deadline_s),
           remind_at = now() + make_interval(secs => :remind_s), reminded_at = NULL, default_outcome = :outcome,
           label = CASE WHEN :wants_label THEN 'wanted' ELSE label END, updated_at = now()
     WHERE return_id = :return_id RETURNING {_COLUMNS}
    """  # noqa: S608
)
_SETTLED = text("UPDATE returns SET settled = :code, updated_at = now() WHERE return_id = :return_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Return(ReturnFacts):
    """A row of `returns`."""

    return_id: str
    order_no: str
    return_no: int
    resolution: Resolution
    reason_code: Reason
    requested_by: str
    warehouse: str
    carrier: str | None
    carrier_ref: str | None
    tracking_no: str | None
    settled: str | None

    @property
    def facts(self) -> dict[str, str | int]:
        """What every event of this return says."""
        return {"return_id": self.return_id, "return_no": self.return_no}


def returned(row: RowMapping) -> Return:
    """A row as a Return."""
    typed = {
        "resolution": Resolution(row["resolution"]),
        "status": ReturnStatus(row["status"]),
        "reason_code": Reason(row["reason_code"]),
        "default_outcome": ReturnDue(row["default_outcome"]) if row["default_outcome"] else None,
        "label": LabelStatus(row["label"]),
    }
    return Return(**{**row, **typed})


async def order_of(conn: AsyncConnection, return_id: str) -> str:
    """The number of the order that it is of. Raises NotFound `return_not_found`."""
    order_no = (await conn.execute(_ORDER_OF, {"return_id": return_id})).scalar_one_or_none()
    if order_no is None:
        raise NotFound("return_not_found")
    return str(order_no)


async def find(conn: AsyncConnection, return_id: str) -> Return:
    """Read it. Raises NotFound `return_not_found`."""
    row = (await conn.execute(_ONE, {"return_id": return_id})).mappings().one_or_none()
    if row is None:
        raise NotFound("return_not_found")
    return returned(row)


async def lock(conn: AsyncConnection, return_id: str) -> Return:
    """Take its order for this transaction, then read it. Raises NotFound `return_not_found`."""
    await timeline.lock_order(conn, await order_of(conn, return_id))
    return await find(conn, return_id)


async def lines_of(conn: AsyncConnection, return_id: str) -> list[LinePieces]:
    """The pieces that are on it, by the order's lines."""
    return [LinePieces(**row._mapping) for row in await conn.execute(_LINES, {"return_id": return_id})]


async def findings_of(conn: AsyncConnection, return_id: str, stage: str) -> list[LineFinding]:
    """What was found at `stage` (received, inspected)."""
    rows = await conn.execute(_FINDINGS, {"return_id": return_id, "stage": stage})
    return [LineFinding(row.line_no, row.sku, Condition(row.condition), row.quantity) for row in rows]


async def keep_findings(conn: AsyncConnection, return_id: str, stage: str, found: Sequence[LineFinding]) -> None:
    """Write what was found; the database wants all pieces of each line in it."""
    known = {"return_id": return_id, "stage": stage}
    rows = [{**known, "line_no": one.line_no, "condition": one.condition, "quantity": one.quantity} for one in found]
    await conn.execute(_FOUND, rows)


async def transition(
    conn: AsyncConnection,
    order_return: Return,
    event: ReturnEvent,
    actor: str,
    terms: ReturnPolicy,
    data: Mapping[str, object] | None = None,
    *,
    our_parcel: bool = False,
) -> Return:
    """Move it along the transition table, begin its next wait, tell the timeline. The caller has locked the order.

    Raises Conflict `return_closed` where the table has no such step.
    """
    target = RETURN_TRANSITIONS.get((order_return.status, event))
    if target is None:
        raise Conflict("return_closed", f"the return is {order_return.status}: that is no longer possible")
    wait = wait_of(target, terms.waits, our_parcel=our_parcel)
    values = {
        "return_id": order_return.return_id,
        "status": target,
        "deadline_s": wait.deadline_s,
        "remind_s": wait.remind_s,
        "outcome": wait.outcome,
        "wants_label": event is ReturnEvent.APPROVED and terms.labels,
    }
    moved = returned((await conn.execute(_MOVE, values)).mappings().one())
    until = {"until": rfc3339(moved.deadline)} if moved.deadline else {}
    await timeline.append(
        conn, order_return.order_no, event, actor, data={**order_return.facts, **until, **(data or {})}
    )
    return moved


async def mark_settled(conn: AsyncConnection, order_return: Return, code: str) -> None:
    """Keep what came of it."""
    await conn.execute(_SETTLED, {"return_id": order_return.return_id, "code": code})
