"""The orders whose workflow fails by a bug, known to the process so that no request has to ask Temporal."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar, cast

from temporalio.client import Client

from api.background.polling import PollingTask
from api.background.workflow_client import WorkflowClient
from api.errors import Problem
from domain.situations.facts import WorkflowError
from infra.temporal import failing_workflows
from workflows import names

# How long after Temporal reports a failing workflow an answer may still show its order as healthy, at most.
POLL_S = 5.0
_MOST = 1000
# Of so many, the newest, the deployment version is asked, for so long.
_MOST_VERSIONS = 50
_PATIENCE_S = 2.0
_ORDER = names.order_workflow("")
Row = TypeVar("Row", bound=Mapping[str, Any])
_log = logging.getLogger(__name__)


class FailingWorkflows(PollingTask):
    """Asks Temporal every few seconds. While it does not answer, no workflow is known to fail."""

    name = "failing workflows"

    def __init__(self, workflows: WorkflowClient) -> None:
        super().__init__()
        self._workflows = workflows
        self._versions: dict[str, str] = {}

    async def poll(self) -> None:
        """Know at once. Raises Problem when Temporal does not answer."""
        found = await self._workflows.call(_failing)
        self._versions = {one.removeprefix(_ORDER): build for one, build in found.items() if one.startswith(_ORDER)}

    def marked(self, row: Row) -> Row:
        """The same order or row of a list; its `situation_facts` say in which version its workflow fails."""
        build_id = self._versions.get(row["order_no"])
        if build_id is None:
            return row
        facts = replace(row["situation_facts"], workflow_error=WorkflowError(build_id))
        return cast(Row, {**row, "situation_facts": facts})

    async def run(self) -> None:
        silent = False
        while True:
            try:
                await self.poll()
                silent = False
            except Problem:
                if not silent:
                    _log.warning("Temporal does not answer: failing workflows are not known")
                silent, self._versions = True, {}
            await asyncio.sleep(POLL_S)


async def _failing(client: Client) -> dict[str, str]:
    return await failing_workflows.versions(client, _MOST, _MOST_VERSIONS, _PATIENCE_S)
