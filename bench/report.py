"""Results and how they are shown: every figure beside its yardstick."""

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from infra.stack.postgres.postgres_server import programs
from infra.stack.temporal.temporal_server import program

FOLDER = Path(__file__).resolve().parent
README, RESULTS = FOLDER / "README.md", FOLDER / "results.json"
BEGIN, END = "<!-- results: begin (written by `make bench`) -->", "<!-- results: end -->"


@dataclass(frozen=True)
class Figure:
    """`ratio` is ours to the yardstick; `bound` must be kept (`at_least` tells in which direction), `aim` is the best.

    Without a yardstick, the figure itself is held against bound and aim.
    """

    what: str
    ours: float
    unit: str
    yardstick: float | None = None
    yardstick_is: str = ""
    bound: float | None = None
    aim: float | None = None
    at_least: bool = True

    @property
    def ratio(self) -> float | None:
        return self.ours / self.yardstick if self.yardstick else None

    @property
    def judged(self) -> float:
        return self.ours if self.ratio is None else self.ratio

    @property
    def within_limit(self) -> bool | None:
        """Whether the bound is kept; None where there is none."""
        return None if self.bound is None else self._reaches(self.bound)

    def _reaches(self, mark: float) -> bool:
        return self.judged >= mark if self.at_least else self.judged <= mark

    def verdict(self) -> str:
        if self.within_limit is None:
            return ""
        if not self.within_limit:
            return "**missed**"
        return "aim reached" if self.aim is not None and self._reaches(self.aim) else "kept"


@dataclass(frozen=True)
class Section:
    """What one measurement found; `body` is Markdown."""

    name: str
    title: str
    figures: Sequence[Figure]
    body: str
    quick: bool
    data: dict[str, Any] = field(default_factory=dict)


def number(value: float | None) -> str:
    """Three significant digits are all that such measurements bear."""
    if value is None:
        return ""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; the first column to the left, the others to the right."""
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    for row in rows:
        cells = [number(cell) if isinstance(cell, float) else str(cell) for cell in row]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def figures_table(sections: Iterable[Section]) -> str:
    """The summary: one row for each figure of all sections."""
    head = ("figure", "ours", "yardstick", "ratio", "bound", "aim", "verdict")
    rows = []
    for section in sections:
        for figure in section.figures:
            sign = "≥" if figure.at_least else "≤"
            stick = f"{number(figure.yardstick)} {figure.yardstick_is}" if figure.yardstick else ""
            bound = f"{sign} {figure.bound:g}" if figure.bound is not None else ""
            aim = f"{sign} {figure.aim:g}" if figure.aim is not None else ""
            ours = f"{number(figure.ours)} {figure.unit}"
            rows.append((figure.what, ours, stick, number(figure.ratio), bound, aim, figure.verdict()))
    return table(head, rows)


def machine() -> dict[str, str]:
    """What the numbers depend on; nothing that names the machine."""
    memory = psutil.virtual_memory().total / 2**30
    load = os.getloadavg()[0]
    return {
        "cores": str(psutil.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "load before the run": f"{load:.1f}",
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "PostgreSQL": _output(str(programs() / "postgres"), "--version").split()[-1],
        "Temporal": _output(str(program()), "--version"),
        **{package: version(package) for package in ("temporalio", "fastapi", "uvicorn", "sqlalchemy", "psycopg")},
    }


def _output(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


def keep(sections: Iterable[Section], about: dict[str, str]) -> list[Section]:
    """Put new sections beside the old ones in results.json; all of them, in the order of measuring."""
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    measured_at = datetime.now(UTC).date().isoformat()
    for section in sections:
        known[section.name] = {**asdict(section), "about": {**about, "measured": measured_at}}
    RESULTS.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n")
    return [_section(entry) for entry in known.values()]


def _section(entry: dict[str, Any]) -> Section:
    fields = {name: value for name, value in entry.items() if name != "about"}
    return Section(**{**fields, "figures": [Figure(**figure) for figure in entry["figures"]]})


def write_readme(sections: Sequence[Section], about: dict[str, str]) -> None:
    """Renders everything between the markers anew; what stands around them is a person's."""
    parts = [figures_table(sections), "Machine: " + ", ".join(f"{name} {value}" for name, value in about.items()) + "."]
    for section in sections:
        mark = " (quick: one short repetition)" if section.quick else ""
        parts.append(f"### {section.title}{mark}\n\n{section.body}")
    before, _, rest = README.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    README.write_text(before + BEGIN + "\n\n" + "\n\n".join(parts) + "\n\n" + END + after)
