"""Writing an order's timeline: the one door to its status."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.after_sales import returns
from domain.errors import Conflict, NotFound
from domain.orders.status import OrderEvent, Status, next_status
from domain.orders.waiting import Waiting
from domain.times import rfc3339
from infra.db.literals import literals

_INSERT = text(
    """INSERT INTO order_events (order_no, type, from_status, to_status, key, data, actor)
       VALUES (:order_no, :type, :from_status, :to_status, :key, CAST(:data AS jsonb), :actor)"""
)
_COMPLETE = text(
    f"""INSERT INTO order_events (order_no, type, from_status, to_status, data, actor)
       SELECT o.order_no, :type, CAST(:from_status AS text), CAST(:to_status AS text), CAST(:data AS jsonb), 'system'
         FROM orders o WHERE o.order_no = :order_no AND o.status = :from_status
          AND NOT EXISTS (SELECT FROM returns r WHERE r.order_no = o.order_no
                             AND r.status IN ({literals(returns.OPEN)}))
          AND NOT (o.type = 'b2b' AND EXISTS (SELECT FROM receivables v WHERE v.order_no = o.order_no
                                                 AND v.owed_minor > 0))"""  # noqa: S608
)
# One after the other in order of their numbers, so that two groups lock alike.
_INSERT_ALL = text(
    """INSERT INTO order_events (order_no, type, from_status, to_status, data, actor)
       SELECT g.order_no, :type, CAST(:from_status AS text), CAST(:to_status AS text), g.data, 'system'
         FROM unnest(CAST(:order_nos AS text[]), CAST(:data AS jsonb[])) AS g (order_no, data) ORDER BY g.order_no"""
)
_LOCK = text("SELECT status FROM orders WHERE order_no = :order_no FOR UPDATE")
_KEYED = text("SELECT 1 FROM order_events WHERE order_no = :order_no AND key = :key")


def waiting(what: str, next_step: str, timeout_s: float | None = None) -> Waiting:
    """What an order waits for from now on."""
    until = None if timeout_s is None else rfc3339(deadline_in(timeout_s))
    return {"what": what, "until": until, "next": next_step}


def deadline_in(timeout_s: float) -> datetime:
    """The moment so many seconds from now."""
    return datetime.now(UTC) + timedelta(seconds=timeout_s)


async def lock_order(conn: AsyncConnection, order_no: str) -> Status:
    """Take the order's row for this transaction; raises NotFound."""
    status = (await conn.execute(_LOCK, {"order_no": order_no})).scalar_one_or_none()
    if status is None:
        raise NotFound("order_not_found")
    return Status(status)


async def is_done(conn: AsyncConnection, order_no: str, key: str) -> bool:
    """True when the effect `key` is already on the timeline."""
    return (await conn.execute(_KEYED, {"order_no": order_no, "key": key})).first() is not None


async def append(
    conn: AsyncConnection,
    order_no: str,
    kind: str,
    actor: str = "system",
    key: str | None = None,
    data: Mapping[str, object] | None = None,
) -> None:
    """Put something on the timeline that leaves the status as it is."""
    row = {"order_no": order_no, "type": kind, "from_status": None, "to_status": None, "key": key, "actor": actor}
    await conn.execute(_INSERT, {**row, "data": json.dumps(data or {})})


async def transition(
    conn: AsyncConnection,
    order_no: str,
    status: Status,
    event: OrderEvent,
    actor: str = "system",
    key: str | None = None,
    data: Mapping[str, object] | None = None,
) -> Status:
    """Move the order from `status` by `event`; answers with the new status.

    Raises Conflict `illegal_transition` where the lifecycle has no such step; the database refuses it too.
    """
    target = next_status(status, event)
    if target is None:
        raise Conflict("illegal_transition", f"an order that is {status} does not take {event}")
    row = {"order_no": order_no, "type": event, "from_status": status, "to_status": target, "key": key, "actor": actor}
    await conn.execute(_INSERT, {**row, "data": json.dumps(data or {})})
    return target


async def transition_all(
    conn: AsyncConnection, status: Status, event: OrderEvent, data: Mapping[str, Mapping[str, object]]
) -> Status:
    """Move several orders from `status` by `event`, all or none; `data` by order number. As `transition` else."""
    target = next_status(status, event)
    if target is None:
        raise Conflict("illegal_transition", f"an order that is {status} does not take {event}")
    row = {"type": event, "from_status": status, "to_status": target, "order_nos": list(data)}
    await conn.execute(_INSERT_ALL, {**row, "data": [json.dumps(one) for one in data.values()]})
    return target


async def complete(conn: AsyncConnection, order_no: str) -> bool:
    """The return window is over: complete the order, in one statement; False while a return is open, or the
    order is on payment terms and not paid."""
    row = {"order_no": order_no, "type": OrderEvent.RETURN_WINDOW_CLOSED}
    row |= {"from_status": Status.DELIVERED, "to_status": Status.COMPLETED, "data": json.dumps({"waiting": None})}
    return (await conn.execute(_COMPLETE, row)).rowcount == 1
