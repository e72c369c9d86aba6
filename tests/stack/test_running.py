"""The ready file, the lock and the secrets of a data directory."""

import json
import os
import stat
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from infra.db.system import master_keys
from infra.stack import running
from infra.stack.data_dir import secrets
from infra.stack.data_dir.layout import Layout, write_json
from infra.stack.data_dir.lock import DirectoryLock
from infra.stack.errors import NotRunningError, StackError, TakenError
from infra.stack.running import Running
from infra.stack.stack import Options, Stack


def a_stack(data_dir: Path, supervisor: dict[str, float]) -> Running:
    return Running(
        api="http://127.0.0.1:1",
        console="http://127.0.0.1:1/console",
        portal="http://127.0.0.1:1/portal",
        temporal="127.0.0.1:2",
        temporal_ui="",
        sandbox="http://127.0.0.1:3",
        database_url="postgresql://oms_owner@127.0.0.1:4/oms",
        tokens={"support": "t"},
        pids={"api": 1},
        data_dir=str(data_dir),
        supervisor=supervisor,
        environment={"OMS_TOKEN_SECRET": "s3cret", "OMS_RETURN_WINDOW_S": "60"},
    )


def test_nothing_there_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(NotRunningError, match=r"no stack is running in .*; start one with \S*oms up"):
        running.load(tmp_path)


def test_a_living_supervisor_is_found(tmp_path: Path) -> None:
    stack = a_stack(tmp_path, running.this_process())
    write_json(Layout.at(tmp_path).ready, asdict(stack))
    assert running.load(tmp_path) == stack


def test_a_dead_supervisor_is_none(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    write_json(Layout.at(tmp_path).ready, asdict(a_stack(tmp_path, {"pid": child.pid, "started": 1.0})))
    with pytest.raises(NotRunningError):
        running.load(tmp_path)


def test_a_number_that_another_process_has_now_is_none(tmp_path: Path) -> None:
    reused = {"pid": os.getpid(), "started": running.this_process()["started"] - 100}
    write_json(Layout.at(tmp_path).ready, asdict(a_stack(tmp_path, reused)))
    with pytest.raises(NotRunningError):
        running.load(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"api": "x"}'])
def test_a_broken_ready_file_is_none(tmp_path: Path, content: str) -> None:
    Layout.at(tmp_path).ready.write_text(content)
    with pytest.raises(NotRunningError):
        running.load(tmp_path)


def announce(data_dir: Path) -> None:
    """As a stack does it: its secrets, what the commands beside it need, the ready file."""
    layout, stack = Layout.at(data_dir), a_stack(data_dir, running.this_process())
    secrets.load_or_make(layout.secrets)
    running.keep_environment(layout, stack.environment)
    write_json(layout.ready, stack.public())


def test_the_public_content_keeps_the_environment_to_itself(tmp_path: Path) -> None:
    assert "s3cret" not in json.dumps(a_stack(tmp_path, running.this_process()).public())


def test_no_key_is_in_a_file_that_programs_read(tmp_path: Path) -> None:
    announce(tmp_path)
    for file in (Layout.at(tmp_path).ready, Layout.at(tmp_path).environment):
        assert "s3cret" not in file.read_text()
        assert not [name for name in running.IN_SECRETS if name in file.read_text()]
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_configure_takes_the_stacks_settings_and_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMS_TOKEN_SECRET", "another")
    monkeypatch.setenv("OMS_MASTER_KEY", "another")
    monkeypatch.setenv("OMS_SANDBOX_WEBHOOK_SECRET", "another")
    monkeypatch.setenv("OMS_RETURN_WINDOW_S", "another")
    announce(tmp_path)
    assert running.configure(tmp_path) is not None
    made = secrets.load(Layout.at(tmp_path).secrets)
    assert os.environ["OMS_TOKEN_SECRET"] == made.token_secret
    assert os.environ["OMS_MASTER_KEY"] == made.master_key
    assert os.environ["OMS_RETURN_WINDOW_S"] == "60"


def test_configure_leaves_a_real_deployments_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMS_DATABASE_URL", "postgresql://far/away")
    assert running.configure(tmp_path) is None
    monkeypatch.delenv("OMS_DATABASE_URL")
    with pytest.raises(NotRunningError):
        running.configure(tmp_path)


def test_a_locked_directory_is_refused_and_named_with_its_holder(tmp_path: Path) -> None:
    first, second = DirectoryLock(tmp_path / "lock"), DirectoryLock(tmp_path / "lock")
    first.acquire()
    with pytest.raises(TakenError, match=rf"{tmp_path} is in use by another stack \(process {os.getpid()}\)"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


async def test_a_second_stack_leaves_the_files_of_the_first(tmp_path: Path) -> None:
    """`make demo` beside `make up` is refused; the commands beside the first stack still find it."""
    first, layout = DirectoryLock(tmp_path / "lock"), Layout.at(tmp_path)
    first.acquire()
    there = a_stack(tmp_path, running.this_process())
    write_json(layout.ready, there.public())
    running.keep_environment(layout, there.environment)
    second = Stack(Options(tmp_path, 0))
    with pytest.raises(TakenError):
        await second.start()
    await second.stop()
    assert running.load(tmp_path).api == there.api and layout.environment.exists()
    first.release()


def test_secrets_are_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    first = secrets.load_or_make(file)
    assert secrets.load_or_make(file) == secrets.load(file) == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert first.sandbox_webhook_secret.startswith("whsec_")


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"token_secret": "only"}'])
def test_broken_secrets_are_never_replaced(tmp_path: Path, content: str) -> None:
    file = tmp_path / "secrets.json"
    file.write_text(content)
    with pytest.raises(StackError, match="restore it from a copy"):
        secrets.load_or_make(file)
    assert file.read_text() == content


@pytest.mark.parametrize("stored", ["postgres/PG_VERSION", "temporal/temporal.db"])
async def test_data_without_its_secrets_is_refused_at_once_and_nothing_is_written(tmp_path: Path, stored: str) -> None:
    """New ones would open nothing of it."""
    (tmp_path / stored).parent.mkdir()
    (tmp_path / stored).write_text("18")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(StackError, match=r"secrets\.json is missing, and .* put the file back from a copy"):
        await Stack(Options(tmp_path, 0)).start()
    assert sorted(tmp_path.rglob("*")) == before


def test_a_wrong_master_key_is_reported_by_the_file_that_it_is_in(tmp_path: Path) -> None:
    stack = Stack(Options(tmp_path, 0))
    text = stack._key_cure(f"OMS_MASTER_KEY: {master_keys.problem([bytes(8)])}")
    assert text is not None and str(tmp_path / "secrets.json") in text and bytes(8).hex() in text
    assert stack._key_cure('{"message": "Finished server process"}') is None


def test_a_command_beside_a_running_stack_makes_no_secrets(tmp_path: Path) -> None:
    announce(tmp_path)
    Layout.at(tmp_path).secrets.unlink()
    with pytest.raises(NotRunningError, match="restore it from a copy"):
        running.configure(tmp_path)
    assert not Layout.at(tmp_path).secrets.exists()


def test_a_json_file_is_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "f.json"
    write_json(file, {"a": 1})
    with pytest.raises(TypeError):
        write_json(file, {"a": object()})
    assert json.loads(file.read_text()) == {"a": 1}
    assert list(tmp_path.iterdir()) == [file]
