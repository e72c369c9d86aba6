"""Why an order was cancelled, in its caller's words."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db.customers.profiles import KeyRing, data_key_of

_KEEP = text("UPDATE orders SET cancel_reason_enc = :sealed WHERE order_no = :order_no")
_NOTE = text("SELECT note_cancel_asked(:actor, :order_no, :update_id)")


async def save_reason(conn: AsyncConnection, keys: KeyRing, order_no: str, reason: str) -> None:
    """Keep the reason under the customer's key; of an erased customer nothing is kept."""
    data_key = await data_key_of(conn, order_no)
    if data_key is not None:
        sealed = keys.seal_json(data_key, reason, f"{order_no}:cancel_reason")
        await conn.execute(_KEEP, {"sealed": sealed, "order_no": order_no})


async def record_request(conn: AsyncConnection, order_no: str, actor: str, update_id: str) -> None:
    """Audit that a member of staff asked: the event of the workflow has the person, but not the origin."""
    await conn.execute(_NOTE, {"actor": actor, "order_no": order_no, "update_id": update_id})
