"""The orders whose workflow fails by a bug, known to the process so that no request has to ask Temporal."""

import asyncio
import logging
from dataclasses import replace
from typing import Any

from temporalio.client import Client

from api.background.workflow_client import WorkflowClient
from api.errors import Problem
from domain.situations.facts import WorkflowError
from infra.temporal import failing_workflows
from workflows import names

# How long after Temporal reports a failing workflow an answer may still show its order as healthy, at most.
LOOK_S = 5.0
_MOST = 1000
_ORDER = names.order_workflow("")
_log = logging.getLogger(__name__)


class FailingWorkflows:
    """Asks Temporal every few seconds. While it does not answer, no workflow is known to fail."""

    def __init__(self, workflows: WorkflowClient) -> None:
        self._workflows = workflows
        self._orders: frozenset[str] = frozenset()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look from now on."""
        self._task = asyncio.create_task(self._keep_looking(), name="failing workflows")

    async def close(self) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def look(self) -> None:
        """Know at once. Raises Problem when Temporal does not answer."""
        ids = await self._workflows.call(_failing)
        self._orders = frozenset(one.removeprefix(_ORDER) for one in ids if one.startswith(_ORDER))

    def marked(self, row: dict[str, Any]) -> dict[str, Any]:
        """The same order or row of a list; its `situation_facts` say so where its workflow fails."""
        if row["order_no"] not in self._orders:
            return row
        return row | {"situation_facts": replace(row["situation_facts"], workflow_error=WorkflowError())}

    async def _keep_looking(self) -> None:
        silent = False
        while True:
            try:
                await self.look()
                silent = False
            except Problem:
                if not silent:
                    _log.warning("Temporal does not answer: failing workflows are not known")
                silent, self._orders = True, frozenset()
            await asyncio.sleep(LOOK_S)


async def _failing(client: Client) -> list[str]:
    return await failing_workflows.ids(client, _MOST)
