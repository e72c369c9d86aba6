"""Garbage of evicted workflows is collected while it is little."""

import gc
from typing import Any

import pytest
from temporalio.worker import UnsandboxedWorkflowRunner

from workers.workflow_runner import CacheTrimmingRunner


def test_it_collects_once_the_cache_is_full_and_not_at_every_workflow(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    collected_at: list[int] = []
    monkeypatch.setattr(UnsandboxedWorkflowRunner, "create_instance", lambda _, det: made.append(det))
    monkeypatch.setattr(gc, "collect", lambda: collected_at.append(len(made)))
    runner = CacheTrimmingRunner(max_cached_workflows=1000)
    for number in range(1250):
        runner.create_instance(number)  # type: ignore[arg-type]
    assert len(made) == 1250
    assert collected_at == [1099, 1199]  # just before the 1,100th and the 1,200th
