"""Parts of orders that have no parcel: codes and services. Callers have locked the order."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from domain.errors import Conflict
from domain.orders.status import Status
from domain.shipping.fulfilments import FulfilmentKind, FulfilmentStatus
from infra.db.engine import Connection
from infra.db.shipping import fulfilments, part_progress, production
from infra.db.shipping.shipments import PartRef
from infra.settings import Settings

# The services of one part are all confirmed after the same time.
_PART = text(
    """
    SELECT f.kind, f.due_at,
           (SELECT max(p.confirmed_after_days)
              FROM fulfilment_lines n JOIN order_lines l USING (order_no, line_no) JOIN products p USING (sku)
             WHERE n.order_no = f.order_no AND n.number = f.number) AS confirmed_after_days
      FROM fulfilments f JOIN orders o USING (order_no)
     WHERE f.order_no = :order_no AND f.number = :number AND f.status = 'planned' AND f.kind IN ('codes', 'service')
       AND o.cancelling IS NULL AND NOT EXISTS (
             SELECT FROM holds h WHERE h.order_no = o.order_no AND h.closed_at IS NULL
                AND h.stops && ARRAY[o.status, 'paid'])
    """
)
_SIGNAL = text(
    """INSERT INTO workflow_requests (kind, subject, name, payload)
       VALUES ('signal_order', :order_no, 'after_sales', '{"about": "service"}')"""
)
_UNITS = text("SELECT sum(quantity)::bigint FROM fulfilment_lines WHERE order_no = :order_no AND number = :number")


@dataclass(frozen=True, slots=True)
class StandingPart:
    """Codes or a service that are to be delivered. `due_at`: the service counts as performed then."""

    kind: FulfilmentKind
    due_at: datetime | None
    confirmed_after_days: int | None


async def part_of(conn: Connection, order_no: str, number: int) -> StandingPart | None:
    """The part while it is to be delivered; None where it is no such part, over, held or being cancelled."""
    row = (await conn.execute(_PART, {"order_no": order_no, "number": number})).one_or_none()
    return StandingPart(FulfilmentKind(row.kind), row.due_at, row.confirmed_after_days) if row else None


async def deliver(conn: Connection, part: PartRef, event: str, actor: str, settings: Settings) -> None:
    """Its codes are issued, or its service is performed (`event` for the timeline): the order follows."""
    units = (await conn.execute(_UNITS, {"order_no": part.order_no, "number": part.number})).scalar_one()
    await fulfilments.deliver(conn, part)
    await part_progress.tell(conn, part, event, {"units": units}, f"{event}:{part.number}", actor)
    await part_progress.settle(conn, part.order_no, settings)


async def performed(conn: Connection, part: PartRef, status: Status, actor: str, settings: Settings) -> None:
    """A person confirms that the service of the part is performed. Repeated, nothing happens.

    Raises Conflict `not_a_service`, `fulfilment_cancelled`, `order_cancelling`, `not_paid_yet`, `order_is_held`.
    """
    now = await production.part_of(conn, part)
    if now.kind is not FulfilmentKind.SERVICE:
        raise Conflict("not_a_service")
    if now.status is FulfilmentStatus.DELIVERED:
        return
    if now.status is FulfilmentStatus.CANCELLED:
        raise Conflict("fulfilment_cancelled")
    if now.cancelling:
        raise Conflict("order_cancelling")
    if status not in (Status.PAID, Status.PREPARING, Status.SHIPPED):
        raise Conflict("not_paid_yet")
    if await part_of(conn, part.order_no, part.number) is None:
        raise Conflict("order_is_held")
    await deliver(conn, part, "service_performed", actor, settings)
    await conn.execute(_SIGNAL, {"order_no": part.order_no})
