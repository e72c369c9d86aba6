"""Why an order was cancelled, in its caller's words."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db.customers import KeyRing

_KEY = text("SELECT c.data_key FROM orders o JOIN customers c USING (customer_id) WHERE o.order_no = :order_no")
_KEEP = text("UPDATE orders SET cancel_reason_enc = :sealed WHERE order_no = :order_no")


async def keep_reason(conn: AsyncConnection, keys: KeyRing, order_no: str, reason: str) -> None:
    """Keep the reason under the customer's key; of an erased customer nothing is kept."""
    data_key = (await conn.execute(_KEY, {"order_no": order_no})).scalar_one()
    if data_key is not None:
        sealed = keys.seal_json(data_key, reason, f"{order_no}:cancel_reason")
        await conn.execute(_KEEP, {"sealed": sealed, "order_no": order_no})
