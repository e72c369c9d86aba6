"""Resets of workflows, of one order's and of all that fail: kept before Temporal hears of them."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db.customers.profiles import KeyRing, data_key_of
from infra.security.crypto import Unreadable

_KEEP_RESET = text(
    """
    INSERT INTO workflow_resets (act_id, action, order_no, run_id, actor, reason_enc)
    VALUES (:act_id, 'reset', :order_no, :run_id, :actor, :reason_enc) ON CONFLICT (act_id) DO NOTHING
    """
)
_RUN_OF = text("SELECT run_id FROM workflow_resets WHERE act_id = :act_id")
# One at a time for each order: who comes second sees that another run is there already.
_ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended('reset ' || :order_no, 0))")
_KEEP_BATCH = text(
    """
    INSERT INTO workflow_resets (act_id, action, batch_id, total, actor, data_key, reason_enc)
    VALUES (:batch_id, 'batch_reset', :batch_id, :total, :actor, :data_key, :reason_enc) ON CONFLICT (act_id) DO NOTHING
    """
)
_KEEP_STOP = text(
    """
    INSERT INTO workflow_resets (act_id, action, batch_id, actor)
    SELECT :act_id, 'batch_stop', batch_id, :actor FROM workflow_resets WHERE batch_id = :batch_id
       AND action = 'batch_reset'
    ON CONFLICT DO NOTHING
    """
)
_BATCH = text(
    """
    SELECT b.batch_id, b.total, b.actor, b.created_at, b.data_key, b.reason_enc, s.actor AS stopped_by
      FROM workflow_resets b LEFT JOIN workflow_resets s ON s.batch_id = b.batch_id AND s.action = 'batch_stop'
     WHERE b.batch_id = :batch_id AND b.action = 'batch_reset'
    """
)
_BATCHES = text(
    """
    SELECT batch_id, total, actor, created_at FROM workflow_resets WHERE action = 'batch_reset'
     ORDER BY created_at DESC, batch_id LIMIT 20
    """
)


@dataclass(frozen=True, slots=True)
class ResetBatch:
    """A request to reset all workflows that fail; `total` of them failed then."""

    batch_id: str
    total: int
    actor: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ResetBatchDetail(ResetBatch):
    """Such a request with who stopped it; `reason` is None where its key is gone."""

    stopped_by: str | None
    reason: str | None = field(repr=False)


async def save_reset(
    conn: AsyncConnection, keys: KeyRing, act_id: str, *, order_no: str, run_id: str, actor: str, reason: str
) -> None:
    """Save the request to reset the run `run_id`, its reason encrypted under the customer's key; or do nothing.

    Of an erased customer's order no reason is kept: nothing could ever open it. Raises NotFound `order_not_found`.
    """
    data_key = await data_key_of(conn, order_no)
    sealed = keys.seal_json(data_key, reason, f"{act_id}:reason") if data_key else b""
    values = {"act_id": act_id, "order_no": order_no, "run_id": run_id, "actor": actor, "reason_enc": sealed}
    await conn.execute(_KEEP_RESET, values)


async def run_of(conn: AsyncConnection, act_id: str) -> str | None:
    """The run that a kept reset was asked for; None when it is not kept."""
    found: str | None = (await conn.execute(_RUN_OF, {"act_id": act_id})).scalar_one_or_none()
    return found


async def alone(conn: AsyncConnection, order_no: str) -> None:
    """Wait for other resets of the order; theirs wait until this transaction ends."""
    await conn.execute(_ALONE, {"order_no": order_no})


async def keep_batch(
    conn: AsyncConnection, keys: KeyRing, batch_id: str, *, total: int, actor: str, reason: str
) -> None:
    """Save the request to reset all that fail (`total` of them now), its reason under a key of its own."""
    plain, wrapped = keys.vault.new_data_key()
    sealed = keys.vault.seal_json(plain, reason, f"{batch_id}:reason")
    values = {"batch_id": batch_id, "total": total, "actor": actor, "data_key": wrapped, "reason_enc": sealed}
    await conn.execute(_KEEP_BATCH, values)


async def save_stop(conn: AsyncConnection, act_id: str, batch_id: str, actor: str) -> None:
    """Keep who stopped the batch, the first one only."""
    await conn.execute(_KEEP_STOP, {"act_id": act_id, "batch_id": batch_id, "actor": actor})


async def batch(conn: AsyncConnection, keys: KeyRing, batch_id: str) -> ResetBatchDetail | None:
    """The batch, if there is one."""
    row = (await conn.execute(_BATCH, {"batch_id": batch_id})).one_or_none()
    if row is None:
        return None
    try:
        reason = keys.vault.open_json(keys.vault.unwrap(row.data_key), row.reason_enc, f"{batch_id}:reason")
    except Unreadable:
        reason = None
    return ResetBatchDetail(row.batch_id, row.total, row.actor, row.created_at, row.stopped_by, reason)


async def batches(conn: AsyncConnection) -> list[ResetBatch]:
    """The twenty newest batches."""
    return [ResetBatch(**row) for row in (await conn.execute(_BATCHES)).mappings()]
