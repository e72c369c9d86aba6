"""Parts of orders that have no parcel: codes and services. Callers have locked the order."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from domain.shipping.fulfilments import FulfilmentKind
from infra.db.engine import Connection
from infra.db.shipping import fulfilments, part_progress
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
