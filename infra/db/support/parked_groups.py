"""Stuck orders by cause, and the bulk acts on them, as the console shows them."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db.customers.profiles import KeyRing
from infra.security.crypto import Unreadable

# Open parked steps and failing ones only: both are as small as the trouble is.
_GROUPS = text(
    """
    SELECT s.step, s.error, s.provider, o.currency, count(*) FILTER (WHERE s.parked) AS orders,
           count(*) FILTER (WHERE NOT s.parked) AS failing, min(s.since) AS since,
           coalesce(sum(s.amount_minor), 0)::bigint AS amount_minor, count(s.escalated_at) AS escalated
      FROM (SELECT order_no, step, error, provider, since, amount_minor, escalated_at, true AS parked
              FROM parked_steps WHERE resolved_at IS NULL
             UNION ALL
            SELECT f.order_no, f.step, f.error, f.provider, f.since, NULL, NULL, false
              FROM retrying_steps f JOIN orders o USING (order_no) WHERE f.paused OR f.event_seq = o.event_seq) s
      JOIN orders o USING (order_no)
     GROUP BY s.step, s.error, s.provider, o.currency ORDER BY count(*) DESC, min(s.since)
    """
)
_SIZE = text(
    """
    SELECT o.currency, count(*) AS orders, sum(p.amount_minor)::bigint AS amount_minor
      FROM parked_steps p JOIN orders o USING (order_no)
     WHERE p.resolved_at IS NULL AND CAST(:action AS text) = ANY(p.options)
       AND (CAST(:step AS text) IS NULL OR p.step = :step)
       AND (CAST(:error AS text) IS NULL OR p.error = :error)
       AND (CAST(:provider AS text) IS NULL OR p.provider = :provider)
     GROUP BY o.currency ORDER BY o.currency
    """
)
_OPEN = text(
    """
    SELECT p.park_no, p.step, p.subject, p.error, p.provider, p.attempts, p.options, p.since,
           p.escalate_at, p.escalated_at, p.amount_minor,
           o.currency, o.status
      FROM orders o LEFT JOIN parked_steps p ON p.order_no = o.order_no AND p.resolved_at IS NULL
     WHERE o.order_no = :order_no
    """
)
_LAST_ACTION = text(
    """
    SELECT p.step, p.resolved_at, r.action, r.actor FROM parked_steps p LEFT JOIN resolutions r USING (resolution_id)
     WHERE p.order_no = :order_no AND p.resolved_at IS NOT NULL ORDER BY p.park_no DESC LIMIT 1
    """
)
_ACTIONS = text(
    """
    SELECT a.act_id, a.action, a.actor, a.created_at, a.reason_enc, c.data_key
      FROM (SELECT resolution_id AS act_id, order_no, action, actor, created_at, reason_enc FROM resolutions
             UNION ALL
            SELECT act_id, order_no, action, actor, created_at, reason_enc FROM activity_actions
             UNION ALL
            SELECT act_id, order_no, action, actor, created_at, reason_enc FROM staff_actions
             UNION ALL
            SELECT act_id, order_no, action, actor, created_at, reason_enc FROM workflow_resets
             WHERE action = 'reset') a
      JOIN orders o USING (order_no) JOIN customers c USING (customer_id)
     WHERE a.order_no = :order_no ORDER BY a.created_at DESC, a.act_id LIMIT 50
    """
)
_JOBS = text(
    """
    SELECT job_id, action, filter, actor, rate_per_s, state, total, created_at, finished_at
      FROM support_jobs ORDER BY created_at DESC, job_id LIMIT 50
    """
)
_JOB = text(
    """
    SELECT job_id, action, filter, actor, rate_per_s, state, total, created_at, finished_at, data_key, reason_enc
      FROM support_jobs WHERE job_id = :job_id
    """
)
_FAILED = text(
    """
    SELECT order_no, error FROM support_job_items
     WHERE job_id = :job_id AND state = 'failed' ORDER BY order_no LIMIT 200
    """
)


async def groups(conn: AsyncConnection) -> list[dict[str, Any]]:
    """{step, error, provider, currency, orders, failing, since, amount_minor, escalated}, the largest first.

    `orders` are parked, the money and `escalated` are theirs; `failing` ones are still being tried.
    """
    return [dict(row._mapping) for row in await conn.execute(_GROUPS)]


async def size(conn: AsyncConnection, action: str, chosen: dict[str, str | None]) -> list[dict[str, Any]]:
    """What an act over `chosen` {step, error, provider} would touch now: {currency, orders, amount_minor} each."""
    return [dict(row._mapping) for row in await conn.execute(_SIZE, {"action": action, **chosen})]


async def open_step(conn: AsyncConnection, order_no: str) -> dict[str, Any] | None:
    """The order's open parked step with its status and currency (`step` None when it is not stuck); None: no order."""
    row = (await conn.execute(_OPEN, {"order_no": order_no})).one_or_none()
    return None if row is None else dict(row._mapping)


async def last_action(conn: AsyncConnection, order_no: str) -> dict[str, Any] | None:
    """{step, resolved_at, action, actor} of the step that was resolved last; action and actor None: by events."""
    row = (await conn.execute(_LAST_ACTION, {"order_no": order_no})).one_or_none()
    return None if row is None else dict(row._mapping)


async def actions(conn: AsyncConnection, keys: KeyRing, order_no: str) -> list[dict[str, Any]]:
    """What support did, newest first: {action, actor, created_at, reason}; reason None where its key is gone."""
    rows = (await conn.execute(_ACTIONS, {"order_no": order_no})).all()
    return [
        {
            "action": row.action,
            "actor": row.actor,
            "created_at": row.created_at,
            "reason": keys.open_json(row.data_key, row.reason_enc, f"{row.act_id}:reason"),
        }
        for row in rows
    ]


async def jobs(conn: AsyncConnection) -> list[dict[str, Any]]:
    """The fifty newest bulk acts."""
    return [dict(row._mapping) for row in await conn.execute(_JOBS)]


async def job(conn: AsyncConnection, keys: KeyRing, job_id: str) -> dict[str, Any] | None:
    """One bulk act with its reason and up to 200 orders that refused it."""
    row = (await conn.execute(_JOB, {"job_id": job_id})).one_or_none()
    if row is None:
        return None
    found = dict(row._mapping)
    found["failed_orders"] = [dict(item._mapping) for item in await conn.execute(_FAILED, {"job_id": job_id})]
    found["reason"] = _reason(keys, job_id, found.pop("data_key"), found.pop("reason_enc"))
    return found


def _reason(keys: KeyRing, job_id: str, data_key: bytes, sealed: bytes) -> Any:
    try:
        return keys.vault.open_json(keys.vault.unwrap(data_key), sealed, f"{job_id}:reason")
    except Unreadable:
        return None
