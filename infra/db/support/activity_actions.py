"""Acts of staff on running activities: kept before Temporal hears of them."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db.customers.profiles import KeyRing, data_key_of

_KEEP = text(
    """
    INSERT INTO activity_actions (act_id, order_no, activity, action, timeout_s, actor, reason_enc)
    VALUES (:act_id, :order_no, :activity, :action, :timeout_s, :actor, :reason_enc)
    ON CONFLICT (act_id) DO NOTHING
    """
)
_EXISTS = text("SELECT EXISTS (SELECT FROM activity_actions WHERE act_id = :act_id)")


async def exists(conn: AsyncConnection, act_id: str) -> bool:
    """True when the action was requested before, whether Temporal received it or not."""
    return bool((await conn.execute(_EXISTS, {"act_id": act_id})).scalar_one())


async def save(
    conn: AsyncConnection,
    keys: KeyRing,
    act_id: str,
    *,
    order_no: str,
    activity: str,
    action: str,
    timeout_s: int | None,
    actor: str,
    reason: str,
) -> bool:
    """Keep the action, its reason sealed under the customer's key; False when it is kept already.

    Of an erased customer's order no reason is kept: nothing could ever open it. Raises NotFound `order_not_found`.
    """
    data_key = await data_key_of(conn, order_no)
    sealed = keys.seal_json(data_key, reason, f"{act_id}:reason") if data_key else b""
    values = {"act_id": act_id, "order_no": order_no, "activity": activity, "action": action, "timeout_s": timeout_s}
    result = await conn.execute(_KEEP, {**values, "actor": actor, "reason_enc": sealed})
    return bool(result.rowcount)
