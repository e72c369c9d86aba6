"""Processes of an earlier stack in the same data directory, whose supervisor was killed.

They are recognised by what they are, not by a number alone, which the system may have given to another process since.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psutil

# in the environment of every supervised process
DATA_DIR_VARIABLE = "OMS_DATA_DIR"
SERVICE_VARIABLE = "OMS_SERVICE"
WAIT_S = 5.0


def of_postgres(data: Path) -> Iterator[psutil.Process]:
    """The server on this data folder and its children: each has the folder as its current one."""
    folder = data.resolve()
    for process in psutil.process_iter(["name"]):
        if process.info["name"] != "postgres":
            continue
        try:
            if Path(process.cwd()) == folder:
                yield process
        except psutil.Error:
            continue


def of_services(root: Path) -> Iterator[psutil.Process]:
    """Services that were started for this data directory, and what they started."""
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except psutil.Error:
            continue
        if environment.get(DATA_DIR_VARIABLE) == str(root) and SERVICE_VARIABLE in environment:
            yield process


def clear_postgres(data: Path) -> None:
    """Ends what is left of a server and its lock file; the caller holds the data directory's lock.

    PostgreSQL itself would refuse to start while an orphan lives, or while another process has got its old number.
    """
    _kill(list(of_postgres(data)))
    (data / "postmaster.pid").unlink(missing_ok=True)


def clear_services(root: Path) -> None:
    """Ends services whose supervisor was killed; the caller holds the data directory's lock."""
    own = {process.pid for process in (psutil.Process(), *psutil.Process().parents())}
    _kill([process for process in of_services(root) if process.pid not in own])


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=WAIT_S)
