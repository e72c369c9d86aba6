"""Temporal: set up at every start, also on an empty file, and a worker's version made current."""

import asyncio
import contextlib
import os
import re
import subprocess
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes, VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkerDeploymentConfig

from infra.settings import Settings, settings
from infra.stack.data_dir.ports import any_free
from infra.stack.errors import HopelessError
from infra.stack.processes.service import Service
from infra.stack.temporal import temporal_setup
from infra.stack.temporal.temporal_server import NAMESPACE, TemporalServer
from infra.temporal import namespace_setup, worker_versions
from infra.temporal import temporal_client as names

DEPLOYMENT = "stack-test"


@workflow.defn(name="stack-test", versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Nothing:
    """Does nothing, once somebody dispatches it."""

    @workflow.run
    async def run(self) -> str:
        return "done"


def a_worker(client: Client, queue: str, build_id: str, deployment: str = DEPLOYMENT) -> Worker:
    version = WorkerDeploymentVersion(deployment_name=deployment, build_id=build_id)
    return Worker(
        client,
        task_queue=queue,
        workflows=[Nothing],
        workflow_runner=UnsandboxedWorkflowRunner(),
        deployment_config=WorkerDeploymentConfig(version=version, use_worker_versioning=True),
    )


@contextlib.asynccontextmanager
async def polling(client: Client, queue: str, build_id: str, deployment: str = DEPLOYMENT) -> AsyncIterator[None]:
    async with a_worker(client, queue, build_id, deployment):
        yield


async def test_it_is_set_up_when_it_is_ready(temporal: TemporalServer) -> None:
    client = await temporal_setup.prepare(temporal.address, NAMESPACE)
    assert await namespace_setup.missing_search_attributes(client) == []
    assert await namespace_setup.retention(client) == timedelta(days=30)


async def test_preparing_waits_for_a_server_that_comes_later(tmp_path: Path) -> None:
    server = TemporalServer(db=tmp_path / "t" / "temporal.db", port=any_free(set()), log=tmp_path / "log")
    waiting = asyncio.create_task(temporal_setup.prepare(server.address, NAMESPACE))
    async with server.running():
        client = await waiting
        assert await namespace_setup.retention(client) == timedelta(days=30)


async def test_a_file_that_was_deleted_is_set_up_anew_and_dispatches_again(tmp_path: Path) -> None:
    server = TemporalServer(db=tmp_path / "temporal.db", port=any_free(set()), log=tmp_path / "log")
    for _ in range(2):
        async with server.running():
            client = await temporal_setup.prepare(server.address, NAMESPACE)
            assert await worker_versions.current_version(client, DEPLOYMENT) is None
            async with polling(client, "q", "b1"):
                await asyncio.wait_for(temporal_setup.set_current_version(client, DEPLOYMENT, "b1"), 60)
                assert await client.execute_workflow("stack-test", id="w", task_queue="q") == "done"
        for file in tmp_path.glob("temporal.db*"):
            file.unlink()


async def test_a_new_version_becomes_current_once_its_worker_polls(temporal: TemporalServer) -> None:
    client = await temporal_setup.prepare(temporal.address, NAMESPACE)
    first = asyncio.create_task(temporal_setup.set_current_version(client, DEPLOYMENT, "one"))
    async with polling(client, "versions", "one"):
        await asyncio.wait_for(first, 60)
        assert await worker_versions.current_version(client, DEPLOYMENT) == "one"
        async with polling(client, "versions", "two"):
            await asyncio.wait_for(temporal_setup.set_current_version(client, DEPLOYMENT, "two"), 60)
            await asyncio.wait_for(temporal_setup.set_current_version(client, DEPLOYMENT, "two"), 60)
            assert await worker_versions.current_version(client, DEPLOYMENT) == "two"


async def test_many_who_ask_for_the_current_version_at_once_are_all_answered(temporal: TemporalServer) -> None:
    """The server answers one question at a time and turns the others away while it is busy."""
    client, crowd = await temporal_setup.prepare(temporal.address, NAMESPACE), "stack-test-crowd"
    async with polling(client, "crowd", "one", crowd):
        made = asyncio.create_task(temporal_setup.set_current_version(client, crowd, "one"))
        requested = (worker_versions.current_version(client, crowd) for _ in range(20))
        assert set(await asyncio.gather(*requested)) <= {None, "one"}
        await asyncio.wait_for(made, 60)
        requested = (worker_versions.current_version(client, crowd) for _ in range(20))
        assert set(await asyncio.gather(*requested)) == {"one"}


async def test_orders_are_found_by_their_attributes(temporal: TemporalServer) -> None:
    configuration = Settings(temporal_address=temporal.address)
    client = await names.connect(configuration)
    pairs = [SearchAttributePair(key, "x") for key in names.SEARCH_ATTRIBUTES]
    handle = await client.start_workflow(
        "nobody-runs-it", id="found", task_queue="empty", search_attributes=TypedSearchAttributes(pairs)
    )
    described = await handle.describe()
    assert all(described.typed_search_attributes[key] == "x" for key in names.SEARCH_ATTRIBUTES)
    await handle.terminate()


def test_the_server_is_quiet_headless_and_keeps_its_file_in_wal_mode() -> None:
    argv = TemporalServer(Path("/d/temporal.db"), 7233, Path("/l")).command().argv
    assert "--headless" in argv
    assert "journal_mode=WAL" in argv
    assert "matching.numTaskqueueReadPartitions=1" in argv
    with_ui = TemporalServer(Path("/d/temporal.db"), 7233, Path("/l"), ui_port=8233)
    assert "--headless" not in with_ui.command().argv
    assert with_ui.ui_url == "http://127.0.0.1:8233"


def test_a_persons_own_temporal_settings_do_not_reach_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "somewhere:7233")
    assert "TEMPORAL_ADDRESS" in os.environ
    assert "TEMPORAL_ADDRESS" not in TemporalServer(Path("/d/t.db"), 1, Path("/l")).command().env


def test_the_build_id_follows_the_workflows_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "workflows").mkdir()
    (tmp_path / "domain").mkdir()
    (tmp_path / "workflows" / "order.py").write_text("a = 1")
    first = names.source_hash(tmp_path)
    assert names.source_hash(tmp_path) == first
    (tmp_path / "domain" / "money.py").write_text("")
    second = names.source_hash(tmp_path)
    (tmp_path / "workflows" / "order.py").write_text("a = 2")
    assert len({first, second, names.source_hash(tmp_path)}) == 3


def test_a_given_build_id_goes_before_the_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMS_BUILD_ID", "2026-11")
    settings.cache_clear()
    try:
        assert names.build_id() == "2026-11"
        monkeypatch.delenv("OMS_BUILD_ID")
        settings.cache_clear()
        assert names.build_id() == names.source_hash(names.SOURCES)
    finally:
        settings.cache_clear()


@pytest.mark.parametrize("content", ["no database at all", ""])
async def test_a_damaged_file_is_named_with_its_cure(tmp_path: Path, content: str) -> None:
    """What the sentence says is done as it stands there; then the server starts."""
    folder = tmp_path / "my shop" / "temporal"
    folder.mkdir(parents=True)
    (folder / "temporal.db").write_text(content)
    server = TemporalServer(db=folder / "temporal.db", port=any_free(set()), log=tmp_path / "temporal.log")
    made = [
        Service("temporal", server.command, server.ready, lambda: None, server.make_folder, cure=server.cure)
        for _ in range(2)
    ]
    try:
        with pytest.raises(HopelessError, match="is damaged") as error:
            await made[0].start()
        text = str(error.value)
        assert str(folder / "temporal.db") in text and "up --data-dir" in text and "recover --data-dir" in text
        found = re.search(r"\((mv .*?)\), start again", text)
        assert found is not None
        subprocess.run(["sh", "-c", found[1]], check=True)
        await made[1].start()
    finally:
        for each in made:
            await each.stop()


@pytest.mark.parametrize("line", ["", "Error: bind: address already in use", "Error: database or disk is full (13)"])
def test_what_is_no_damage_is_not_called_so(tmp_path: Path, line: str) -> None:
    server = TemporalServer(db=tmp_path / "temporal.db", port=1, log=tmp_path / "log")
    assert server.cure(line) is None
