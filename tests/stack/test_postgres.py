"""PostgreSQL under our own supervision, also as root and after kills."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psutil
import psycopg
import pytest

from infra.db import migrate
from infra.db.roles import WrongRoles
from infra.stack.data_dir.ports import any_free
from infra.stack.errors import HopelessError, StackError
from infra.stack.postgres import system_user
from infra.stack.postgres.postgres_server import SETTINGS, PostgresServer
from infra.stack.processes import leftovers
from infra.stack.processes.process import spawn, standing, stop
from tests.conftest import DatabaseUrls
from tests.stack.waiting import until

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another user")


def a_server(folder: Path, durable: bool = False) -> PostgresServer:
    return PostgresServer(
        data=folder / "postgres",
        port=any_free(set()),
        log=folder / "postgres.log",
        owner_password="o/w:n@er %",
        app_password="app",
        durable=durable,
    )


@pytest.fixture(scope="module")
async def closed_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Below a folder that nobody but its owner may pass, with a space and other letters than ASCII in its name."""
    parent = tmp_path_factory.mktemp("a closed 文件夹")
    parent.chmod(0o700)
    inner = parent / "data"
    inner.mkdir()
    return inner


@pytest.fixture(scope="module")
async def server(closed_folder: Path) -> AsyncIterator[PostgresServer]:
    made = a_server(closed_folder)
    async with made.running():
        yield made


async def ask(url: str, question: str) -> object:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        row = await (await connection.execute(question)).fetchone()
        assert row is not None
        return row[0]


async def report(url: str, statements: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(statements.encode())


def postmaster(server: PostgresServer) -> psutil.Process:
    return psutil.Process(int((server.data / "postmaster.pid").read_text().split()[0]))


async def test_services_use_a_lesser_role(server: PostgresServer) -> None:
    assert await ask(server.owner_url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is True
    lesser = (
        "SELECT NOT (rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls) FROM pg_roles WHERE rolname = 'oms_app'"
    )
    assert await ask(server.app_url, lesser) is True


async def test_a_wrong_password_is_refused(server: PostgresServer) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        await ask(server.app_url.replace(":app@", ":wrong@"), "SELECT 1")


async def test_secrets_of_another_data_directory_are_named_at_once(server: PostgresServer) -> None:
    with pytest.raises(HopelessError, match=r"secrets\.json beside it is of another data directory"):
        await asyncio.wait_for(replace(server, owner_password="another").ready(), 60)


async def test_the_roles_can_be_ensured_again(server: PostgresServer) -> None:
    await server.ensure_roles()
    assert await ask(server.app_url, "SELECT 1") == 1


async def test_an_older_folders_superuser_gives_its_name_to_the_owner(tmp_path: Path) -> None:
    """It was called as the owner is now; its password stays, and an interrupted renaming is done again."""
    server = a_server(tmp_path)
    async with server.running():
        await report(server.owner_url, "CREATE TABLE kept AS SELECT 41 AS n")
        await report(server.owner_url, "ALTER DATABASE oms OWNER TO postgres; DROP ROLE oms_owner")
        await report(server.owner_url, f"CREATE ROLE older LOGIN SUPERUSER PASSWORD '{server.owner_password}'")
        await report(server.url("older"), "ALTER ROLE postgres RENAME TO oms_owner")
        await report(server.url("oms_owner"), "CREATE ROLE oms_renaming; DROP ROLE older")
    async with server.running():
        assert await ask(server.owner_url, "SELECT n FROM kept") == 41
        found = await ask(
            server.owner_url,
            "SELECT array_agg(rolname || rolsuper::int || rolcanlogin::int ORDER BY rolname) FROM pg_roles "
            "WHERE rolname IN ('postgres', 'oms_owner', 'oms_app', 'oms_renaming')",
        )
        assert found == ["oms_app01", "oms_owner00", "postgres11"]
        await report(server.owner_url, "DROP OWNED BY oms_app; DROP ROLE oms_app")
        with pytest.raises(WrongRoles, match="the role oms_app, which the services use, does not exist"):
            await asyncio.to_thread(migrate.upgrade, server.owner_url)


@pytest.mark.parametrize("name", ["jit", "log_min_error_statement", "log_error_verbosity", "max_wal_size"])
async def test_its_settings_hold(server: PostgresServer, name: str) -> None:
    assert await ask(server.owner_url, f"SHOW {name}") == SETTINGS[name]


def test_what_is_promised_to_be_durable_is() -> None:
    command = PostgresServer(Path("/d"), 1, Path("/l"), "o", "a").command()
    assert "fsync=on" in command.argv
    assert "synchronous_commit=on" in command.argv


@as_root
async def test_root_runs_it_as_another_user_below_a_closed_folder(server: PostgresServer) -> None:
    user = system_user.database_user()
    assert user is not None
    process = postmaster(server)
    assert process.uids().effective == user.pw_uid != 0
    status = Path(f"/proc/{process.pid}/status").read_text()
    effective = int(next(line for line in status.splitlines() if line.startswith("CapEff")).split()[1], 16)
    assert effective in (1 << 1, 1 << 2), "one capability, to read past closed folders"


@as_root
async def test_without_the_capability_the_error_names_the_folder(
    closed_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Path("infra/stack/processes/launch.py").resolve().read_text()
    crippled = tmp_path / "launch.py"
    crippled.write_text(
        source.replace(
            "def _raise_ambient(capability: int) -> bool:",
            "def _raise_ambient(capability: int) -> bool:\n    return False\n\n\ndef _unused(capability: int) -> bool:",
        )
    )
    monkeypatch.setattr("infra.stack.processes.process.launch.__file__", str(crippled))
    folder = closed_folder / "another"
    with pytest.raises(StackError, match=rf"cannot reach {folder}/postgres.new: a folder above it is closed"):
        await a_server(folder).prepare()


async def test_a_killed_server_starts_again_and_kept_what_was_committed(tmp_path: Path) -> None:
    server = a_server(tmp_path, durable=True)
    await server.prepare()
    command = server.command()
    process = await spawn(command)
    try:
        await server.ready()
        await server.ensure_roles()
        async with await psycopg.AsyncConnection.connect(server.owner_url) as connection:
            await connection.execute("CREATE TABLE t AS SELECT 41 AS n")
        busy = await psycopg.AsyncConnection.connect(server.owner_url)
        orphan = psutil.Process(busy.info.backend_pid)
        orphan.suspend()  # a child that does not notice its server's death on its own
        process.kill()
        await process.wait()
        assert orphan.is_running()
        await server.prepare()
        assert not list(leftovers.of_postgres(server.data))
        async with standing(command, server.ready):
            assert await ask(server.owner_url, "SELECT n FROM t") == 41
    finally:
        await stop(process, command)
        leftovers.clear_postgres(server.data)


async def test_a_lock_file_with_another_processs_number_does_not_stop_it(
    server: PostgresServer, tmp_path: Path
) -> None:
    other = a_server(tmp_path)
    await other.prepare()
    (other.data / "postmaster.pid").write_text(f"{postmaster(server).pid}\n{other.data}\n")
    async with other.running():
        assert await ask(other.owner_url, "SELECT 1") == 1
    assert postmaster(server).is_running(), "the other server was left alone"


async def test_an_interrupted_first_start_is_done_again(tmp_path: Path) -> None:
    server = a_server(tmp_path)
    half_made = tmp_path / "postgres.new"
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18")
    async with server.running():
        assert await ask(server.owner_url, "SELECT 1") == 1
    assert not half_made.exists()
    assert not (tmp_path / "postgres.password").exists()


async def test_it_stops_in_order_with_clients_connected(tmp_path: Path) -> None:
    server = a_server(tmp_path)
    async with server.running():
        client = await psycopg.AsyncConnection.connect(server.owner_url)
        process = postmaster(server)
    assert not process.is_running()
    assert "database system is shut down" in server.log.read_text()
    await client.close()


async def test_each_module_has_books_of_its_own(database_url: DatabaseUrls) -> None:
    name = await ask(database_url.app_url, "SELECT current_database()")
    assert str(name).startswith("test_postgres_")
    assert await ask(database_url.app_url, "SELECT count(*) FROM warehouses") == 3
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await ask(database_url.app_url, "DROP TABLE warehouses")


async def test_the_log_holds_no_statement_and_no_value(server: PostgresServer) -> None:
    twice = "CREATE TEMP TABLE p (email text UNIQUE); INSERT INTO p VALUES ('ann@example.org'), ('ann@example.org')"
    with pytest.raises(psycopg.errors.UniqueViolation):
        await ask(server.owner_url, twice)
    await until(lambda: "duplicate key value" in server.log.read_text())
    assert "ann@example.org" not in server.log.read_text()


KILLED_SUPERVISOR = """
import asyncio, os, signal, sys
from pathlib import Path
from infra.stack.postgres.postgres_server import PostgresServer

async def main():
    folder = Path(sys.argv[1])
    server = PostgresServer(folder / "postgres", int(sys.argv[2]), folder / "log", "o/w:n@er %", "app", durable=False)
    async with server.running():
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_it_dies_with_its_supervisor(tmp_path: Path) -> None:
    server = a_server(tmp_path)
    supervisor = subprocess.run([sys.executable, "-c", KILLED_SUPERVISOR, str(tmp_path), str(server.port)], check=False)
    assert supervisor.returncode == -signal.SIGKILL
    await until(lambda: not list(leftovers.of_postgres(server.data)))
    async with server.running():
        assert await ask(server.app_url, "SELECT 1") == 1
