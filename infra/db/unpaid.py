"""How much a customer may hold in orders that he placed himself and has not paid (migration 0028)."""

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict

_TOO_MUCH = "OM175"
_REQUIRE = text(
    """
    SELECT require_unpaid_within(o.customer_id, CAST(:most AS bigint)) FROM orders o
     WHERE o.order_no = :order_no AND o.status IN ('received', 'pending_payment')
    """
)


def refuse(error: DBAPIError, most: int) -> None:
    """Raises Conflict `unpaid_limit_reached` when that is what the database refused; else returns."""
    if getattr(error.orig, "sqlstate", None) == _TOO_MUCH:
        detail = f"at most {most:,} units may be reserved in unpaid orders; pay for one of yours or cancel it first"
        raise Conflict("unpaid_limit_reached", detail) from None


async def require_within(conn: AsyncConnection, order_no: str, most: int) -> None:
    """After an unpaid order was changed by its customer. Raises Conflict `unpaid_limit_reached`; 0 bounds nothing."""
    if not most:
        return
    try:
        await conn.execute(_REQUIRE, {"order_no": order_no, "most": most})
    except DBAPIError as error:
        refuse(error, most)
        raise
