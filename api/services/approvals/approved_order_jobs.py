"""Jobs over chosen orders that begin when they are approved."""

from api.dependencies import Services
from api.services.approvals import approval_requests
from domain.approvals import OrderJobRequest
from domain.orders.bulk_actions import RATE_PER_S
from infra.db.engine import Connection
from infra.db.read_models import returned_money
from infra.db.support import order_jobs
from infra.db.support.order_jobs import NewOrderJob
from infra.observability.telemetry import current_traceparent


def job_approved_by(approval_id: str) -> str:
    """The job that begins with this approval."""
    return f"job_{approval_id.removeprefix('apr_')}"


async def open_approved(
    conn: Connection, services: Services, approval_id: str, asked_by: str, wanted: OrderJobRequest
) -> str:
    """Open the job that was approved, in the name of who asked. Raises Conflict `amount_differs` where it would return
    more now than was agreed to."""
    money = await returned_money.of_orders(conn, wanted.orders)
    agreed = dict(zip(wanted.orders, wanted.amounts, strict=True))
    for one in money:
        if one.amount_minor > agreed[one.order_no]:
            approval_requests.require_as_agreed(one.amount_minor, agreed[one.order_no], one.currency)
    job_id = job_approved_by(approval_id)
    new = NewOrderJob(
        job_id, wanted.action.value, asked_by, wanted.orders, RATE_PER_S, wanted.reason, approval_id=approval_id
    )
    await order_jobs.open_job(conn, services.keys, new, current_traceparent())
    return job_id
