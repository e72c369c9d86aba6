"""The whole product on one machine: PostgreSQL, Temporal, sandbox, API, worker and relay under one supervisor."""

import asyncio
import contextlib
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from infra.stack import environment, role_tokens, running
from infra.stack.data_dir import disk, ports
from infra.stack.data_dir.layout import DEFAULT_DATA_DIR, Layout, write_json
from infra.stack.data_dir.lock import DirectoryLock
from infra.stack.data_dir.secrets import Secrets, load_or_make, require_complete
from infra.stack.errors import StackError, TakenError
from infra.stack.postgres import schema
from infra.stack.postgres.postgres_server import PostgresServer
from infra.stack.processes import leftovers, probes
from infra.stack.processes.process import Command
from infra.stack.processes.service import HANGS_AFTER_S, Service, no_cure, nothing
from infra.stack.running import Running, this_process
from infra.stack.temporal import temporal_setup, ui_guard
from infra.stack.temporal.temporal_server import NAMESPACE, TemporalServer

STOP_ORDER = ("api", "relay", "worker", "sandbox", "temporal", "postgres")
# What keeps data may be slow for a while, and is slow to come back.
STORE_HANGS_AFTER_S = 60.0
DISK_POLL_S = 2.0
STOP_TIMEOUT_S = {"api": 8.0, "relay": 8.0, "worker": 15.0, "sandbox": 5.0}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """How a stack is to be; port None is the one of last time or 8000, 0 any; settings are OMS_* for the services."""

    data_dir: Path = DEFAULT_DATA_DIR
    port: int | None = None
    ready_file: Path | None = None
    headless: bool = False
    manual_carrier: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    private_webhooks: bool = False


class Stack:
    """Use start() and stop() once each, from one event loop in the main thread."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._layout = Layout.at(options.data_dir)
        self._lock = DirectoryLock(self._layout.lock)
        self._services: dict[str, Service] = {}
        self._standing = False
        self._routing: asyncio.Task[None] | None = None
        self._ui: ui_guard.UiGuard | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._disk_check: asyncio.Task[None] | None = None
        self._untold = False

    @property
    def running(self) -> Running:
        """Addresses, tokens and process ids as of now; after start()."""
        pids = {name: service.pid for name, service in self._services.items()}
        return replace(self._facts, pids={name: pid for name, pid in pids.items() if pid is not None})

    @property
    def holds_directory(self) -> bool:
        """Between start() and stop(), unless another stack has it."""
        return self._lock.held

    async def start(self) -> Running:
        """Returns when all are ready. Raises TakenError when the directory or the port is in use, StackError else."""
        require_complete(self._layout)
        try:
            self._layout.create()
            self._lock.acquire()
            await self._start_up()
        except (StackError, OSError) as error:
            await self.stop()
            if not isinstance(error, TakenError) and (lacks := self._lacks()):
                raise StackError(lacks) from error
            raise
        except BaseException:
            await self.stop()
            raise
        self._disk_check = asyncio.create_task(self._check_disk(), name="look at the disk")
        renewing = role_tokens.renewed(self._secrets, self._postgres.app_url, self._renew)
        self._renewing = asyncio.create_task(renewing, name="renew tokens")
        return self.running

    async def _start_up(self) -> None:
        if lacks := disk.full(self._layout.root):
            raise StackError(lacks)
        await self._prepare()
        await self._start_ui()
        await self._start_services()
        self._standing = True
        self._write_ready_files()

    async def stop(self) -> None:
        """Ends every process, in the order in which they need each other, and gives the directory free.

        Without the directory's lock it touches nothing: what is there belongs to the stack that has it.
        """
        self._standing = False
        if not self.holds_directory:
            return
        for file in self._ready_files():
            file.unlink(missing_ok=True)
        for task in (self._routing, self._renewing, self._disk_check):
            if task is not None:
                task.cancel()
        if self._ui is not None:
            await self._ui.stop()
        for name in STOP_ORDER:
            if name in self._services:
                await self._services[name].stop()
        self._lock.release()

    def _ready_files(self) -> list[Path]:
        path = self._options.ready_file
        return [self._layout.ready, self._layout.environment, *([path] if path else [])]

    async def _prepare(self) -> None:
        for file in self._ready_files():
            file.unlink(missing_ok=True)  # whoever waits for it must not find the last stack's
        await asyncio.to_thread(leftovers.clear_services, self._layout.root)
        await asyncio.to_thread(leftovers.clear_postgres, self._layout.postgres)
        self._ports = ports.choose(self._layout.ports, self._options.port)
        self._secrets = load_or_make(self._layout.secrets)
        self._postgres = self._make_postgres(self._secrets)
        self._temporal = self._make_temporal()
        self._environment = environment.services(
            root=self._layout.root,
            ports=self._ports,
            secrets=self._secrets,
            app_url=self._postgres.app_url,
            temporal_ui=self._temporal_ui,
            private_webhooks=self._options.private_webhooks,
            more=self._options.settings,
        )
        self._tokens = role_tokens.make(self._secrets)
        self._facts = self._make_facts()
        self._make_services()

    def _make_postgres(self, secrets: Secrets) -> PostgresServer:
        return PostgresServer(
            data=self._layout.postgres,
            port=self._ports["postgres"],
            log=self._log("postgres"),
            owner_password=secrets.owner_password,
            app_password=secrets.app_password,
        )

    def _make_temporal(self) -> TemporalServer:
        return TemporalServer(
            db=self._layout.temporal_db,
            port=self._ports["temporal"],
            log=self._log("temporal"),
            ui_port=None if self._options.headless else self._ports["temporal_ui_hidden"],
            ui_host=ui_guard.hidden_host(),
            metrics_port=self._ports["temporal_metrics"],
        )

    @property
    def _temporal_ui(self) -> str:
        """Where people open Temporal UI; empty without one."""
        return "" if self._options.headless else environment.url(self._ports["temporal_ui"])

    def _make_facts(self) -> Running:
        api = environment.url(self._ports["api"])
        return Running(
            api=api,
            console=f"{api}/console",
            portal=f"{api}/portal",
            temporal=self._temporal.address,
            temporal_ui=self._temporal_ui,
            sandbox=environment.url(self._ports["sandbox"]),
            database_url=self._postgres.owner_url,
            tokens={role: one.token for role, one in self._tokens.items()},
            pids={},
            data_dir=str(self._layout.root),
            supervisor=this_process(),
            environment={name: value for name, value in self._environment.items() if name.startswith("OMS_")},
        )

    def _make_services(self) -> None:
        host, at = ports.HOST, self._ports
        sandbox, api = _get(host, at["sandbox"], "/healthz"), _get(host, at["api"], "/healthz")
        worker, relay = (self._watched(name) for name in ("worker", "relay"))
        metrics, temporal = _get(host, at["temporal_metrics"], "/metrics"), self._temporal
        self._add(
            "postgres", self._postgres.command, self._postgres.ready, self._postgres.alive, self._postgres.prepare
        )
        self._add(
            "temporal", self._temporal_command, self._temporal_ready, metrics, temporal.make_folder, temporal.cure
        )
        self._add("sandbox", self._sandbox_command, _until(sandbox), sandbox)
        self._add("api", lambda: self._own("api"), _until(_get(host, at["api"], "/readyz")), api, cure=self._key_cure)
        self._add("worker", self._worker_command, self._worker_ready, worker, cure=self._key_cure)
        ready = _until(_get(host, at["relay_metrics"], "/healthz"))
        self._add("relay", lambda: self._own("relay"), ready, relay, cure=self._key_cure)

    def _key_cure(self, last_line: str) -> str | None:
        """Where the master key comes from, if a process exited because the database does not know it."""
        if not last_line.startswith("OMS_MASTER_KEY: "):
            return None
        secrets, words = self._layout.secrets, last_line.removeprefix("OMS_MASTER_KEY: ")
        return f"the master key in {secrets} is not that of the database beside it: restore it from a copy; {words}"

    def _watched(self, name: str) -> Callable[[], Awaitable[bool]]:
        """Whether the process answers at its metrics port; where another program has the port nobody can say."""
        port = self._ports[f"{name}_metrics"]
        answers = _get(ports.HOST, port, "/healthz")

        async def alive() -> bool:
            with contextlib.suppress(Exception):
                if await asyncio.wait_for(answers(), probes.ATTEMPT_TIMEOUT_S):
                    return True
            # Only now, since looking for the port's owner reads the connections of the whole machine.
            pid = self._services[name].pid
            return pid is not None and await asyncio.to_thread(ports.taken_by_another, pid, port)

        return alive

    def _add(
        self,
        name: str,
        command: Callable[[], Command],
        ready: Callable[[], Awaitable[None]],
        alive: Callable[[], Awaitable[bool]],
        before: Callable[[], Awaitable[None]] | None = None,
        cure: Callable[[str], str | None] = no_cure,
    ) -> None:
        patience_s = STORE_HANGS_AFTER_S if before else HANGS_AFTER_S
        self._services[name] = Service(
            name, command, ready, self._announce, before or nothing, alive, hangs_after_s=patience_s, cure=cure
        )

    def _log(self, name: str) -> Path:
        return self._layout.logs / f"{name}.log"

    def _own(self, name: str, base: Mapping[str, str] | None = None) -> Command:
        env = environment.supervised(name, self._environment if base is None else base)
        # -P: the current folder may hold packages of the same generic names
        argv = [sys.executable, "-P", "-m", "workers.cli", name]
        return Command(argv, self._log(name), env, stop_timeout_s=STOP_TIMEOUT_S[name])

    def _worker_command(self) -> Command:
        command = self._own("worker")
        self._worker_version = command.env["OMS_BUILD_ID"]
        return command

    def _sandbox_command(self) -> Command:
        options = self._options
        base = environment.sandbox(
            self._layout.root, self._ports, self._secrets, options.manual_carrier, options.settings
        )
        return self._own("sandbox", base)

    def _temporal_command(self) -> Command:
        command = self._temporal.command()
        marks = {leftovers.DATA_DIR_VARIABLE: str(self._layout.root), leftovers.SERVICE_VARIABLE: "temporal"}
        return replace(command, env={**command.env, **marks})

    async def _temporal_ready(self) -> None:
        """An empty file knows no deployment: without a current version it would dispatch nothing to the worker."""
        await self._temporal.ready()
        if self._standing:
            self._routing = asyncio.create_task(self._route(), name="set current version")

    async def _worker_ready(self) -> None:
        await self._route()
        await _until(_get(ports.HOST, self._ports["worker_metrics"], "/readyz"))()

    async def _route(self) -> None:
        """Returns when the worker's version is the one that orders go to."""
        client = await temporal_setup.prepare(self._temporal.address, NAMESPACE)
        deployment = self._environment.get("OMS_DEPLOYMENT_NAME", "oms")
        await temporal_setup.set_current_version(client, deployment, self._worker_version)

    async def _start_ui(self) -> None:
        if not self._options.headless:
            guard = ui_guard.UiGuard(self._ports["temporal_ui"], self._temporal.ui_url)
            await guard.start()
            self._ui = guard

    async def _start_services(self) -> None:
        database = asyncio.create_task(self._start_database())
        temporal = asyncio.create_task(self._services["temporal"].start())
        tasks = [database, temporal, asyncio.create_task(self._services["sandbox"].start())]
        tasks += [asyncio.create_task(self._start_after(name, database)) for name in ("api", "relay")]
        tasks += [asyncio.create_task(self._start_after("worker", database, temporal))]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _start_after(self, name: str, *needed: asyncio.Task[None]) -> None:
        await asyncio.gather(*needed)
        await self._services[name].start()

    async def _start_database(self) -> None:
        await self._services["postgres"].start()
        await self._postgres.ensure_roles()
        await schema.bring_up_to_date(self._postgres.owner_url, self._layout.schema)
        await role_tokens.register(self._postgres.app_url, self._tokens.values())

    def _announce(self) -> None:
        if not self._standing:
            return
        try:
            self._write_ready_files()
            self._untold = False
        except OSError as error:  # it is written as soon as it can be
            log.warning("the ready file cannot be written: %s", error)
            self._untold = True

    def _write_ready_files(self) -> None:
        now = self.running
        running.keep_environment(self._layout, now.environment)
        write_json(self._layout.ready, now.public())
        if self._options.ready_file:
            write_json(self._options.ready_file.resolve(), now.public())

    def _lacks(self) -> str | None:
        try:
            return disk.full(self._layout.root)
        except OSError:  # there is no such folder, which is already reported
            return None

    async def _check_disk(self) -> None:
        """Says once in a sentence that the disk is full, and once that it is not any more."""
        logged = False
        while True:
            lacks = self._lacks()
            if lacks and not logged:
                log.error("%s", lacks)
            if logged and not lacks:
                log.warning("there is room on the disk of %s again", self._layout.root)
            logged = lacks is not None
            if self._untold:
                self._announce()
            await asyncio.sleep(DISK_POLL_S)

    def _renew(self, tokens: dict[str, str]) -> None:
        self._facts = replace(self._facts, tokens=tokens)
        self._announce()


def _get(host: str, port: int, path: str) -> Callable[[], Awaitable[bool]]:
    return lambda: probes.http_ok(host, port, path)


def _until(answers: Callable[[], Awaitable[bool]]) -> Callable[[], Awaitable[None]]:
    return lambda: probes.until(answers)
