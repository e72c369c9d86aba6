"""Units that pickers did not find: they leave the ledger, and other warehouses send them as further fulfilments.

The facts are written first, and the order's workflow gets a signal to read them: it books the new
fulfilment as any other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.sourcing.decision import Share
from domain.stock.cases import StockCaseKind
from infra.db.orders.state import timeline
from infra.db.shipping import fulfilments
from infra.db.shipping.picking import Work
from infra.db.shipping.shipments import PartRef
from infra.db.stock import cases, further_shares
from infra.db.stock.cases import NewCase

_ORDER = text(
    """
    SELECT o.status, o.type, (SELECT max(f.number) FROM fulfilments f WHERE f.order_no = o.order_no) AS last,
           (SELECT count(*) FROM fulfilments f WHERE f.order_no = o.order_no AND f.status <> 'cancelled') AS standing,
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
# The missing units are neither reserved nor there; at the other warehouses as many are reserved. Levels are locked in
# order of SKU, then warehouse; releases come before their adjustments.
_MOVE = text(
    """
    WITH given AS MATERIALIZED (
      SELECT g.number, g.target, g.sku, sum(g.quantity)::bigint AS quantity
        FROM unnest(CAST(:numbers AS integer[]), CAST(:targets AS text[]), CAST(:skus AS text[]),
                    CAST(:quantities AS bigint[])) AS g (number, target, sku, quantity)
       GROUP BY g.number, g.target, g.sku
    ), less AS (
      UPDATE reservations a SET quantity = CASE WHEN a.quantity = g.quantity THEN a.quantity
                                                ELSE a.quantity - g.quantity END,
             state = CASE WHEN a.quantity = g.quantity THEN 'released' ELSE a.state END
        FROM (SELECT sku, sum(quantity)::bigint AS quantity FROM given GROUP BY sku) g
       WHERE a.order_no = :order_no AND a.warehouse = :source AND a.sku = g.sku AND a.state = 'reserved'
         AND a.fulfilment_no = :short_number
    ), held AS (
      INSERT INTO reservations (order_no, sku, warehouse, quantity, state, fulfilment_no)
      SELECT :order_no, sku, target, quantity, 'reserved', number FROM given
    ), moves AS MATERIALIZED (
      SELECT number, sku, CAST(:source AS text) AS warehouse, 1 AS rank, 'release' AS kind, quantity, 0 AS on_hand,
             -quantity AS reserved FROM given
      UNION ALL SELECT number, sku, :source, 2, 'adjustment', -quantity, -quantity, 0 FROM given
      UNION ALL SELECT number, sku, target, 1, 'reserve', quantity, 0, quantity FROM given
    )
    INSERT INTO stock_movements
      (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta, order_no, reference, actor)
    SELECT :order_no || '/short/F' || number || '/' || kind || '/' || sku, kind, sku, warehouse,
           quantity, on_hand, reserved, CASE kind WHEN 'adjustment' THEN NULL ELSE :order_no END,
           CASE kind WHEN 'adjustment' THEN 'short pick ' || :fulfilment_id END, :actor
      FROM moves ORDER BY sku, warehouse, rank, number
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


# The largest number of a fulfilment.
LAST = 99


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
    """Source them again, from one warehouse or several; open a case for each line of which units are left. The caller
    has locked the order."""
    if not missing:
        return []
    skus = {line.line_no: line.sku for line in work.lines}
    shares = await _shares(conn, work, missing, policy)
    sourced: list[Shortage] = []
    if shares and await _moved(conn, work, shares, actor):
        await found(conn, work, sorted({line.line_no for _, share in shares for line in share.lines}),
                    "another warehouse sends it", actor)  # fmt: skip
        sourced = await _announced(conn, work, shares, policy, actor)
    left = dict(missing)
    for one in sourced:
        left[one.line_no] -= one.quantity
    return sourced + [
        await _unsourced(conn, work, skus[line_no], line_no, units, actor)
        for line_no, units in sorted(left.items())
        if units
    ]


async def _shares(
    conn: AsyncConnection, work: Work, missing: Mapping[int, int], policy: Policy
) -> list[tuple[int, Share]]:
    """Which other warehouses send which of them, each with the number of its fulfilment. The order has no more parts
    than it may have, except that one is always taken over by one."""
    order = (await conn.execute(_ORDER, {"order_no": work.order_no})).one()
    most = order.max_fulfilments or policy.max_fulfilments
    if most == 1 or order.status != "preparing" or order.type == "exchange" or order.last >= LAST:
        return []
    room, left = max(1, most - order.standing), LAST - order.last
    # A part of which everything is sent by others makes room for one more.
    gone = work.units == sum(missing.values())
    found = await further_shares.shares_of(conn, work.order_no, missing, min(room + gone, left), without=work.warehouse)
    everything = sum(line.quantity for share in found for line in share.lines) == work.units
    return list(enumerate(found if everything else found[:room], order.last + 1))


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


async def _moved(conn: AsyncConnection, work: Work, shares: Sequence[tuple[int, Share]], actor: str) -> bool:
    """False where another order was faster; then nothing is written."""
    rows = [(number, share.warehouse, line) for number, share in shares for line in share.lines]
    values = {
        "numbers": [number for number, _, _ in rows],
        "targets": [warehouse for _, warehouse, _ in rows],
        "skus": [line.sku for _, _, line in rows],
        "quantities": [line.quantity for _, _, line in rows],
        "order_no": work.order_no,
        "source": work.warehouse,
        "short_number": work.number,
    }
    try:
        async with conn.begin_nested():
            for number, share in shares:
                await _divide(conn, work, number, share)
            await conn.execute(_MOVE, values | {"fulfilment_id": work.fulfilment_id, "actor": actor})
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == "OM001":
            return False
        raise
    return True


async def _divide(conn: AsyncConnection, work: Work, number: int, share: Share) -> None:
    """The lines of the further fulfilment, which the first one loses."""
    new = {"order_no": work.order_no, "number": number}
    await conn.execute(_FULFILMENT, new | {"warehouse": share.warehouse})
    for line in share.lines:
        row = {"order_no": work.order_no, "line_no": line.line_no, "quantity": line.quantity}
        await conn.execute(_SHORTEN, row | {"number": work.number})
        await conn.execute(_LINE, row | {"number": number})


async def _announced(
    conn: AsyncConnection, work: Work, shares: Sequence[tuple[int, Share]], policy: Policy, actor: str
) -> list[Shortage]:
    """The order has several fulfilments from here on: each has a time of its own, and the workflow reads them."""
    for number, share in shares:
        await _log(conn, work, {line.line_no: line.quantity for line in share.lines}, number, actor)
    due = timeline.deadline_in(policy.dispatch_timeout_s)
    await fulfilments.set_due(conn, PartRef(work.order_no, work.number, several=True), due)
    await conn.execute(_SIGNAL, {"order_no": work.order_no})
    return [
        Shortage(line.line_no, line.quantity, f"{work.order_no}-F{number}", None)
        for number, share in shares
        for line in share.lines
    ]
