"""docs/deploy.md as it stands: each process started manually, environment only, a new version deployed under load."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from temporalio.client import Client

from infra.stack.data_dir.ports import any_free
from infra.stack.postgres.postgres_server import SUPERUSER, PostgresServer
from infra.stack.processes.process import standing
from infra.temporal.temporal_client import SEARCH_ATTRIBUTES
from tests.workers.stored_orders import until
from workflows import names

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(sh|sql)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
# Blocks that are a process: they run on while those after them are run.
PROCESS = re.compile(r"^(?:\w+=\S+ )*(oms (?:api|worker|relay|sandbox)|temporal server start-dev)\b(?! promote)")
PORTS = ("5432", "7233", "8000", "8010", "9101", "9102", "9103")
LOAD = "set -a; . ./settings.env; . ./secrets.env; set +a\n"


@dataclass
class SeparateProcesses:
    """A folder, ports of its own, and the processes that the page's blocks have started."""

    folder: Path
    ports: dict[str, int]
    superuser_url: str
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    left: list[tuple[str, str]] = field(default_factory=lambda: list(BLOCKS))

    def own(self, text: str) -> str:
        return re.sub(rf"\b({'|'.join(PORTS)})\b", lambda found: str(self.ports[found[0]]), text)

    async def next(self, begins: str) -> str:
        """The page's next block, which begins like this: run to its end, or started; what it printed."""
        kind, block = self.left.pop(0)
        assert block.startswith(begins), f"the page goes on with {block!r}"
        if kind == "sql":
            for statement in filter(str.strip, block.split(";")):
                async with await psycopg.AsyncConnection.connect(self.superuser_url, autocommit=True) as connection:
                    await connection.execute(statement)
            return ""
        if PROCESS.match(block):
            self.start(block)
            return ""
        code, output = await self.run(block + '\necho "$TOKEN"' * block.startswith("TOKEN="))
        assert code == 0, output
        return output

    def start(self, command: str, name: str | None = None) -> None:
        with self.log(name := name or self.name(command)).open("ab") as log:
            argv = ["bash", "-c", self.script(f"{command.strip()}", replace=True)]
            self.running[name] = subprocess.Popen(argv, cwd=self.folder, env=self.environment(), stdout=log, stderr=log)

    async def run(self, block: str) -> tuple[int, str]:
        child = await asyncio.create_subprocess_exec(
            "bash", "-ec", self.script(block), cwd=self.folder, env=self.environment(),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await asyncio.wait_for(child.communicate(), 90)
        return child.returncode or 0, output.decode()

    def script(self, block: str, *, replace: bool = False) -> str:
        """A block in a shell that has loaded the settings; a process takes the shell's place."""
        load = LOAD if (self.folder / "settings.env").exists() and (self.folder / "secrets.env").exists() else ""
        words = re.match(r"((?:\w+=\S+ )*)(.*)", self.own(block), re.DOTALL)
        assert words is not None
        return f"{load}export {words[1] or 'A=1'}\nexec {words[2]}" if replace else load + self.own(block)

    def environment(self) -> dict[str, str]:
        """Nothing of ours but the path: no OMS_ variable of the person who runs the tests."""
        stored = {name: value for name, value in os.environ.items() if not name.startswith(("OMS_", "TEMPORAL_"))}
        return {**stored, "PATH": f"{Path(sys.executable).parent}:{stored['PATH']}", "PYTHONPATH": str(ROOT)}

    def name(self, command: str) -> str:
        found = PROCESS.match(command)
        assert found is not None
        version = re.search(r"OMS_BUILD_ID=(\w+)", command)
        return found[1].split()[-1 if found[1].startswith("oms") else 0] + (version[1] if version else "")

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def lines(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log(name).read_text().splitlines() if line.startswith("{")]

    def end(self, name: str) -> int:
        child = self.running.pop(name)
        child.send_signal(signal.SIGTERM)
        return child.wait(30)

    # ── what it answers ────────────────────────────────────────────────────────────────────────────────────

    async def get(self, port: str, path: str) -> tuple[int, dict[str, Any]]:
        async with httpx.AsyncClient(trust_env=False) as http:
            try:
                answer = await http.get(f"http://127.0.0.1:{self.ports[port]}{path}")
                return answer.status_code, answer.json()
            except httpx.TransportError:
                return 0, {}

    async def ready(self, port: str) -> None:
        async def answers() -> bool:
            return (await self.get(port, "/readyz"))[0] == 200

        await until(answers, 90, f"{port} is ready")

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        key = {"Idempotency-Key": os.urandom(8).hex(), "Authorization": f"Bearer {self.token}"}
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.post(f"http://127.0.0.1:{self.ports['8000']}{path}", json=body, headers=key)
        assert answer.status_code in (200, 201), answer.text
        content: dict[str, Any] = answer.json()
        return content

    token: str = ""

    async def place(self, **more: Any) -> str:
        who = {"name": "Ann", "phone": "13800138000"}
        where = {"country": "CN", "province": "上海市", "city": "上海市", "district": "-", "line1": "1"}
        order = {
            "channel": "web", "currency": "CNY", "customer": {"id": "c-1", "email": "ann@example.com", **who},
            "ship_to": who | where, "lines": [{"sku": "TEA", "quantity": 1}], **more,
        }  # fmt: skip
        return str((await self.post("/v1/orders", order))["order_no"])

    async def status(self, order_no: str) -> str:
        url = f"http://127.0.0.1:{self.ports['8000']}/v1/orders/{order_no}"
        async with httpx.AsyncClient(trust_env=False) as http:
            return str((await http.get(url, headers={"Authorization": f"Bearer {self.token}"})).json()["status"])

    async def reaches(self, order_no: str, *statuses: str) -> None:
        async def there() -> bool:
            return await self.status(order_no) in statuses

        await until(there, 90, f"{order_no} is {statuses}")


@pytest.fixture
def manually(tmp_path: Path) -> Iterator[SeparateProcesses]:
    ports: dict[str, int] = {}
    for name in PORTS:
        ports[name] = any_free(set(ports.values()))
    hand = SeparateProcesses(tmp_path, ports, "")
    yield hand
    for name in ("api", "relay", "worker", "worker2", "sandbox", "temporal"):
        if name in hand.running:
            hand.end(name)


async def test_the_page_runs_as_it_stands_and_a_new_version_freezes_no_order(manually: SeparateProcesses) -> None:
    hand = manually
    server = PostgresServer(
        data=hand.folder / "postgres", port=hand.ports["5432"], log=hand.folder / "postgres.log",
        owner_password="s", app_password="APP_PASSWORD", durable=False,
    )  # fmt: skip
    hand.superuser_url = server.url(SUPERUSER, "postgres")
    await server.prepare()
    async with standing(server.command(), server.ready):
        try:
            await installed(hand)
            waiting = await served(hand)
            await run_every_command(hand)
            await deployed(hand, waiting)
        finally:
            for name in ("api", "relay", "worker", "worker2", "sandbox", "temporal"):
                if name in hand.running:
                    assert hand.end(name) in (0, 1), name
    assert hand.left == [], "every command of the page is run"


async def installed(hand: SeparateProcesses) -> None:
    await hand.next("CREATE ROLE oms_owner")
    for begins in ("umask", "cat > settings.env", "set -a", "OMS_OWNER_DATABASE_URL=", "temporal server"):
        await hand.next(begins)
    output = await hand.next("oms temporal prepare")
    assert "namespace orders: created, closed workflows are kept 30 days" in output
    assert all(f"search attribute {key.name} (Keyword): registered" in output for key in SEARCH_ATTRIBUTES)
    assert "matching.enableFairness" in output
    for begins in ("OMS_SANDBOX_DIR=", "oms api", "oms worker", "oms relay"):
        await hand.next(begins)
    for port in ("8000", "9101", "9102"):
        await hand.ready(port)
    hand.token = (await hand.next("TOKEN=")).split()[-1]
    assert "WRONG" not in await hand.next("oms doctor")


async def served(hand: SeparateProcesses) -> str:
    """Orders run; one that waits for payment survives a restart of the worker. Another one waits, and is returned."""
    paid = await hand.place(payment={"method": "sandbox", "token": "tok_ok"})
    first, second = await hand.place(), await hand.place()
    await hand.reaches(paid, "delivered")
    await hand.reaches(first, "pending_payment")
    assert hand.end("worker") == 0
    assert (await hand.get("8000", "/readyz"))[1]["worker"] == "none"
    hand.start("oms worker")
    await hand.ready("9101")
    await hand.post(f"/v1/orders/{first}/payments", {"method": "sandbox", "token": "tok_ok"})
    await hand.reaches(first, "delivered")
    await hand.reaches(second, "pending_payment")
    return second


async def run_every_command(hand: SeparateProcesses) -> None:
    """Every command works here: from the environment, or from anywhere by the API's address and a token."""
    api = f"--api http://127.0.0.1:{hand.ports['8000']} --token {hand.token}"
    commands = (
        *("oms recover", "oms ledger check", "oms audit verify", "oms staff list"),
        *(f"oms stuck list {api}", f"oms token list {api}"),
    )
    for command, (code, output) in zip(
        commands, await asyncio.gather(*(hand.run(f"{command} --json") for command in commands)), strict=True
    ):
        assert code == 0, (command, output)
        assert isinstance(json.loads(output[min(output.find(mark) % len(output) for mark in "[{") :]), dict | list), (
            command
        )


async def deployed(hand: SeparateProcesses, waiting: str) -> None:
    """The old workers are gone before anybody has promoted the new ones: everything says so, and nothing is lost."""
    await hand.next("OMS_BUILD_ID=2")
    assert hand.end("worker") == 0

    async def says_so() -> bool:
        _, api = await hand.get("8000", "/readyz")
        _, worker = await hand.get("9103", "/readyz")
        errors = [line for line in hand.lines("worker2") if line["level"] == "error"]
        return bool(errors) and (api.get("worker"), worker.get("code")) == ("version_not_routed", "version_not_routed")

    await until(says_so, 90, "the new version is said not to be routed")
    status, api = await hand.get("8000", "/readyz")
    assert status == 200 and "oms worker promote --build-id 2" in api["worker_detail"]
    (error,) = [line for line in hand.lines("worker2") if line["level"] == "error"]
    assert (error["deployment"], error["build_id"]) == ("oms", "2")
    assert "oms worker promote --build-id 2" in error["message"]
    assert (await hand.get("9103", "/healthz"))[0] == 200 and (await hand.get("9103", "/readyz"))[0] == 503
    code, output = await hand.run("oms doctor")
    assert code == 1 and "WRONG" in output and "oms worker promote" in " ".join(output.split())
    new = await hand.place(payment={"method": "sandbox", "token": "tok_ok"})

    assert "deployment oms: 2 is current now" in await hand.next("oms worker promote --build-id 2")
    await hand.ready("9103")
    await hand.post(f"/v1/orders/{waiting}/payments", {"method": "sandbox", "token": "tok_ok"})
    await hand.reaches(waiting, "delivered")
    await hand.reaches(new, "delivered")
    client = await Client.connect(f"127.0.0.1:{hand.ports['7233']}", namespace="orders")
    first = (await client.get_workflow_handle(names.order_workflow(new)).fetch_history()).events[0]
    assert not first.workflow_execution_started_event_attributes.eager_execution_accepted
    assert (await hand.get("8000", "/readyz"))[1]["worker"] == "serving"
