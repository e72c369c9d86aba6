"""PostgreSQL's programs in a virtual environment that the database's user cannot reach."""

import importlib.machinery
import importlib.util
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from infra.stack.errors import StackError
from infra.stack.postgres import programs, system_user
from tests.stack.test_postgres import a_server, as_root

SITE = programs.installed().parents[len(programs.BIN.parts) - 1]


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The wheel's files below a folder of mode 700, as in the clone with private permissions."""
    folder = tmp_path / "my shop 商店"
    folder.mkdir(mode=0o700)
    for part in programs.COPIED:
        shutil.copytree(SITE / part, folder / "venv" / part, copy_function=os.link)
    monkeypatch.setattr(programs, "installed", lambda: folder / "venv" / programs.BIN)
    yield folder
    shutil.rmtree(folder)


def test_whoever_runs_it_themselves_uses_the_wheel_where_it_is(closed: Path) -> None:
    assert programs.reachable(None) == closed / "venv" / programs.BIN


@as_root
async def test_root_in_a_closed_folder_runs_a_copy_that_only_root_can_change(closed: Path) -> None:
    user = system_user.database_user()
    found = programs.reachable(user)
    assert found.is_relative_to(programs.CACHES[0])
    for path in (found / "postgres", *found.parents):
        assert path.stat().st_uid == 0
        assert not path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    server = a_server(closed / "data")
    async with server.running(), await psycopg.AsyncConnection.connect(server.app_url) as connection:
        assert await (await connection.execute("SELECT 1")).fetchone() == (1,)


@as_root
def test_a_copy_appears_whole_and_once(closed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_roots_alone", lambda _: True)
    made = programs._copied(programs.installed(), tmp_path / "cache")
    assert os.access(made / programs.BIN / "postgres", os.X_OK)
    assert {path.relative_to(made) for path in made.rglob("*.so*")} == {
        path.relative_to(closed / "venv") for path in (closed / "venv").rglob("*.so*")
    }
    assert all(path.stat().st_nlink == 1 for path in (made / programs.BIN).iterdir()), "no other name to write through"
    again = programs._copied(programs.installed(), tmp_path / "cache")
    assert (again, [path.name for path in (tmp_path / "cache").iterdir()]) == (made, [made.name])


@as_root
def test_a_folder_that_others_can_write_is_not_used_and_the_sentence_says_what_to_do(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = closed / "cache"
    theirs.mkdir()
    theirs.chmod(0o777)
    monkeypatch.setattr(programs, "CACHES", (theirs, Path("/tmp"), closed / "missing"))
    with pytest.raises(StackError, match=r"who cannot reach .* open the folders above it \(chmod o\+x\)"):
        programs.reachable(system_user.database_user())
    assert list(theirs.iterdir()) == []


@pytest.mark.parametrize(("mode", "passes"), [(0o700, False), (0o701, True), (0o710, False), (0o755, True)])
@as_root
def test_a_folder_is_passed_by_its_mode(tmp_path: Path, mode: int, passes: bool) -> None:
    user = system_user.database_user()
    assert user is not None
    folder = tmp_path / "f"
    folder.mkdir()
    folder.chmod(mode)
    found = folder.stat()
    assert programs._lets_pass(found, user.pw_uid, {user.pw_gid}) is passes
    assert programs._lets_pass(found, found.st_uid, set())


def test_programs_are_named_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that is linked to from a closed folder is reached where it really lies."""
    real, link = tmp_path / "real" / programs.PACKAGE, tmp_path / "link"
    real.mkdir(parents=True)
    link.symlink_to(real.parent)
    spec = importlib.machinery.ModuleSpec(programs.PACKAGE, None, is_package=True)
    spec.submodule_search_locations = [str(link / programs.PACKAGE)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: spec)
    programs.installed.cache_clear()
    try:
        assert programs.installed() == real.resolve().parent / programs.BIN
    finally:
        programs.installed.cache_clear()
