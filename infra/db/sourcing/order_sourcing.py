"""Why an order ships from where it does: the stored decision, or what is known of an order that one warehouse ships."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.sourcing.decision import SharedLine
from domain.sourcing.places import Destination
from domain.sourcing.request import Line, Network, Preferences, SourcingRequest
from infra.geography import coordinates_of

_ORDER = text(
    """
    SELECT o.country, o.province, o.city, o.channel, o.warehouse, o.ship_complete, c.customer_group, s.max_fulfilments,
           (SELECT max(e.occurred_at) FROM order_events e
             WHERE e.order_no = o.order_no AND e.type IN ('stock_reserved', 'parcel_replaced')) AS reserved_at
      FROM orders o JOIN customers c USING (customer_id) LEFT JOIN channel_settings s USING (channel)
     WHERE o.order_no = :order_no
    """
)
# What is made to order and what is virtual comes from no stock.
_LINES = text(
    """
    SELECT l.line_no, l.sku, l.quantity - l.cancelled_quantity AS quantity, p.weight_g, p.category
      FROM order_lines l JOIN products p USING (sku)
     WHERE l.order_no = :order_no AND l.quantity > l.cancelled_quantity AND p.kind = 'physical' ORDER BY l.line_no
    """
)


@dataclass(frozen=True, slots=True)
class SourcedOrder:
    """As much of an order as its sourcing needs, with the lines that come from stock; `warehouse` is None where nothing
    is reserved yet, `max_fulfilments` where its channel has no limit of its own."""

    destination: Destination
    channel: str
    warehouse: str | None
    reserved_at: datetime | None
    lines: tuple[Line, ...]
    customer_group: str | None = None
    max_fulfilments: int | None = None
    ship_complete: bool = True

    def request(
        self, known: Network, lines: tuple[Line, ...] | None = None, preferences: Preferences | None = None
    ) -> SourcingRequest:
        """What sourcing is asked about it, or about some of its lines."""
        return SourcingRequest(
            self.lines if lines is None else lines, known, self.destination, preferences or Preferences(),
            self.channel, self.customer_group or "",
        )  # fmt: skip

    def shared(self) -> tuple[SharedLine, ...]:
        """All lines, as one share."""
        return tuple(SharedLine(line.line_no, line.sku, line.quantity) for line in self.lines)


async def of_order(conn: AsyncConnection, order_no: str) -> SourcedOrder:
    """The order, which exists."""
    row = (await conn.execute(_ORDER, {"order_no": order_no})).one()
    at = coordinates_of(row.country, row.province, row.city)
    lines = await conn.execute(_LINES, {"order_no": order_no})
    return SourcedOrder(
        Destination(row.country, row.province, row.city, at), row.channel, row.warehouse, row.reserved_at,
        tuple(Line(line.line_no, line.sku, line.quantity, line.weight_g, line.category) for line in lines),
        row.customer_group, row.max_fulfilments, row.ship_complete,
    )  # fmt: skip
