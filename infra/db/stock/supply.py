"""Lines of an order that no stock serves: what is made for it, codes and services."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.products import DeliveredBy, ProductKind
from domain.shipping.fulfilments import FulfilmentKind
from domain.shipping.supply import SuppliedLine, UnstockedPart, unstocked_parts
from domain.sourcing.places import Destination, Warehouse
from domain.sourcing.profile import Rates
from domain.sourcing.promise import arrives_by, next_cut_off
from infra.db.sourcing.network import DEFAULT_CUT_OFF, DEFAULT_ZONE
from infra.db.stock import planned_parts
from infra.db.stock.planned_parts import NewPart

_LINES = text(
    """
    SELECT l.line_no, l.sku, l.quantity - l.cancelled_quantity AS quantity, p.kind, p.delivered_by, p.lead_time_days,
           p.confirmed_after_days
      FROM order_lines l JOIN products p USING (sku)
     WHERE l.order_no = :order_no AND l.quantity > l.cancelled_quantity ORDER BY l.line_no
    """
)
# Where it is made: a supplier makes nothing for us.
_SITE = text(
    """
    SELECT w.code, w.country, w.province, w.city, w.priority, c.cut_off, c.time_zone,
           o.country AS to_country, o.province AS to_province, o.city AS to_city
      FROM orders o, warehouses w LEFT JOIN sourcing_warehouses c ON c.warehouse = w.code
     WHERE o.order_no = :order_no AND w.active AND w.kind <> 'supplier'
     ORDER BY w.is_default DESC, w.priority, w.code LIMIT 1
    """
)


async def unstocked_of(conn: AsyncConnection, order_no: str) -> tuple[UnstockedPart, ...]:
    """The parts of the order that no stock serves."""
    rows = await conn.execute(_LINES, {"order_no": order_no})
    return unstocked_parts(
        SuppliedLine(
            row.line_no, row.sku, row.quantity, ProductKind(row.kind), DeliveredBy(row.delivered_by),
            row.lead_time_days, row.confirmed_after_days,
        )
        for row in rows
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Site:
    """Where an order is made, and from where it goes."""

    place: Warehouse
    destination: Destination
    cut_off: time
    time_zone: str

    @property
    def warehouse(self) -> str:
        """Its code."""
        return self.place.code

    def arrival(self, made_at: datetime, rates: Rates) -> datetime | None:
        """When what is made by then arrives at the latest."""
        ships_by = next_cut_off(made_at, self.cut_off, self.time_zone)
        return arrives_by(replace(self.place, ships_by=ships_by), self.destination, rates)


async def site_of(conn: AsyncConnection, order_no: str) -> Site | None:
    """The default warehouse, else the best that is active; None where none is."""
    row = (await conn.execute(_SITE, {"order_no": order_no})).one_or_none()
    if row is None:
        return None
    place = Warehouse(row.code, row.country, row.province, row.city, row.priority)
    destination = Destination(row.to_country, row.to_province, row.to_city)
    return Site(place, destination, row.cut_off or DEFAULT_CUT_OFF, row.time_zone or DEFAULT_ZONE)


async def plan(
    conn: AsyncConnection, order_no: str, site: Site, parts: Sequence[UnstockedPart], first: int, rates: Rates
) -> None:
    """Keep the parts as planned fulfilments from number `first` on. What is made is due after its lead time, and
    promised for the delivery after that."""
    for number, part in enumerate(parts, first):
        due_at = promised_to = None
        if part.kind is FulfilmentKind.PRODUCTION:
            due_at = datetime.now(UTC) + timedelta(days=part.lead_time_days or 1)
            promised_to = site.arrival(due_at, rates)
        new = NewPart(number, site.warehouse, part.lines, due_at, part.kind, promised_to)
        await planned_parts.plan(conn, order_no, new)
