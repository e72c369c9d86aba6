"""`oms staff`: who may sign in to the console."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import TypeVar

import segno
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import STAFF
from domain.errors import RuleBroken
from infra import passwords
from infra.crypto import Vault
from infra.db import acting, staff, staff_sessions
from infra.db.engine import Database, PoolExhausted
from infra.settings import Settings, settings
from workers import books_trouble
from workers.tables import print_whole

OK, REFUSED = 0, 1
_NAME = re.compile(r"^[a-z0-9][a-z0-9._-]{0,31}$")
_Answer = TypeVar("_Answer")


def add(name: str, role: str, configuration: Settings | None = None, console: Console | None = None) -> int:
    """Let somebody in: prints a first password and a second factor, once."""
    shown = console or Console(soft_wrap=True)
    if not _NAME.match(name):
        return _say(shown, "A name has 1 to 32 small letters, digits, dots, hyphens and underscores.")
    if role not in STAFF:
        return _say(shown, f"{role!r} is none of {', '.join(sorted(STAFF))}.")
    return _give(shown, configuration, name, lambda conn, secrets: staff.add(conn, name, role, secrets))


def reset(name: str, configuration: Settings | None = None, console: Console | None = None) -> int:
    """Another password and second factor for somebody who lost them; all of his sessions end."""

    async def work(conn: AsyncConnection, secrets: staff.Secrets) -> None:
        await staff.reset(conn, name, secrets)
        await staff_sessions.close_sessions_of(conn, name)

    return _give(console or Console(soft_wrap=True), configuration, name, work)


def remove(name: str, configuration: Settings | None = None, console: Console | None = None) -> int:
    """Let somebody in no more; all of his sessions end."""
    shown = console or Console(soft_wrap=True)

    async def work(conn: AsyncConnection) -> None:
        await staff.remove(conn, name)
        await staff_sessions.close_sessions_of(conn, name)

    return _told(shown, configuration, work, lambda _: shown.print(f"{name} can sign in no more."))


def show(configuration: Settings | None = None, console: Console | None = None, *, as_json: bool = False) -> int:
    """A table of everybody, or the same as JSON."""
    shown = console or Console(soft_wrap=True)
    if as_json:
        beside = Console(stderr=True, soft_wrap=True)
        return _told(beside, configuration, staff.everybody, lambda rows: print(json.dumps(rows, default=str)))
    return _told(shown, configuration, staff.everybody, lambda rows: print_whole(shown, _table(rows)))


def _give(
    shown: Console,
    configuration: Settings | None,
    name: str,
    work: Callable[[AsyncConnection, staff.Secrets], Awaitable[None]],
) -> int:
    """Do `work` with new secrets and print them."""
    vault = Vault.from_settings(configuration or settings())
    password, secret = passwords.new_password(), passwords.new_secret()
    plain, wrapped = vault.new_data_key()
    sealed = vault.seal(plain, secret, staff.totp_context(name))
    kept = staff.Secrets(passwords.hashed(password), wrapped, sealed)
    return _told(shown, configuration, lambda conn: work(conn, kept), lambda _: _print(shown, name, password, secret))


def _print(shown: Console, name: str, password: str, secret: str) -> None:
    address = passwords.address(secret, name)
    for line in (f"Name:      {name}", f"Password:  {password}", f"Secret:    {secret}", f"Address:   {address}"):
        shown.print(line, markup=False, highlight=False)
    if shown.is_terminal:
        segno.make(address).terminal(compact=True)
    shown.print("Scan the address with an authenticator app. Nothing of this is shown again.", markup=False)


def _told(
    shown: Console,
    configuration: Settings | None,
    work: Callable[[AsyncConnection], Awaitable[_Answer]],
    tell: Callable[[_Answer], None],
) -> int:
    """Do `work` in one transaction and tell what came of it; 0, or 1 when it was refused."""
    try:
        tell(asyncio.run(_in_books(configuration or settings(), work)))
    except RuleBroken as error:
        return _say(shown, error.detail)
    except (SQLAlchemyError, PoolExhausted, OSError) as error:
        return _say(shown, f"The books cannot be reached: {books_trouble.words(error)}")
    return OK


async def _in_books(configuration: Settings, work: Callable[[AsyncConnection], Awaitable[_Answer]]) -> _Answer:
    database = Database.from_settings(configuration)
    try:
        async with database.begin() as conn:
            await acting.acts(conn, "", acting.terminal())
            return await work(conn)
    finally:
        await database.close()


def _table(rows: list[dict[str, object]]) -> Table:
    table = Table("Name", "Role", "Active", "Signed in last", box=None)
    for row in rows:
        last = row["signed_in_at"]
        table.add_row(str(row["name"]), str(row["role"]), "yes" if row["active"] else "no", str(last or "never")[:19])
    return table


def _say(shown: Console, words: str) -> int:
    shown.print(words, style="red", markup=False)
    return REFUSED
