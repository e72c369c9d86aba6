"""Supervision: restart, backoff, readiness, orderly and disorderly ends."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from infra.stack.errors import HopelessError, StackError
from infra.stack.processes import process, service
from infra.stack.processes.leftovers import DATA_DIR_VARIABLE, SERVICE_VARIABLE, clear_services
from infra.stack.processes.process import Command, spawn, stop
from infra.stack.processes.service import Service
from tests.stack.waiting import until

SLEEPER = "import time; time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
)


async def at_once() -> None:
    return None


def python(log: Path, code: str, **more: object) -> Command:
    return Command([sys.executable, "-c", code], log, **more)  # type: ignore[arg-type]


@pytest.fixture
async def supervise(tmp_path: Path) -> AsyncIterator[Callable[..., Service]]:
    made: list[Service] = []

    def make(code: str, **more: object) -> Service:
        arguments = {"ready": at_once, "announce": lambda: None, **more}
        made.append(Service("it", lambda: python(tmp_path / "it.log", code), **arguments))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        await each.stop()


async def test_a_killed_process_is_started_again_and_announced(supervise: Callable[..., Service]) -> None:
    observed: list[int | None] = []
    it: Service = supervise(SLEEPER, announce=lambda: observed.append(it.pid))
    await it.start()
    first = it.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: len(observed) == 2)
    assert observed[0] == first != observed[1]
    assert psutil.pid_exists(it.pid or 0)


async def test_a_process_that_hangs_is_started_again_like_one_that_died(
    supervise: Callable[..., Service], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(service, "ALIVE_EVERY_S", 0.02)

    async def runs() -> bool:
        return psutil.Process(it.pid).status() != psutil.STATUS_STOPPED

    observed: list[int | None] = []
    it: Service = supervise(SLEEPER, announce=lambda: observed.append(it.pid), alive=runs, hangs_after_s=0.3)
    await it.start()
    first = it.pid
    assert first is not None
    os.kill(first, signal.SIGSTOP)
    await until(lambda: len(observed) == 2, 60.0)
    assert observed[0] == first != observed[1] and not psutil.pid_exists(first)
    assert "hung" in caplog.text


async def test_a_process_that_answers_now_and_then_is_let_be(
    supervise: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "ALIVE_EVERY_S", 0.01)
    calls: list[int] = []

    async def rarely() -> bool:
        calls.append(1)
        if len(calls) % 3:
            raise OSError("no answer")
        return True

    it: Service = supervise(SLEEPER, alive=rarely, hangs_after_s=60.0)
    await it.start()
    first = it.pid
    await until(lambda: len(calls) > 9, 60.0)
    assert it.pid == first


async def test_a_process_that_never_stands_is_given_up_with_the_end_of_its_log(
    supervise: Callable[..., Service],
) -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    it = supervise("import sys; sys.exit('no settings')", ready=never)
    with pytest.raises(StackError, match=r"it ended with code 1; the end of .*it\.log:(\n.*)*no settings"):
        await it.start()


async def test_a_process_that_is_never_ready_is_given_up(
    supervise: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(service, "START_TIMEOUT_S", 0.3)
    it = supervise(SLEEPER, ready=never)
    with pytest.raises(StackError, match="it was not ready in"):
        await it.start()


async def test_a_failing_question_is_asked_again(supervise: Callable[..., Service]) -> None:
    answers = iter([ValueError("not yet"), None])

    async def ready() -> None:
        answer = next(answers)
        if answer is not None:
            raise answer

    await supervise(SLEEPER, ready=ready).start()
    assert next(answers, "asked twice") == "asked twice"


async def test_what_cannot_be_prepared_counts_as_a_failed_start(supervise: Callable[..., Service]) -> None:
    async def broken() -> None:
        raise OSError("disk full")

    with pytest.raises(StackError, match="disk full"):
        await supervise(SLEEPER, before=broken).start()


async def test_the_delay_doubles_while_it_dies_young(
    supervise: Callable[..., Service], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(service, "FIRST_DELAY_S", 0.01)
    monkeypatch.setattr(service, "LONGEST_DELAY_S", 0.03)
    await supervise("pass", ready=at_once).start()
    await until(lambda: len(caplog.records) >= 4)
    assert [record.args[2] for record in caplog.records[:4]] == [0.01, 0.02, 0.03, 0.03]  # type: ignore[index]


async def test_a_process_that_does_not_listen_is_killed_in_time(tmp_path: Path) -> None:
    command = python(tmp_path / "log", STUBBORN, stop_timeout_s=0.2)
    child = await spawn(command)
    await until(lambda: "deaf" in command.log.read_text())
    await stop(child, command)
    assert child.returncode == -signal.SIGKILL


async def test_a_suspended_process_ends_too(tmp_path: Path) -> None:
    command = python(tmp_path / "log", SLEEPER)
    child = await spawn(command)
    os.kill(child.pid, signal.SIGSTOP)
    await stop(child, command)
    assert child.returncode == -signal.SIGTERM


async def test_a_long_log_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LOG_LIMIT_BYTES", 3)
    log = tmp_path / "log"
    log.write_text("long")
    child = await spawn(python(log, "print('new')"))
    await child.wait()
    assert log.read_text() == "new\n"
    assert (tmp_path / "log.1").read_text() == "long"


SUPERVISOR = """
import asyncio, sys
from pathlib import Path
from infra.stack.processes.process import Command, spawn

async def main():
    child = await spawn(Command([sys.executable, "-c", "import time; time.sleep(600)"], Path(sys.argv[1])))
    print(child.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
async def test_children_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", SUPERVISOR, str(tmp_path / "log")], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        await until(lambda: psutil.Process(pid).cmdline()[1:2] == ["-c"])  # past the launcher
        parent.kill()
    await until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


async def test_a_program_is_not_started_for_a_dead_supervisor(tmp_path: Path) -> None:
    order = {"parent": 1, "death_signal": 9, "uid": None, "gid": None, "reach": [], "argv": ["/bin/true"]}
    ended = subprocess.run([sys.executable, process.launch.__file__, json.dumps(order)], check=False)
    assert ended.returncode == process.launch.CANNOT_START


async def test_leftovers_of_this_directory_alone_are_cleared(tmp_path: Path) -> None:
    def start(folder: str, **more: str) -> subprocess.Popen[bytes]:
        env = {**os.environ, DATA_DIR_VARIABLE: folder, **more}
        return subprocess.Popen([sys.executable, "-c", SLEEPER], env=env)

    mine = start(str(tmp_path), **{SERVICE_VARIABLE: "api"})
    others = [start(str(tmp_path)), start("/elsewhere", **{SERVICE_VARIABLE: "api"})]
    clear_services(tmp_path)
    assert not psutil.pid_exists(mine.pid)
    mine.wait()
    for other in others:
        assert other.poll() is None
        other.kill()
        other.wait()


async def test_what_no_further_try_helps_is_reported_at_once(supervise: Callable[..., Service]) -> None:
    calls: list[int] = []

    async def refuses() -> None:
        calls.append(1)
        raise HopelessError("put the file back")

    it = supervise(SLEEPER, ready=refuses)
    with pytest.raises(HopelessError, match="put the file back"):
        await asyncio.wait_for(it.start(), 60)
    assert calls == [1]
