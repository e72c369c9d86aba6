"""How full a machine is."""

import os
from pathlib import Path

import pytest

from infra.system import machine

MEMINFO = "MemTotal:       1000 kB\nMemFree:         10 kB\nMemAvailable:    245 kB\nHugePages_Total:       0\n"


def test_the_fullest_watched_disk_and_the_memory_are_reported(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text(MEMINFO)
    found = machine.usage([str(tmp_path), str(tmp_path / "gone")], tmp_path / "meminfo")
    reported = os.statvfs(tmp_path)
    used = reported.f_blocks - reported.f_bfree
    assert found.memory == 76
    assert found.disk is not None and abs(found.disk - 100 * used / (used + reported.f_bavail)) <= 2


@pytest.mark.parametrize("content", [None, "", "MemTotal: 0 kB\nMemAvailable: 0 kB\n", "MemTotal:\n"])
def test_what_is_not_known_is_not_reported(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "meminfo").write_text(content)
    assert machine.usage([str(tmp_path / "gone")], tmp_path / "meminfo") == machine.Usage(None, None)
