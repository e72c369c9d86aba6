"""Manual changes of an order by staff: stored with the reason, under an id that a repeat uses again."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db.customers.profiles import KeyRing, data_key_of

_KEEP = text(
    """
    INSERT INTO staff_actions (act_id, order_no, action, detail, actor, reason_enc, value_enc, approval_id, moved_minor)
    VALUES (:act_id, :order_no, :action, :detail, :actor, :reason_enc, :value_enc, :approval_id, :moved_minor)
    ON CONFLICT (act_id) DO NOTHING
    """
)


@dataclass(frozen=True, slots=True)
class StaffAction:
    """An action to store. `detail` is a code; reason and value are encrypted with the customer's key; `moved_minor` is
    what it returns of the order's money."""

    act_id: str
    order_no: str
    action: str
    detail: str
    actor: str
    reason: str
    value: Mapping[str, object] | None = None
    approval_id: str | None = None
    moved_minor: int = 0


async def save(conn: AsyncConnection, keys: KeyRing, action: StaffAction) -> None:
    """Keep it once. Of an erased customer's order neither reason nor value is kept: nothing could ever open them.

    Raises NotFound `order_not_found`.
    """
    key = await data_key_of(conn, action.order_no)
    reason = keys.seal_json(key, action.reason, f"{action.act_id}:reason") if key else b""
    value = keys.seal_json(key, action.value, f"{action.act_id}:value") if key and action.value else None
    row: dict[str, object] = {
        "act_id": action.act_id,
        "order_no": action.order_no,
        "action": action.action,
        "detail": action.detail,
    }
    row |= {"actor": action.actor, "approval_id": action.approval_id, "moved_minor": action.moved_minor}
    await conn.execute(_KEEP, {**row, "reason_enc": reason, "value_enc": value})
