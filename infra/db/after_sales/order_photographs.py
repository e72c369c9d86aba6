"""Photographs that customers send of a parcel: which stored files belong to an order."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

MAX_PHOTOGRAPHS = 10
# The caller has locked the order, so the next number is free.
_ADD = text(
    """
    INSERT INTO order_photographs (order_no, photograph_no, file_id, added_by)
    SELECT :order_no, count(*) + 1, :file_id, :actor FROM order_photographs WHERE order_no = :order_no
    """
)
_OWN = text(
    """
    SELECT photograph_no, file_id, added_at FROM order_photographs WHERE order_no = :order_no ORDER BY photograph_no
    """
)
_EVERY = text(
    """
    SELECT photograph_no, file_id, added_at, NULL AS return_id FROM order_photographs WHERE order_no = :order_no
     UNION ALL
    SELECT p.photograph_no, p.file_id, p.added_at, p.return_id
      FROM return_photographs p JOIN returns r USING (return_id) WHERE r.order_no = :order_no
     ORDER BY return_id NULLS FIRST, photograph_no
    """
)


@dataclass(frozen=True, slots=True)
class OrderPhotograph:
    """A photograph; `return_id` is the return that it belongs to, None where it is of the parcel."""

    photograph_no: int
    file_id: str
    added_at: datetime
    return_id: str | None = None


async def add(conn: AsyncConnection, order_no: str, file_id: str, actor: str) -> None:
    """Add a stored file to the order, which the caller has locked."""
    await conn.execute(_ADD, {"order_no": order_no, "file_id": file_id, "actor": actor})


async def of_parcel(conn: AsyncConnection, order_no: str) -> list[OrderPhotograph]:
    """The photographs of the order's parcel, the first one first."""
    return [OrderPhotograph(**row._mapping) for row in await conn.execute(_OWN, {"order_no": order_no})]


async def every(conn: AsyncConnection, order_no: str) -> list[OrderPhotograph]:
    """The same with those of the order's returns."""
    return [OrderPhotograph(**row._mapping) for row in await conn.execute(_EVERY, {"order_no": order_no})]
