"""Workflows whose own code fails: bugs, shown apart from what support can cure."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from temporalio.client import Client

from api.console.member import Signed
from api.console.rendering import page
from api.dependencies import require, services
from domain.access import Role
from infra import temporal_steps
from infra.temporal_steps import FailingWorkflow
from workflows import names

router = APIRouter(prefix="/console/bugs")

SHOWN = 50
_ORDER = names.order_workflow("")


@router.get("")
async def bugs(request: Request, person: Signed) -> Response:
    """How many workflows fail by a bug, and the newest of them, live. Asks Temporal."""
    require(person.principal, Role.SUPPORT, Role.OPERATIONS)

    async def ask(client: Client) -> tuple[int, list[FailingWorkflow]]:
        return await temporal_steps.failing(client, SHOWN)

    count, found = await services(request).workflows.call(ask)
    template = "bugs_live.html" if request.headers.get("x-live") else "bugs.html"
    context: dict[str, Any] = {"count": count, "rows": [_row(workflow) for workflow in found]}
    return page(request, template, member=person, **context)


def _row(workflow: FailingWorkflow) -> dict[str, Any]:
    """`order_no` is None for a workflow that is no order's."""
    is_order = workflow.workflow_id.startswith(_ORDER)
    return {
        "workflow_id": workflow.workflow_id,
        "order_no": workflow.workflow_id.removeprefix(_ORDER) if is_order else None,
        "problems": [problem.partition("=")[2] or problem for problem in workflow.problems],
        "build_id": workflow.build_id,
        "started_at": workflow.started_at,
    }
