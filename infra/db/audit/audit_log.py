"""The audit log as people read it: one order's entries or one person's, newest first, with the reasons opened."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sqlalchemy import RowMapping, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db.customers.profiles import KeyRing
from infra.db.orders.state.holds import context as hold_context

Chain = Literal["order", "actor"]
NEWEST = 2**62

# The page is cut along the chain's index first; each entry then finds what keeps its reason, where something does.
_ENTRIES = """
    WITH page AS (
      SELECT * FROM audit_log WHERE {key} = :key AND {number} < :before ORDER BY {number} DESC LIMIT :limit)
    SELECT a.entry_id, a.{number} AS number, a.occurred_at, a.actor, a.action, a.order_no, a.before, a.after,
           a.reference, a.origin, coalesce(r.reason_enc, t.reason_enc, h.reason_enc, j.reason_enc) AS reason_enc,
           CASE WHEN a.action <> 'approval_asked' THEN p.words_enc END AS words_enc,
           CASE WHEN a.action = 'cancel_requested' THEN o.cancel_reason_enc END AS cancel_reason_enc,
           nullif(CASE a.action WHEN 'hold_put_on' THEN k.reason_enc ELSE k.close_reason_enc END, '') AS hold_enc,
           CASE a.action WHEN 'hold_put_on' THEN k.kind ELSE 'close:' || k.hold_no END AS hold_what,
           n.text_enc AS note_enc, coalesce(j.data_key, p.data_key, c.data_key) AS data_key, m.reference AS stock_reason
      FROM page a
      LEFT JOIN resolutions r ON a.action LIKE 'resolve%' AND r.resolution_id = a.reference
      LEFT JOIN activity_actions t ON a.action LIKE 'activity%' AND t.act_id = a.reference
      LEFT JOIN staff_actions h ON a.action IN ('order_prioritise', 'order_adjust', 'order_parcel', 'order_contact',
                                                'order_warehouse') AND h.act_id = a.reference
      LEFT JOIN approvals p ON a.action LIKE 'approval%' AND p.approval_id = a.reference
      LEFT JOIN support_jobs j ON a.action LIKE 'bulk%' AND j.job_id = a.reference
      LEFT JOIN stock_movements m ON m.movement_id = CASE WHEN a.action IN
        ('stock_receipt', 'stock_adjustment', 'stock_transfer_out', 'stock_transfer_in')
        THEN CAST(a.reference AS bigint) END
      LEFT JOIN order_events e ON a.action IN ('hold_put_on', 'hold_released') AND e.order_no = a.order_no
                AND e.seq = CASE WHEN a.action IN ('hold_put_on', 'hold_released') THEN CAST(a.reference AS integer) END
      LEFT JOIN holds k ON k.order_no = e.order_no AND k.hold_no = CAST(e.data ->> 'hold_no' AS integer)
      LEFT JOIN order_note_versions n ON a.action IN ('note_added', 'note_edited')
                AND n.note_id = split_part(a.reference, ':', 1)
                AND n.version = CASE WHEN a.action IN ('note_added', 'note_edited')
                                     THEN CAST(split_part(a.reference, ':', 2) AS integer) END
      LEFT JOIN orders o ON o.order_no = a.order_no
      LEFT JOIN customers c ON c.customer_id = o.customer_id
     ORDER BY a.{number} DESC
"""
_OF: dict[Chain, TextClause] = {
    "order": text(_ENTRIES.format(key="order_no", number="order_count")),
    "actor": text(_ENTRIES.format(key="actor", number="actor_count")),
}
_CHAIN = text("SELECT count AS entries, head FROM audit_chains WHERE kind = :kind AND key = :key")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """An entry; `number` counts within its chain. `why` is None where no reason was kept, or, with `kept`, where its
    key is gone."""

    entry_id: int
    number: int
    occurred_at: datetime
    actor: str
    action: str
    order_no: str | None
    before: str | None
    after: str | None
    reference: str | None
    origin: str | None
    why: str | None = field(repr=False)
    kept: bool


@dataclass(frozen=True, slots=True)
class ChainHead:
    """How many entries a chain has, and its newest hash in hexadecimal, None while it has none."""

    count: int
    head: str | None


async def entries(
    conn: AsyncConnection, keys: KeyRing, chain: Chain, key: str, before: int = NEWEST, limit: int = 50
) -> list[AuditEntry]:
    """At most `limit` entries of an order or a person (`role:name`) with a number below `before`, newest first."""
    question = {"key": key, "before": before, "limit": limit}
    return [_opened(keys, row) for row in (await conn.execute(_OF[chain], question)).mappings()]


def _opened(keys: KeyRing, row: RowMapping) -> AuditEntry:
    plain, reference, order_no = row["stock_reason"], row["reference"], row["order_no"]
    readable = plain is not None
    sealed_by = {
        "reason_enc": f"{reference}:reason",
        "words_enc": f"{reference}:words",
        "cancel_reason_enc": f"{order_no}:cancel_reason",
        "hold_enc": hold_context(order_no, row["hold_what"]),
        "note_enc": str(reference),
    }
    for name, context in sealed_by.items():
        if (sealed := row[name]) is not None:
            plain, readable = keys.open_json(row["data_key"], sealed, context), True
    others = ("stock_reason", "data_key", "hold_what", *sealed_by)
    known = {name: value for name, value in row.items() if name not in others}
    return AuditEntry(**known, why=plain, kept=readable)


async def chain_of(conn: AsyncConnection, chain: Chain, key: str) -> ChainHead:
    """The head of the chain of an order or a person."""
    row = (await conn.execute(_CHAIN, {"kind": chain, "key": key})).one_or_none()
    return ChainHead(row.entries, bytes(row.head).hex()) if row else ChainHead(0, None)
