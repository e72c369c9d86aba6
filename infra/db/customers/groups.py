"""The group that a customer belongs to: strategies of sourcing can be for some groups."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_GROUP = text("SELECT customer_group FROM customers WHERE customer_id = :customer_id")
_SET = text(
    """UPDATE customers SET customer_group = CAST(:customer_group AS text), updated_at = now()
        WHERE customer_id = :customer_id"""
)


async def group_of(conn: AsyncConnection, customer_id: str) -> str | None:
    """The group; None for a customer without one, and for one who is not known."""
    group: str | None = (await conn.execute(_GROUP, {"customer_id": customer_id})).scalar_one_or_none()
    return group


async def set_group(conn: AsyncConnection, customer_id: str, group: str | None) -> bool:
    """Put the customer into the group, or into none; the audit log has it by trigger. False for an unknown one."""
    values = {"customer_id": customer_id, "customer_group": group}
    return (await conn.execute(_SET, values)).rowcount == 1
