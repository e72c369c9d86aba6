"""Temporal's own "request cancellation" reaches no step half-way: the story hears of it and decides between steps."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from temporalio import workflow

BETWEEN_STEPS = "temporal-cancel-between-steps"
Out = TypeVar("Out")


async def through(story: Coroutine[Any, Any, Out], asked: Callable[[], None]) -> Out:
    """The story's own outcome; `asked` is called when Temporal asks to cancel, and nothing of the story is cancelled.

    A run that was cancelled in the middle of a step by an earlier version goes on as it did then.
    """
    task = asyncio.create_task(story)
    while True:
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
            if workflow.patched(BETWEEN_STEPS):
                asked()
            else:
                task.cancel()
