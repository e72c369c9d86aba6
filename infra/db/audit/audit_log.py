"""The audit log as people read it: one order's entries or one person's, newest first, with the reasons opened."""

from typing import Any, Literal

from sqlalchemy import text
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
           coalesce(j.data_key, p.data_key, c.data_key) AS data_key, m.reference AS stock_reason
      FROM page a
      LEFT JOIN resolutions r ON a.action LIKE 'resolve%' AND r.resolution_id = a.reference
      LEFT JOIN activity_actions t ON a.action LIKE 'activity%' AND t.act_id = a.reference
      LEFT JOIN staff_actions h ON a.action IN ('order_prioritise', 'order_adjust', 'order_parcel', 'order_contact')
                AND h.act_id = a.reference
      LEFT JOIN approvals p ON a.action LIKE 'approval%' AND p.approval_id = a.reference
      LEFT JOIN support_jobs j ON a.action LIKE 'bulk%' AND j.job_id = a.reference
      LEFT JOIN stock_movements m ON m.movement_id = CASE WHEN a.action IN
        ('stock_receipt', 'stock_adjustment', 'stock_transfer_out', 'stock_transfer_in')
        THEN CAST(a.reference AS bigint) END
      LEFT JOIN order_events e ON a.action IN ('hold_put_on', 'hold_released') AND e.order_no = a.order_no
                AND e.seq = CASE WHEN a.action IN ('hold_put_on', 'hold_released') THEN CAST(a.reference AS integer) END
      LEFT JOIN holds k ON k.order_no = e.order_no AND k.hold_no = CAST(e.data ->> 'hold_no' AS integer)
      LEFT JOIN orders o ON o.order_no = a.order_no
      LEFT JOIN customers c ON c.customer_id = o.customer_id
     ORDER BY a.{number} DESC
"""
_OF: dict[Chain, Any] = {
    "order": text(_ENTRIES.format(key="order_no", number="order_count")),
    "actor": text(_ENTRIES.format(key="actor", number="actor_count")),
}
_CHAIN = text("SELECT count AS entries, head FROM audit_chains WHERE kind = :kind AND key = :key")


async def entries(
    conn: AsyncConnection, keys: KeyRing, chain: Chain, key: str, before: int = NEWEST, limit: int = 50
) -> list[dict[str, Any]]:
    """At most `limit` entries of an order or a person (`role:name`) with a number below `before`, newest first.

    Each {entry_id, number, occurred_at, actor, action, order_no, before, after, reference, origin, why, kept}: `why` is
    None where no reason was kept, or, with `kept` true, where its key is gone.
    """
    question = {"key": key, "before": before, "limit": limit}
    return [_opened(keys, row) for row in await conn.execute(_OF[chain], question)]


def _opened(keys: KeyRing, row: Any) -> dict[str, Any]:
    entry = dict(row._mapping)
    plain, key, held = entry.pop("stock_reason"), entry.pop("data_key"), entry.pop("hold_what")
    readable = plain is not None
    for name, context in (
        ("reason_enc", f"{row.reference}:reason"),
        ("words_enc", f"{row.reference}:words"),
        ("cancel_reason_enc", f"{row.order_no}:cancel_reason"),
        ("hold_enc", hold_context(row.order_no, held)),
    ):
        if (sealed := entry.pop(name)) is not None:
            plain, readable = keys.open_json(key, sealed, context), True
    return {**entry, "why": plain, "kept": readable}


async def chain_of(conn: AsyncConnection, chain: Chain, key: str) -> dict[str, Any]:
    """{count, head}: how many entries the chain has, and its newest hash in hexadecimal (None while it has none)."""
    row = (await conn.execute(_CHAIN, {"kind": chain, "key": key})).one_or_none()
    return {"count": row.entries, "head": bytes(row.head).hex()} if row else {"count": 0, "head": None}
