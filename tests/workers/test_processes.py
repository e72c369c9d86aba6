"""The worker and the relay as processes: they wait for what is not there yet, and end with the code they mean."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from temporalio.client import Client

from infra.stack.data_dir.ports import any_free
from infra.stack.temporal.temporal_server import TemporalServer
from infra.system.watchdog import Pulse
from tests.conftest import DatabaseUrls
from tests.workers.stored_orders import MASTER_KEY, place, sql, until
from workers import process
from workflows import names

ROOT = Path(__file__).resolve().parents[2]


@asynccontextmanager
async def process_of(
    name: str, urls: DatabaseUrls, temporal: TemporalServer, port: int, log: Path, **more: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {
        **os.environ,
        "OMS_DATABASE_URL": urls.app_url,
        "OMS_TEMPORAL_ADDRESS": temporal.address,
        "OMS_MASTER_KEY": MASTER_KEY,
        "OMS_BUILD_ID": "test",
        "OMS_WORKER_METRICS_PORT": str(port),
        "OMS_RELAY_METRICS_PORT": str(port),
        "OMS_SANDBOX_WEBHOOK_SECRET": "whsec_MDEyMzQ1Njc4OWFiY2RlZg==",
        **more,
    }
    with log.open("wb") as output:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "workers.cli", name, cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def health(port: int, path: str = "/healthz") -> int:
    try:
        async with httpx.AsyncClient(trust_env=False) as http:
            return (await http.get(f"http://127.0.0.1:{port}{path}")).status_code
    except httpx.HTTPError:
        return 0


async def ended(child: asyncio.subprocess.Process, within_s: float = 60.0) -> int:
    child.send_signal(signal.SIGTERM)
    async with asyncio.timeout(within_s):
        return await child.wait()


async def test_a_worker_waits_for_temporal_starts_orders_eagerly_and_ends_with_zero(
    database_url: DatabaseUrls, tmp_path: Path
) -> None:
    server = TemporalServer(db=tmp_path / "temporal.db", port=any_free(set()), log=tmp_path / "temporal.log")
    port, log = any_free({server.port}), tmp_path / "worker.log"
    async with process_of("worker", database_url, server, port, log) as child:

        async def waits() -> bool:
            return (await health(port), await health(port, "/readyz")) == (200, 503)

        await until(waits)
        async with server.running():

            async def works() -> bool:
                return await health(port, "/readyz") == 200

            await until(works)  # the first version of all makes itself current
            client = await Client.connect(server.address)
            order_no = await place(database_url)

            async def started() -> bool:
                return await sql(database_url.app_url, "SELECT 1 FROM workflow_requests") == []

            await until(started)
            history = await client.get_workflow_handle(names.order_workflow(order_no)).fetch_history()
            assert history.events[0].workflow_execution_started_event_attributes.eager_execution_accepted
            async with httpx.AsyncClient(trust_env=False) as http:
                metrics = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
            assert "oms_dispatch_lag_seconds_count 1.0" in metrics
            assert await ended(child) == 0, log.read_text()


async def test_a_worker_that_never_found_temporal_ends_with_zero(database_url: DatabaseUrls, tmp_path: Path) -> None:
    server = TemporalServer(db=tmp_path / "temporal.db", port=any_free(set()), log=tmp_path / "temporal.log")
    port = any_free({server.port})
    async with process_of("worker", database_url, server, port, tmp_path / "worker.log") as child:

        async def waits() -> bool:
            return await health(port, "/readyz") == 503 and await lives(database_url, child) == [("worker", False)]

        await until(waits)
        assert await ended(child) == 0
        assert await lives(database_url, child) == [("worker", True)]


async def test_a_taken_metrics_port_does_not_stop_a_worker(database_url: DatabaseUrls, tmp_path: Path) -> None:
    server = TemporalServer(db=tmp_path / "temporal.db", port=any_free(set()), log=tmp_path / "temporal.log")
    port, log = any_free({server.port}), tmp_path / "worker.log"
    with socket.create_server(("127.0.0.1", port)) as other:
        async with process_of("worker", database_url, server, port, log) as child:

            async def works() -> bool:
                return await lives(database_url, child) == [("worker", False)]

            await until(works, 60)
            other.close()

            async def answers() -> bool:
                return await health(port) == 200

            await until(answers, 60)
            assert await ended(child, 60) == 0
    assert "metrics_port_taken" in log.read_text()


async def lives(urls: DatabaseUrls, child: asyncio.subprocess.Process) -> list[tuple[str, bool]]:
    """What the database knows of this process: its name, and whether it ended as it was asked to."""
    return await sql(urls.app_url, "SELECT name, ended_at IS NOT NULL FROM processes WHERE pid = %s", child.pid)


async def test_a_process_that_is_killed_leaves_a_life_without_an_end(
    database_url: DatabaseUrls, tmp_path: Path
) -> None:
    server = TemporalServer(db=tmp_path / "temporal.db", port=any_free(set()), log=tmp_path / "temporal.log")
    port = any_free({server.port})
    async with process_of("relay", database_url, server, port, tmp_path / "relay.log") as child:

        async def begun() -> bool:
            return await lives(database_url, child) == [("relay", False)]

        await until(begun)
        child.kill()
        await child.wait()
        assert await begun()


async def test_the_relay_starts_what_the_worker_left_and_ends_with_zero(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path: Path
) -> None:
    order_no = await place(database_url)
    port, log = any_free(set()), tmp_path / "relay.log"
    async with process_of("relay", database_url, temporal, port, log) as child:

        async def drained() -> bool:
            requests = await sql(database_url.app_url, "SELECT 1 FROM workflow_requests")
            return requests == [] and await sql(database_url.app_url, "SELECT 1 FROM outbox") == []

        await until(drained)
        assert await health(port) == 200
        client = await Client.connect(temporal.address)
        assert (
            await client.get_workflow_handle(names.order_workflow(order_no)).describe()
        ).workflow_type == names.ORDER
        assert await ended(child) == 0, log.read_text()


def test_a_process_that_cannot_go_on_ends_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    codes: list[int] = []

    class Ended(BaseException):
        pass

    def ends(code: int) -> None:
        codes.append(code)
        raise Ended

    async def fails(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(process.os, "_exit", ends)
    monkeypatch.setattr(process.telemetry, "setup", lambda *_: None)
    monkeypatch.setattr(process.logging, "shutdown", lambda: None)
    monkeypatch.setattr(process, "PULSE", Pulse())  # that of the tests beats no more
    with pytest.raises(Ended):
        process.run("test", fails)
    assert codes == [1]
