"""Anchors: one chain across all entries of the audit log, made by the database, recomputed beside it."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypedDict

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.text import counted
from infra.db.audit.chains import Fault, content_of, fields_of
from infra.db.driver_types import DriverRow

AT_ONCE = 10_000
NAMED_CHARS = 200

_COLUMNS = """
    anchor_no, (extract(epoch FROM made_at) * 1000000)::bigint AS at_us, entries::text AS entries, count AS held,
    digest, upto,
    outstanding::text AS outstanding, outstanding_until::text AS outstanding_until, hash
"""
_MAKE = text(f"SELECT {_COLUMNS} FROM make_audit_anchor(:most, :every_s)")  # noqa: S608
_NEWEST = text(f"SELECT {_COLUMNS} FROM audit_anchors ORDER BY anchor_no DESC LIMIT 1")  # noqa: S608
_PAGE = text(f"SELECT {_COLUMNS} FROM audit_anchors WHERE anchor_no > :after ORDER BY anchor_no LIMIT 200")  # noqa: S608
_HOLDS = text("SELECT anchor_no FROM audit_anchors WHERE hash = :hash")
# OFFSET 0: the planner does not know how narrow a range is, and would walk the whole log for each.
_ENTRIES = text(
    """
    SELECT entry_id, encode(order_hash, 'hex') AS order_hash, encode(actor_hash, 'hex') AS actor_hash,
           (extract(epoch FROM occurred_at) * 1000000)::bigint AS at_us,
           actor, action, order_no, before, after, reference, origin
      FROM unnest(CAST(:entries AS int8multirange)) r
     CROSS JOIN LATERAL (SELECT * FROM audit_log WHERE entry_id >= lower(r) AND entry_id < upper(r) OFFSET 0) a
     ORDER BY entry_id
    """
)
_MISSING = text(
    """
    SELECT (CAST(:entries AS int8multirange) - coalesce(
             (SELECT range_agg(int8range(n, n + 1)) FROM unnest(CAST(:present AS bigint[])) n), '{}'))::text
    """
)
_HEAD = text("SELECT count AS anchors, head FROM audit_chains WHERE kind = 'anchor'")
# The gaps between what the anchors cover are few, the entries many: only the gaps are looked into.
_UNCOVERED = text(
    """
    WITH newest AS (SELECT upto, outstanding FROM audit_anchors ORDER BY anchor_no DESC LIMIT 1),
         covered AS (SELECT range_agg(entries) AS entries FROM audit_anchors)
    SELECT a.entry_id
      FROM newest, covered, unnest(int8multirange(int8range(1, upto + 1)) - covered.entries - outstanding) gap
     CROSS JOIN LATERAL (
      SELECT entry_id FROM audit_log WHERE entry_id >= lower(gap) AND entry_id < upper(gap) OFFSET 0) a
     ORDER BY a.entry_id
    """
)
_YOUNGER = text(
    """
    SELECT count(*) FROM audit_log
     WHERE entry_id > coalesce((SELECT upto FROM audit_anchors ORDER BY anchor_no DESC LIMIT 1), 0)
    """
)


class AnchorFields(TypedDict):
    """An anchor for programs; `line` is what to keep elsewhere."""

    number: int
    made_at: str
    entries: str
    count: int
    hash: str
    line: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """An anchor as its maker gave it: the entries it covers as a PostgreSQL multirange, its hash in hexadecimal."""

    number: int
    made_at: datetime
    entries: str
    count: int
    hash: str

    @property
    def document(self) -> AnchorFields:
        """For programs."""
        return {
            "number": self.number,
            "made_at": f"{self.made_at:%Y-%m-%dT%H:%M:%S.%fZ}",
            "entries": self.entries,
            "count": self.count,
            "hash": self.hash,
            "line": self.line,
        }

    @property
    def line(self) -> str:
        """What to keep where nobody who can write the database can reach."""
        made_at = self.made_at.isoformat(timespec="seconds")
        return f"anchor {self.number} {made_at} entries {span_of(self.entries)} {self.hash}"


def span_of(entries: str) -> str:
    """The first and the last number of a multirange: `{[1,4),[6,9)}` is `1 to 8`."""
    bounds = entries.strip("{}[)").replace("[", "").replace(")", "").split(",")
    return f"{bounds[0]} to {int(bounds[-1]) - 1}"


async def make(conn: AsyncConnection, every_s: float = 0.0, most: int = AT_ONCE) -> Anchor | None:
    """One more anchor over up to `most` new entries and as many late ones; two makers take turns. Must be the first
    that its transaction writes.

    None when there is nothing new, or when the newest is younger than `every_s` seconds and was not full.
    """
    row = (await conn.execute(_MAKE, {"most": most, "every_s": every_s})).one_or_none()
    return None if row is None else _anchor(row)


async def newest(conn: AsyncConnection) -> Anchor | None:
    """The newest anchor, or None before the first."""
    row = (await conn.execute(_NEWEST)).one_or_none()
    return None if row is None else _anchor(row)


async def number_of(conn: AsyncConnection, hash_hex: str) -> int | None:
    """The number of the anchor with this hash (64 hexadecimal digits), or None when it is not in the chain."""
    number: int | None = (await conn.execute(_HOLDS, {"hash": bytes.fromhex(hash_hex)})).scalar_one_or_none()
    return number


async def younger(conn: AsyncConnection) -> int:
    """How many entries the newest anchor has not looked at yet."""
    return int((await conn.execute(_YOUNGER)).scalar_one())


async def faults(conn: AsyncConnection) -> AsyncIterator[Fault]:
    """Everything that is wrong with the anchors and what they cover; one anchor's entries are held at a time."""
    number, head = 0, b""
    while rows := (await conn.execute(_PAGE, {"after": number})).all():
        for row in rows:
            async for fault in _checked(conn, row, number, head):
                yield fault
            number, head = row.anchor_no, bytes(row.hash)
    stored = (await conn.execute(_HEAD)).one_or_none()
    if (stored.anchors if stored else 0, bytes(stored.head) if stored else b"") != (number, head):
        yield _beheaded(stored.anchors if stored else 0, number)
    for entry_id in (await conn.execute(_UNCOVERED)).scalars():
        what = f"entry {entry_id} lies among what the anchors cover, and none covers it: added afterwards"
        yield Fault("anchor", "", number, entry_id, what)


async def _checked(conn: AsyncConnection, row: DriverRow, before: int, head: bytes) -> AsyncIterator[Fault]:
    """One anchor against the one before, and its entries against it."""
    span = span_of(row.entries)
    if row.anchor_no != before + 1:
        yield _fault(before + 1, f"removed: missing {counted(row.anchor_no - before - 1, 'anchor')} here")
    elif hashlib.sha256(head + _content(row)).digest() != bytes(row.hash):
        yield _fault(row.anchor_no, f"changed: its contents do not give its hash (entries {span})")
    digest, present = hashlib.sha256(), []
    for entry in await conn.execute(_ENTRIES, {"entries": row.entries}):
        present.append(entry.entry_id)
        digest.update(_line(entry))
    if len(present) != row.held:
        ended_values = (await conn.execute(_MISSING, {"entries": row.entries, "present": present})).scalar_one()
        what = f"{counted(row.held - len(present), 'entry', 'entries')} of {span} removed: {ended_values[:NAMED_CHARS]}"
        yield _fault(row.anchor_no, what)
    elif digest.digest() != bytes(row.digest):
        what = f"its entries {span} are not those that it was made over: rewritten with their chains, or reordered"
        yield _fault(row.anchor_no, what)


def _content(row: DriverRow) -> bytes:
    return fields_of(
        str(row.anchor_no),
        str(row.at_us),
        row.entries,
        str(row.held),
        bytes(row.digest).hex(),
        str(row.upto),
        row.outstanding,
        row.outstanding_until,
    )


def _line(entry: DriverRow) -> bytes:
    """What a digest holds of an entry, as `audit_anchored` has it."""
    line = fields_of(str(entry.entry_id), entry.order_hash, entry.actor_hash)
    if entry.order_hash is None and entry.actor_hash is None:
        line += fields_of(hashlib.sha256(content_of(entry)).hexdigest())
    return line


def _beheaded(stored: int, there: int) -> Fault:
    if there < stored:
        return _fault(there + 1, f"cut off: missing {counted(stored - there, 'anchor')} at the end")
    return _fault(there, "its chain's head was removed" if not stored else "its chain's head is another")


def _fault(number: int, what: str) -> Fault:
    return Fault("anchor", "", number, None, what)


def _anchor(row: DriverRow) -> Anchor:
    made_at = datetime.fromtimestamp(row.at_us / 1_000_000, UTC)
    return Anchor(row.anchor_no, made_at, row.entries, row.held, bytes(row.hash).hex())
