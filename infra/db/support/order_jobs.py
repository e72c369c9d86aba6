"""Bulk jobs over orders that were chosen one by one; `bulk_jobs` has those over parked orders, in the same tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db.customers.profiles import KeyRing

# The filter of these jobs is empty: their items are the choice.
_OPEN = text(
    """
    WITH job AS (
      INSERT INTO support_jobs (job_id, action, filter, data_key, reason_enc, value_enc, actor, rate_per_s, state,
                                total, finished_at, approval_id)
      SELECT :job_id, CAST(:action AS text), '{"step": null, "error": null, "provider": null}',
             CAST(:data_key AS bytea), CAST(:reason_enc AS bytea), CAST(:value_enc AS bytea), CAST(:actor AS text),
             CAST(:rate_per_s AS double precision), CASE WHEN n.total = 0 THEN 'finished' ELSE 'running' END, n.total,
             CASE WHEN n.total = 0 THEN now() END, CAST(:approval_id AS text)
        FROM (SELECT cardinality(CAST(:order_nos AS text[])) AS total) n
      RETURNING job_id, total),
    items AS (
      INSERT INTO support_job_items (job_id, order_no, resolution_id)
      SELECT job.job_id, n, job.job_id || '\\:' || n FROM job, unnest(CAST(:order_nos AS text[])) n)
    INSERT INTO workflow_requests (kind, subject, payload, trace)
    SELECT 'start_job', job.job_id, jsonb_build_object('rate_per_s', CAST(:rate_per_s AS double precision)),
           CAST(:trace AS text)
      FROM job WHERE job.total > 0
    """
)
_OUTCOMES = text(
    "SELECT order_no, state, error FROM support_job_items WHERE job_id = :job_id ORDER BY order_no LIMIT :limit"
)
_ACTOR = text("SELECT actor, action FROM support_jobs WHERE job_id = :job_id")


@dataclass(frozen=True, slots=True)
class NewOrderJob:
    """An action on these orders; reason and value are encrypted with a key of the job."""

    job_id: str
    action: str
    actor: str
    order_nos: Sequence[str]
    rate_per_s: float
    reason: str = field(repr=False)
    value: Mapping[str, str] | None = None
    approval_id: str | None = None


@dataclass(frozen=True, slots=True)
class OrderOutcome:
    """The outcome of one order: open, done, or failed with a code."""

    order_no: str
    state: str
    error: str | None


async def open_job(conn: AsyncConnection, keys: KeyRing, job: NewOrderJob, trace: str | None) -> None:
    """Write the job and the request to start its workflow; one of no order is finished at once."""
    plain, wrapped = keys.vault.new_data_key()
    value = None if job.value is None else keys.vault.seal_json(plain, job.value, f"{job.job_id}:value")
    row = {"job_id": job.job_id, "action": job.action, "actor": job.actor, "rate_per_s": job.rate_per_s}
    row["approval_id"] = job.approval_id
    sealed = {"data_key": wrapped, "value_enc": value}
    sealed["reason_enc"] = keys.vault.seal_json(plain, job.reason, f"{job.job_id}:reason")
    await conn.execute(_OPEN, {**row, **sealed, "order_nos": list(job.order_nos), "trace": trace})


async def outcomes(conn: AsyncConnection, job_id: str, limit: int) -> list[OrderOutcome]:
    """The outcome of each order so far."""
    return [OrderOutcome(**row._mapping) for row in await conn.execute(_OUTCOMES, {"job_id": job_id, "limit": limit})]


async def opened_by(conn: AsyncConnection, job_id: str) -> tuple[str, str] | None:
    """(who opened the job, its action); None: there is none of this id."""
    row = (await conn.execute(_ACTOR, {"job_id": job_id})).one_or_none()
    return None if row is None else (row.actor, row.action)
