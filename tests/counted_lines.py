"""In which tests lines are counted: counting makes a test's own process slower by a third to a half.

Where the lines run in other processes, it adds nothing. When workers share the whole suite, a file is counted until
some tests in a row have added little to what its worker has seen. So the share that `make test` reports is a lower
bound of what all tests cover, and it is enough that the bound is above the limit. Tests that are run by name are all
counted (docs/decisions/0021).
"""

import os
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest
from coverage import Coverage

IN_A_ROW = 2
LITTLE = 100  # of some 50,000 lines and branches
_without_new: Counter[Path] = Counter()


def run(counting: Coverage, item: pytest.Item) -> Generator[None, object, object]:
    """Wraps the run of one test."""
    if uses_shared_servers(item) or _without_new[item.path] >= IN_A_ROW:
        counting.stop()
        try:
            return (yield)
        finally:
            counting.start()
    before = _seen(counting)
    try:
        return (yield)
    finally:
        if "PYTEST_XDIST_WORKER" in os.environ:
            added = _seen(counting) - before
            _without_new[item.path] = 0 if added > LITTLE else _without_new[item.path] + 1


def uses_shared_servers(item: pytest.Item) -> bool:
    found = getattr(item, "_fixtureinfo", None)
    return any(definitions[-1].scope == "package" for definitions in (found.name2fixturedefs.values() if found else ()))


def _seen(counting: Coverage) -> int:
    """How many lines and branches this process has seen."""
    collector = counting._collector
    return sum(map(len, list(collector.data.values()))) if collector else 0
