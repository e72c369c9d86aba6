"""A process that does not get round any more: it says so, then it ends."""

import asyncio
import subprocess
import sys
import threading

import pytest

from infra.system import watchdog
from infra.system.watchdog import END_S, UNHEALTHY_S, Pulse
from infra.timeouts import within


def later(one: Pulse, seconds: int) -> None:
    for _ in range(seconds):
        one.tick()


def test_a_part_that_is_silent_for_too_long_makes_the_process_unhealthy_and_a_beat_well_again() -> None:
    one = Pulse()
    later(one, 2 * END_S)
    assert one.healthy(), "what has not begun is not silent"
    one.beat("heartbeat")
    one.beat("dispatcher")
    later(one, UNHEALTHY_S - 1)
    one.beat("heartbeat")
    assert one.healthy()
    one.tick()
    assert (one.healthy(), one.silent_s) == (False, UNHEALTHY_S)
    one.beat("dispatcher")
    assert one.healthy()


def test_books_out_of_reach_are_no_reason_to_start_the_process_again() -> None:
    one = Pulse()
    later(one, UNHEALTHY_S)
    assert one.cut_off and one.healthy()
    one.written()
    assert not one.cut_off


def test_a_process_that_stays_silent_ends(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(watchdog, "_TICK_S", 0.001)
    ended = threading.Event()
    one = Pulse()
    one.beat("heartbeat")
    one.guard(ended.set)
    assert ended.wait(60)
    assert "this process hangs (heartbeat): it ends" in caplog.text


def test_a_process_whose_event_loop_hangs_ends_with_one() -> None:
    code = (
        "import asyncio, time\nfrom infra.system import watchdog as pulse\npulse._TICK_S = 0.001\n"
        "async def hangs():\n    pulse.PULSE.beat('heartbeat')\n    pulse.PULSE.guard()\n    time.sleep(600)\n"
        "asyncio.run(hangs())"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1, ended.stderr
    assert "this process hangs (heartbeat): it ends" in ended.stderr


async def test_a_bound_holds_although_what_was_cancelled_takes_its_time() -> None:
    ends = asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await ends.wait()

    async with asyncio.timeout(60):
        with pytest.raises(TimeoutError):
            await within(0.01, stubborn())
    ends.set()
