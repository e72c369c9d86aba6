"""`oms audit`: is the record of who did what whole; anchors to keep elsewhere; who can act, and does."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db import audit, audit_access, audit_anchors
from infra.db.audit import Fault
from infra.db.audit_anchors import Anchor
from infra.db.engine import Database, PoolExhausted
from infra.settings import Settings, settings
from workers import books_trouble
from workers.tables import print_whole

OK, WRONG = 0, 1
SHOWN = 50
_HASH = re.compile(r"^[0-9a-f]{64}$")
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with the log, its newest anchor, and how many entries are younger than that."""

    faults: list[Fault]
    anchor: Anchor | None
    younger: int


def verify(
    anchors: Sequence[str] = (),
    configuration: Settings | None = None,
    console: Console | None = None,
    *,
    as_json: bool = False,
) -> int:
    """Walk every chain and every anchor and say what is wrong; 0 when the log is whole, else 1.

    `anchors` are hashes that were kept elsewhere: each must be in the chain. How far the anchors reach goes to stderr.
    """
    shown = console or Console(soft_wrap=True, stderr=as_json)
    if odd := [kept for kept in anchors if not _HASH.match(kept.strip().lower())]:
        return _say(shown, f"An anchor's hash has 64 hexadecimal digits: {odd[0]!r} is none.")
    found = _asked(shown, configuration, lambda conn: _verdict(conn, [kept.strip().lower() for kept in anchors]))
    if found is None:
        return WRONG
    if as_json:
        print(json.dumps(_document(found), ensure_ascii=False))
        return WRONG if found.faults else OK
    for fault in found.faults[:SHOWN]:
        _say(shown, fault.words)
    if found.faults:
        return _say(shown, f"The audit log is not whole: {len(found.faults)} faults.")
    shown.print("The audit log is whole.")
    newest = found.anchor.line if found.anchor else "none yet"
    beside = console or Console(soft_wrap=True, stderr=True)
    beside.print(f"Newest anchor: {newest}; {found.younger} entries are younger.", markup=False, highlight=False)
    return OK


def _document(found: Verdict) -> dict[str, Any]:
    return {
        "ok": not found.faults,
        "faults": [asdict(fault) for fault in found.faults],
        "newest_anchor": found.anchor.line if found.anchor else None,
        "younger_entries": found.younger,
    }


async def _verdict(conn: AsyncConnection, anchors: Sequence[str]) -> Verdict:
    found = await everything(conn)
    for kept in anchors:
        if await audit_anchors.number_of(conn, kept) is None:
            what = f"anchor {kept} is not in the chain: anchors were removed or rewritten since it was written down"
            found.append(Fault("anchor", "", 0, None, what))
    return Verdict(found, await audit_anchors.newest(conn), await audit_anchors.younger(conn))


async def everything(conn: AsyncConnection) -> list[Fault]:
    """Everything that is wrong with the log, chains first, then anchors, at one moment."""
    found = [fault async for fault in audit.faults(conn)]
    return found + [fault async for fault in audit_anchors.faults(conn)]


async def faults_of(configuration: Settings) -> list[Fault]:
    """Everything that is wrong with the log."""
    return await _in_books(configuration, everything)


def anchor(*, only_print: bool = False, configuration: Settings | None = None, console: Console | None = None) -> int:
    """Make anchors over all that has none (unless `only_print`), and print the newest as a line to keep elsewhere."""
    shown = console or Console(soft_wrap=True)
    chosen = configuration or settings()
    try:
        newest = asyncio.run(_anchored(chosen, only_print))
    except (SQLAlchemyError, PoolExhausted, OSError) as error:
        return _say(shown, f"The books cannot be read: {books_trouble.words(error)}")
    if newest is None:
        return _say(shown, "There is no anchor: the audit log is empty, or none was made yet.")
    shown.print(newest.line, markup=False, highlight=False)
    return OK


async def _anchored(configuration: Settings, only_print: bool) -> Anchor | None:
    """Each anchor in a transaction of its own."""
    more = not only_print
    while more:
        made: Anchor | None = await _in_books(configuration, audit_anchors.make)
        more = made is not None
    return await _in_books(configuration, audit_anchors.newest)


def access(*, as_json: bool = False, configuration: Settings | None = None, console: Console | None = None) -> int:
    """Who can act, in which role, and did in the last 90 days."""
    shown = console or Console(soft_wrap=True)
    rows = _asked(shown, configuration, audit_access.review)
    if rows is None:
        return WRONG
    if as_json:
        print(json.dumps(rows, default=lambda moment: moment.isoformat(), ensure_ascii=False, indent=2))
        return OK
    table = Table("Name", "Role", "Access", "Signed in last", "Acts in 90 days", "Last act", box=None)
    for row in rows:
        seen, acted = (str(row[name] or "never")[:19] for name in ("signed_in_at", "last_act_at"))
        table.add_row(str(row["name"]), str(row["role"]), str(row["access"]), seen, str(row["acts"]), acted)
    print_whole(shown, table)
    return OK


def _asked(
    shown: Console, configuration: Settings | None, work: Callable[[AsyncConnection], Awaitable[_Answer]]
) -> _Answer | None:
    """The answer of the books, or None when they cannot be read, which is said."""
    try:
        return asyncio.run(_in_books(configuration or settings(), work))
    except (SQLAlchemyError, PoolExhausted, OSError) as error:
        _say(shown, f"The books cannot be read: {books_trouble.words(error)}")
        return None


async def _in_books(configuration: Settings, work: Callable[[AsyncConnection], Awaitable[_Answer]]) -> _Answer:
    database = Database.from_settings(configuration)
    try:
        async with database.begin() as conn:
            return await work(conn)
    finally:
        await database.close()


def _say(shown: Console, words: str) -> int:
    shown.print(words, style="red", markup=False, highlight=False)
    return WRONG
