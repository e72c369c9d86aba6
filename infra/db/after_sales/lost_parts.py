"""One of several parts of an order whose parcel is lost or refused: its money goes back, and the order goes on without
it."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import RuleBroken
from domain.payments.refunds import Origin
from infra.db.orders.state import timeline
from infra.db.payments import refund_plans, refunds
from infra.db.payments.refund_plans import CAPTURED, NewRefund, NewRefundLine
from infra.db.shipping import part_progress
from infra.settings import Settings

_OWN = CAPTURED.format(order="n.order_no", number="n.number")
# Units that were captured with other fulfilments, beyond their own: a provider that takes an authorisation once.
_BEYOND = f"""(SELECT coalesce(sum(c.quantity - coalesce(m.quantity, 0)), 0) FROM capture_lines c
    LEFT JOIN fulfilment_lines m ON (m.order_no, m.number, m.line_no) = (c.order_no, c.fulfilment_no, c.line_no)
   WHERE c.order_no = n.order_no AND c.line_no = n.line_no
     AND {CAPTURED.format(order="c.order_no", number="c.fulfilment_no")})"""  # noqa: S608
# Its units that were not refunded meanwhile, by line; of an order that is captured as it ships, those that were paid.
_LINES = text(
    f"""
    SELECT line_no, quantity FROM (
      SELECT n.line_no, least(n.quantity, l.quantity - l.cancelled_quantity - l.refunded_quantity,
               CASE WHEN o.capture = 'order' OR {_OWN} THEN n.quantity ELSE {_BEYOND} END)::bigint AS quantity
        FROM fulfilment_lines n JOIN order_lines l USING (order_no, line_no) JOIN orders o USING (order_no)
       WHERE n.order_no = :order_no AND n.number = :number) x
     WHERE quantity > 0 ORDER BY line_no
    """  # noqa: S608
)
_GIVE_UP = text(
    "UPDATE fulfilments SET status = 'cancelled', updated_at = now() WHERE order_no = :order_no AND number = :number"
)


@dataclass(frozen=True, slots=True)
class LostPart:
    """The part, and what would be refunded for it; `alone`: no other part of the order stands."""

    number: int
    alone: bool
    refund_minor: int
    lines: tuple[NewRefundLine, ...]


async def part_of(conn: AsyncConnection, order_no: str, number: int, *, alone: bool) -> LostPart:
    """What would be refunded for it: its lines, with their share of the shipping charge kept."""
    rows = (await conn.execute(_LINES, {"order_no": order_no, "number": number})).all()
    lines = tuple(NewRefundLine(row.quantity, row.line_no) for row in rows)
    minor = 0
    if lines and not alone:
        # Where nothing of it can be refunded (its money is disputed), the part is given up without.
        with suppress(RuleBroken):
            minor = (await refund_plans.planned(conn, _refund(order_no, number, lines, "system"))).amount_minor
    return LostPart(number, alone, minor, lines)


async def give_up(
    conn: AsyncConnection,
    order_no: str,
    part: LostPart,
    actor: str,
    settings: Settings,
    kind: str = "fulfilment_given_up",
    more: Mapping[str, object] | None = None,
) -> None:
    """Refund what was in its parcel. The caller has locked the order; its status follows from the other parts. `kind`
    is the event, `more` what else it says."""
    await conn.execute(_GIVE_UP, {"order_no": order_no, "number": part.number})
    said = {"fulfilment": part.number, "waiting": await part_progress.waits(conn, order_no), **(more or {})}
    await timeline.append(conn, order_no, kind, actor, data=said)
    if part.refund_minor:
        await refunds.open_refund(conn, None, _refund(order_no, part.number, part.lines, actor))
    await part_progress.settle(conn, order_no, settings)


def _refund(order_no: str, number: int, lines: tuple[NewRefundLine, ...], actor: str) -> NewRefund:
    return NewRefund(
        refund_id=f"rf_part_{order_no}_{number}",
        order_no=order_no,
        origin=Origin.SUPPORT,
        asked_by=actor,
        reason="",
        lines=lines,
    )
