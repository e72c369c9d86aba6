"""Parked orders by cause, and the bulk jobs on them, as the console shows them."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.orders.status import Status
from domain.support.steps import Step
from infra.db.customers.profiles import KeyRing
from infra.db.support.parked_steps import JobFilter
from infra.security.crypto import Unreadable

# Only open parked steps and failing ones: both are few.
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


@dataclass(frozen=True, slots=True)
class ParkedGroup:
    """Orders with one cause. `orders` are parked, the money and `escalated` are theirs; `failing` ones are still being
    tried."""

    step: str
    error: str
    provider: str | None
    currency: str
    orders: int
    failing: int
    since: datetime
    amount_minor: int
    escalated: int


@dataclass(frozen=True, slots=True)
class Touched:
    """What a bulk job would touch, in one currency."""

    currency: str
    orders: int
    amount_minor: int | None


@dataclass(frozen=True, slots=True)
class OpenParkedStep:
    """An order with its open parked step; all of the step is None where the order is not stuck."""

    park_no: int | None
    step: Step | None
    subject: str | None
    error: str | None
    provider: str | None
    attempts: int | None
    options: list[str] | None
    since: datetime | None
    escalate_at: datetime | None
    escalated_at: datetime | None
    amount_minor: int | None
    currency: str
    status: Status


@dataclass(frozen=True, slots=True)
class LastAction:
    """The step that was resolved last; `action` and `actor` are None where events resolved it."""

    step: str
    resolved_at: datetime
    action: str | None
    actor: str | None


@dataclass(frozen=True, slots=True)
class SupportAction:
    """What support did; `reason` is None where its key is gone."""

    action: str
    actor: str
    created_at: datetime
    reason: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A bulk job."""

    job_id: str
    action: str
    filter: JobFilter
    actor: str
    rate_per_s: float
    state: str
    total: int
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class FailedOrder:
    """An order that refused a bulk job."""

    order_no: str
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDetail(Job):
    """A bulk job with its reason and up to 200 orders that refused it."""

    failed_orders: list[FailedOrder]
    reason: str | None = field(repr=False)


async def groups(conn: AsyncConnection) -> list[ParkedGroup]:
    """Parked orders by cause, the largest group first."""
    return [ParkedGroup(**row) for row in (await conn.execute(_GROUPS)).mappings()]


async def size(conn: AsyncConnection, action: str, chosen: JobFilter) -> list[Touched]:
    """What an action over the orders that `chosen` finds would touch now."""
    return [Touched(**row) for row in (await conn.execute(_SIZE, {"action": action, **chosen})).mappings()]


async def open_step(conn: AsyncConnection, order_no: str) -> OpenParkedStep | None:
    """The order's open parked step, if there is one; None: no order."""
    row = (await conn.execute(_OPEN, {"order_no": order_no})).mappings().one_or_none()
    if row is None:
        return None
    typed = {"step": Step(row["step"]) if row["step"] else None, "status": Status(row["status"])}
    return OpenParkedStep(**{**row, **typed})


async def last_action(conn: AsyncConnection, order_no: str) -> LastAction | None:
    """The action on the step that was resolved last."""
    row = (await conn.execute(_LAST_ACTION, {"order_no": order_no})).mappings().one_or_none()
    return LastAction(**row) if row else None


async def actions(conn: AsyncConnection, keys: KeyRing, order_no: str) -> list[SupportAction]:
    """What support did, newest first."""
    rows = (await conn.execute(_ACTIONS, {"order_no": order_no})).all()
    return [
        SupportAction(
            row.action,
            row.actor,
            row.created_at,
            keys.open_json(row.data_key, row.reason_enc, f"{row.act_id}:reason"),
        )
        for row in rows
    ]


async def jobs(conn: AsyncConnection) -> list[Job]:
    """The fifty newest bulk jobs."""
    return [Job(**row) for row in (await conn.execute(_JOBS)).mappings()]


async def job(conn: AsyncConnection, keys: KeyRing, job_id: str) -> JobDetail | None:
    """One bulk job."""
    row = (await conn.execute(_JOB, {"job_id": job_id})).mappings().one_or_none()
    if row is None:
        return None
    known = {name: value for name, value in row.items() if name not in ("data_key", "reason_enc")}
    failed = [FailedOrder(**item) for item in (await conn.execute(_FAILED, {"job_id": job_id})).mappings()]
    reason = _reason(keys, job_id, row["data_key"], row["reason_enc"])
    return JobDetail(**known, failed_orders=failed, reason=reason)


def _reason(keys: KeyRing, job_id: str, data_key: bytes, sealed: bytes) -> str | None:
    try:
        reason: str = keys.vault.open_json(keys.vault.unwrap(data_key), sealed, f"{job_id}:reason")
    except Unreadable:
        return None
    return reason
