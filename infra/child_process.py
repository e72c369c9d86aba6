"""A Python process for one piece of work: what it uses of memory is free again, and it knows no secret.

It reads its input to the end, writes its output, and ends with 0.
"""

import asyncio
import os
import sys
from collections.abc import Sequence

_INHERITED = ("PATH", "PYTHONPATH", "SYSTEMROOT", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")


async def output_of(module: str, arguments: Sequence[str], given: bytes, limit_s: float) -> tuple[int, bytes]:
    """The exit code and the output of `python -m module`. It is killed when its time is over. Raises TimeoutError."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env=environment(),
    )  # fmt: skip
    try:
        async with asyncio.timeout(limit_s):
            content, _ = await child.communicate(given)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return child.returncode or 0, content


def environment() -> dict[str, str]:
    """No secret goes along; sets and dictionaries of the child are ordered alike every time."""
    return {"PYTHONHASHSEED": "0", **{name: os.environ[name] for name in _INHERITED if name in os.environ}}
