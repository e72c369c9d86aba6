"""What stands behind goods that were given in exchange: money of the order whose goods came back for them.

An exchanged piece costs its order nothing, so its money is the first order's: what is to be given back for it is
refunded there, from the lines that came back, and never more than is left of them.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.after_sales.exchanges import CarriedLine, carried_minor
from domain.after_sales.returns import REFUNDED
from domain.after_sales.settlement import FoundUnits
from domain.payments.refunds import OPEN, Origin, RefundStatus
from infra.db.approvals.approval_limits import Limits
from infra.db.customers.profiles import KeyRing
from infra.db.literals import literals
from infra.db.orders.state import timeline
from infra.db.payments import refund_plans, refunds, store_credit
from infra.db.payments.refund_plans import NewRefund

# The order's own exchange first, then that of the order before it, and so on to the first of all.
_CHAIN = text(
    """
    WITH RECURSIVE chain AS (
      SELECT o.exchange_of, o.exchange_return, 1 AS depth FROM orders o WHERE o.order_no = :order_no
      UNION ALL
      SELECT o.exchange_of, o.exchange_return, c.depth + 1 FROM chain c JOIN orders o ON o.order_no = c.exchange_of
       WHERE c.exchange_of IS NOT NULL
    )
    SELECT c.exchange_of AS order_no,
           (SELECT array_agg(l.line_no) FROM return_lines l WHERE l.return_id = c.exchange_return) AS line_nos
      FROM chain c WHERE c.exchange_of IS NOT NULL ORDER BY c.depth
    """
)
# What lines carry of the old goods' value, and their units that came back on other returns which were settled.
_CARRIED = text(
    """
    SELECT l.line_no, l.quantity, l.exchanged_minor,
           coalesce((SELECT sum(f.quantity) FROM returns r JOIN return_inspections f USING (return_id)
                      WHERE r.order_no = l.order_no AND r.return_id <> :return_id AND r.settled IS NOT NULL
                        AND f.line_no = l.line_no AND f.stage = 'inspected'
                        AND f.condition = ANY(CAST(:refunded AS text[]))), 0)::bigint AS before
      FROM order_lines l JOIN orders o USING (order_no)
     WHERE l.order_no = :order_no AND o.type = 'exchange'
    """
)
_BELONGS = text("INSERT INTO exchange_refund_links (refund_id, return_id) VALUES (:refund_id, :return_id)")
_OPEN = text(
    f"""SELECT EXISTS (SELECT FROM exchange_refund_links e JOIN refunds r USING (refund_id)
                        WHERE e.return_id = :return_id AND r.status IN ({literals(OPEN)}))"""  # noqa: S608
)


@dataclass(frozen=True, slots=True)
class RefundInstruction:
    """How money goes back for a return; `credit` as store credit."""

    return_id: str
    tag: str
    actor: str
    keys: KeyRing | None = None
    limits: Limits | None = None
    approval_lifetime_s: int = 3 * 86_400
    credit: bool = False


async def funding_sources(conn: AsyncConnection, order_no: str) -> list[tuple[str, tuple[int, ...]]]:
    """(order, lines that came back) that stand behind an exchange order's goods, the nearest first; [] for others."""
    rows = await conn.execute(_CHAIN, {"order_no": order_no})
    return [(row.order_no, tuple(row.line_nos)) for row in rows]


async def funded_amount(
    conn: AsyncConnection, order_no: str, return_id: str, units: FoundUnits, percent: int = 100
) -> int:
    """What these units of an exchange order carry of the old goods' value; 0 for other orders.

    For the reduced ones, so many percent of it.
    """
    if not units.together:
        return 0
    values = {"order_no": order_no, "return_id": return_id, "refunded": list(REFUNDED)}
    rows = await conn.execute(_CARRIED, values)
    lines = [CarriedLine(row.line_no, row.quantity, row.exchanged_minor, row.before) for row in rows]
    return carried_minor(lines, units.together, units.reduced, percent)


async def quote(conn: AsyncConnection, order_no: str, return_id: str, units: Mapping[int, int]) -> tuple[int, int]:
    """(What these units carry of the old goods' value, what of it is left to give back); nothing for other orders."""
    worth = await funded_amount(conn, order_no, return_id, FoundUnits(units))
    return worth, min(worth, await refundable_amount(conn, await funding_sources(conn, order_no))) if worth else 0


async def refundable_amount(conn: AsyncConnection, sources: Sequence[tuple[str, tuple[int, ...]]]) -> int:
    """What could be given back from these lines."""
    return sum([await _left(conn, order_no, line_nos) for order_no, line_nos in sources])


async def give_back(
    conn: AsyncConnection,
    sources: Sequence[tuple[str, tuple[int, ...]]],
    amount_minor: int,
    instruction: RefundInstruction,
) -> int:
    """Refund the amount from these lines of these orders, in their order, as far as something is left; answers with how
    much. Orders are locked from the newest to the oldest, as in every transaction."""
    rest = amount_minor
    for order_no, line_nos in sources:
        if not rest:
            break
        await timeline.lock_order(conn, order_no)
        if part := min(rest, await _left(conn, order_no, line_nos)):
            await _refund(conn, order_no, line_nos, part, instruction)
            rest -= part
    return amount_minor - rest


async def is_closed(conn: AsyncConnection, return_id: str) -> bool:
    """True when none of these refunds of the return is still to be paid or decided."""
    return not (await conn.execute(_OPEN, {"return_id": return_id})).scalar_one()


async def _left(conn: AsyncConnection, order_no: str, line_nos: Sequence[int]) -> int:
    lines = [line for line in await refund_plans.lines_of(conn, order_no) if line.line_no in line_nos]
    of_lines = sum(line.goods_left_minor + line.shipping_left_minor for line in lines)
    return min(of_lines, await refund_plans.left_of(conn, order_no))


async def _refund(
    conn: AsyncConnection, order_no: str, line_nos: tuple[int, ...], amount_minor: int, instruction: RefundInstruction
) -> None:
    derived = hashlib.sha256(f"{instruction.return_id}/{instruction.tag}/{order_no}".encode()).hexdigest()[:32]
    new = NewRefund(
        refund_id=f"rf_{derived}",
        order_no=order_no,
        origin=Origin.EXCHANGE,
        asked_by=instruction.actor,
        reason=f"exchange of return {instruction.return_id}",
        amount_minor=amount_minor,
        of_lines=line_nos,
        limits=instruction.limits,
        approval_lifetime_s=instruction.approval_lifetime_s,
        as_credit=instruction.credit,
    )
    opened = await refunds.open_refund(conn, instruction.keys, new)
    await conn.execute(_BELONGS, {"refund_id": new.refund_id, "return_id": instruction.return_id})
    if instruction.credit and opened.status is RefundStatus.APPROVED:
        await store_credit.pay_with_credit(conn, order_no, new.refund_id, instruction.actor)
