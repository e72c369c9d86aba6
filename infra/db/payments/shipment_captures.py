"""Orders that are captured as they ship: which share is captured with a fulfilment, and the intent to capture it."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import RuleBroken
from domain.orders.status import OrderEvent, Status
from domain.payments.shipment_captures import CapturableLine, CaptureLine, CaptureMode, FulfilmentCapture, share_of
from domain.payments.transactions import PaymentKind, PaymentPurpose, PaymentStatus, idempotency_key
from domain.payments.unapplied import authorised_left, open_authorisations
from infra.db.orders.state import timeline
from infra.db.orders.state.state_facts import StateFacts, load_facts
from infra.db.payments import transactions
from infra.db.payments.transactions import PaymentIntent, StoredIntent, Transaction

# An exchange is paid by what it replaces as well: its difference is captured at once. A hold keeps it from going on.
_DEFER = text(
    f"""
    UPDATE orders o SET capture = '{CaptureMode.SHIPMENT}'
     WHERE o.order_no = :order_no AND o.status = 'pending_payment' AND o.cancelling IS NULL AND o.type = 'standard'
       AND EXISTS (SELECT FROM fulfilments f WHERE f.order_no = o.order_no)
       AND NOT EXISTS (SELECT FROM payments c WHERE c.order_no = o.order_no AND c.kind = 'capture'
                          AND c.purpose = 'order' AND c.status <> 'failed')
       AND NOT (o.hold IS NOT NULL AND EXISTS (SELECT FROM holds h WHERE h.order_no = o.order_no
                                                  AND h.closed_at IS NULL AND o.status = ANY (h.stops)))
       AND EXISTS (SELECT FROM payments a WHERE a.order_no = o.order_no AND a.kind = 'authorise'
                      AND a.purpose = 'order' AND a.attempt = :attempt AND a.status = 'succeeded'
                      AND a.amount_minor = o.total_minor
                      AND NOT EXISTS (SELECT FROM payments e WHERE e.order_no = a.order_no
                                         AND e.parent_id = a.payment_id AND e.status <> 'failed'))
    RETURNING o.total_minor
    """  # noqa: S608
)
_DECIDED = text(
    """SELECT line_no, quantity, goods_minor, shipping_minor FROM capture_lines
        WHERE order_no = :order_no AND fulfilment_no = :number ORDER BY line_no"""
)
_LINES = text(
    """
    SELECT l.line_no, l.quantity, l.paid_minor - l.shipping_minor AS goods_minor, l.shipping_minor,
           coalesce(sum(c.quantity), 0)::bigint AS captured_quantity,
           coalesce(sum(c.goods_minor), 0)::bigint AS captured_goods_minor,
           coalesce(sum(c.shipping_minor), 0)::bigint AS captured_shipping_minor
      FROM order_lines l LEFT JOIN capture_lines c USING (order_no, line_no)
     WHERE l.order_no = :order_no GROUP BY l.order_no, l.line_no ORDER BY l.line_no
    """
)
_UNITS = text(
    """
    SELECT n.line_no, sum(n.quantity)::bigint AS quantity
      FROM fulfilment_lines n JOIN fulfilments f USING (order_no, number)
     WHERE n.order_no = :order_no AND (n.number = :number OR (:whole AND f.status <> 'cancelled')) GROUP BY n.line_no
    """
)
_RETURN = text(
    """
    UPDATE payments p SET purpose = 'stray', updated_at = now() FROM fulfilments f
     WHERE p.payment_id = :payment_id AND p.status = 'succeeded' AND p.purpose = 'order'
       AND f.order_no = :order_no AND f.number = :number AND f.status = 'cancelled'
    RETURNING p.amount_minor
    """
)
_FREEZE = text(
    """INSERT INTO capture_lines (order_no, fulfilment_no, line_no, quantity, goods_minor, shipping_minor)
       VALUES (:order_no, :number, :line_no, :quantity, :goods_minor, :shipping_minor)"""
)


async def defer(conn: AsyncConnection, order_no: str, attempt: int) -> bool:
    """The order goes on with what the attempt authorised, and is captured as it ships. False where it is to be captured
    at once, or waits for something else. The caller has locked the order."""
    total = (await conn.execute(_DEFER, {"order_no": order_no, "attempt": attempt})).scalar_one_or_none()
    if total is None:
        return False
    data = {"amount_minor": total, "attempt": attempt, "waiting": timeline.waiting("carrier", "the carrier is booked")}
    await timeline.transition(conn, order_no, Status.PENDING_PAYMENT, OrderEvent.CAPTURE_DEFERRED, data=data)
    return True


async def due_part(conn: AsyncConnection, order_no: str, fulfilment_id: str) -> FulfilmentCapture | None:
    """The fulfilment, where it is to be captured now; None where it is captured, or not to be."""
    due = (await load_facts(conn, order_no)).due_captures
    return next((part for part in due if part.fulfilment_id == fulfilment_id), None)


async def provider_of(conn: AsyncConnection, order_no: str) -> str | None:
    """Who holds the order's authorisation."""
    authorisation = await _authorisation(conn, order_no, await load_facts(conn, order_no))
    return authorisation.provider if authorisation else None


async def decide_share(conn: AsyncConnection, order_no: str, number: int, *, whole: bool) -> int:
    """What is captured with the fulfilment in all, decided once. With `whole` it is everything that is not captured, of
    fulfilments that are not cancelled: its provider takes an authorisation once. The caller has locked the order."""
    values = {"order_no": order_no, "number": number}
    known = [CaptureLine(**row) for row in (await conn.execute(_DECIDED, values)).mappings()]
    return sum(line.amount_minor for line in known or await _freeze(conn, order_no, number, whole=whole))


async def _freeze(conn: AsyncConnection, order_no: str, number: int, *, whole: bool) -> Sequence[CaptureLine]:
    values: dict[str, str | int] = {"order_no": order_no, "number": number}
    lines = [CapturableLine(**row) for row in (await conn.execute(_LINES, {"order_no": order_no})).mappings()]
    units = {row.line_no: row.quantity for row in await conn.execute(_UNITS, {**values, "whole": whole})}
    share = share_of(lines, units)
    rows = [
        {**values, "line_no": line.line_no, "quantity": line.quantity, "goods_minor": line.goods_minor,
         "shipping_minor": line.shipping_minor}
        for line in share
    ]  # fmt: skip
    await conn.execute(_FREEZE, rows)
    return share


async def open_capture(
    conn: AsyncConnection, order_no: str, part: FulfilmentCapture, amount_minor: int
) -> StoredIntent:
    """The intent to capture the share of a fulfilment; a call that has begun keeps its key.

    Raises RuleBroken `authorisation_missing` where no authorisation holds so much. The caller has locked the order.
    """
    facts, known = await load_facts(conn, order_no), await transactions.transactions_of(conn, order_no)
    tries = [t for t in known if t.fulfilment_no == part.number and t.provider != "manual"]
    begun = next((t for t in tries if t.status in (PaymentStatus.INTENT, PaymentStatus.PENDING)), None)
    if begun is not None:
        parent = next(t for t in known if t.payment_id == begun.parent_id)
    else:
        held = await _authorisation(conn, order_no, facts)
        if held is None or authorised_left(held, known) < amount_minor:
            raise RuleBroken("authorisation_missing")
        parent = held
    failed = sum(t.status is PaymentStatus.FAILED for t in tries)
    key = begun.idempotency_key if begun else idempotency_key(order_no, f"capture/F{part.number}", failed + 1)
    intent = PaymentIntent(
        order_no, amount_minor, parent.currency, key, kind=PaymentKind.CAPTURE, provider=parent.provider,
        attempt=parent.attempt, parent_id=parent.payment_id, parent_ref=parent.provider_ref or "",
        fulfilment_no=part.number, final=False,
    )  # fmt: skip
    return await transactions.begin(conn, intent)


async def undecided(conn: AsyncConnection, order_no: str, number: int) -> Transaction | None:
    """A capture of the fulfilment's share of which it is not known what became of it."""
    known = await transactions.transactions_of(conn, order_no)
    open_ones = (PaymentStatus.INTENT, PaymentStatus.PENDING)
    return next((t for t in known if t.fulfilment_no == number and t.status in open_ones), None)


async def return_if_given_up(conn: AsyncConnection, order_no: str, fulfilment_no: int, payment_id: int) -> None:
    """The capture of a fulfilment that does not ship is not the order's money: its workflow gives it back."""
    values = {"order_no": order_no, "number": fulfilment_no, "payment_id": payment_id}
    amount = (await conn.execute(_RETURN, values)).scalar_one_or_none()
    if amount is not None:
        await timeline.append(conn, order_no, "payment_returned", data={"amount_minor": amount})


async def _authorisation(conn: AsyncConnection, order_no: str, facts: StateFacts) -> Transaction | None:
    """What the order's newest payment attempt authorised, while it holds money."""
    held = open_authorisations(await transactions.transactions_of(conn, order_no))
    return next((t for t in held if t.purpose is PaymentPurpose.ORDER and t.attempt == facts.attempt), None)
