"""Parts of orders whose goods are made first: they are late, or finished. Callers have locked the order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from domain.errors import Conflict
from domain.orders.status import Status
from domain.shipping.fulfilments import FulfilmentKind, FulfilmentStatus
from domain.sourcing.decision import Share
from domain.sourcing.request import Line
from domain.stock.movements import MovementKind
from infra.db.engine import Connection
from infra.db.shipping import fulfilments, part_progress
from infra.db.shipping.shipments import PartRef
from infra.db.sourcing import profiles
from infra.db.stock import movements, planned_parts, supply
from infra.db.stock.movements import Move
from infra.db.stock.planned_parts import PartPlan

_PART = text(
    """
    SELECT f.kind, f.status, f.warehouse, o.cancelling IS NOT NULL AS cancelling,
           (SELECT max(x.number) FROM fulfilments x WHERE x.order_no = f.order_no) AS last,
           (SELECT max(p.lead_time_days) FROM fulfilment_lines n JOIN order_lines l USING (order_no, line_no)
              JOIN products p USING (sku) WHERE n.order_no = f.order_no AND n.number = f.number) AS lead_time_days
      FROM fulfilments f JOIN orders o USING (order_no)
     WHERE f.order_no = :order_no AND f.number = :number
    """
)
_SIGNAL = text(
    """INSERT INTO workflow_requests (kind, subject, name, payload)
       VALUES ('signal_order', :order_no, 'after_sales', '{"about": "production"}')"""
)


@dataclass(frozen=True, slots=True)
class Producing:
    """A part of an order; `last` is the number of the order's last part."""

    kind: FulfilmentKind
    status: FulfilmentStatus
    warehouse: str
    cancelling: bool
    last: int
    lead_time_days: int | None


async def part_of(conn: Connection, part: PartRef) -> Producing:
    """The part, which exists."""
    row = (await conn.execute(_PART, {"order_no": part.order_no, "number": part.number})).one()
    return Producing(
        FulfilmentKind(row.kind), FulfilmentStatus(row.status), row.warehouse, row.cancelling, row.last,
        row.lead_time_days,
    )  # fmt: skip


def require_producible(now: Producing, status: Status) -> None:
    """Raises Conflict `not_made_to_order`, `fulfilment_cancelled`, `order_cancelling`, `not_paid_yet`."""
    if now.kind is not FulfilmentKind.PRODUCTION:
        raise Conflict("not_made_to_order")
    if now.status is FulfilmentStatus.CANCELLED:
        raise Conflict("fulfilment_cancelled")
    if now.cancelling:
        raise Conflict("order_cancelling")
    if status not in (Status.PAID, Status.PREPARING):
        raise Conflict("not_paid_yet")


async def produced(conn: Connection, part: PartRef, status: Status, warehouse: str | None, actor: str) -> None:
    """All of it is made: its units are received at `warehouse` (None: where it is planned) and reserved for it, and a
    carrier can be booked. Repeated, nothing happens.

    Raises Conflict as `require_producible`; RuleBroken `unknown_warehouse`, `warehouse_inactive`.
    """
    now = await part_of(conn, part)
    if now.kind is FulfilmentKind.PRODUCTION and now.status not in (
        FulfilmentStatus.PLANNED,
        FulfilmentStatus.CANCELLED,
    ):
        return
    require_producible(now, status)
    lines = await planned_parts.lines_of(conn, part.order_no, part.number)
    place = await movements.place_of(conn, lines[0].sku, warehouse or now.warehouse, arrives=True)
    reference = f"{part.order_no}-F{part.number}"
    for sku, units in _units(lines).items():
        key = f"{part.order_no}/produced/F{part.number}/{sku}"
        await movements.move(conn, [Move(key, MovementKind.RECEIPT, sku, place, units, reference, actor)])
    await _reserve(conn, part, now.last, place, lines)
    about = {"warehouse": place, "units": sum(line.quantity for line in lines)}
    await part_progress.tell(conn, part, "fulfilment_produced", about, f"produced:{part.number}", actor)
    await conn.execute(_SIGNAL, {"order_no": part.order_no})


async def wait_on(conn: Connection, part: PartRef) -> None:
    """It is late, and is waited for as long again."""
    now = await part_of(conn, part)
    due_at = datetime.now(UTC) + timedelta(days=now.lead_time_days or 1)
    await fulfilments.set_due(conn, part, due_at)
    await part_progress.tell(conn, part, "production_extended", {})


async def _reserve(conn: Connection, part: PartRef, last: int, warehouse: str, lines: Sequence[Line]) -> None:
    site = await supply.site_of(conn, part.order_no)
    arrival = site.arrival(datetime.now(UTC), (await profiles.active(conn)).rates) if site else None
    share = Share(warehouse, tuple(planned_parts.missing(lines, ())))
    plan = PartPlan(tuple(lines), (share,), {warehouse: arrival} if arrival else {})
    await planned_parts.reserve(conn, part.order_no, part.number, last, plan)


def _units(lines: Sequence[Line]) -> dict[str, int]:
    units: dict[str, int] = {}
    for line in lines:
        units[line.sku] = units.get(line.sku, 0) + line.quantity
    return dict(sorted(units.items()))
