"""Answers that were kept before answers were sealed; the oldest of them are gone within days anyway."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db import idempotency
from infra.db.customers.profiles import KeyRing
from infra.db.driver_types import DriverRow

_OLD = text(
    """
    SELECT k.subject, k.key, k.response, o.order_no, c.data_key
      FROM idempotency_keys k LEFT JOIN orders o ON o.order_no = k.response ->> 'order_no'
      LEFT JOIN customers c USING (customer_id)
     WHERE k.response IS NOT NULL LIMIT :limit
    """
)
_SEAL = text(
    """
    UPDATE idempotency_keys SET response = NULL, response_enc = :sealed, order_no = CAST(:order_no AS text)
     WHERE subject = :subject AND key = :key AND response IS NOT NULL
    """
)


async def seal_old(conn: AsyncConnection, keys: KeyRing, limit: int) -> int:
    """Seal up to `limit` answers that are kept in clear text; the number sealed."""
    rows = (await conn.execute(_OLD, {"limit": limit})).all()
    for row in rows:
        named = {"subject": row.subject, "key": row.key, "order_no": row.order_no}
        await conn.execute(_SEAL, {**named, "sealed": _sealed(keys, row)})
    return len(rows)


def _sealed(keys: KeyRing, row: DriverRow) -> bytes:
    if row.order_no is None:
        return idempotency.sealed(keys, idempotency.Request(row.subject, row.key, b""), row.response)
    return idempotency.sealed_for(keys, row.data_key, row.subject, row.key, row.response)
