"""What a manual adjustment must know of an order, and whether it has happened."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import NotFound
from domain.orders.status import Status
from domain.shipping.fulfilments import FulfilmentStatus
from domain.support.manual_transitions import AdjustablePart

_STANDING = text(
    """
    SELECT o.status, o.cancelling IS NOT NULL AS cancelling, o.total_minor, o.currency,
           EXISTS (SELECT FROM parked_steps p WHERE p.order_no = o.order_no AND p.resolved_at IS NULL) AS parked,
           EXISTS (SELECT FROM holds h WHERE h.order_no = o.order_no AND h.closed_at IS NULL
                      AND o.status = ANY (h.stops)) AS held,
           (SELECT json_agg(json_build_array(f.fulfilment_id, f.number, f.warehouse, f.status) ORDER BY f.number)
              FROM fulfilments f WHERE f.order_no = o.order_no) AS parts
      FROM orders o WHERE o.order_no = :order_no
    """
)
_AFTER = text(
    """
    SELECT o.status FROM order_events e JOIN orders o USING (order_no)
     WHERE e.order_no = :order_no AND e.key = :key
    """
)

_ACTION = text(
    """SELECT a.actor, a.value_enc, c.data_key FROM staff_actions a JOIN orders USING (order_no)
         JOIN customers c USING (customer_id)
        WHERE a.act_id = :act_id AND a.order_no = :order_no AND a.action = 'adjust' AND a.detail = :event"""
)


@dataclass(frozen=True, slots=True)
class TransitionContext:
    """Where the order stands; `parts` are those of an order that has several."""

    status: Status
    cancelling: bool
    total_minor: int
    currency: str
    parked: bool
    held: bool
    parts: tuple[AdjustablePart, ...] = ()


async def load_context(conn: AsyncConnection, order_no: str) -> TransitionContext:
    """Raises NotFound `order_not_found`."""
    row = (await conn.execute(_STANDING, {"order_no": order_no})).one_or_none()
    if row is None:
        raise NotFound("order_not_found")
    parts = tuple(
        AdjustablePart(number, position, warehouse, FulfilmentStatus(status))
        for number, position, warehouse, status in row.parts or ()
    )
    return TransitionContext(
        Status(row.status), row.cancelling, row.total_minor, row.currency, row.parked, row.held,
        parts if len(parts) > 1 else (),
    )  # fmt: skip


async def status_after(conn: AsyncConnection, act_id: str, order_no: str) -> str | None:
    """The order's status now, if this act has adjusted it."""
    return (await conn.execute(_AFTER, {"order_no": order_no, "key": f"adjust:{act_id}"})).scalar_one_or_none()


@dataclass(frozen=True, slots=True)
class SealedAction:
    """An action that a person asked for; its value is sealed."""

    actor: str
    value_enc: bytes | None
    data_key: bytes | None


async def action_of(conn: AsyncConnection, order_no: str, act_id: str, event: str) -> SealedAction | None:
    """The action; None where there is none."""
    about = {"order_no": order_no, "act_id": act_id, "event": event}
    row = (await conn.execute(_ACTION, about)).mappings().one_or_none()
    return SealedAction(**row) if row else None
