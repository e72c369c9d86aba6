"""Which port each process listens on; chosen once, kept in the data directory."""

import json
import random
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from infra.stack.data_dir.layout import write_json
from infra.stack.errors import StackError, TakenError

HOST = "127.0.0.1"
DEFAULT_PORT = 8000
NAMES = (
    "api",
    "sandbox",
    "temporal",
    "temporal_ui",
    "temporal_ui_hidden",
    "temporal_metrics",
    "postgres",
    "worker_metrics",
    "relay_metrics",
)
# Below the range from which Linux takes the ports of outgoing connections: a service that is being restarted must find
# its port free.
FREE_RANGE = range(10_000, 32_000)
HIGHEST = 65_535


def is_free(port: int) -> bool:
    """True when nothing listens on the port and a server could."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # connections that linger after their server do not count
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return False
        return True


def taken_by_another(pid: int, port: int) -> bool:
    """True when a program listens on the port, and it is not this process."""
    try:
        mine = psutil.Process(pid).net_connections(kind="tcp")
    except psutil.Error:
        return False
    listens = any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in mine)
    return not listens and not is_free(port)


def any_free(taken: set[int]) -> int:
    """A free port that is not among the taken ones; raises StackError when there is none to be found."""
    for port in random.sample(FREE_RANGE, 1000):
        if port not in taken and is_free(port):
            return port
    raise StackError("no free port was found on this machine")


def _saved(file: Path) -> dict[str, int]:
    try:
        return {name: int(port) for name, port in json.loads(file.read_text()).items() if name in NAMES}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _api_port(requested: int | None, saved: Mapping[str, int]) -> int:
    if requested == 0:
        saved_port = saved.get("api")
        return saved_port if saved_port is not None and is_free(saved_port) else any_free(set(saved.values()))
    port = requested if requested is not None else saved.get("api", DEFAULT_PORT)
    if not is_free(port):
        raise TakenError(f"port {port} is taken by another program; choose another with --port (0 picks a free one)")
    return port


def _candidates(api: int, requested: int | None) -> Iterator[int]:
    return iter(()) if requested == 0 else iter(range(api + 1, min(api + 1 + len(NAMES), HIGHEST + 1)))


def choose(file: Path, requested: int | None) -> dict[str, int]:
    """A port for every name in NAMES, remembered in the file.

    asked is the API's port; None means the one of last time, else 8000; 0 means any. The others keep theirs while these
    are free, else follow the API's. Raises TakenError when the API's port is in use.
    """
    saved = _saved(file)
    chosen = {"api": _api_port(requested, saved)}
    following = _candidates(chosen["api"], requested)
    for name in NAMES[1:]:
        used = set(chosen.values())
        saved_port = saved.get(name)
        if saved_port is not None and saved_port not in used and is_free(saved_port):
            chosen[name] = saved_port
        else:
            next_free = (port for port in following if port not in used | set(saved.values()) and is_free(port))
            chosen[name] = next(next_free, None) or any_free(used | set(saved.values()))
    write_json(file, chosen)
    return chosen
