"""The progress of the demo: bars on a terminal, a line every few seconds in a log."""

import asyncio
import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

Figures = Callable[[], dict[str, int]]
LINE_EVERY_S = 5.0
BAR_EVERY_S = 0.25


class Bars:
    """Shows `figures` {name: count}, each out of `total`, until left."""

    def __init__(self, console: Console, title: str, total: int, figures: Figures) -> None:
        self._console, self._title, self._total, self._figures = console, title, total, figures
        self._started = time.monotonic()

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._bars() if self._console.is_terminal else self._lines())

    async def __aexit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if kind is None and not self._console.is_terminal:
            self._line()

    async def _bars(self) -> None:
        columns = (TextColumn("{task.description:>22}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console) as progress:
            names = {name: progress.add_task(name, total=self._total) for name in self._figures()}
            try:
                while True:
                    await asyncio.sleep(BAR_EVERY_S)
                    self._show(progress, names)
            finally:
                self._show(progress, names)

    def _show(self, progress: Progress, names: dict[str, TaskID]) -> None:
        for name, value in self._figures().items():
            progress.update(names[name], completed=value)

    async def _lines(self) -> None:
        while True:
            await asyncio.sleep(LINE_EVERY_S)
            self._line()

    def _line(self) -> None:
        figures = " · ".join(f"{name} {value}" for name, value in self._figures().items())
        seconds = time.monotonic() - self._started
        self._console.print(
            f"{self._title} {seconds:4.0f} s: {figures} (of {self._total})", markup=False, highlight=False
        )
