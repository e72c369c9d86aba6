"""What an order waits for: whether its customer waits on or cancels it, and what happens when nobody chooses."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict
from domain.orders.backorder_choices import BackorderChoice, default_choice
from infra.db.after_sales import missing_parts
from infra.db.orders.changing import cancellation
from infra.db.orders.state import timeline
from infra.db.payments import refund_plans
from infra.settings import Settings

SYSTEM = "system"
_WAITING = text(
    """
    SELECT o.currency, f.number, f.fulfilment_id, f.promised_to, c.decide_by,
           (SELECT count(*) FROM backorder_choices n WHERE n.order_no = o.order_no) AS slips
      FROM orders o LEFT JOIN fulfilments f ON f.order_no = o.order_no AND f.status = 'planned'
           AND f.kind = 'parcel'
      LEFT JOIN backorder_choices c ON c.order_no = o.order_no AND c.choice IS NULL
     WHERE o.order_no = :order_no AND o.cancelling IS NULL
       AND CASE WHEN f.number IS NULL THEN o.status = 'received' AND o.waiting ->> 'what' = 'stock'
                ELSE o.status IN ('paid', 'preparing') END
    """
)
_OFFER = text(
    """
    INSERT INTO backorder_choices (order_no, slip, number, promised_from, promised_to, decide_by)
    SELECT :order_no, (SELECT count(*) + 1 FROM backorder_choices n WHERE n.order_no = :order_no), :number,
           :promised_from, :promised_to, :decide_by
    """
)
_CHOOSE = text(
    """
    UPDATE backorder_choices SET choice = :choice, chosen_by = :actor, chosen_at = now()
     WHERE order_no = :order_no AND choice IS NULL
    """
)
_DUE = text(
    """SELECT order_no FROM backorder_choices WHERE choice IS NULL AND decide_by <= :now
        ORDER BY decide_by LIMIT :limit"""
)
_SIGNAL = text(
    """INSERT INTO workflow_requests (kind, subject, name, payload)
       VALUES ('signal_order', :order_no, 'after_sales', '{"about": "backorder"}')"""
)


@dataclass(frozen=True, slots=True)
class Backorder:
    """What an order waits for: a fulfilment, or all of it (`number` and `fulfilment_id` None). `refund_minor` goes back
    when it is cancelled. `decide_by` is None while its date has not slipped since the last choice."""

    order_no: str
    number: int | None
    fulfilment_id: str | None
    promised_to: datetime | None
    refund_minor: int
    currency: str
    decide_by: datetime | None
    slips: int
    order_goes_on: bool


async def backorder_of(conn: AsyncConnection, order_no: str) -> Backorder:
    """Raises Conflict `no_backorder`."""
    row = (await conn.execute(_WAITING, {"order_no": order_no})).one_or_none()
    if row is None:
        raise Conflict("no_backorder")
    part = None if row.number is None else await missing_parts.part_of(conn, order_no, row.number)
    goes_on = part is not None and not part.alone
    refund_minor = part.lost.refund_minor if part and goes_on else await refund_plans.left_of(conn, order_no)
    return Backorder(
        order_no, row.number, row.fulfilment_id, row.promised_to, refund_minor, row.currency, row.decide_by,
        row.slips, goes_on,
    )  # fmt: skip


async def choose(
    conn: AsyncConnection,
    backorder: Backorder,
    choice: BackorderChoice,
    actor: str,
    settings: Settings,
    cause: str = "customer_request",
) -> None:
    """Wait on, or cancel what is missing; the order's workflow returns the money. The caller has locked the order."""
    order_no = backorder.order_no
    await conn.execute(_CHOOSE, {"order_no": order_no, "choice": choice.value, "actor": actor})
    if choice is BackorderChoice.WAIT:
        await timeline.append(conn, order_no, "backorder_waited", actor, data={"fulfilment": backorder.number})
        return
    if backorder.number is None:
        await cancellation.mark(conn, order_no, cause, actor)
    else:
        await missing_parts.cancel(conn, order_no, backorder.number, cause, actor, settings)
    await conn.execute(_SIGNAL, {"order_no": order_no})


async def offer(
    conn: AsyncConnection, order_no: str, number: int | None, before: datetime, until: datetime, decide_by: datetime
) -> None:
    """The promised date has slipped: the customer may choose until `decide_by`. A question that was open is over."""
    await conn.execute(_CHOOSE, {"order_no": order_no, "choice": BackorderChoice.WAIT.value, "actor": SYSTEM})
    row = {"order_no": order_no, "number": number, "promised_from": before, "promised_to": until}
    await conn.execute(_OFFER, row | {"decide_by": decide_by})


async def due(conn: AsyncConnection, now: datetime, limit: int) -> list[str]:
    """Orders whose customer has not chosen in time."""
    return list((await conn.execute(_DUE, {"now": now, "limit": limit})).scalars())


async def decide(conn: AsyncConnection, order_no: str, settings: Settings) -> None:
    """The default for a customer who has not chosen in time. What waits no more needs none."""
    await timeline.lock_order(conn, order_no)
    try:
        backorder = await backorder_of(conn, order_no)
    except Conflict:
        await conn.execute(_CHOOSE, {"order_no": order_no, "choice": BackorderChoice.WAIT.value, "actor": SYSTEM})
        return
    if backorder.decide_by is None:
        return
    choice = default_choice(backorder.slips, settings.backorder_cancel_after_slips)
    await choose(conn, backorder, choice, SYSTEM, settings, "out_of_stock")
