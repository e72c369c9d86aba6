"""`python -m tests.workflows.record [NAME…]`: walk the named stories on real servers and keep their histories.

The replay test holds every change of the workflows against them. Record anew only what a change is meant to break.
"""

import asyncio
import json
import logging
import os
import re
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowExecutionStatus

from infra.db import migrate, seed
from infra.stack.data_dir.ports import any_free
from infra.stack.postgres.postgres_server import APP, SUPERUSER, PostgresServer
from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls, create_database
from tests.order_stage import Stage, staged
from tests.workflows.later_scenarios import LATER
from tests.workflows.return_scenarios import PACE, RETURNING
from tests.workflows.scenarios import HASTY, SCENARIOS, Scenario
from tests.workflows.second_scenarios import SECOND
from tests.workflows.transfer_scenarios import TRANSFERRING
from workflows import names

HISTORIES = Path(__file__).parent / "histories"
# What identifies the machine of the recording: process and host.
IDENTITY = re.compile(r"\d+@[\w.-]+")


async def history_of(stage: Stage, order_no: str) -> str:
    """The newest run's history as JSON of a stable form, without what identifies this machine.

    A story of a return or of a transfer answers with that one's id.
    """
    others = {"rt_": names.return_workflow, "tr_": names.transfer_workflow}
    other = others.get(order_no[:3])
    handle = stage.client.get_workflow_handle(other(order_no)) if other else stage.handle(order_no)
    if other or (order_no and (await stage.status(order_no)) in ("completed", "cancelled")):
        await handle.result()
        assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED
    text = IDENTITY.sub("worker", (await handle.fetch_history()).to_json())
    return json.dumps(without_traces(json.loads(text)), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def without_traces(value: Any) -> Any:
    """The same without stack traces, which name files of this machine."""
    if isinstance(value, dict):
        return {name: without_traces(inner) for name, inner in value.items() if name != "stackTrace"}
    return [without_traces(inner) for inner in value] if isinstance(value, list) else value


async def record(stage: Stage, scenarios: dict[str, Scenario], wanted: list[str]) -> None:
    """Walk the wanted stories (all, when none is named) and write their histories."""
    for name, scenario in scenarios.items():
        if not wanted or name in wanted:
            order_no = await scenario(stage)
            (HISTORIES / f"{name}.json").write_text(await history_of(stage, order_no), encoding="utf-8")
            print(f"recorded {name}")


@asynccontextmanager
async def servers(folder: Path) -> AsyncIterator[tuple[DatabaseUrls, TemporalServer]]:
    """A migrated database and an empty Temporal."""
    postgres = PostgresServer(
        data=folder / "postgres",
        port=any_free(set()),
        log=folder / "postgres.log",
        owner_password=secrets.token_urlsafe(),
        app_password=secrets.token_urlsafe(),
        durable=False,
    )
    temporal = TemporalServer(db=folder / "temporal.db", port=any_free(set()), log=folder / "temporal.log")
    async with postgres.running(), temporal.running():
        await create_database(postgres, "stories")
        urls = DatabaseUrls(postgres.url(SUPERUSER, "stories"), postgres.url(APP, "stories"))
        await asyncio.to_thread(migrate.upgrade, urls.owner_url)
        await asyncio.to_thread(seed.seed, urls.owner_url)
        yield urls, temporal


PACES: tuple[tuple[str, dict[str, Scenario], dict[str, Any]], ...] = (
    ("patient", {**SCENARIOS, **LATER}, {}),
    ("hasty", HASTY, {"payment_timeout_s": 1, "escalation_s": 1}),
    ("returning", {**RETURNING, **SECOND, **TRANSFERRING}, PACE),
)


async def main(wanted: list[str]) -> None:
    """Record the stories of these names; all of them, and nothing that no longer exists, when none is given."""
    known = {**SCENARIOS, **LATER, **HASTY, **RETURNING, **SECOND, **TRANSFERRING}
    if unknown := set(wanted) - set(known):
        raise SystemExit(f"no such story: {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    HISTORIES.mkdir(exist_ok=True)
    # A database server that is started as root runs as another user, who must reach the folder.
    with tempfile.TemporaryDirectory(prefix="oms-stories-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        async with servers(folder) as (urls, temporal):
            for pace, scenarios, changes in PACES:
                (folder / pace).mkdir()
                async with staged(urls, temporal.address, folder / pace, **changes) as stage:
                    await stage.stock("TEA", 100)
                    await record(stage, scenarios, wanted)
    if not wanted:
        for stale in {path.stem for path in HISTORIES.glob("*.json")} - set(known):
            (HISTORIES / f"{stale}.json").unlink()


if __name__ == "__main__":
    # The stories fail on purpose; the SDK would tell each time.
    logging.disable(logging.WARNING)
    asyncio.run(main(sys.argv[1:]))
    # A process that ran a worker may crash when the interpreter ends; what it was asked to do is done.
    sys.stdout.flush()
    os._exit(0)
