"""SIGKILL to each process in the middle of a run of orders; the supervisor starts it again."""

import asyncio
import random

import pytest

from tests.faults.driver import Crowd, retry_all, stocked
from tests.faults.stackrun import PROCESSES, TORTURE, StackRun
from tests.faults.verdict import settled, verify

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600 if TORTURE else 300)]

ORDERS, KILLS = (100, 5) if TORTURE else (25, 1)
PLENTY = 10_000


@pytest.mark.parametrize("name", PROCESSES)
async def test_a_killed_process_loses_nothing(stack: StackRun, name: str, rng: random.Random) -> None:
    crowd = Crowd(stack, rng, ORDERS, await stocked(stack, PLENTY))
    await asyncio.gather(crowd.run(), crowd.killed(name, KILLS))
    await verify(stack, crowd.placed)
    # What parked because a provider was away too long goes on once it is back.
    while await retry_all(stack, crowd.placed):
        await settled(stack, crowd.placed)
    await verify(stack, crowd.placed)
    assert len(crowd.placed) == ORDERS


@pytest.mark.skipif(not TORTURE, reason="make torture only")
async def test_processes_killed_one_after_the_other(stack: StackRun, rng: random.Random) -> None:
    crowd = Crowd(stack, rng, 3 * ORDERS, await stocked(stack, PLENTY))
    running = asyncio.create_task(crowd.run())
    while not running.done():
        await stack.kill(rng.choice(PROCESSES))
    await running
    await verify(stack)
    while await retry_all(stack, crowd.placed):
        await settled(stack, crowd.placed)
    await verify(stack, crowd.placed)
