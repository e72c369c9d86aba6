"""`oms up` as a person or a program meets it: real processes, real signals."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psutil
import pytest

from domain.access import Role
from infra.security import tokens
from tests.stack.oms import OMS, START_TIMEOUT_S, Up, oms
from tests.stack.readme import ROOT, check_the_first_order, commands

# The installed program runs this source, also where it is another's.
SOURCE = {**os.environ, "PYTHONPATH": str(ROOT)}
PROCESSES = ("postgres", "temporal", "sandbox", "api", "worker", "relay")


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    made = Up(tmp_path_factory.mktemp("my shop 商店"))
    made.start()
    yield made
    if made.process is not None and made.process.poll() is None:
        made.end(signal.SIGTERM)


def sound(up: Up) -> bool:
    """Whether the doctor finds nothing wrong, asked at the API: no process has to start for each question."""
    headers = {"Authorization": f"Bearer {up.ready['tokens']['operations']}"}
    try:
        answer = httpx.get(f"{up.ready['api']}/v1/doctor", headers=headers, timeout=30, trust_env=False, verify=False)
    except httpx.TransportError:
        return False
    return answer.is_success and answer.json()["ok"] is True


def test_the_ready_file_says_all_that_the_contract_names(up: Up) -> None:
    ready = up.ready
    addresses = ("api", "console", "portal", "temporal", "temporal_ui", "sandbox", "database_url")
    assert all(isinstance(ready[name], str) for name in addresses)
    assert ready["console"] == ready["api"] + "/console"
    assert ready["temporal_ui"] == "", "left out by --headless"
    assert set(ready["tokens"]) == {role.value for role in Role}
    assert set(ready["pids"]) >= set(PROCESSES)
    assert all(psutil.pid_exists(pid) for pid in ready["pids"].values())
    assert stat.S_IMODE(up.ready_file.stat().st_mode) == 0o600
    assert "environment" not in ready


def test_the_processes_are_the_programs_themselves(up: Up) -> None:
    names = {name: psutil.Process(pid).name() for name, pid in up.ready["pids"].items()}
    assert names["postgres"] == "postgres"
    assert names["temporal"] == "temporal"
    assert all(names[name].startswith("python") for name in ("sandbox", "api", "worker", "relay"))


def test_services_do_not_know_the_owners_password(up: Up) -> None:
    password = up.ready["database_url"].split(":")[2].split("@")[0]
    for name in ("temporal", "sandbox", "api", "worker", "relay"):
        assert password not in str(psutil.Process(up.ready["pids"][name]).environ())


def test_doctor_finds_nothing_wrong(up: Up) -> None:
    result = oms("doctor", "--data-dir", str(up.data_dir))
    assert result.returncode == 0, result.stdout
    assert "WRONG" not in result.stdout


@pytest.mark.parametrize("role", ["operations", "support"])
def test_doctor_and_recover_by_the_api_need_a_token_of_operations_only(up: Up, role: str) -> None:
    there = ("--api", up.ready["api"], "--token", up.ready["tokens"][role], "--data-dir", str(up.folder / "none"))
    reported, started = (oms(command, *there, "--json") for command in ("doctor", "recover"))
    if role == "support":
        assert (reported.returncode, started.returncode) == (1, 1)
        assert "forbidden" in reported.stderr and "forbidden" in started.stderr
        return
    assert (reported.returncode, json.loads(reported.stdout)["ok"]) == (0, True), reported.stdout
    assert (started.returncode, json.loads(started.stdout)["started"]) == (0, 0), started.stderr
    assert "WRONG" not in oms("doctor", *there).stdout


def test_doctor_says_what_is_wrong_and_ends_with_1(up: Up, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMS_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/oms")
    result = oms("doctor", "--data-dir", str(up.folder / "elsewhere"))
    assert result.returncode == 1
    assert result.stdout.count("WRONG") >= 4


def test_a_token_of_the_command_line_is_one_of_the_stack(up: Up) -> None:
    result = oms("token", "--role", "customer", "--customer", "c-9", "--data-dir", str(up.data_dir))
    secret = json.loads((up.data_dir / "secrets.json").read_text())["token_secret"]
    principal = tokens.verify(secret, result.stdout.strip())
    assert (principal.role, principal.subject) == (Role.CUSTOMER, "c-9")
    assert tokens.verify(secret, up.ready["tokens"]["customer"]).subject == "c-demo"
    assert tokens.verify(secret, up.ready["tokens"]["channel"]).subject == "web"


def test_no_key_of_the_stack_is_in_a_file_that_programs_read(up: Up) -> None:
    keys = json.loads((up.data_dir / "secrets.json").read_text())
    read = [up.ready_file, up.data_dir / "ready.json", up.data_dir / "environment.json", *up.data_dir.glob("logs/*")]
    for name in ("token_secret", "master_key", "sandbox_webhook_secret"):
        assert [file for file in read if keys[name] in file.read_text(errors="replace")] == []


def test_the_stacks_own_tokens_live_for_days_and_can_be_listed_and_revoked(up: Up) -> None:
    where = ("--data-dir", str(up.data_dir))
    output = oms("token", "list", "--json", *where)
    listed = {item["role"]: item for item in json.loads(output.stdout) if item["issued_by"] == "oms up"}
    assert set(listed) == {role.value for role in Role}
    life = datetime.fromisoformat(listed["support"]["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=2) < life <= timedelta(days=3)
    result = json.loads(oms("token", "--role", "support", "--subject", "ann", "--json", *where).stdout)
    assert set(result) == {"token", "token_id", "role", "subject", "expires_at"}
    made = result["token"]
    headers = {"Authorization": f"Bearer {made}"}
    requested = f"{up.ready['api']}/v1/orders"
    assert httpx.get(requested, headers=headers, trust_env=False).status_code == 200
    assert "support:ann is refused from now on" in oms("token", "revoke", made, *where).stderr
    refused = httpx.get(requested, headers=headers, trust_env=False)
    assert (refused.status_code, refused.json()["code"]) == (401, "token_revoked")
    table = oms("token", "list", "--all", "--subject", "ann", *where).stdout
    assert result["token_id"] in table


@pytest.mark.parametrize("arguments", [("--role", "boss"), ("--role", "support", "--customer", "c-1"), ()])
def test_a_wrong_question_for_a_token_is_refused(up: Up, arguments: tuple[str, ...]) -> None:
    result = oms("token", *arguments, "--data-dir", str(up.data_dir))
    assert result.returncode == 2
    assert result.stdout == ""


def test_commands_say_when_no_stack_is_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMS_DATABASE_URL", raising=False)
    result = oms("token", "--role", "support", "--data-dir", str(tmp_path))
    assert result.returncode == 1
    assert re.search(rf"no stack is running in {re.escape(str(tmp_path))}; start one with \S*oms up", result.stderr)


def test_the_readmes_commands_run_as_they_stand_there(up: Up, tmp_path: Path) -> None:
    check_the_first_order(tmp_path / "clone", up.data_dir)
    assert commands("README.zh-CN.md") == commands("README.md")


def test_the_commands_that_are_printed_run_as_printed(up: Up) -> None:
    printed = (up.folder / "up.log").read_text().splitlines()
    command = next(line for line in printed if " token --role support" in line)
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, env=SOURCE)
    assert (ran.returncode, tokens.id_of(ran.stdout.strip()) is not None) == (0, True), ran.stderr
    command = next(line for line in printed if "/v1/orders" in line)
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, env=SOURCE)
    placed = json.loads(ran.stdout)
    assert (placed["total_minor"], placed["status"] != "cancelled") == (1250, True), ran.stdout


def test_a_second_one_in_the_same_directory_is_refused(up: Up) -> None:
    result = oms("up", "--data-dir", str(up.data_dir), "--port", "0")
    assert result.returncode == 2
    assert "is in use by another stack" in result.stderr
    assert up.ready_file.exists()
    assert oms("token", "--role", "support", "--data-dir", str(up.data_dir)).returncode == 0, "the first is unharmed"


def test_a_taken_port_is_refused(up: Up, tmp_path: Path) -> None:
    taken = up.ready["api"].rpartition(":")[2]
    result = oms("up", "--data-dir", str(tmp_path), "--port", taken)
    assert result.returncode == 2
    assert f"port {taken} is taken" in result.stderr


@pytest.mark.parametrize("name", PROCESSES)
def test_a_killed_process_comes_back_on_its_port(up: Up, name: str) -> None:
    before = up.ready
    os.kill(before["pids"][name], signal.SIGKILL)
    up.wait_for(lambda: up.ready["pids"][name] != before["pids"][name])
    after = up.ready
    assert psutil.pid_exists(after["pids"][name])
    assert {key: after[key] for key in after if key not in ("pids", "tokens")} == {
        key: before[key] for key in before if key not in ("pids", "tokens")
    }
    up.wait_for(lambda: sound(up))


def test_a_deleted_temporal_file_is_set_up_anew(up: Up) -> None:
    before = up.ready["pids"]["temporal"]
    for file in (up.data_dir / "temporal").iterdir():
        file.unlink()
    os.kill(before, signal.SIGKILL)
    up.wait_for(lambda: up.ready["pids"]["temporal"] != before)
    # search attributes, retention, and the worker's version current again
    up.wait_for(lambda: sound(up))


def test_after_a_killed_supervisor_it_starts_again_where_it_was_and_stops_whole(up: Up) -> None:
    before = up.ready
    up.end(signal.SIGKILL)
    assert up.ready_file.exists(), "nobody was left to take it away"
    result = oms("token", "--role", "support", "--data-dir", str(up.data_dir))
    assert result.returncode == 1, "a ready file without its supervisor is not believed"
    up.ready_file.unlink()
    up.start()
    assert {name: up.ready[name] for name in ("api", "temporal", "sandbox", "database_url")} == {
        name: before[name] for name in ("api", "temporal", "sandbox", "database_url")
    }
    assert oms("doctor", "--data-dir", str(up.data_dir)).returncode == 0
    assert up.end(signal.SIGINT) == 0
    assert not up.ready_file.exists()
    assert not (up.data_dir / "ready.json").exists()
    assert up.remaining() == []


def test_it_can_be_stopped_while_it_starts(tmp_path: Path) -> None:
    up = Up(tmp_path)
    argv = [*OMS, "up", "--data-dir", str(up.data_dir), *up.options]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not (up.data_dir / "logs" / "postgres.log").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert up.remaining() == []


def test_a_service_that_cannot_start_is_reported_with_its_log(up: Up, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the directory of the stack that has ended: its database is there already."""
    if up.process is not None and up.process.poll() is None:
        up.end(signal.SIGTERM)
    monkeypatch.setenv("OMS_SANDBOX_PENDING_S", "soon")
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    result = oms("up", "--data-dir", str(up.data_dir), "--headless", "--port", str(port))
    assert result.returncode == 1
    assert "ended with code" in result.stderr
    assert "OMS_SANDBOX_PENDING_S: must be a number" in result.stderr
