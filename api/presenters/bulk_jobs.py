"""Jobs over orders as the API shows them."""

from api.services.orders.bulk_actions import JobOutcomes
from domain.json_types import JsonFields


def presented(found: JobOutcomes) -> JsonFields:
    """The job with its counts and the outcome of each order."""
    job, moved = found.job, found.progress
    names = ("job_id", "action", "actor", "state", "total", "created_at", "finished_at")
    view = {name: getattr(job, name) for name in names}
    return view | {"done": moved.done, "failed": moved.failed, "orders": found.orders}
