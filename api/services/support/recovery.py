"""Restarting, from the database, the workflows that Temporal does not know."""

import hashlib
from dataclasses import asdict, astuple

from temporalio.client import Client

from activities.support import recovery
from activities.support.recovery import Part, Place, Recovered
from api import pagination
from api.dependencies import Services, actor
from api.errors import Problem, unavailable
from api.idempotency import WorkflowCall, run_by_workflow
from api.replies import Reply
from domain.access import Principal
from domain.errors import Conflict
from infra.db.engine import Connection
from infra.db.idempotency import Request

# So many are asked of Temporal well within OMS_WORKFLOW_TIMEOUT_S; what one call began, the next finds running.
LIMIT = 50


async def recover(services: Services, caller: Principal, key: str, cursor: str | None) -> Reply:
    """One page of the walk over all open orders. Raises Problem `invalid_cursor`, `workflow_unavailable`."""
    place = _place(cursor)

    async def call_workflow() -> dict[str, object]:
        found, after = await _walked_on(services, place)
        return {**asdict(found), "next_cursor": pagination.encoded(list(astuple(after))) if after else None}

    digest = hashlib.sha256(f"recover {cursor or ''}".encode()).digest()
    call = WorkflowCall(_nothing, call_workflow, _nothing)
    return await run_by_workflow(services, Request(actor(caller), key, digest, caller.origin), 200, call)


async def _walked_on(services: Services, place: Place) -> tuple[Recovered, Place | None]:
    settings = services.settings

    async def work(client: Client) -> tuple[Recovered, Place | None]:
        await recovery.prepare(client, settings.temporal_retention_days)
        return await recovery.restart_page(client, services.database, settings.task_queue, place, LIMIT)

    try:
        return await services.workflows.call(work)
    except (Problem, Conflict):  # what it says is of one order
        detail = "Temporal does not answer, or refuses, which oms doctor tells; nothing is lost: send this again then"
        raise unavailable("workflow_unavailable", detail) from None


def _place(cursor: str | None) -> Place:
    if cursor is None:
        return Place()
    part, order_no, return_id = pagination.decoded(cursor, str, str, str)
    if part not in set(Part):
        pagination.refuse()
    return Place(Part(part), order_no, return_id)


async def _nothing(_: Connection) -> None:
    """Nothing is written before, and the database does not record what was started."""
