"""The `oms` command as another program runs it."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from infra.stack.processes import leftovers
from infra.stack.processes.process import tail

OMS = (sys.executable, "-P", "-m", "workers.cli")
START_TIMEOUT_S = 90.0


def oms(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*OMS, *arguments], capture_output=True, text=True, timeout=180, check=False)


@dataclass
class Up:
    """One `oms up` and the file it announces itself in."""

    folder: Path
    process: "subprocess.Popen[bytes] | None" = None
    options: tuple[str, ...] = field(default=("--headless", "--port", "0"))

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    @property
    def ready_file(self) -> Path:
        return self.folder / "ready.json"

    @property
    def ready(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.ready_file.read_text())
        return content

    def start(self) -> None:
        argv = [*OMS, "up", "--data-dir", str(self.data_dir), "--ready-file", str(self.ready_file), *self.options]
        with (self.folder / "up.log").open("ab") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log)
        self.wait_for(lambda: self.ready_file.exists())

    def wait_for(self, holds: Callable[[], bool]) -> None:
        assert self.process is not None
        deadline = time.monotonic() + START_TIMEOUT_S
        while not holds():
            assert self.process.poll() is None, tail(self.folder / "up.log")
            assert time.monotonic() < deadline, tail(self.folder / "up.log")
            time.sleep(0.05)

    def end(self, number: int) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(60)

    def remaining(self) -> list[psutil.Process]:
        """Processes that belong to this data directory."""
        root = self.data_dir.resolve()
        return [*leftovers.of_services(root), *leftovers.of_postgres(root / "postgres")]
