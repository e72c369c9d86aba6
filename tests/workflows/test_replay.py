"""Every recorded history replays, in both runners; a workflow that decides otherwise does not."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from tests.workflows.changed import (
    LooksAtTheClock,
    LooksBeforeOperations,
    LooksTwice,
    PaysAfterBooking,
    RefundsBeforeRecall,
)
from tests.workflows.later_scenarios import LATER
from tests.workflows.record import HISTORIES
from tests.workflows.return_scenarios import RETURNING
from tests.workflows.scenarios import HASTY, PERSONAL, SCENARIOS
from tests.workflows.second_scenarios import SECOND
from tests.workflows.transfer_scenarios import TRANSFERRING
from workflows import ports
from workflows.after_sales.returns import ReturnWorkflow
from workflows.orders.order import OrderWorkflow
from workflows.stock.transfer import TransferWorkflow
from workflows.support.bulk_resolve import BulkResolveWorkflow

FILES = sorted(HISTORIES.glob("*.json"))
RUNNERS = [UnsandboxedWorkflowRunner(), SandboxedWorkflowRunner()]
EVERY_RUNNER = pytest.mark.parametrize("runner", RUNNERS, ids=["unsandboxed", "sandboxed"])
EVERY_HISTORY = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


async def replay(file: Path, runner: WorkflowRunner, changed: type[Any]) -> Exception | None:
    """What the replay found wrong with the history when `changed` takes the place of the product's workflow."""
    return (await replays([file], runner, changed))[file.stem]


async def replays(files: list[Path], runner: WorkflowRunner, *workflows: type[Any]) -> dict[str, Exception | None]:
    """What went wrong with each history, by story."""
    # Without the limit of two seconds per task: on a busy machine it says nothing about the code.
    replayer = Replayer(workflows=list(workflows), workflow_runner=runner, debug_mode=True)
    found = {}
    for file in files:
        history = WorkflowHistory.from_json(file.stem, file.read_text(encoding="utf-8"))
        result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
        found[file.stem] = result.replay_failure
    return found


@EVERY_RUNNER
async def test_every_recorded_history_replays(runner: WorkflowRunner) -> None:
    found = await replays(FILES, runner, OrderWorkflow, ReturnWorkflow, BulkResolveWorkflow, TransferWorkflow)
    assert len(found) == len(FILES) > 20
    assert {name: failure for name, failure in found.items() if failure} == {}


def test_there_is_a_history_of_every_story_and_no_other() -> None:
    assert {file.stem for file in FILES} == {*SCENARIOS, *LATER, *HASTY, *RETURNING, *SECOND, *TRANSFERRING}


def texts(value: Any) -> Iterator[str]:
    """Every text of a history, payloads decoded."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "data" and isinstance(inner, str):
                yield base64.b64decode(inner).decode(errors="replace")
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


@EVERY_HISTORY
def test_a_history_carries_ids_and_not_people(file: Path) -> None:
    sentence = list(texts(json.loads(file.read_text(encoding="utf-8"))))
    assert any("order_no" in text or "transfer_id" in text for text in sentence), "payloads are not decoded"
    unescaped = [text.encode().decode("unicode_escape", errors="replace") for text in sentence if "\\u" in text]
    for personal in PERSONAL:
        assert not [text for text in [*sentence, *unescaped] if personal in text]


@EVERY_HISTORY
def test_a_history_says_nothing_of_the_machine_that_recorded_it(file: Path) -> None:
    sentence = set(texts(json.loads(file.read_text(encoding="utf-8"))))
    assert not {text for text in sentence if "@" in text or "site-packages" in text}


# ── the replay can fail ──────────────────────────────────────────────────────────────────────────────────────


@EVERY_RUNNER
@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("plain", PaysAfterBooking),
        ("cancelled_after_booking", RefundsBeforeRecall),
        ("plain", LooksTwice),
        ("refunded_before_delivery", LooksBeforeOperations),
        ("made_dearer", LooksBeforeOperations),
        ("guarantee_claimed", LooksBeforeOperations),
        ("guarantee_released", LooksBeforeOperations),
    ],
)
async def test_a_changed_workflow_does_not_replay(name: str, changed: type[Any], runner: WorkflowRunner) -> None:
    failure = await replay(HISTORIES / f"{name}.json", runner, changed)
    assert isinstance(failure, workflow.NondeterminismError)


async def test_the_clock_is_noticed_by_the_sandbox_alone() -> None:
    """Why the tests run sandboxed, and why nothing of ours is passed through."""
    file = HISTORIES / "plain.json"
    assert await replay(file, UnsandboxedWorkflowRunner(), LooksAtTheClock) is None
    failure = await replay(file, SandboxedWorkflowRunner(), LooksAtTheClock)
    assert "datetime.datetime.now" in str(failure)


def test_the_rules_run_inside_the_sandbox() -> None:
    """With `domain` passed through, a clock in it would go unnoticed."""
    passed = SandboxedWorkflowRunner().restrictions.passthrough_modules
    assert not {name for name in passed if name.split(".")[0] in ("domain", "workflows")}
    source = "".join(path.read_text(encoding="utf-8") for path in Path(workflow_folder()).rglob("*.py"))
    assert "imports_passed_through" not in source


def workflow_folder() -> str:
    folder = ports.__spec__
    assert folder is not None
    assert folder.origin is not None
    return str(Path(folder.origin).parent)
