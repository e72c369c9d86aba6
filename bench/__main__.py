"""`python -m bench [name …] [--quick] [--json FILE]`: measure, print, and write bench/README.md anew."""

import argparse
import asyncio
import importlib
import json
import os
import shutil
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from bench.harness.lab import Lab
from bench.report import Section, figures_table, keep, machine, write_readme

NAMES = (
    "orders",
    "draining",
    "history",
    "front_door",
    "reservations",
    "listing",
    "startup",
    "memory",
    "console_pages",
    "page_time",
    "deciding",
    "sourcing",
    "replenishment",
    "back_test",
)


async def run(names: list[str], lab: Lab) -> list[Section]:
    sections = []
    for name in names:
        begun = time.monotonic()
        print(f"{name} …", flush=True)
        section: Section = await importlib.import_module(f"bench.measurements.{name}").measure(lab)
        print(figures_table([section]), f"\n\n{section.body}\n\n({time.monotonic() - begun:.0f} s)\n", flush=True)
        sections.append(section)
    return sections


def _resolved(path: Path | None) -> Path | None:
    return path.resolve() if path else None


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(NAMES)}; all without one")
    parser.add_argument("--quick", action="store_true", help="one short repetition, for a look; not kept")
    parser.add_argument("--keep", action="store_true", help="write quick results down all the same, marked as such")
    parser.add_argument("--json", type=Path, help="write the results here, too")
    parser.add_argument("--profile", type=Path, help="let API, worker, relay and sandbox sample themselves into here")
    parser.add_argument("--against", type=Path, help="an earlier checkout, beside which page_time measures the pages")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"no such measurement: {', '.join(sorted(unknown))}")
    about = machine()
    folder = Path(tempfile.mkdtemp(prefix="oms-bench-"))
    folder.chmod(0o711)  # the database's user passes through
    try:
        lab = Lab(folder, options.quick, _resolved(options.profile), _resolved(options.against))
        sections = asyncio.run(run(options.names or list(NAMES), lab))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        options.json.write_text(json.dumps([asdict(section) for section in sections], indent=1, ensure_ascii=False))
    if (options.keep or not options.quick) and options.profile is None:
        write_readme(keep(sections, about), about)
    missed = [figure.what for section in sections for figure in section.figures if figure.within_limit is False]
    print(f"missed: {', '.join(missed)}" if missed else "every bound is kept", flush=True)
    sys.stdout.flush()
    os._exit(1 if missed else 0)  # unwinding after a Temporal client may crash and change the code


if __name__ == "__main__":
    main()
