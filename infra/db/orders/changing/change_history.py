"""What was changed of an order, read for people."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.json_types import JsonFields, JsonValue
from infra.db.customers.profiles import KeyRing

_HISTORY = text(
    """
    SELECT h.change_no, h.what, h.seq, h.actor, h.total_before_minor, h.total_after_minor, h.created_at, h.before_enc,
           h.after_enc, h.refund_id, c.data_key,
           (SELECT json_agg(json_build_object('sku', l.sku, 'quantity', l.quantity_delta) ORDER BY l.line_no)
              FROM order_change_lines l WHERE l.order_no = h.order_no AND l.change_no = h.change_no
                AND l.quantity_delta <> 0) AS lines
      FROM order_changes h JOIN orders o USING (order_no) JOIN customers c USING (customer_id)
     WHERE h.order_no = :order_no ORDER BY h.change_no DESC
    """
)


class ChangedUnits(TypedDict):
    """Units of a SKU that were added, or (negative) taken off."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class PastChange:
    """A change that was made; `before` and `after` are personal, None where the customer is erased."""

    change_no: int
    what: list[str]
    seq: int
    actor: str
    total_before_minor: int
    total_after_minor: int
    created_at: datetime
    refund_id: str | None
    lines: list[ChangedUnits]
    before: JsonValue
    after: JsonValue


async def history(conn: AsyncConnection, keys: KeyRing, order_no: str) -> list[PastChange]:
    """The order's changes, newest first."""
    rows = (await conn.execute(_HISTORY, {"order_no": order_no})).mappings()
    return [_change(keys, order_no, dict(row)) for row in rows]


def _change(keys: KeyRing, order_no: str, row: JsonFields) -> PastChange:
    key = row.pop("data_key")
    for when in ("before", "after"):
        place = f"{order_no}:change:{row['change_no']}:{when}"
        row[when] = keys.open_json(key, row.pop(f"{when}_enc"), place)
    row["lines"] = row["lines"] or []
    return PastChange(**row)
