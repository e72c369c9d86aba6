"""Is the audit log whole: every chain, every anchor, and anchors that were kept elsewhere."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db.audit import audit_anchors, chains
from infra.db.audit.audit_anchors import Anchor
from infra.db.audit.chains import Fault, FaultFields
from infra.db.engine import Database


class VerdictFields(TypedDict):
    """A verdict for programs."""

    ok: bool
    complete: bool
    faults: list[FaultFields]
    fault_count: int
    newest_anchor: str | None
    younger_entries: int


@dataclass(slots=True)
class Verdict:
    """What is wrong with the log (`count` in all), its newest anchor, and how many entries are younger than that.

    Not `complete`: there was no time to walk the log to its end.
    """

    faults: list[Fault] = field(default_factory=list)
    count: int = 0
    anchor: Anchor | None = None
    younger: int = 0
    complete: bool = False

    @property
    def document(self) -> VerdictFields:
        """For programs."""
        return {
            "ok": self.complete and not self.count,
            "complete": self.complete,
            "faults": [fault.document for fault in self.faults],
            "fault_count": self.count,
            "newest_anchor": self.anchor.line if self.anchor else None,
            "younger_entries": self.younger,
        }


async def verdict(conn: AsyncConnection, anchors: Sequence[str] = ()) -> Verdict:
    """With every fault, however long it takes."""
    found = Verdict()
    await _fill(found, conn, anchors, None)
    return found


async def verdict_within(database: Database, anchors: Sequence[str], limit_s: float, most: int) -> Verdict:
    """With the first `most` faults, as far as `limit_s` reaches."""
    found = Verdict()
    try:
        async with asyncio.timeout(limit_s), database.begin() as conn:
            await _fill(found, conn, anchors, most)
    except TimeoutError:
        found.complete = False
    return found


async def everything(conn: AsyncConnection, anchors: Sequence[str] = ()) -> AsyncIterator[Fault]:
    """Everything that is wrong with the log, chains first, then anchors, at one moment."""
    async for fault in chains.faults(conn):
        yield fault
    async for fault in audit_anchors.faults(conn):
        yield fault
    for anchor in anchors:
        if await audit_anchors.number_of(conn, anchor) is None:
            what = f"anchor {anchor} is not in the chain: anchors were removed or rewritten since it was written down"
            yield Fault("anchor", "", 0, None, what)


async def _fill(found: Verdict, conn: AsyncConnection, anchors: Sequence[str], most: int | None) -> None:
    async for fault in everything(conn, anchors):
        found.count += 1
        if most is None or found.count <= most:
            found.faults.append(fault)
    found.anchor, found.younger = await audit_anchors.newest(conn), await audit_anchors.younger(conn)
    found.complete = True
