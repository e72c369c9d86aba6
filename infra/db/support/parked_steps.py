"""The queue of parked orders, and actions on one or on many."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict, NotFound
from domain.support.steps import Step
from infra.db.customers.profiles import KeyRing

_PARKED_ORDERS = text(
    """
    SELECT order_no, park_no, step, subject, error, provider, since, attempts, options, amount_minor, escalated_at
      FROM parked_steps
     WHERE resolved_at IS NULL
       AND (CAST(:step AS text) IS NULL OR step = :step)
       AND (CAST(:error AS text) IS NULL OR error = :error)
       AND (CAST(:provider AS text) IS NULL OR provider = :provider)
       AND (CAST(:after AS timestamptz) IS NULL OR (since, order_no) > (CAST(:after AS timestamptz), :after_no))
     ORDER BY since, order_no LIMIT :limit
    """
)
_PARKED = text(
    """
    SELECT p.step, p.options, c.data_key, p.park_no,
           o.hold IS NOT NULL AND EXISTS (SELECT FROM holds h WHERE h.order_no = o.order_no AND h.closed_at IS NULL
                                             AND o.status = ANY (h.stops)) AS held
      FROM orders o JOIN customers c USING (customer_id)
      LEFT JOIN parked_steps p ON p.order_no = o.order_no AND p.resolved_at IS NULL
     WHERE o.order_no = :order_no
    """
)
_RESOLUTION = text(
    """
    INSERT INTO resolutions (resolution_id, order_no, park_no, action, actor, reason_enc, value_enc, approval_id)
    VALUES (:resolution_id, :order_no, :park_no, :action, :actor, :reason_enc, :value_enc, :approval_id)
    ON CONFLICT (resolution_id) DO NOTHING
    """
)
_AIMED_AT = text("SELECT park_no FROM resolutions WHERE resolution_id = :resolution_id")
_RESOLVED_BY = text(
    """
    SELECT o.status FROM parked_steps p JOIN orders o USING (order_no) WHERE p.resolution_id = :resolution_id
      AND p.order_no = :order_no
    """
)
_JOB = text(
    """
    WITH found AS (
      SELECT order_no, park_no FROM parked_steps p
       WHERE resolved_at IS NULL AND CAST(:action AS text) = ANY(options)
         AND (CAST(:step AS text) IS NULL OR step = :step)
         AND (CAST(:error AS text) IS NULL OR error = :error)
         AND (CAST(:provider AS text) IS NULL OR provider = :provider)
         AND (CAST(:only AS text[]) IS NULL OR EXISTS (
               SELECT FROM unnest(CAST(:only AS text[]), CAST(:only_parks AS integer[]), CAST(:only_minor AS bigint[]))
                             AS agreed (order_no, park_no, amount_minor)
                WHERE agreed.order_no = p.order_no AND p.since <= CAST(:asked_at AS timestamptz)
                  AND coalesce(agreed.park_no, p.park_no) = p.park_no
                  AND coalesce(agreed.amount_minor = amount_moved_by(p.order_no, p.step, CAST(:action AS text),
                                                                     p.amount_minor), true)))
         AND (CAST(:only AS text[]) IS NOT NULL
              OR amount_moved_by(order_no, step, CAST(:action AS text), amount_minor) = 0
              OR given_minor(order_no, park_no) + added_minor(order_no, step, CAST(:action AS text), amount_minor)
                 <= :limit_minor)),
    size AS (SELECT count(*)::integer AS total FROM found),
    job AS (
      INSERT INTO support_jobs (job_id, action, filter, data_key, reason_enc, value_enc, actor, rate_per_s, state,
                                total, finished_at, approval_id)
      SELECT CAST(:job_id AS text), CAST(:action AS text), CAST(:filter AS jsonb), CAST(:data_key AS bytea),
             CAST(:reason_enc AS bytea), CAST(:value_enc AS bytea), CAST(:actor AS text),
             CAST(:rate_per_s AS double precision), CASE WHEN total = 0 THEN 'finished' ELSE 'running' END, total,
             CASE WHEN total = 0 THEN now() END, CAST(:approval_id AS text)
        FROM size
      RETURNING job_id, total),
    items AS (
      INSERT INTO support_job_items (job_id, order_no, park_no, resolution_id)
      SELECT job.job_id, found.order_no, found.park_no, job.job_id || '\\:' || found.order_no FROM job, found),
    start AS (
      INSERT INTO workflow_requests (kind, subject, payload, trace)
      SELECT 'start_job', job.job_id, jsonb_build_object('rate_per_s', CAST(:rate_per_s AS double precision)),
             CAST(:trace AS text)
        FROM job WHERE job.total > 0)
    SELECT total FROM job
    """
)
_MOVING = text(
    """
    SELECT p.order_no, p.park_no, m.amount_minor, m.added_minor, o.currency,
           given_minor(p.order_no, p.park_no) + m.added_minor > :limit_minor AS above_limit
      FROM parked_steps p JOIN orders o USING (order_no),
           LATERAL (SELECT amount_moved_by(p.order_no, p.step, CAST(:action AS text), p.amount_minor) AS amount_minor,
                           added_minor(p.order_no, p.step, CAST(:action AS text), p.amount_minor) AS added_minor) m
     WHERE p.resolved_at IS NULL AND CAST(:action AS text) = ANY(p.options)
       AND (CAST(:step AS text) IS NULL OR p.step = :step)
       AND (CAST(:error AS text) IS NULL OR p.error = :error)
       AND (CAST(:provider AS text) IS NULL OR p.provider = :provider)
       AND m.amount_minor > 0
     ORDER BY p.order_no
    """
)
_PROGRESS = text(
    """
    SELECT j.state, j.total, count(i.*) FILTER (WHERE i.state = 'done') AS done,
           count(i.*) FILTER (WHERE i.state = 'failed') AS failed
      FROM support_jobs j LEFT JOIN support_job_items i USING (job_id)
     WHERE j.job_id = :job_id GROUP BY j.job_id
    """
)
_STOP = text(
    """UPDATE support_jobs SET state = 'stopped', stopped_by = :actor, finished_at = now()
        WHERE job_id = :job_id AND state = 'running'"""
)


class JobFilter(TypedDict):
    """The orders that a bulk action is for; None matches everything."""

    step: str | None
    error: str | None
    provider: str | None


@dataclass(frozen=True, slots=True)
class QueuedStep:
    """A parked step that waits for support; `amount_minor` is the money that it is about."""

    order_no: str
    park_no: int
    step: Step
    subject: str | None
    error: str
    provider: str | None
    since: datetime
    attempts: int
    options: list[str]
    amount_minor: int | None
    escalated_at: datetime | None


@dataclass(frozen=True, slots=True)
class MovingStep:
    """A parked step at which an action would move `amount_minor`, of which `added_minor` was not decided before.

    `above_limit`: more would be given of the order then than one person may give.
    """

    order_no: str
    park_no: int
    amount_minor: int
    added_minor: int
    currency: str
    above_limit: bool


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a bulk job is."""

    state: str
    total: int
    done: int
    failed: int


@dataclass(frozen=True, slots=True)
class ParkedStepFilter:
    """Filters and position of the queue; None matches everything."""

    step: str | None = None
    error: str | None = None
    provider: str | None = None
    after: tuple[datetime, str] | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Parked:
    """The open parked step of an order, `step` None where there is none; `held` while a hold stops the order."""

    step: str | None
    options: Sequence[str]
    data_key: bytes | None
    held: bool
    park_no: int | None


@dataclass(frozen=True, slots=True)
class Agreed:
    """What an approver has agreed to for many orders: each at its step, with its amount. Requests from before they
    named both have None: then the steps are meant that were parked at `asked_at`."""

    approval_id: str
    asked_at: datetime
    orders: Sequence[str]
    parks: Sequence[int | None]
    amounts: Sequence[int | None]


async def queue(conn: AsyncConnection, filters: ParkedStepFilter) -> list[QueuedStep]:
    """At most `limit` + 1 parked orders, the longest parked first."""
    after, after_no = filters.after or (None, "")
    question = {
        "step": filters.step,
        "error": filters.error,
        "provider": filters.provider,
        "after": after,
        "after_no": after_no,
        "limit": filters.limit + 1,
    }
    rows = (await conn.execute(_PARKED_ORDERS, question)).mappings()
    return [QueuedStep(**{**row, "step": Step(row["step"])}) for row in rows]


async def parked(conn: AsyncConnection, order_no: str) -> Parked:
    """The parked step of the order. Raises NotFound `order_not_found`."""
    row = (await conn.execute(_PARKED, {"order_no": order_no})).one_or_none()
    if row is None:
        raise NotFound("order_not_found")
    return Parked(row.step, row.options or [], row.data_key, row.held, row.park_no)


async def resolved_by(conn: AsyncConnection, order_no: str, resolution_id: str) -> str | None:
    """The order's status now, if this action resolved one of its steps."""
    row = {"order_no": order_no, "resolution_id": resolution_id}
    return (await conn.execute(_RESOLVED_BY, row)).scalars().first()


async def keep_resolution(
    conn: AsyncConnection,
    keys: KeyRing,
    data_key: bytes | None,
    resolution_id: str,
    *,
    order_no: str,
    action: str,
    actor: str,
    reason: str,
    value: Mapping[str, object] | None,
    approval_id: str | None = None,
    park_no: int | None = None,
) -> None:
    """Store the action before the workflow is signalled, its texts encrypted with the customer's key. Repeatable.
    Without `park_no` it is for the step that is open.

    Raises Conflict `step_moved_on` when it was stored before, for another step.

    For an erased customer neither is stored: nothing could decrypt them.
    """
    reason_enc = keys.seal_json(data_key, reason, f"{resolution_id}:reason") if data_key else b""
    sealable = value is not None and data_key is not None
    value_enc = keys.seal_json(data_key or b"", value, f"{resolution_id}:value") if sealable else None
    row = {
        "resolution_id": resolution_id,
        "order_no": order_no,
        "park_no": park_no,
        "action": action,
        "actor": actor,
        "reason_enc": reason_enc,
        "value_enc": value_enc,
        "approval_id": approval_id,
    }
    await conn.execute(_RESOLUTION, row)
    aimed_at = (await conn.execute(_AIMED_AT, {"resolution_id": resolution_id})).scalar_one()
    if park_no is not None and aimed_at != park_no:
        raise Conflict("step_moved_on")


async def open_job(
    conn: AsyncConnection,
    keys: KeyRing,
    job_id: str,
    *,
    chosen: JobFilter,
    action: str,
    actor: str,
    reason: str,
    value: Mapping[str, object] | None,
    rate_per_s: float,
    trace: str | None,
    limit_minor: int,
    approved: Agreed | None = None,
) -> int:
    """Write a bulk action over the orders that `chosen` finds now; return their number.

    Orders of which more than `limit_minor` would be given then are left out; `approved` takes those that were agreed to
    and no others, where they are still parked at the same step for the same amount.

    Reason and value are encrypted with a key of the job, contexts `{job_id}:reason` and `{job_id}:value`.
    """
    plain, wrapped = keys.vault.new_data_key()
    row = {
        "job_id": job_id,
        "action": action,
        "filter": orjson.dumps(dict(chosen)).decode(),
        "data_key": wrapped,
        "reason_enc": keys.vault.seal_json(plain, reason, f"{job_id}:reason"),
        "value_enc": None if value is None else keys.vault.seal_json(plain, value, f"{job_id}:value"),
        "actor": actor,
        "rate_per_s": rate_per_s,
        "trace": trace,
        "limit_minor": limit_minor,
        "approval_id": approved.approval_id if approved else None,
        "asked_at": approved.asked_at if approved else None,
        "only": list(approved.orders) if approved else None,
        "only_parks": list(approved.parks) if approved else None,
        "only_minor": list(approved.amounts) if approved else None,
        **chosen,
    }
    return int((await conn.execute(_JOB, row)).scalar_one())


async def moving(conn: AsyncConnection, action: str, chosen: JobFilter, limit_minor: int) -> list[MovingStep]:
    """Orders of which `action` would move money. `above_limit`: more than `limit_minor` would be given of the order."""
    rows = await conn.execute(_MOVING, {"action": action, "limit_minor": limit_minor, **chosen})
    return [MovingStep(**row) for row in rows.mappings()]


async def progress(conn: AsyncConnection, job_id: str) -> JobProgress:
    """Raises NotFound `job_not_found`."""
    row = (await conn.execute(_PROGRESS, {"job_id": job_id})).mappings().one_or_none()
    if row is None:
        raise NotFound("job_not_found")
    return JobProgress(**row)


async def stop_job(conn: AsyncConnection, job_id: str, actor: str) -> None:
    """Let a running job end before its next item; a job that ended stays as it is."""
    await conn.execute(_STOP, {"job_id": job_id, "actor": actor})
