"""Credit of customers: how much they may owe for orders on payment terms, and how much of it they use."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.payments.receivables import Credit

_SET = text(
    """
    INSERT INTO credit_accounts (customer_id, currency, limit_minor, terms_days)
    SELECT c.customer_id, :currency, :limit_minor, :terms_days FROM customers c WHERE c.customer_id = :customer_id
    ON CONFLICT (customer_id, currency) DO UPDATE
      SET limit_minor = excluded.limit_minor, terms_days = excluded.terms_days, updated_at = now()
    RETURNING trim(currency) AS currency, limit_minor, terms_days, used_minor
    """
)
_OF_CUSTOMER = text(
    """SELECT trim(currency) AS currency, limit_minor, terms_days, used_minor FROM credit_accounts
        WHERE customer_id = :customer_id ORDER BY currency"""
)
_ADD = text("INSERT INTO customers (customer_id, data_key) VALUES (:customer_id, :data_key) ON CONFLICT DO NOTHING")
_KNOWN = text("SELECT EXISTS (SELECT FROM customers WHERE customer_id = :customer_id)")


async def set_limit(
    conn: AsyncConnection, customer_id: str, currency: str, limit_minor: int, terms_days: int
) -> Credit | None:
    """From now on new orders are within it; what is used stays. The audit log has it by trigger. None where no such
    customer is known."""
    values = {"customer_id": customer_id, "currency": currency, "limit_minor": limit_minor, "terms_days": terms_days}
    row = (await conn.execute(_SET, values)).mappings().one_or_none()
    return Credit(**row) if row else None


async def add_customer(conn: AsyncConnection, customer_id: str, data_key: bytes) -> None:
    """One who has ordered nothing yet, with a new wrapped data key; one who is known stays as they are."""
    await conn.execute(_ADD, {"customer_id": customer_id, "data_key": data_key})


async def of_customer(conn: AsyncConnection, customer_id: str) -> Sequence[Credit] | None:
    """The customer's credit by currency; None where no such customer is known."""
    found = [Credit(**row) for row in (await conn.execute(_OF_CUSTOMER, {"customer_id": customer_id})).mappings()]
    if found or (await conn.execute(_KNOWN, {"customer_id": customer_id})).scalar_one():
        return found
    return None
