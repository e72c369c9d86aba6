"""`oms demo` as a person starts it: every scenario, judged by the numbers it prints and by its exit code."""

import json
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.stack.processes import leftovers
from tests.stack.oms import OMS
from tests.stack.readme import check_the_first_order
from workers.demo.baskets.customers import REGIONS
from workers.demo.behaviour.scenarios import SPECS, Scenario
from workers.demo.results.stock_ledger import Movement

ORDERS = 27
RUN_TIMEOUT_S = 280


@pytest.mark.timeout(RUN_TIMEOUT_S + 60)
def test_every_order_of_a_demo_ends_as_it_should_and_so_does_the_readmes_beside_them(tmp_path: Path) -> None:
    """It stays up when all have ended, and a signal leaves nothing running."""
    data_dir, log, sentence = tmp_path / "data", tmp_path / "demo.log", tmp_path / "demo.json"
    arguments = ("demo", "--orders", str(ORDERS), "--json", "--port", "0", "--data-dir", str(data_dir))
    with log.open("wb") as errors, sentence.open("wb") as output:
        process = subprocess.Popen([*OMS, *arguments], stdout=output, stderr=errors)
    _wait(process, log, (data_dir / "ready.json").exists, 90)
    check_the_first_order(tmp_path / "clone", data_dir)
    _wait(process, log, lambda: sentence.read_text().endswith("}\n"), RUN_TIMEOUT_S)
    report = json.loads(sentence.read_text())
    assert report["ok"] is True
    _the_numbers_add_up(report)
    _every_scenario_ran(report)
    assert [check["name"] for check in report["checks"] if not check["holds"]] == []
    assert all(check["looked_at"] for check in report["checks"])
    _the_warehouses_balance(report)
    text = log.read_text()
    assert "API" in text
    assert re.search(r"First order \S+: (delivered|completed) \d+ s after oms demo was started", text)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0, log.read_text()
    assert list(leftovers.of_services(data_dir.resolve())) == []


def _wait(process: "subprocess.Popen[bytes]", log: Path, holds: Callable[[], bool], limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    while not holds():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def _the_numbers_add_up(report: dict[str, Any]) -> None:
    assert report["baskets"] == report["orders"] == ORDERS
    assert report["placed"] + report["nothing_left"] == ORDERS
    assert sum(report["ended"].values()) == sum(group["orders"] for group in report["groups"]) == report["placed"]
    assert report["refused"].keys() >= {"invalid_quantity", "product_inactive"}
    assert sum(report["resolved"].values()) >= 5
    assert report["deviations"] == []


def _the_warehouses_balance(report: dict[str, Any]) -> None:
    balances = report["balances"]
    assert {balance["warehouse"] for balance in balances} == {region.warehouse for region in REGIONS}
    for balance in balances:
        assert balance["on_hand"] == sum(balance[movement] for movement in Movement), balance
        assert balance["shipped"] < 0, balance
    transferred = [balance["transferred"] for balance in balances]
    assert (sum(transferred), max(transferred)) == (0, 1)
    # One unit fewer is counted, and one of each order that is picked short; on a busy machine the carrier is faster.
    (short,) = (group for group in report["groups"] if group["fate"] == Scenario.PICKED_SHORT)
    missing = 1 + short["ends"].get("completed", 0)
    assert sum(balance["adjusted"] for balance in balances) == -missing


def _every_scenario_ran(report: dict[str, Any]) -> None:
    groups = {group["fate"]: group for group in report["groups"]}
    assert groups.keys() == set(Scenario)
    for scenario, group in groups.items():
        assert group["as_expected"] == group["orders"] > 0, group
        # On a busy machine a deadline or a parcel may be faster; the end then says so in brackets.
        plain = sum(times for end, times in group["ends"].items() if "(too late" not in end and "(at the" not in end)
        assert plain in (0, group["ends"].get(SPECS[Scenario(scenario)].end)), group


def test_a_taken_port_is_said_at_once(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        arguments = ("demo", "--once", "--orders", "1", "--port", str(port), "--data-dir", str(tmp_path / "data"))
        done = subprocess.run([*OMS, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert f"port {port} is taken" in done.stderr
    assert "Traceback" not in done.stderr
