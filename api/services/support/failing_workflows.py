"""Workflows whose own code fails, those that ended before their order, and the resets that were asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

from temporalio.client import Client

from api.dependencies import Services
from api.services.support.workflow_operations import batch_id_of
from domain.access import Principal
from domain.orders.status import TERMINAL, Status
from infra.db.read_models import order_detail
from infra.db.read_models.order_detail import OrderOverview
from infra.db.support import reset_requests
from infra.db.support.reset_requests import ResetBatch
from infra.temporal import failing_workflows
from infra.temporal.failing_workflows import EndedWorkflow, FailingWorkflow
from workflows import names

_ORDER = names.order_workflow("")


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A workflow that ended though its order is not at its end."""

    order_no: str
    run: EndedWorkflow


@dataclass(frozen=True, slots=True)
class FailingOverview:
    """How many workflows fail, the newest of them, those that ended early, and the newest batches of resets."""

    count: int
    failing: Sequence[FailingWorkflow]
    ended: Sequence[EndedRun]
    batches: Sequence[ResetBatch]


async def overview(services: Services, limit: int) -> FailingOverview:
    """At most `limit` workflows of each kind. Raises Problem `workflow_unavailable`."""

    async def query(client: Client) -> tuple[int, list[FailingWorkflow], list[EndedWorkflow]]:
        count, found = await failing_workflows.failing(client, limit, services.settings.workflow_timeout_s / 3)
        return count, found, await failing_workflows.dead(client, _ORDER, limit)

    count, found, dead = await services.workflows.call(query)
    numbered = [(run.workflow_id.removeprefix(_ORDER), run) for run in dead]
    async with services.database.begin() as conn:
        batches = await reset_requests.batches(conn)
        known = await order_detail.overviews(conn, [number for number, _ in numbered])
    ended = [EndedRun(number, run) for number, run in numbered if _is_open(known, number)]
    return FailingOverview(count, found, ended, batches)


def order_number_of(workflow_id: str) -> str | None:
    """The order of this workflow; None for a workflow that is not an order's."""
    return workflow_id.removeprefix(_ORDER) if workflow_id.startswith(_ORDER) else None


def _is_open(known: dict[str, OrderOverview], number: str) -> bool:
    """True for an order that is not at its end."""
    return number in known and Status(known[number].status) not in TERMINAL


async def count(services: Services) -> int:
    """How many workflows fail now. Raises Problem `workflow_unavailable`."""
    return await services.workflows.call(failing_workflows.count)


async def confirmed_count(services: Services, caller: Principal, key: str) -> int | None:
    """The number that was confirmed when this form was sent before, None for a new form: fewer may fail by now."""
    async with services.database.begin() as conn:
        batch = await reset_requests.batch(conn, services.keys, batch_id_of(caller, key))
    return batch.total if batch else None
