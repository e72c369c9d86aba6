"""The audit log's chains, walked and recomputed outside of the database that made them."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypedDict

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.text import counted
from infra.db.driver_types import DriverRow

PAGE = 1000
# A page follows the chain's own index; the numbers in the chain are checked, not trusted.
_ENTRIES = {
    "order": text(
        """
        SELECT entry_id, order_no AS key, order_count AS number, order_hash AS hash,
               (extract(epoch FROM occurred_at) * 1000000)::bigint AS at_us,
               actor, action, order_no, before, after, reference, origin
          FROM audit_log WHERE order_no IS NOT NULL AND (order_no, order_count) > (:key, :number)
         ORDER BY order_no, order_count LIMIT :page
        """
    ),
    "actor": text(
        """
        SELECT entry_id, actor AS key, actor_count AS number, actor_hash AS hash,
               (extract(epoch FROM occurred_at) * 1000000)::bigint AS at_us,
               actor, action, order_no, before, after, reference, origin
          FROM audit_log WHERE actor_count IS NOT NULL AND (actor, actor_count) > (:key, :number)
         ORDER BY actor, actor_count LIMIT :page
        """
    ),
}
_HEADS = {
    "order": text(
        """
        WITH last AS (SELECT DISTINCT ON (order_no) order_no AS key, order_count AS number, order_hash AS hash
                        FROM audit_log WHERE order_no IS NOT NULL ORDER BY order_no, order_count DESC),
             chain AS (SELECT key, count, head FROM audit_chains WHERE kind = 'order')
        SELECT key, chain.count, last.number FROM chain FULL JOIN last USING (key)
         WHERE chain.count IS DISTINCT FROM last.number OR chain.head IS DISTINCT FROM last.hash ORDER BY key
        """
    ),
    "actor": text(
        """
        WITH last AS (SELECT DISTINCT ON (actor) actor AS key, actor_count AS number, actor_hash AS hash
                        FROM audit_log WHERE actor_count IS NOT NULL ORDER BY actor, actor_count DESC),
             chain AS (SELECT key, count, head FROM audit_chains WHERE kind = 'actor')
        SELECT key, chain.count, last.number FROM chain FULL JOIN last USING (key)
         WHERE chain.count IS DISTINCT FROM last.number OR chain.head IS DISTINCT FROM last.hash ORDER BY key
        """
    ),
}
_ONE_MOMENT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
_UNHURRIED = text("SET LOCAL statement_timeout = 0")


class FaultFields(TypedDict):
    """A fault for programs."""

    kind: str
    key: str
    number: int
    entry_id: int | None
    what: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Where the log is not whole: a chain, the number in it, the entry (None where it is missing).

    `kind` is order, actor, or anchor for the chain across all; that one's `key` is empty, its `number` 0 for an anchor
    that is not there.
    """

    kind: str
    key: str
    number: int
    entry_id: int | None
    what: str

    @property
    def document(self) -> FaultFields:
        """For programs."""
        return {
            "kind": self.kind,
            "key": self.key,
            "number": self.number,
            "entry_id": self.entry_id,
            "what": self.what,
        }

    @property
    def words(self) -> str:
        """The whole of it as a line; an anchor is named by its number."""
        if self.kind == "anchor":
            return f"anchor {self.number}: {self.what}" if self.number else self.what
        where = f"entry {self.entry_id}" if self.entry_id is not None else "no entry"
        return f"{self.kind} {self.key}, number {self.number} ({where}): {self.what}"


def content_of(entry: DriverRow) -> bytes:
    """What an entry's hash covers beside the entry before, as `audit_content` has it: entries that say where they came
    from have that as one field more."""
    fields = [str(entry.at_us), entry.actor, entry.action, entry.order_no, entry.before, entry.after, entry.reference]
    return fields_of(*fields, *([] if entry.origin is None else [entry.origin]))


def fields_of(*fields: str | None) -> bytes:
    """Each field as LENGTH:BYTES, so that no two lists of fields look the same."""
    encoded = [(field or "").encode() for field in fields]
    return b"".join(f"{len(field)}:".encode() + field for field in encoded)


async def faults(conn: AsyncConnection) -> AsyncIterator[Fault]:
    """Everything that is wrong with the log, seen at one moment; memory does not grow with the log."""
    await conn.execute(_ONE_MOMENT)
    await conn.execute(_UNHURRIED)
    for kind, heads in _HEADS.items():
        async for fault in _walked(conn, kind):
            yield fault
        for row in await conn.execute(heads):
            yield _beheaded(kind, row)


async def _walked(conn: AsyncConnection, kind: str) -> AsyncIterator[Fault]:
    """Each entry against the one before. A later entry is judged by the hash that this one shows, so that each fault
    is named once."""
    key, number, head = "", 0, b""
    while rows := (await conn.execute(_ENTRIES[kind], {"key": key, "number": number, "page": PAGE})).all():
        for entry in rows:
            if entry.key != key:
                key, number, head = entry.key, 0, b""
            if entry.number is None or entry.hash is None:
                what = "changed: its number or its hash in the chain was taken away"
                yield Fault(kind, key, entry.number or number + 1, entry.entry_id, what)
            elif entry.number != number + 1:
                missing = entry.number - number - 1
                yield Fault(
                    kind, key, number + 1, None, f"removed: missing {counted(missing, 'entry', 'entries')} here"
                )
            elif hashlib.sha256(head + content_of(entry)).digest() != bytes(entry.hash):
                what = "changed or moved: its contents do not give its hash"
                yield Fault(kind, key, entry.number, entry.entry_id, what)
            if entry.number is not None:
                number, head = entry.number, bytes(entry.hash or hashlib.sha256(head + content_of(entry)).digest())


def _beheaded(kind: str, row: DriverRow) -> Fault:
    """A chain whose end is not what was kept beside it."""
    there, stored = row.number or 0, row.count or 0
    if there < stored:
        return Fault(
            kind, row.key, there + 1, None, f"cut off: missing {counted(stored - there, 'entry', 'entries')} at the end"
        )
    what = "its chain's head was removed" if not stored else "its chain's head is another"
    return Fault(kind, row.key, there, None, what)
