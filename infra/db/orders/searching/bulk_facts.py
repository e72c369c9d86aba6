"""What the rules of bulk actions read of orders."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.orders.bulk_actions import OpenHoldFacts, OrderFacts
from domain.orders.holds import HoldKind
from domain.orders.priority import named
from domain.orders.status import Status

_FACTS = text(
    """
    SELECT o.order_no, o.status, o.cancelling IS NOT NULL AS cancelling, o.priority,
           (SELECT json_agg(json_build_array(h.hold_no, h.kind, h.owner) ORDER BY h.hold_no)
              FROM holds h WHERE h.order_no = o.order_no AND h.closed_at IS NULL) AS holds,
           (SELECT array_agg(t.tag) FROM order_tags t WHERE t.order_no = o.order_no) AS tags,
           (SELECT a.assignee FROM order_assignees a WHERE a.order_no = o.order_no) AS assignee,
           (SELECT count(*) > 1 AND bool_or(f.status IN ('shipped', 'delivered'))
              FROM fulfilments f WHERE f.order_no = o.order_no) AS part_has_left,
           o.status = 'preparing' AND has_part_to_hold(o.order_no) AS part_to_book
      FROM orders o WHERE o.order_no = ANY(CAST(:order_nos AS text[]))
    """
)


async def facts(conn: AsyncConnection, order_nos: Sequence[str]) -> dict[str, OrderFacts]:
    """Of the orders that exist, by number."""
    rows = await conn.execute(_FACTS, {"order_nos": list(order_nos)})
    return {
        row.order_no: OrderFacts(
            Status(row.status),
            row.cancelling,
            named(row.priority),
            tuple(OpenHoldFacts(hold_no, HoldKind(kind), owner) for hold_no, kind, owner in row.holds or ()),
            frozenset(row.tags or ()),
            row.assignee or "",
            bool(row.part_has_left),
            row.part_to_book,
        )
        for row in rows
    }
