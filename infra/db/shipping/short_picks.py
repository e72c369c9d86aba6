"""Units that pickers did not find: they leave the ledger, and another warehouse sends them as a further fulfilment.

The facts are written first, and the order's workflow gets a signal to read them: it books the new
fulfilment as any other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.stock.cases import StockCaseKind
from infra.db.orders.state import timeline
from infra.db.shipping import fulfilments
from infra.db.shipping.picking import Work
from infra.db.shipping.shipments import PartRef
from infra.db.stock import cases, split_reservations
from infra.db.stock.cases import NewCase

_ORDER = text(
    """
    SELECT o.status, o.type, (SELECT max(f.number) FROM fulfilments f WHERE f.order_no = o.order_no) AS last,
           (SELECT c.max_fulfilments FROM channel_settings c WHERE c.channel = o.channel) AS max_fulfilments
      FROM orders o WHERE o.order_no = :order_no
    """
)
_SHORT = text(
    """
    INSERT INTO short_picks (order_no, number, line_no, quantity, sourced_number, reported_by)
    VALUES (:order_no, :number, :line_no, :quantity, :sourced_number, :actor)
    """
)
# The missing units are neither reserved nor there; at the other warehouse as many are reserved. Levels are locked in
# order of SKU, then warehouse; a release comes before its adjustment.
_MOVE = text(
    """
    WITH given AS MATERIALIZED (
      SELECT g.sku, sum(g.quantity)::bigint AS quantity
        FROM unnest(CAST(:skus AS text[]), CAST(:quantities AS bigint[])) AS g (sku, quantity) GROUP BY g.sku
    ), less AS (
      UPDATE reservations a SET quantity = CASE WHEN a.quantity = g.quantity THEN a.quantity
                                               ELSE a.quantity - g.quantity END,
             state = CASE WHEN a.quantity = g.quantity THEN 'released' ELSE a.state END
        FROM given g
       WHERE a.order_no = :order_no AND a.warehouse = :source AND a.sku = g.sku AND a.state = 'reserved'
         AND a.fulfilment_no = :short_number
    ), held AS (
      INSERT INTO reservations (order_no, sku, warehouse, quantity, state, fulfilment_no)
      SELECT :order_no, sku, :target, quantity, 'reserved', :number FROM given
    ), moves AS MATERIALIZED (
      SELECT sku, CAST(:source AS text) AS warehouse, 1 AS rank, 'release' AS kind, quantity, 0 AS on_hand,
             -quantity AS reserved FROM given
      UNION ALL SELECT sku, :source, 2, 'adjustment', -quantity, -quantity, 0 FROM given
      UNION ALL SELECT sku, :target, 1, 'reserve', quantity, 0, quantity FROM given
    )
    INSERT INTO stock_movements
      (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta, order_no, reference, actor)
    SELECT :order_no || '/short/F' || CAST(:number AS integer) || '/' || kind || '/' || sku, kind, sku, warehouse,
           quantity, on_hand, reserved, CASE kind WHEN 'adjustment' THEN NULL ELSE :order_no END,
           CASE kind WHEN 'adjustment' THEN 'short pick ' || :fulfilment_id END, :actor
      FROM moves ORDER BY sku, warehouse, rank
    """
)
_FULFILMENT = text(
    """
    INSERT INTO fulfilments (fulfilment_id, order_no, number, warehouse, status)
    VALUES (:order_no || '-F' || CAST(:number AS integer), :order_no, :number, :warehouse, 'reserved')
    """
)
_LINE = text(
    """
    INSERT INTO fulfilment_lines (order_no, number, line_no, quantity) VALUES (:order_no, :number, :line_no, :quantity)
    """
)
_SHORTEN = text("SELECT shorten_fulfilment_line(:order_no, :number, :line_no, :quantity)")
_SIGNAL = text(
    """INSERT INTO workflow_requests (kind, subject, name, payload)
       VALUES ('signal_order', :order_no, 'after_sales', '{}')"""
)


@dataclass(frozen=True, slots=True)
class Policy:
    """How a shortage is sourced again: in how many fulfilments an order ships unless its channel says otherwise, and
    when a pick-up is late."""

    max_fulfilments: int
    dispatch_timeout_s: float


@dataclass(frozen=True, slots=True)
class Shortage:
    """Units of a line that were not found: the fulfilment that sends them instead, or the case that is open."""

    line_no: int
    quantity: int
    fulfilment_id: str | None
    case_id: int | None


async def report(
    conn: AsyncConnection, work: Work, missing: Mapping[int, int], actor: str, policy: Policy
) -> list[Shortage]:
    """Source them again, else open a case for each line. The caller has locked the order."""
    if not missing:
        return []
    skus = {line.line_no: line.sku for line in work.lines}
    order = (await conn.execute(_ORDER, {"order_no": work.order_no})).one()
    splits = (order.max_fulfilments or policy.max_fulfilments) > 1
    may = splits and order.status == "preparing" and order.type != "exchange" and order.last < 99
    target = await _other(conn, work, missing, skus) if may else None
    number = order.last + 1 if target is not None else None
    if target is not None and not await _moved(conn, work, missing, skus, target, order.last + 1, actor):
        number = None
    if number is not None:
        await _log(conn, work, missing, number, actor)
        await found(conn, work, list(missing), "another warehouse sends it", actor)
        return await _announced(conn, work, missing, number, policy)
    return [
        await _unsourced(conn, work, skus[line_no], line_no, units, actor) for line_no, units in sorted(missing.items())
    ]


async def found(conn: AsyncConnection, work: Work, line_nos: Sequence[int], reason: str, actor: str) -> None:
    """Nothing of these lines is missing any more."""
    for line_no in line_nos:
        await cases.over(conn, StockCaseKind.SHORT_PICK, f"{work.fulfilment_id}/{line_no}", reason, actor)


async def _log(conn: AsyncConnection, work: Work, missing: Mapping[int, int], number: int | None, actor: str) -> None:
    for line_no, quantity in sorted(missing.items()):
        row = {"order_no": work.order_no, "number": work.number, "line_no": line_no, "quantity": quantity}
        await conn.execute(_SHORT, row | {"sourced_number": number, "actor": actor})


async def _unsourced(conn: AsyncConnection, work: Work, sku: str, line_no: int, units: int, actor: str) -> Shortage:
    """Its case, opened once however often it is reported."""
    subject = f"{work.fulfilment_id}/{line_no}"
    new = NewCase(StockCaseKind.SHORT_PICK, subject, actor, work.warehouse, sku, units, orders=[work.order_no])
    case_id = await cases.open_case(conn, new)
    if case_id is not None:
        await _log(conn, work, {line_no: units}, None, actor)
    return Shortage(line_no, units, None, case_id or await cases.number_of(conn, new.kind, subject))


async def _other(conn: AsyncConnection, work: Work, missing: Mapping[int, int], skus: Mapping[int, str]) -> str | None:
    """The best other warehouse that has all of it."""
    wanted: dict[str, int] = {}
    for line_no, units in missing.items():
        wanted[skus[line_no]] = wanted.get(skus[line_no], 0) + units
    found = await split_reservations.senders_of(conn, work.order_no, wanted)
    return next((code for code in found if code != work.warehouse), None)


async def _moved(
    conn: AsyncConnection,
    work: Work,
    missing: Mapping[int, int],
    skus: Mapping[int, str],
    target: str,
    number: int,
    actor: str,
) -> bool:
    """False where another order was faster; then nothing is written."""
    lines: Sequence[int] = sorted(missing)
    new = {"order_no": work.order_no, "number": number}
    values = {"skus": [skus[no] for no in lines], "quantities": [missing[no] for no in lines], "actor": actor}
    values |= {"source": work.warehouse, "target": target, "fulfilment_id": work.fulfilment_id}
    values |= {"short_number": work.number}
    try:
        async with conn.begin_nested():
            await conn.execute(_FULFILMENT, new | {"warehouse": target})
            for no in lines:
                row = {"order_no": work.order_no, "line_no": no, "quantity": missing[no]}
                await conn.execute(_SHORTEN, row | {"number": work.number})
                await conn.execute(_LINE, row | {"number": number})
            await conn.execute(_MOVE, new | values)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == "OM001":
            return False
        raise
    return True


async def _announced(
    conn: AsyncConnection, work: Work, missing: Mapping[int, int], number: int, policy: Policy
) -> list[Shortage]:
    """The order has several fulfilments from here on: each has a time of its own, and the workflow reads them."""
    due = timeline.deadline_in(policy.dispatch_timeout_s)
    await fulfilments.set_due(conn, PartRef(work.order_no, work.number, several=True), due)
    await conn.execute(_SIGNAL, {"order_no": work.order_no})
    name = f"{work.order_no}-F{number}"
    return [Shortage(line_no, units, name, None) for line_no, units in sorted(missing.items())]
