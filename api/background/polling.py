"""What the API looks up every few seconds in the background, so that no request has to."""

import asyncio
from abc import ABC, abstractmethod


class PollingTask(ABC):
    """A loop beside the requests; `name` is what the task is called in the log of asyncio."""

    name: str

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start polling."""
        self._task = asyncio.create_task(self.run(), name=self.name)

    async def close(self) -> None:
        """Stop polling."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @abstractmethod
    async def run(self) -> None:
        """Poll until cancelled."""
