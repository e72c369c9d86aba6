"""`oms audit`: is the record of who did what whole; anchors to keep elsewhere; who can act, and does."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table

from domain.text import counted
from infra.db.audit import access_review, audit_anchors, verification
from infra.db.audit.audit_anchors import Anchor, AnchorFields
from infra.db.audit.chains import Fault
from infra.db.audit.verification import VerdictFields
from infra.db.engine import Connection, Database
from infra.db.errors import UNREACHABLE
from infra.settings import Settings, settings
from workers.cli import database_errors
from workers.tables import print_whole

OK, WRONG = 0, 1
MAX_ROWS = 50
LATE = (
    "The audit log was not walked to its end in time: raise OMS_BOOKS_CHECK_TIMEOUT_S there, or verify without --api "
    "where the installation's settings are, which takes as long as it needs."
)
_HASH = re.compile(r"^[0-9a-f]{64}$")
_Answer = TypeVar("_Answer")


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
    terminal = _console(console, as_json)
    anchors_ = hashes(anchors)
    if odd := odd_hash(anchors_):
        return _say(terminal, odd)
    found = _read(terminal, configuration, lambda conn: verification.verdict(conn, anchors_))
    return WRONG if found is None else report(found.document, console, as_json=as_json)


def hashes(anchors: Sequence[str]) -> list[str]:
    """As they are kept: in small letters, without space around."""
    return [anchor.strip().lower() for anchor in anchors]


def odd_hash(anchors: Sequence[str]) -> str | None:
    """What is wrong with the first that cannot be a hash."""
    odd = [anchor for anchor in anchors if not _HASH.match(anchor)]
    return f"An anchor's hash has 64 hexadecimal digits: {odd[0]!r} is none." if odd else None


def report(found: VerdictFields, console: Console | None = None, *, as_json: bool = False) -> int:
    """Print a verdict; 0 when the log is whole, else 1."""
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return OK if found["ok"] else WRONG
    terminal = _console(console)
    for fault in found["faults"][:MAX_ROWS]:
        _say(terminal, Fault(**fault).words)
    if found["fault_count"]:
        _say(terminal, f"The audit log is not whole: {counted(found['fault_count'], 'fault')}.")
    if not found["complete"]:
        return _say(terminal, LATE)
    if found["fault_count"]:
        return WRONG
    terminal.print("The audit log is whole.")
    newest = found["newest_anchor"] or "none yet"
    beside = console or Console(soft_wrap=True, stderr=True)
    words = f"Newest anchor: {newest}; younger than it: {counted(found['younger_entries'], 'entry', 'entries')}."
    beside.print(words, markup=False, highlight=False)
    return OK


async def faults_of(configuration: Settings) -> list[Fault]:
    """Everything that is wrong with the log."""
    return (await _in_transaction(configuration, verification.verdict)).faults


def anchor(
    *,
    only_print: bool = False,
    as_json: bool = False,
    configuration: Settings | None = None,
    console: Console | None = None,
) -> int:
    """Make anchors over all that has none (unless `only_print`), and print the newest as a line to keep elsewhere."""
    terminal = _console(console, as_json)
    chosen = configuration or settings()
    try:
        newest = asyncio.run(_anchored(chosen, only_print))
    except UNREACHABLE as error:
        return _unreadable(terminal, error)
    return report_anchor(newest.document if newest else None, console, as_json=as_json)


def report_anchor(newest: AnchorFields | None, console: Console | None = None, *, as_json: bool = False) -> int:
    """Print an anchor; 1 when there is none."""
    if newest is None:
        return _say(_console(console, as_json), "There is no anchor: the audit log is empty, or none was made yet.")
    if as_json:
        print(json.dumps(newest, ensure_ascii=False))
    else:
        _console(console).print(newest["line"], markup=False, highlight=False)
    return OK


async def _anchored(configuration: Settings, only_print: bool) -> Anchor | None:
    """Each anchor in a transaction of its own."""
    more = not only_print
    while more:
        made: Anchor | None = await _in_transaction(configuration, audit_anchors.make)
        more = made is not None
    return await _in_transaction(configuration, audit_anchors.newest)


def access(*, as_json: bool = False, configuration: Settings | None = None, console: Console | None = None) -> int:
    """Who can act, in which role, and did in the last 90 days."""
    rows = _read(_console(console, as_json), configuration, access_review.review)
    return WRONG if rows is None else report_access([asdict(row) for row in rows], console, as_json=as_json)


def report_access(rows: list[dict[str, Any]], console: Console | None = None, *, as_json: bool = False) -> int:
    """Print an access review; times are times, or text from the API."""
    if as_json:
        print(json.dumps(rows, default=lambda moment: moment.isoformat(), ensure_ascii=False, indent=2))
        return OK
    table = Table("Name", "Role", "Access", "Signed in last", "Acts in 90 days", "Last act", box=None)
    for row in rows:
        times, acted = (str(row[name] or "never")[:19].replace("T", " ") for name in ("signed_in_at", "last_act_at"))
        table.add_row(str(row["name"]), str(row["role"]), str(row["access"]), times, str(row["acts"]), acted)
    print_whole(_console(console), table)
    return OK


def _read(
    console: Console, configuration: Settings | None, work: Callable[[Connection], Awaitable[_Answer]]
) -> _Answer | None:
    """The result from the database; None, with a message, if it cannot be read."""
    try:
        return asyncio.run(_in_transaction(configuration or settings(), work))
    except UNREACHABLE as error:
        _unreadable(console, error)
        return None


async def _in_transaction(configuration: Settings, work: Callable[[Connection], Awaitable[_Answer]]) -> _Answer:
    database = Database.from_settings(configuration)
    try:
        async with database.begin() as conn:
            return await work(conn)
    finally:
        await database.close()


def _console(console: Console | None, as_json: bool = False) -> Console:
    """Where messages go: beside the document, when there is one."""
    return console or Console(soft_wrap=True, stderr=as_json)


def _unreadable(console: Console, error: BaseException) -> int:
    return _say(console, f"The database cannot be read: {database_errors.describe(error)}")


def _say(console: Console, words: str) -> int:
    console.print(words, style="red", markup=False, highlight=False)
    return WRONG
