"""`oms up` to ready, on a new and on an initialised data directory."""

import time
from pathlib import Path

from bench.harness.lab import Lab, median, stack
from bench.report import Figure, Section, number

NAME, TITLE = "startup", "Starting everything"


async def measure(lab: Lab) -> Section:
    folder = lab.new_folder("startup")
    first = await _start(lab, folder)
    again = [await _start(lab, folder) for _ in range(3)]
    body = (
        f"The first start, which creates databases and schema, took {number(first)} s; later ones "
        f"{', '.join(number(seconds) for seconds in again)} s. All six processes are ready, "
        "and the version of the worker is current."
    )
    figures = [Figure("`oms up` to ready", median(again), "s", bound=10, at_least=False)]
    return Section(NAME, TITLE, figures, body, lab.quick, {"first_s": first, "again_s": again})


async def _start(lab: Lab, folder: Path) -> float:
    begun = time.monotonic()
    async with stack(lab, folder):
        return time.monotonic() - begun
