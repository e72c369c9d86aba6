"""The README's commands, run as they stand there: only the port is the test's."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(readme: str) -> list[str]:
    """The blocks that a person would paste, in their order."""
    blocks: list[str] = _BLOCK.findall((ROOT / readme).read_text(encoding="utf-8"))
    assert len(blocks) >= 2, "the README shows no commands any more"
    return blocks


def pasted(script: str, folder: Path, data_dir: Path, api: str) -> list[str]:
    """Runs it in a folder like a clone with a stack in it; each line of what it prints. Every command succeeds."""
    for name, target in ((".oms", data_dir), (".venv", Path(sys.prefix))):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)
    script = script.replace("http://127.0.0.1:8000/", f"{api}/")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OMS_")}
    environment = {**inherited, "PYTHONPATH": str(ROOT), "NO_PROXY": "*", "no_proxy": "*"}
    argv = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def answers(lines: list[str]) -> list[dict[str, Any]]:
    """The JSON documents among them."""
    return [json.loads(line) for line in lines if line.startswith("{")]


def check_the_first_order(folder: Path, data_dir: Path) -> None:
    """What the README promises happens. `folder` becomes like a clone with the stack in it."""
    folder.mkdir(exist_ok=True)
    ready = json.loads((data_dir / "ready.json").read_text())
    blocks = commands("README.md")
    lines = pasted("\n".join(blocks), folder, data_dir, ready["api"])
    order, found = answers(lines)
    assert (order["total_minor"], order["currency"]) == (1250, "USD"), lines
    assert found["items"][0]["order_no"] == order["order_no"]
    assert "Nothing is stuck." in lines or any("Stuck" in line for line in lines)
    assert "The audit log is whole." in lines
    _goes_on(ready["api"], ready["tokens"]["support"], order["order_no"])
    again = answers(pasted(blocks[0], folder, data_dir, ready["api"]))
    assert again[0]["order_no"] == order["order_no"], "pasted twice it is one order"


def _goes_on(api: str, token: str, order_no: str) -> None:
    """It is paid and sent."""
    status, deadline = "received", time.monotonic() + 90
    while status in ("received", "pending_payment", "paid"):
        assert time.monotonic() < deadline, status
        headers = {"Authorization": f"Bearer {token}"}
        status = httpx.get(f"{api}/v1/orders/{order_no}", headers=headers, trust_env=False).json()["status"]
        time.sleep(0.05)
    assert status != "cancelled"
