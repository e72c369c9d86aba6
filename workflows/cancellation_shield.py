"""Temporal's "request cancellation" interrupts no step: the workflow receives it and decides between steps."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from temporalio import workflow

BETWEEN_STEPS = "temporal-cancel-between-steps"
Out = TypeVar("Out")


async def through(main: Coroutine[Any, Any, Out], on_cancel_requested: Callable[[], None]) -> Out:
    """The result of `main`, which is not cancelled; `on_cancel_requested` is called when Temporal requests it.

    A run that was cancelled in the middle of a step by an earlier version goes on as it did then.
    """
    task = asyncio.create_task(main)
    while True:
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
            if workflow.patched(BETWEEN_STEPS):
                on_cancel_requested()
            else:
                task.cancel()
