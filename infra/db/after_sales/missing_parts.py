"""The part of an order that waits for stock is cancelled: its money goes back, and the order goes on without it."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db.after_sales import lost_parts
from infra.db.after_sales.lost_parts import LostPart
from infra.db.orders.changing import cancellation
from infra.settings import Settings

_PART = text(
    """
    SELECT f.fulfilment_id, NOT EXISTS (SELECT FROM fulfilments x WHERE x.order_no = f.order_no
                                           AND x.number <> f.number AND x.status <> 'cancelled') AS alone
      FROM fulfilments f WHERE f.order_no = :order_no AND f.number = :number AND f.status = 'planned'
       AND f.kind = 'parcel'
    """
)
_UNITS = text("SELECT sum(quantity)::bigint FROM fulfilment_lines WHERE order_no = :order_no AND number = :number")


@dataclass(frozen=True, slots=True)
class MissingPart:
    """A planned part, and what its cancellation would refund, in minor units. `alone`: no other part of the order
    stands, so all of the order is cancelled."""

    number: int
    fulfilment_id: str
    alone: bool
    lost: LostPart


async def part_of(conn: AsyncConnection, order_no: str, number: int) -> MissingPart | None:
    """The part; None where it waits no more."""
    row = (await conn.execute(_PART, {"order_no": order_no, "number": number})).one_or_none()
    if row is None:
        return None
    lost = await lost_parts.part_of(conn, order_no, number, alone=row.alone)
    return MissingPart(number, row.fulfilment_id, row.alone, lost)


async def cancel(conn: AsyncConnection, order_no: str, number: int, cause: str, actor: str, settings: Settings) -> bool:
    """Cancel it, or the order where it is all that is left of it; `cause` is a code. False where it waits no more.
    The caller has locked the order."""
    part = await part_of(conn, order_no, number)
    if part is None:
        return False
    if part.alone:
        await cancellation.mark(conn, order_no, cause, actor)
        return True
    units = (await conn.execute(_UNITS, {"order_no": order_no, "number": number})).scalar_one()
    said = {"cause": cause, "units": units, "amount_minor": part.lost.refund_minor}
    await lost_parts.give_up(conn, order_no, part.lost, actor, settings, "backorder_cancelled", said)
    return True
