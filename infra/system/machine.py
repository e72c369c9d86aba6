"""How full the machine of this process is."""

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")


@dataclass(frozen=True, slots=True)
class Usage:
    """Percent in use, of the fullest watched disk and of the memory; None where it is not known."""

    disk: int | None
    memory: int | None


def usage(watched: Sequence[str], meminfo: Path = _MEMINFO) -> Usage:
    """As of now. A directory that is not there says nothing; where there is no `meminfo`, memory is unknown."""
    disks = [disk for folder in watched if (disk := _disk(folder)) is not None]
    return Usage(max(disks, default=None), _memory(meminfo))


def _disk(folder: str) -> int | None:
    try:
        found = shutil.disk_usage(folder)
    except OSError:
        return None
    # What is reserved for the system is not free to us.
    return _percent(found.used, found.used + found.free)


def _memory(meminfo: Path) -> int | None:
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
        sizes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
        return _percent(sizes["MemTotal"] - sizes["MemAvailable"], sizes["MemTotal"])
    except (OSError, ValueError, KeyError, IndexError):
        return None


def _percent(used: int, whole: int) -> int | None:
    return min(100, math.ceil(100 * used / whole)) if whole > 0 else None
