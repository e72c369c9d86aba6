"""`oms staff`: who may sign in to the console."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TypedDict, TypeVar

import segno
from rich.console import Console
from rich.table import Table

from domain.access import STAFF, STAFF_NAME, STAFF_NAME_RULE
from domain.errors import RuleBroken
from infra.db.audit import actor_context
from infra.db.engine import Connection, Database
from infra.db.errors import UNREACHABLE
from infra.db.staff import members
from infra.security import staff_accounts
from infra.security.crypto import Vault
from infra.settings import Settings, settings
from workers.cli import database_errors
from workers.tables import print_whole

OK, REFUSED = 0, 1
_NAME = re.compile(STAFF_NAME)
_Answer = TypeVar("_Answer")
_Row = Mapping[str, object]


class _WithSecrets(staff_accounts.GivenSecrets):
    name: str


class _Added(_WithSecrets):
    role: str


class Removed(TypedDict):
    """A member of staff without access."""

    name: str
    active: bool


def add(
    name: str,
    role: str,
    configuration: Settings | None = None,
    console: Console | None = None,
    *,
    as_json: bool = False,
) -> int:
    """Let somebody in: prints a first password and a second factor, once."""
    if problem := wrong(name, role):
        return _say(console, problem)
    vault = Vault.from_settings(configuration or settings())

    async def work(conn: Connection) -> _Added:
        return {"name": name, "role": role, **await staff_accounts.add(conn, vault, name, role)}

    return _run(console, configuration, work, lambda answer: show_secrets(answer, console, as_json=as_json))


def reset(
    name: str,
    configuration: Settings | None = None,
    console: Console | None = None,
    *,
    even_last_admin: bool = False,
    as_json: bool = False,
) -> int:
    """Create a new password and second factor for a member of staff who lost them; all of their sessions end."""
    vault = Vault.from_settings(configuration or settings())

    async def work(conn: Connection) -> _WithSecrets:
        given = await staff_accounts.reset(conn, vault, name, even_last_admin=even_last_admin)
        return {"name": name, **given}

    return _run(console, configuration, work, lambda answer: show_secrets(answer, console, as_json=as_json))


def remove(
    name: str,
    configuration: Settings | None = None,
    console: Console | None = None,
    *,
    even_last_admin: bool = False,
    as_json: bool = False,
) -> int:
    """Remove the access of a member of staff; all of their sessions end."""

    async def work(conn: Connection) -> Removed:
        await staff_accounts.remove(conn, name, even_last_admin=even_last_admin)
        return {"name": name, "active": False}

    return _run(console, configuration, work, lambda answer: show_removed(answer, console, as_json=as_json))


def list_members(
    configuration: Settings | None = None, console: Console | None = None, *, as_json: bool = False
) -> int:
    """A table of everybody, or the same as JSON."""

    async def work(conn: Connection) -> Sequence[_Row]:
        return [asdict(member) for member in await members.everybody(conn)]

    return _run(console, configuration, work, lambda rows: show_members(rows, console, as_json=as_json))


def wrong(name: str, role: str) -> str | None:
    """Why nobody can have this name and this role."""
    if not _NAME.fullmatch(name):
        return f"A name has {STAFF_NAME_RULE}."
    return None if role in STAFF else f"{role!r} is none of {', '.join(sorted(STAFF))}."


def show_secrets(answer: _WithSecrets, console: Console | None = None, *, as_json: bool = False) -> None:
    """The credentials of a member of staff: {name, password, secret, address}."""
    if as_json:
        _as_json(answer)
        return
    terminal = console or Console(soft_wrap=True)
    for label in ("name", "password", "secret", "address"):
        terminal.print(f"{label.capitalize() + ':':<11}{answer[label]}", markup=False, highlight=False)
    if terminal.is_terminal:
        segno.make(answer["address"]).terminal(compact=True)
    terminal.print("Scan the address with an authenticator app. Nothing of this is shown again.", markup=False)


def show_removed(answer: Removed, console: Console | None = None, *, as_json: bool = False) -> None:
    """Who can no longer sign in."""
    if as_json:
        _as_json(answer)
    else:
        (console or Console(soft_wrap=True)).print(f"{answer['name']} can sign in no more.", markup=False)


def show_members(
    rows: Sequence[Mapping[str, object]], console: Console | None = None, *, as_json: bool = False
) -> None:
    """A table, or the same as JSON."""
    if as_json:
        _as_json(rows)
    else:
        print_whole(console or Console(soft_wrap=True), _table(rows))


def _as_json(answer: object) -> None:
    print(json.dumps(answer, ensure_ascii=False, default=str))


def _run(
    console: Console | None,
    configuration: Settings | None,
    work: Callable[[Connection], Awaitable[_Answer]],
    show: Callable[[_Answer], None],
) -> int:
    """Do `work` in one transaction and show its result; 0, or 1 when it was refused."""
    try:
        show(asyncio.run(_in_transaction(configuration or settings(), work)))
    except RuleBroken as error:
        return _say(console, error.detail)
    except UNREACHABLE as error:
        return _say(console, f"The database cannot be reached: {database_errors.describe(error)}")
    return OK


async def _in_transaction(configuration: Settings, work: Callable[[Connection], Awaitable[_Answer]]) -> _Answer:
    database = Database.from_settings(configuration)
    try:
        async with database.begin() as conn:
            await actor_context.set_actor(conn, "", actor_context.cli_origin())
            return await work(conn)
    finally:
        await database.close()


def _table(rows: Sequence[_Row]) -> Table:
    table = Table("Name", "Role", "Active", "Signed in last", box=None)
    for row in rows:
        last = str(row["signed_in_at"] or "never")[:19].replace("T", " ")
        table.add_row(str(row["name"]), str(row["role"]), "yes" if row["active"] else "no", last)
    return table


def _say(console: Console | None, words: str) -> int:
    (console or Console(stderr=True, soft_wrap=True)).print(words, style="red", markup=False)
    return REFUSED
