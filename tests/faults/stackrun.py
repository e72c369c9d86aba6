"""`oms up` as the outside meets it: HTTP, signals by process id, and questions to its books."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg.rows import dict_row

from infra.stack import running
from infra.stack.processes.process import tail
from tests.stack.oms import OMS

TORTURE = os.environ.get("OMS_TORTURE") == "1"
PROCESSES = ("worker", "api", "relay", "sandbox", "temporal", "postgres")
START_TIMEOUT_S = 90.0
PATIENCE_S = 300.0 if TORTURE else 90.0
POLL_S = 0.1
# Waits that are days in a shop are seconds here.
SHORT = {
    "OMS_RETURN_WINDOW_S": "1",
    "OMS_TRANSFER_TIMEOUT_S": "3",
    "OMS_PAYMENT_TIMEOUT_S": "4",
    "OMS_PAYMENT_POLL_S": "2",
    "OMS_GATEWAY_TIMEOUT_S": "1",
    "OMS_GATEWAY_BACKOFF_S": "0.2",
    "OMS_WORKFLOW_TIMEOUT_S": "2",
    "OMS_SANDBOX_CARRIER_STEP_S": "0.1",
    "OMS_SANDBOX_PENDING_S": "0.3",
    "OMS_SANDBOX_SLOW_S": "0.7",
}


async def until(
    condition: Callable[[], Any], what: str, timeout_s: float = PATIENCE_S, *, pause_s: float = POLL_S
) -> Any:
    """The first true value of the (possibly async) condition; AssertionError naming `what` when none came in time."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if isinstance(value, Awaitable):
            value = await value
        if value:
            return value
        assert time.monotonic() < end, f"not in {timeout_s:.0f} s: {what}"
        await asyncio.sleep(pause_s)


@dataclass
class StackRun:
    """One data directory and the stack on it, which may be stopped, killed and started again.

    `accepted` holds the total in minor units of every order that was answered with 201.
    """

    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)
    options: Sequence[str] = ()
    accepted: dict[str, int] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None
    _connecting: asyncio.Lock = field(default_factory=asyncio.Lock)
    _connection: "psycopg.AsyncConnection[dict[str, Any]] | None" = None

    # ── the processes ──────────────────────────────────────────────────────────────────────────────────────

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    @property
    def ready_file(self) -> Path:
        return self.folder / "ready.json"

    @property
    def ready(self) -> dict[str, Any]:
        """The ready file as it is now: process ids change."""
        content: dict[str, Any] = json.loads(self.ready_file.read_text())
        return content

    @contextlib.asynccontextmanager
    async def standing(self) -> AsyncIterator["StackRun"]:
        try:
            await self.start()
            yield self
        finally:
            if self._connection is not None:
                await self._connection.close()
            self.stop()

    async def start(self) -> None:
        """Returns when the ready file is there."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("OMS_")}
        argv = [*OMS, "up", "--headless", "--port", "0", "--data-dir", str(self.data_dir), *self.options]
        argv += ["--ready-file", str(self.ready_file)]
        self.ready_file.unlink(missing_ok=True)
        with (self.folder / "up.log").open("ab") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log, env={**inherited, **SHORT, **self.env})
        await until(self._announced, "the stack is ready", START_TIMEOUT_S)

    def _announced(self) -> bool:
        assert self.process is not None and self.process.poll() is None, tail(self.folder / "up.log", 40)
        return self.ready_file.exists()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)

    def kill_supervisor(self) -> None:
        """SIGKILL to `oms up` itself."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(60)

    def pid(self, name: str) -> int:
        return int(self.ready["pids"][name])

    def send(self, name: str, number: signal.Signals) -> int:
        """Signals one process; its process id."""
        pid = self.pid(name)
        os.kill(pid, number)
        return pid

    async def kill(self, name: str) -> None:
        """SIGKILL, then until the supervisor has announced the next process."""
        before = self.send(name, signal.SIGKILL)
        await until(lambda: self.pid(name) != before, f"{name} is started again")

    @contextlib.contextmanager
    def suspended(self, name: str) -> Any:
        """SIGSTOP for the length of the block, or until the supervisor takes it for one that hangs."""
        pid = self.send(name, signal.SIGSTOP)
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    @contextlib.contextmanager
    def another(self, name: str, *argv: str, **env: str) -> Any:
        """A second api, worker or relay on the same stack, with other settings, or the program `argv`; its process."""
        reported = running.environment_of(running.load(self.data_dir))
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("OMS_")}
        with (self.folder / f"another-{name}.log").open("ab") as log:
            process = subprocess.Popen(
                argv or [*OMS, name], stdout=log, stderr=log, env={**inherited, **reported, **env}
            )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)

    def oms(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """One command against this stack."""
        argv = [*OMS, *arguments, "--data-dir", str(self.data_dir)]
        return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)

    # ── the outside ────────────────────────────────────────────────────────────────────────────────────────

    def client(self, role: str = "channel", base: str | None = None) -> httpx.AsyncClient:
        """The API as somebody of this role; no proxies, many connections."""
        ready = self.ready
        return httpx.AsyncClient(
            base_url=base or ready["api"],
            headers={"Authorization": f"Bearer {ready['tokens'][role]}"},
            timeout=60,
            trust_env=False,
            verify=False,  # nothing here speaks TLS, and reading the certificates is the most of a client's cost
            limits=httpx.Limits(max_connections=200),
        )

    async def sandbox(self, method: str, path: str, **options: Any) -> Any:
        """A call of the sandbox that must succeed; its JSON."""
        async with httpx.AsyncClient(base_url=self.ready["sandbox"], timeout=60, trust_env=False, verify=False) as http:
            response = await http.request(method, path, **options)
        assert response.is_success, response.text
        return response.json()

    async def items(self, path: str, **query: str) -> list[dict[str, Any]]:
        """One of the sandbox's complete lists."""
        listed: list[dict[str, Any]] = (await self.sandbox("GET", path, params=query))["items"]
        return listed

    async def fault(self, target: str, mode: str, count: int = 1, **match: str) -> None:
        await self.sandbox("POST", "/faults", json={"target": target, "mode": mode, "count": count, "match": match})

    # ── the database ──────────────────────────────────────────────────────────────────────────────────────────

    async def sql(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        """Query the database as its owner. A percent sign is written twice when there are values."""
        try:
            cursor = await (await self._shared()).execute(statement, values or None)
        except psycopg.OperationalError:  # the server was killed since
            cursor = await (await self._shared()).execute(statement, values or None)
        return await cursor.fetchall() if cursor.description else []

    async def _shared(self) -> "psycopg.AsyncConnection[dict[str, Any]]":
        """One connection for all questions, as long as it lives: polling would spend its time on connecting."""
        async with self._connecting:
            if self._connection is None or self._connection.closed:
                self._connection = await self.owner()
            return self._connection

    async def owner(self) -> "psycopg.AsyncConnection[dict[str, Any]]":
        """A connection of the database's owner."""
        return await psycopg.AsyncConnection.connect(
            self.ready["database_url"], autocommit=True, connect_timeout=60, row_factory=dict_row
        )

    async def order(self, order_no: str) -> dict[str, Any]:
        """Its row, with `parked`: the step that sticks or None."""
        rows = await self.sql(
            "SELECT o.*, (SELECT step FROM parked_steps p WHERE p.order_no = o.order_no AND resolved_at IS NULL) parked"
            " FROM orders o WHERE o.order_no = %(order_no)s",
            order_no=order_no,
        )
        return rows[0]

    async def reaches(self, order_no: str, status: str, timeout_s: float = PATIENCE_S) -> None:
        async def there() -> bool:
            return bool((await self.order(order_no))["status"] == status)

        try:
            await until(there, f"{order_no} is {status}", timeout_s)
        except AssertionError:
            raise AssertionError(f"{order_no} is not {status}: {await self.story(order_no)}") from None

    async def parks(self, order_no: str, step: str, timeout_s: float = PATIENCE_S) -> None:
        async def there() -> bool:
            return bool((await self.order(order_no))["parked"] == step)

        try:
            await until(there, f"{order_no} is parked at {step}", timeout_s)
        except AssertionError:
            raise AssertionError(f"{order_no} is not parked at {step}: {await self.story(order_no)}") from None

    async def events(self, order_no: str) -> list[str]:
        """Types of its timeline, in order."""
        rows = await self.sql("SELECT type FROM order_events WHERE order_no = %(o)s ORDER BY seq", o=order_no)
        return [row["type"] for row in rows]

    async def story(self, order_no: str) -> str:
        """Everything that helps to see why a test failed."""
        order = await self.order(order_no)
        events = await self.sql(
            "SELECT seq, type, data FROM order_events WHERE order_no = %(o)s ORDER BY 1", o=order_no
        )
        payments = await self.sql(
            "SELECT payment_id, kind, purpose, attempt, status, tries, error_code, parent_id, idempotency_key"
            " FROM payments WHERE order_no = %(o)s ORDER BY 1",
            o=order_no,
        )
        shipments = await self.sql(
            "SELECT shipment_id, status, tries FROM shipments WHERE order_no = %(o)s", o=order_no
        )
        requests = await self.sql("SELECT * FROM workflow_requests WHERE subject = %(o)s", o=order_no)
        state = {name: order[name] for name in ("status", "cancelling", "parked", "waiting")}
        parts = {"order": [state], "event": events, "payment": payments, "parcel": shipments, "request": requests}
        return "".join(f"\n  {what}: {row}" for what, rows in parts.items() for row in rows)
