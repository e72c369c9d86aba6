"""The part of an order that waits for stock while the rest of it ships: a fulfilment that is planned.

It ships together, when all of it is there: at one warehouse, or at several, each with a fulfilment of its own. Who
ships what is decided outside of any transaction, as for an order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.orders.status import Status
from domain.shipping.fulfilments import FulfilmentKind
from domain.sourcing.decision import Share, SharedLine
from domain.sourcing.profile import Profile
from domain.sourcing.request import Line, SourcingRequest
from infra.db.stock import split_plans
from infra.db.stock.reservations import StockContended

_PLAN = text(
    """
    WITH part AS (
      INSERT INTO fulfilments (fulfilment_id, order_no, number, warehouse, status, kind)
      VALUES (CAST(:order_no AS text) || '-F' || CAST(:number AS integer), :order_no, :number, :warehouse, 'planned',
              :kind)
    )
    INSERT INTO fulfilment_lines (order_no, number, line_no, quantity)
    SELECT :order_no, :number, line_no, quantity
      FROM unnest(CAST(:lines AS integer[]), CAST(:quantities AS bigint[])) AS g (line_no, quantity)
    """
)
_DUE = text(
    """UPDATE fulfilments SET due_at = :due_at, promised_to = :promised_to
        WHERE order_no = :order_no AND number = :number"""
)
_WANTED = text(
    """
    SELECT n.line_no, l.sku, n.quantity, p.weight_g, p.category
      FROM fulfilments f JOIN fulfilment_lines n USING (order_no, number) JOIN order_lines l USING (order_no, line_no)
      JOIN products p USING (sku)
     WHERE f.order_no = :order_no AND f.number = :number AND f.status = 'planned' ORDER BY n.line_no
    """
)
# Held where a hold stops the order before its parcels are booked.
_PROGRESS = text(
    """
    SELECT o.cancelling IS NOT NULL OR EXISTS (
             SELECT FROM holds h WHERE h.order_no = o.order_no AND h.closed_at IS NULL
                AND h.stops && ARRAY[o.status, 'paid']) AS stopped,
           (SELECT max(f.number) FROM fulfilments f WHERE f.order_no = o.order_no) AS last
      FROM orders o WHERE o.order_no = :order_no
    """
)
_SHORTEN = text("SELECT shorten_fulfilment_line(:order_no, :number, :line_no, :quantity)")
# Levels are locked in order of SKU, then warehouse, by every order.
_RESERVE = text(
    """
    WITH given AS MATERIALIZED (
      SELECT * FROM unnest(CAST(:numbers AS integer[]), CAST(:warehouses AS text[]), CAST(:skus AS text[]),
                           CAST(:quantities AS bigint[]), CAST(:promised AS timestamptz[]))
        AS g (number, warehouse, sku, quantity, promised_to)
    ), parts AS (
      UPDATE fulfilments f SET status = 'reserved', warehouse = g.warehouse, promised_to = g.promised_to, due_at = NULL,
             updated_at = now()
        FROM (SELECT number, warehouse, min(promised_to) AS promised_to FROM given GROUP BY number, warehouse) g
       WHERE f.order_no = :order_no AND f.number = g.number
    ), wanted AS MATERIALIZED (
      SELECT number, warehouse, sku, sum(quantity)::bigint AS quantity FROM given GROUP BY number, warehouse, sku
    ), held AS (
      INSERT INTO reservations (order_no, sku, warehouse, quantity, state, fulfilment_no)
      SELECT :order_no, sku, warehouse, quantity, 'reserved', number FROM wanted
    )
    INSERT INTO stock_movements
      (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta, order_no, actor)
    SELECT :order_no || '/reserve/F' || number || '/1/' || sku, 'reserve', sku, warehouse, quantity, 0, quantity,
           :order_no, 'system'
      FROM wanted ORDER BY sku, warehouse, number
    """
)

# Fulfilments have two digits, and a part divides into few.
_LAST_NUMBER = 80


@dataclass(frozen=True, slots=True)
class PartPlan:
    """Who could ship the lines of a planned part, by warehouse, and when each would arrive; empty: nobody."""

    lines: tuple[Line, ...]
    shares: tuple[Share, ...]
    promised_to: Mapping[str, datetime]


def missing(lines: Sequence[Line], shares: Sequence[Share]) -> tuple[SharedLine, ...]:
    """What the shares leave of the lines."""
    sent: dict[int, int] = {}
    for line in (one for share in shares for one in share.lines):
        sent[line.line_no] = sent.get(line.line_no, 0) + line.quantity
    left = (SharedLine(line.line_no, line.sku, line.quantity - sent.get(line.line_no, 0)) for line in lines)
    return tuple(line for line in left if line.quantity > 0)


@dataclass(frozen=True, slots=True)
class NewPart:
    """Units of an order for later: a fulfilment without stock, expected at `warehouse`. `due_at`: what waits for stock
    is given up then, what is made is late then; None: it waits without limit."""

    number: int
    warehouse: str
    lines: Sequence[SharedLine]
    due_at: datetime | None
    kind: FulfilmentKind = FulfilmentKind.PARCEL
    promised_to: datetime | None = None


async def plan(conn: AsyncConnection, order_no: str, part: NewPart) -> None:
    """Keep its units for later."""
    row = {"order_no": order_no, "number": part.number}
    units = {"lines": [line.line_no for line in part.lines], "quantities": [line.quantity for line in part.lines]}
    await conn.execute(_PLAN, row | units | {"warehouse": part.warehouse, "kind": part.kind.value})
    if part.due_at is not None:
        await conn.execute(_DUE, row | {"due_at": part.due_at, "promised_to": part.promised_to})


async def inputs_of(
    conn: AsyncConnection, order_no: str, number: int, most: int
) -> tuple[SourcingRequest, Profile] | None:
    """What sourcing is asked about the part, and the profile in force; None where it is planned no more."""
    lines = await lines_of(conn, order_no, number)
    if not lines:
        return None
    return await split_plans.inputs_of(conn, order_no, most, lines=lines)


async def lines_of(conn: AsyncConnection, order_no: str, number: int) -> tuple[Line, ...]:
    """The lines of a part while it is planned."""
    rows = await conn.execute(_WANTED, {"order_no": order_no, "number": number})
    return tuple(Line(row.line_no, row.sku, row.quantity, row.weight_g, row.category) for row in rows)


async def may_reserve(conn: AsyncConnection, order_no: str, status: Status) -> int:
    """The number of the order's last part, which is locked; 0 while nothing of it may go on."""
    row = (await conn.execute(_PROGRESS, {"order_no": order_no})).one()
    last: int = row.last
    return last if status in (Status.PAID, Status.PREPARING) and not row.stopped and last < _LAST_NUMBER else 0


async def reserve(conn: AsyncConnection, order_no: str, number: int, last: int, plan: PartPlan) -> tuple[int, ...]:
    """Reserve every share, all or nothing: the first is the part's own, each other gets a fulfilment of its own behind
    number `last`. Answers with their numbers. Raises StockContended, which ends the transaction."""
    numbers = (number, *range(last + 1, last + len(plan.shares)))
    for new, share in zip(numbers[1:], plan.shares[1:], strict=True):
        await _divide(conn, order_no, number, new, share)
    rows = [(n, share.warehouse, line.sku, line.quantity, plan.promised_to.get(share.warehouse))
            for n, share in zip(numbers, plan.shares, strict=True) for line in share.lines]  # fmt: skip
    names = ("numbers", "warehouses", "skus", "quantities", "promised")
    values = dict(zip(names, (list(column) for column in zip(*rows, strict=True)), strict=True))
    try:
        await conn.execute(_RESERVE, {"order_no": order_no, **values})
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == "OM001":
            raise StockContended from None
        raise
    return numbers


async def _divide(conn: AsyncConnection, order_no: str, number: int, new: int, share: Share) -> None:
    for line in share.lines:
        row = {"order_no": order_no, "number": number, "line_no": line.line_no, "quantity": line.quantity}
        await conn.execute(_SHORTEN, row)
    await plan(conn, order_no, NewPart(new, share.warehouse, share.lines, datetime.now(UTC)))


async def is_current(conn: AsyncConnection, order_no: str, number: int, plan: PartPlan) -> bool:
    """True while the part, whose order is locked, is planned with the lines of the plan, going to the same place."""
    return await lines_of(conn, order_no, number) == plan.lines
