"""A sampling profiler for a service that a benchmark starts: every few milliseconds of processor time, one stack.

Python runs signal handlers in the main thread, where the event loop is; time that other threads spend (Temporal's core)
shows as whatever the main thread was doing, mostly waiting in the loop. Written to BENCH_PROFILE_DIR at SIGUSR2.
"""

import os
import signal
from collections import Counter
from pathlib import Path
from types import FrameType

INTERVAL_S = 0.004
_samples: Counter[tuple[str, ...]] = Counter()


def _name(frame: FrameType) -> str:
    code = frame.f_code
    file = code.co_filename
    short = file.split("site-packages/")[-1] if "site-packages/" in file else "/".join(file.rsplit("/", 3)[-3:])
    return f"{short}:{code.co_name}"


def _sample(_: int, frame: FrameType | None) -> None:
    stack = []
    while frame is not None:
        stack.append(_name(frame))
        frame = frame.f_back
    _samples[tuple(reversed(stack))] += 1


def _write(_: int, __: FrameType | None) -> None:
    signal.setitimer(signal.ITIMER_PROF, 0)
    file = Path(os.environ["BENCH_PROFILE_DIR"]) / f"{os.environ['OMS_SERVICE']}-{os.getpid()}.txt"
    unfinished = file.with_suffix(".part")
    unfinished.write_text("\n".join(f"{';'.join(stack)} {n}" for stack, n in _samples.items()))
    unfinished.replace(file)


if os.environ.get("BENCH_PROFILE_DIR") and os.environ.get("OMS_SERVICE") in ("api", "worker", "relay", "sandbox"):
    signal.signal(signal.SIGPROF, _sample)
    signal.signal(signal.SIGUSR2, _write)
    signal.setitimer(signal.ITIMER_PROF, INTERVAL_S, INTERVAL_S)
