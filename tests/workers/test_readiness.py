"""A worker that gets no tasks says why and what to run; `oms temporal prepare` and `oms worker promote` end it."""

import asyncio
import json
import logging
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode

from activities.workflow_starts import lazily_connected
from infra.db.autocommit import autocommit
from infra.db.system import processes
from infra.settings import Settings
from infra.stack.temporal.temporal_server import TemporalServer
from infra.system import doctor
from infra.system.heartbeat import Heartbeat
from infra.system.watchdog import UNHEALTHY_S, Pulse
from infra.temporal import namespace_setup, worker_versions
from infra.temporal.temporal_client import SEARCH_ATTRIBUTES, connect, quiet_runtime
from tests.conftest import DatabaseUrls
from tests.stack.test_temporal import DEPLOYMENT, polling
from tests.workers.relay.alert_scene import Scene
from tests.workers.stored_orders import database, place, settings_for, sql, until
from tests.workers.test_dispatcher import dispatching_with
from workers import readiness
from workers.cli.temporal import temporal_prepare, worker_promote
from workers.cli.temporal.temporal_prepare import prepare
from workers.cli.temporal.worker_promote import NotPromoted, promote
from workers.readiness import Readiness, Trouble
from workers.relay import main

NAMES = [key.name for key in SEARCH_ATTRIBUTES]


def settings_of(temporal: TemporalServer, **more: object) -> Settings:
    """A namespace, a deployment and a queue of its own."""
    own = f"own-{secrets.token_hex(4)}"
    about = {"temporal_namespace": "default", "task_queue": own, "deployment_name": DEPLOYMENT, "build_id": own}
    return Settings(temporal_address=temporal.address, **{**about, **more})  # type: ignore[arg-type]


async def client_of(settings: Settings) -> Client:
    return await Client.connect(settings.temporal_address, namespace=settings.temporal_namespace)


@asynccontextmanager
async def watching(settings: Settings) -> AsyncIterator[Readiness]:
    one, client = Readiness(settings), await client_of(settings)
    task = asyncio.create_task(one.watch(client))
    try:
        yield one
    finally:
        task.cancel()


@contextmanager
def captured(caplog: pytest.LogCaptureFixture) -> Iterator[list[logging.LogRecord]]:
    with caplog.at_level(logging.INFO, logger="workers.readiness"):
        caplog.clear()
        yield caplog.records


async def is_(one: Readiness, code: str | None) -> None:
    async def so() -> bool:
        return one.answer()[1].get("code") == code

    await until(so, what=f"{code}, not {one.answer()}")


async def test_what_a_namespace_lacks_is_named_until_it_is_prepared(
    temporal: TemporalServer, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_of(temporal, temporal_namespace=f"n-{secrets.token_hex(4)}")
    client, one, stopping = await client_of(settings), Readiness(settings), asyncio.Event()
    with captured(caplog) as lines:
        waiting = asyncio.create_task(one.until_prepared(client, stopping))
        await is_(one, readiness.NO_NAMESPACE)
        await namespace_setup.create(client, timedelta(days=3))
        await is_(one, readiness.MISSING)
        ready, answer = one.answer()
        assert not ready and answer["names"] == tuple(NAMES) and "oms temporal prepare" in answer["detail"]
        assert not waiting.done(), "a worker that polls now would wedge orders"
        done = await prepare(settings)
        assert await waiting
    assert not any("is ready" in line.getMessage() for line in lines), "no task comes before its version is routed"
    assert [line.levelname for line in lines if "oms temporal prepare" in line.getMessage()] == ["ERROR", "ERROR"]
    assert done.wrong == [] and done.done[0].endswith("retention set to 30 days, was 3")
    assert done.done[1:] == [f"search attribute {name} (Keyword): registered" for name in NAMES]


async def test_no_process_logs_the_librarys_own_lines(temporal: TemporalServer) -> None:
    """Its warnings are no JSON lines, and say what a line of ours says with the order's number."""
    client = await connect(settings_of(temporal))
    assert client.service_client.config.runtime is quiet_runtime()


async def test_preparing_again_changes_nothing_and_retention_is_shortened_only_when_asked(
    temporal: TemporalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_of(temporal, temporal_namespace=f"n-{secrets.token_hex(4)}", temporal_retention_days=2)
    assert (await prepare(settings)).done[0].endswith("created, closed workflows are kept 2 days")
    assert "set to 5 days, was 2" in (await prepare(settings, 5)).done[0]
    again = await prepare(settings)
    assert again.wrong == [] and [line.rsplit(": ", 1)[1][:5] for line in again.done] == ["there"] * 8
    assert await asyncio.to_thread(temporal_prepare.run, settings, None, as_json=True) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["done"] == again.done and printed["dynamic_config"]["matching.enableFairness"] == "true"
    assert await namespace_setup.retention(await client_of(settings)) == timedelta(days=5)


async def test_an_attribute_of_another_type_is_a_clear_error_and_left_as_it_is(temporal: TemporalServer) -> None:
    settings = settings_of(temporal, temporal_namespace=f"n-{secrets.token_hex(4)}")
    client = await client_of(settings)
    await namespace_setup.create(client, timedelta(days=30))
    text = AddSearchAttributesRequest(
        namespace=client.namespace, search_attributes={"OmsHold": IndexedValueType.INDEXED_VALUE_TYPE_TEXT}
    )
    await temporal_prepare._wait_until_visible(lambda: client.operator_service.add_search_attributes(text))
    (wrong,) = (await prepare(settings)).wrong
    assert wrong.startswith("search attribute OmsHold is of type Text and must be Keyword")
    one = Readiness(settings)
    trouble = await one._of_namespace(client)
    assert trouble is not None and (trouble.code, trouble.names) == (readiness.WRONG_TYPE, ("OmsHold",))


@pytest.mark.parametrize(
    "ask", [temporal_prepare._query_namespace(timedelta(days=30)), temporal_prepare._query_attributes]
)
async def test_what_is_not_permitted_is_said_with_what_to_ask_for(ask: object) -> None:
    async def denied() -> None:
        raise RPCError("Request unauthorized.", RPCStatusCode.PERMISSION_DENIED, b"")

    found = temporal_prepare.Prepared("orders")
    await temporal_prepare._step(found, denied(), ask)  # type: ignore[arg-type]
    (line,) = found.wrong
    assert "ask its operator" in line and "--namespace orders" in line and ("30d" in line or "OmsStatus" in line)


async def test_a_start_that_lacks_attributes_is_logged_with_their_names(
    database_url: DatabaseUrls, temporal: TemporalServer, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_for(
        database_url, temporal_address=temporal.address, temporal_namespace=f"n-{secrets.token_hex(4)}"
    )
    await namespace_setup.create(await client_of(settings), timedelta(days=1))
    await place(database_url)
    async with database(settings) as db, dispatching_with(db, settings, lazily_connected(settings)):

        async def reported() -> bool:
            return any("OmsStatus" in line.getMessage() for line in caplog.records)

        await until(reported)
    line = next(line for line in caplog.records if "OmsStatus" in line.getMessage())
    assert (line.levelname, line.__dict__["step"]) == ("ERROR", "start_order") and line.__dict__["attempt"] >= 1
    assert all(name in line.getMessage() for name in NAMES)
    assert "oms temporal prepare" in line.getMessage() and line.__dict__["code"] == "temporal_invalid_argument"
    await sql(database_url.app_url, "DELETE FROM workflow_requests")


async def test_the_first_version_promotes_itself_every_later_one_waits_and_says_so(
    temporal: TemporalServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "SETTLE_S", 0.1)
    monkeypatch.setattr(readiness, "READY_POLL_S", 0.2)
    deployment = f"d-{secrets.token_hex(4)}"
    old = settings_of(temporal, deployment_name=deployment, build_id="old")
    new = old.model_copy(update={"build_id": "new"})
    client = await client_of(old)
    with captured(caplog) as lines:
        async with polling(client, old.task_queue, "old", deployment), watching(old) as first:
            await is_(first, None)
            async with polling(client, old.task_queue, "new", deployment), watching(new) as second:
                await is_(second, readiness.NOT_ROUTED)
                ready, answer = second.answer()
                assert not ready and (answer["deployment"], answer["build_id"]) == (deployment, "new")

                async def logged() -> bool:
                    return any(line.levelname == "ERROR" and line.__dict__["build_id"] == "new" for line in lines)

                await until(logged)
                done = await promote(new, "new", 60)
                assert (done.previous, done.build_id) == ("old", "new")
                routed = await worker_versions.queue_versions(client, new.task_queue)
                assert routed == {WorkerDeploymentVersion(deployment, "new")}, "no task goes to the old one any more"
                await is_(second, None)
                await is_(first, processes.SUPERSEDED)
    error = next(line for line in lines if line.levelname == "ERROR" and line.__dict__["build_id"] == "new")
    assert "old is current; run: oms worker promote --build-id new" in error.getMessage()
    assert (error.__dict__["deployment"], error.__dict__["build_id"]) == (deployment, "new")
    assert [line.levelname for line in lines if "end it" in line.getMessage()] == ["WARNING"]


async def test_a_version_is_not_promoted_while_the_queue_sends_its_tasks_elsewhere(temporal: TemporalServer) -> None:
    """A queue hears of the current version later than the deployment: then old workers still get tasks."""
    settings = settings_of(temporal, deployment_name=f"d-{secrets.token_hex(4)}", build_id="ours")
    later = settings.model_copy(update={"deployment_name": f"{settings.deployment_name}-later", "build_id": "theirs"})
    client = await client_of(settings)
    async with (
        polling(client, settings.task_queue, "ours", settings.deployment_name),
        polling(client, settings.task_queue, "theirs", later.deployment_name),
    ):
        await promote(settings, "ours", 60)
        await promote(later, "theirs", 60)
        assert await worker_versions.current_version(client, settings.deployment_name) == "ours"
        text = r"ours is current now, but task queue own-\w+ still sends tasks elsewhere.*-later, build id theirs"
        with pytest.raises(NotPromoted, match=text):
            await promote(settings, "ours", 0.0)


async def test_without_the_setting_the_first_version_waits_too(temporal: TemporalServer) -> None:
    settings = settings_of(temporal, deployment_name=f"d-{secrets.token_hex(4)}", promote_first_version=False)
    client = await client_of(settings)
    polls = polling(client, settings.task_queue, settings.build_id, settings.deployment_name)
    async with polls, watching(settings) as one:
        await promote_known(client, settings)
        await is_(one, readiness.NOT_ROUTED)
        assert "no version is current" in one.answer()[1]["detail"]


async def promote_known(client: Client, settings: Settings) -> None:
    async def known() -> bool:
        await asyncio.sleep(0.2)
        try:
            return settings.build_id in (await worker_versions.routing(client, settings.deployment_name)).known
        except RPCError as error:  # the server bounds questions about one deployment, and a worker asks as well
            if error.status != RPCStatusCode.RESOURCE_EXHAUSTED:
                raise
            return False

    await until(known)


async def test_a_version_without_a_poller_is_not_promoted_and_those_that_poll_are_named(
    temporal: TemporalServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(temporal, deployment_name=f"d-{secrets.token_hex(4)}", build_id="there")
    client = await client_of(settings)
    async with polling(client, settings.task_queue, "there", settings.deployment_name):
        await promote_known(client, settings)
        with pytest.raises(NotPromoted, match=r"build id gone, polls task queue.*polling are: there.*--build-id"):
            await promote(settings, "gone", 0.0)
        assert await worker_versions.current_version(client, settings.deployment_name) is None
        assert await asyncio.to_thread(worker_promote.run, settings, None, 60, as_json=True) == 0
        assert json.loads(capsys.readouterr().out)["build_id"] == "there"
        elsewhere = settings.model_copy(update={"build_id": "elsewhere"})
        looked = [await doctor._worker_version(one) for one in (settings, elsewhere)]
        assert [one.ok for one in looked] == [True, True], "a version that no worker runs waits for nothing"
        assert looked[0].detail == "there" and "elsewhere, which no worker runs" in looked[1].detail
    monkeypatch.setattr(worker_versions, "POLLS_WITHIN", timedelta(0))  # as after a minute without a poll
    with pytest.raises(NotPromoted, match=r"build id there, polls task queue.*no worker of this deployment polls"):
        await promote(settings, "there", 0.0)
    lost = settings.model_copy(update={"temporal_namespace": "nowhere"})
    with pytest.raises(NotPromoted, match="no namespace 'nowhere'; run: oms temporal prepare"):
        await promote(lost, "there", 60)


def test_a_worker_that_does_not_reach_the_database_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    one, cut_off = Readiness(Settings()), Pulse()
    one._note(None)
    monkeypatch.setattr(readiness, "PULSE", cut_off)
    assert one.answer()[0]
    for _ in range(UNHEALTHY_S):
        cut_off.tick()
    ready, answer = one.answer()
    assert (ready, answer["code"]) == (False, "database_unreachable")
    cut_off.written()
    assert one.answer()[0]


async def test_what_keeps_workers_from_orders_is_a_cause_of_a_notice_and_in_the_database(scene: Scene) -> None:
    one = Readiness(scene.settings)
    heart = Heartbeat(scene.database, "worker", scene.settings, condition=one.condition)
    one._note(Trouble(readiness.NOT_ROUTED, "run: oms worker promote", "oms", "b2", since="2026-01-01T00:00:00+00:00"))
    await heart.beat()
    async with autocommit(scene.database) as connection:
        there = await processes.workers(connection)
    assert (there.living, there.serving) == (1, 0) and there.trouble is not None and there.trouble["build_id"] == "b2"
    await scene.notifier.poll()
    found = await sql(scene.urls.app_url, "SELECT cause, count, facts ->> 'build_id' FROM alerts WHERE over_at IS NULL")
    assert found == [("workers_idle:version_not_routed", 1, "b2")]
    one._note(None)
    await heart.beat()
    async with autocommit(scene.database) as connection:
        assert (await processes.workers(connection)).serving == 1
    # Whoever beat in the future died before the clock was set back: whoever lives has said so since.
    await sql(scene.urls.owner_url, "UPDATE processes SET beat_at = now() + interval '1 hour' WHERE name = 'worker'")
    async with autocommit(scene.database) as connection:
        assert (await processes.workers(connection)).living == 0
    await heart.beat()
    async with autocommit(scene.database) as connection:
        assert (await processes.workers(connection)).serving == 1


async def test_a_worker_and_a_relay_whose_database_is_exchanged_are_not_ready_and_open_and_seal_nothing(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a restore of another installation's database, while the processes stay."""
    one, worked = Readiness(scene.settings), 0
    one._note(None)
    heart = Heartbeat(scene.database, "worker", scene.settings, condition=one.condition)

    async def seals() -> bool:
        nonlocal worked
        worked += 1
        return True

    guarded = main.with_own_keys(one.condition, seals)
    await heart.beat()
    assert (one.answer()[0], one.ready, main._ready([], one.condition)[0], await guarded()) == (True,) * 4
    await sql(scene.urls.owner_url, "INSERT INTO master_keys (key_id) VALUES (%s)", b"anothers")
    try:
        for _ in range(2):
            await heart.beat()
        for ready, answer in (one.answer(), main._ready([], one.condition)):
            assert (ready, answer["code"]) == (False, "master_key_unknown")
            assert b"anothers".hex() in answer["detail"] and "OMS_PREVIOUS_MASTER_KEYS" in answer["detail"]
        assert not one.ready and not await guarded() and worked == 1
        async with autocommit(scene.database) as connection:
            there = await processes.workers(connection)
        assert there.serving == 0 and there.trouble is not None and there.trouble["code"] == "master_key_unknown"
        lines = [line for line in caplog.records if line.__dict__.get("code") == "master_key_unknown"]
        assert [line.levelname for line in lines] == ["ERROR"], "logged once, when it is found"
    finally:
        await sql(scene.urls.owner_url, "DELETE FROM master_keys WHERE key_id = %s", b"anothers")
    await heart.beat()
    assert (one.answer()[0], one.ready, main._ready([], one.condition)[0], await guarded()) == (True,) * 4
