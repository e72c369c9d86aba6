"""`oms demo --once`, without the stack: when it ends, and with which code."""

import asyncio
import io
from pathlib import Path

import pytest
from rich.console import Console

from infra.stack.stack import Options
from workers.demo.run import _Demo


@pytest.mark.parametrize(("right", "code"), [(True, 0), (False, 1)])
async def test_a_demo_of_one_run_ends_on_its_own_and_says_whether_all_was_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, right: bool, code: int
) -> None:
    async def body(_: _Demo, folder: Path, orders: int, seed: int) -> bool:
        return right

    monkeypatch.setattr(_Demo, "_show", body)
    demo = _Demo(Options(tmp_path / "data"), Console(file=io.StringIO()), as_json=False)
    async with asyncio.timeout(60):
        assert await demo.run(tmp_path, 1, 1, once=True) == code
