"""Bulk jobs of support and their items."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class BulkJob:
    """A bulk job: reason and value are sealed by the wrapped `data_key`."""

    job_id: str
    action: str
    data_key: bytes
    reason_enc: bytes
    value_enc: bytes | None
    actor: str
    approval_id: str | None


@dataclass(frozen=True, slots=True)
class BulkJobItem:
    """One order of a job, and the parked step that was chosen. `customer_key` is wrapped; None once the customer was
    erased."""

    order_no: str
    resolution_id: str
    customer_key: bytes | None
    priority: int
    park_no: int | None


_JOB = text(
    """SELECT job_id, action, data_key, reason_enc, value_enc, actor, approval_id
         FROM support_jobs WHERE job_id = :job_id"""
)
_RUNNING = text("SELECT state = 'running' FROM support_jobs WHERE job_id = :job_id")
_OPEN = text(
    """SELECT i.order_no, i.resolution_id, c.data_key AS customer_key, o.priority, i.park_no
         FROM support_job_items i
         JOIN orders o ON o.order_no = i.order_no
         JOIN customers c ON c.customer_id = o.customer_id
        WHERE i.job_id = :job_id AND i.state = 'open' AND (-o.priority, i.order_no) > (:rank, :after)
        ORDER BY -o.priority, i.order_no LIMIT :limit"""
)
_KEEP = text(
    """INSERT INTO resolutions (resolution_id, order_no, park_no, action, actor, reason_enc, value_enc, approval_id)
       VALUES (:resolution_id, :order_no, :park_no, :action, :actor, :reason_enc, :value_enc, :approval_id)
       ON CONFLICT (resolution_id) DO NOTHING"""
)
_RESOLUTION_EXISTS = text("SELECT EXISTS (SELECT FROM resolutions WHERE resolution_id = :resolution_id)")
_OPEN_PARK = text("SELECT open_park(:order_no)")
_CLOSE = text(
    """UPDATE support_job_items SET state = :state, error = :error
        WHERE job_id = :job_id AND order_no = :order_no AND state = 'open'"""
)
_FINISH = text(
    """UPDATE support_jobs j SET state = 'finished', finished_at = now()
        WHERE job_id = :job_id AND state = 'running'
          AND NOT EXISTS (SELECT FROM support_job_items i WHERE i.job_id = j.job_id AND i.state = 'open')"""
)
_LEFT = text("SELECT count(*) FROM support_job_items WHERE job_id = :job_id AND state = 'open'")


async def find(connection: AsyncConnection, job_id: str) -> BulkJob | None:
    """The job, or None when there is none of this id."""
    row = (await connection.execute(_JOB, {"job_id": job_id})).one_or_none()
    return None if row is None else BulkJob(**row._mapping)


async def is_running(connection: AsyncConnection, job_id: str) -> bool:
    """False once the job was stopped or has finished."""
    return bool((await connection.execute(_RUNNING, {"job_id": job_id})).scalar())


async def open_items(
    connection: AsyncConnection, job_id: str, after: BulkJobItem | None, limit: int
) -> list[BulkJobItem]:
    """A page of open items beyond `after`, urgent orders first."""
    rank, order_no = (-after.priority, after.order_no) if after else (-32768, "")
    rows = await connection.execute(_OPEN, {"job_id": job_id, "rank": rank, "after": order_no, "limit": limit})
    return [BulkJobItem(**row._mapping) for row in rows]


async def is_saved(connection: AsyncConnection, item: BulkJobItem) -> bool:
    """Whether an earlier try wrote down what is to happen to the order."""
    return bool((await connection.execute(_RESOLUTION_EXISTS, {"resolution_id": item.resolution_id})).scalar_one())


async def open_park(connection: AsyncConnection, order_no: str) -> int | None:
    """The number of the step at which the order is parked now."""
    number: int | None = (await connection.execute(_OPEN_PARK, {"order_no": order_no})).scalar_one()
    return number


async def save_resolution(
    connection: AsyncConnection, job: BulkJob, item: BulkJobItem, reason_enc: bytes, value_enc: bytes | None
) -> None:
    """Write down what is to happen to an order; once, however often it is tried."""
    sealed = {"reason_enc": reason_enc, "value_enc": value_enc, "approval_id": job.approval_id}
    what = {"resolution_id": item.resolution_id, "order_no": item.order_no, "park_no": item.park_no}
    await connection.execute(_KEEP, {**what, "action": job.action, "actor": job.actor, **sealed})


async def close_item(connection: AsyncConnection, job_id: str, order_no: str, error: str | None) -> None:
    """Mark an item done, or failed with an error code."""
    state = "done" if error is None else "failed"
    await connection.execute(_CLOSE, {"job_id": job_id, "order_no": order_no, "state": state, "error": error})


async def finish(connection: AsyncConnection, job_id: str) -> int:
    """Mark the job finished when nothing is open; the number of items still open."""
    await connection.execute(_FINISH, {"job_id": job_id})
    return int((await connection.execute(_LEFT, {"job_id": job_id})).scalar_one())
