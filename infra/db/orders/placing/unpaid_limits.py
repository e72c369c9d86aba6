"""How much a customer may reserve in their own unpaid orders, changes and exchanges (migration 0042)."""

from sqlalchemy import TextClause, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict
from domain.text import counted

_TOO_MUCH = "OM175"
_REQUIRE_OF = text(
    "SELECT require_unpaid_within(customer_id, CAST(:most AS bigint)) FROM orders WHERE order_no = :order_no"
)
_REQUIRE = text(
    """
    SELECT require_unpaid_within(o.customer_id, CAST(:most AS bigint)) FROM orders o
     WHERE o.order_no = :order_no
       AND (o.status IN ('received', 'pending_payment') OR is_awaiting_change_payment(o.order_no))
    """
)


def refuse(error: DBAPIError, most: int) -> None:
    """Raises Conflict `unpaid_limit_reached` when that is what the database refused; else returns."""
    if getattr(error.orig, "sqlstate", None) == _TOO_MUCH:
        units = counted(most, "unit")
        detail = f"at most {units} may be reserved and not paid; pay for one of your orders or cancel it first"
        raise Conflict("unpaid_limit_reached", detail) from None


async def require_within(conn: AsyncConnection, order_no: str, most: int) -> None:
    """After its customer changed an order that is unpaid, or whose change is; 0 bounds nothing.

    Raises Conflict `unpaid_limit_reached`.
    """
    await _require(conn, _REQUIRE, order_no, most)


async def require_exchanged_within(conn: AsyncConnection, order_no: str, most: int) -> None:
    """After its customer requested other goods in exchange; 0: no limit.

    Raises Conflict `unpaid_limit_reached`.
    """
    await _require(conn, _REQUIRE_OF, order_no, most)


async def _require(conn: AsyncConnection, statement: TextClause, order_no: str, most: int) -> None:
    if not most:
        return
    try:
        await conn.execute(statement, {"order_no": order_no, "most": most})
    except DBAPIError as error:
        refuse(error, most)
        raise
