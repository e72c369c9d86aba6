"""Payments that people made outside: they replace calls to the provider that are under way."""

from dataclasses import asdict, dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.payments.transactions import PaymentKind, PaymentPurpose
from domain.payments.unapplied import Returnable, to_return
from infra.db.orders.state.state_facts import load_facts

_RECORD = text(
    """
    INSERT INTO payments (order_no, kind, purpose, attempt, provider, amount_minor, currency, status,
                          idempotency_key, provider_ref, parent_id, fulfilment_no)
    SELECT o.order_no, :kind, :purpose, :attempt, 'manual', :amount_minor, o.currency, 'succeeded', :key,
           :reference, :parent_id, :fulfilment_no
      FROM orders o WHERE o.order_no = :order_no ON CONFLICT (idempotency_key) DO NOTHING
    """
)
_DROP_CAPTURE = text(
    """UPDATE payments SET status = 'failed', error_code = 'skipped', tries = tries + 1, updated_at = now()
        WHERE order_no = :order_no AND kind = 'capture' AND status IN ('intent', 'pending')
          AND fulfilment_no IS NOT DISTINCT FROM CAST(:fulfilment_no AS integer)"""
)
_TOTAL = text("SELECT total_minor FROM orders WHERE order_no = :order_no")
# What is under way to return these payments; of all that is returned, every call but a guarantee's.
_DROP_RETURNS = text(
    """UPDATE payments SET status = 'failed', error_code = 'skipped', tries = tries + 1, updated_at = now()
        WHERE order_no = :order_no AND status IN ('intent', 'pending') AND purpose <> 'guarantee'
          AND (:everything OR (kind IN ('void', 'refund') AND parent_id = ANY(CAST(:returned AS bigint[]))))"""
)


@dataclass(frozen=True, slots=True)
class ManualPayment:
    """A payment as it is recorded, once for each key."""

    order_no: str
    kind: PaymentKind
    purpose: PaymentPurpose
    attempt: int | None
    amount_minor: int
    key: str
    reference: str
    parent_id: int | None = None
    fulfilment_no: int | None = None


async def record(conn: AsyncConnection, payment: ManualPayment) -> None:
    """Keep the payment; repeatable."""
    await conn.execute(_RECORD, asdict(payment))


async def total_of(conn: AsyncConnection, order_no: str) -> int:
    """What the customer pays, in minor units."""
    return int((await conn.execute(_TOTAL, {"order_no": order_no})).scalar_one())


async def drop_capture(conn: AsyncConnection, order_no: str, fulfilment_no: int | None = None) -> None:
    """A capture under way, of the order or of the fulfilment, is given up; its outcome is unapplied money."""
    await conn.execute(_DROP_CAPTURE, {"order_no": order_no, "fulfilment_no": fulfilment_no})


async def take_over_returns(conn: AsyncConnection, order_no: str, *, everything: bool) -> list[Returnable]:
    """Give up the calls that return money of the order, and answer with the payments that are to be returned.

    Without `everything`, only those that are not the order's.
    """
    facts = await load_facts(conn, order_no)
    due = to_return(facts.money, facts.transactions, everything=everything)
    returned = [one.payment_id for one in due]
    await conn.execute(_DROP_RETURNS, {"order_no": order_no, "everything": everything, "returned": returned})
    return due
