"""Changes that wait until their difference is paid: then they are applied, else a trigger undoes them."""

import json
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import TypedDict

from sqlalchemy import RowMapping, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.orders.changes import LineChange, stock_deltas
from domain.orders.delivery_slots import TimeSlot
from domain.payments.change_payments import ChangePaymentStatus
from domain.payments.transactions import PaymentKind, PaymentPurpose, PaymentStatus, idempotency_key
from domain.times import rfc3339
from infra.db.customers.profiles import KeyRing
from infra.db.orders import order_contacts
from infra.db.orders.changing import changes, sealed_changes
from infra.db.orders.changing.changes import ChangePlan
from infra.db.orders.changing.sealed_changes import HeldAt, SealedChange
from infra.db.orders.state import timeline
from infra.db.payments import transactions
from infra.db.payments.transactions import PaymentIntent, StoredIntent, Transaction

# An earlier answer of the carrier does not count: the order may be larger after the change.
_FENCE = text(
    """UPDATE shipments SET tries = tries + 1, updated_at = now() WHERE order_no = :order_no AND status = 'booking'"""
)
_OPEN = text(
    """
    INSERT INTO change_payments (order_no, payment_no, change_no, actor, what, lines, held, warehouse, before_enc,
                                 after_enc, ship_to_enc, place, note_enc, slot_from, slot_to,
                                 total_before_minor, total_after_minor, amount_minor, currency, method, token, until)
    SELECT :order_no, (SELECT count(*) + 1 FROM change_payments s WHERE s.order_no = :order_no), :change_no, :actor,
           :what, CAST(:lines AS jsonb), CAST(:held AS jsonb), :warehouse, CAST(:before AS bytea),
           CAST(:after AS bytea), CAST(:ship_to AS bytea), CAST(:place AS jsonb), CAST(:note AS bytea),
           CAST(:slot_from AS timestamptz), CAST(:slot_to AS timestamptz),
           :total_before_minor, :total_after_minor, :amount_minor, :currency, :method, :token, :until
    RETURNING payment_no
    """
)
_HOLD = text(
    """
    WITH held AS (
      INSERT INTO reservations AS r (order_no, sku, warehouse, fulfilment_no, quantity, state)
      VALUES (:order_no, :sku, :warehouse, 1, :units, 'reserved')
      ON CONFLICT (order_no, sku, warehouse, fulfilment_no) DO UPDATE SET state = 'reserved', quantity =
        CASE r.state WHEN 'reserved' THEN r.quantity + excluded.quantity ELSE excluded.quantity END
    )
    INSERT INTO stock_movements
      (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta, order_no, actor)
    VALUES (:key, 'reserve', :sku, :warehouse, :units, 0, :units, :order_no, :actor)
    """
)
_SIGNAL = text(
    """
    INSERT INTO workflow_requests (kind, subject, name, payload, rank)
    SELECT 'signal_order', o.order_no, 'order_changed',
           jsonb_build_object('supplement_no', CAST(:payment_no AS integer), 'what', jsonb_build_array('lines')),
           extract(epoch FROM clock_timestamp()) - priority_head_start_s(o.priority)
      FROM orders o WHERE o.order_no = :order_no
    """
)
# Until the end of the transaction, or until it is set again.
_APPLIED_BY = text("SELECT set_config('oms.change_applied_by', :applied_by, true)")
_TO_APPLY = text(
    f"""
    SELECT s.order_no, s.payment_no, s.change_no, s.actor, s.what, s.lines, s.warehouse, s.before_enc, s.after_enc,
           s.ship_to_enc, s.place, s.note_enc, s.slot_from, s.slot_to, s.total_before_minor, s.total_after_minor,
           s.amount_minor
      FROM change_payments s
     WHERE s.order_no = :order_no AND s.payment_no = :payment_no AND s.status = '{ChangePaymentStatus.APPLIED}'
       AND NOT EXISTS (SELECT FROM order_changes h WHERE h.order_no = s.order_no AND h.change_no = s.change_no)
    """  # noqa: S608
)
_AWAITED = text("SELECT is_awaiting_change_payment(:order_no)")
_EXPIRE = text(
    """UPDATE change_payments SET status = 'undone', code = 'payment_expired', updated_at = now()
        WHERE order_no = :order_no AND status = 'awaiting_payment'
          AND difference_until(order_no, payment_no) <= now()"""
)
_GIVE_UP = text(
    """UPDATE change_payments SET status = 'undone', code = :code, updated_at = now()
        WHERE order_no = :order_no AND status = 'awaiting_payment'"""
)
_FIND = text(
    """SELECT amount_minor, currency, method, token, status, takes_no_money(order_no) AS held
         FROM change_payments WHERE order_no = :order_no AND payment_no = :payment_no"""
)
_LIST = text(
    """SELECT payment_no, actor, what, held, total_before_minor, total_after_minor, amount_minor, status, code,
              coalesce(nullif(difference_until(order_no, payment_no), 'infinity'), until) AS until,
              created_at FROM change_payments WHERE order_no = :order_no ORDER BY payment_no DESC"""
)


class HeldUnits(TypedDict):
    """Units of a SKU that a change needs more, or, below zero, fewer."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class ListedChangePayment:
    """A change that waited, or waits, for its payment. `code` says why it was undone."""

    payment_no: int
    actor: str
    what: list[str]
    held: list[HeldUnits]
    total_before_minor: int
    total_after_minor: int
    amount_minor: int
    status: ChangePaymentStatus
    code: str | None
    until: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PaidBy:
    """How the customer pays the difference, and until when."""

    method: str
    token: str
    timeout_s: float


@dataclass(frozen=True, slots=True)
class ChangePayment:
    """The difference of a change, as a provider is asked for it."""

    order_no: str
    payment_no: int
    amount_minor: int
    currency: str
    method: str
    token: str
    status: ChangePaymentStatus
    held: bool

    @property
    def awaited(self) -> bool:
        return self.status is ChangePaymentStatus.AWAITING_PAYMENT

    @property
    def is_suspended(self) -> bool:
        """While a hold stops payments no provider is asked."""
        return self.awaited and self.held


async def is_awaited(conn: AsyncConnection, order_no: str) -> bool:
    """True while a change of the order waits for its payment."""
    return bool((await conn.execute(_AWAITED, {"order_no": order_no})).scalar_one())


async def open_one(conn: AsyncConnection, keys: KeyRing, plan: ChangePlan, actor: str, by: PaidBy) -> int:
    """Store the change until its difference is paid, and reserve what it adds; returns its number.

    The order is locked. Raises Conflict `stock_short`, which ends the transaction.
    """
    order_no = plan.context.order_no
    until = timeline.deadline_in(by.timeout_s)
    wait = {"what": "payment", "until": rfc3339(until), "next": "the change is undone"}
    await conn.execute(_FENCE, {"order_no": order_no})
    values = _row(changes.seal(keys, plan, actor))
    values |= {"amount_minor": plan.difference_minor, "currency": plan.context.currency}
    values |= {"warehouse": plan.context.warehouse}
    values |= {"method": by.method, "token": by.token, "until": until}
    number = int((await conn.execute(_OPEN, values)).scalar_one())
    await _hold(conn, plan, actor, number)
    if plan.ship_to is not None:
        # The keys are known here, and not where the change is applied. An undone change leaves a search term too many.
        await order_contacts.readdress(conn, keys, order_no, plan.ship_to)
    data = {
        "amount_minor": plan.difference_minor,
        "total_after_minor": plan.total_after_minor,
        "waiting": wait,
    }
    await timeline.append(conn, order_no, "change_awaits_payment", actor, data=data)
    await conn.execute(_SIGNAL, {"order_no": order_no, "payment_no": number})
    return number


def _row(change: SealedChange) -> dict[str, object]:
    lines = [asdict(line) | {"items_minor": line.items_minor} for line in change.lines]
    held = [{"sku": sku, "quantity": units} for sku, units in stock_deltas(change.lines).items()]
    return {
        "order_no": change.order_no,
        "change_no": change.change_no,
        "actor": change.actor,
        "what": list(change.what),
        "lines": json.dumps(lines),
        "held": json.dumps(held),
        "before": change.before,
        "after": change.after,
        "ship_to": change.ship_to,
        "place": json.dumps(change.place) if change.place else None,
        "note": change.note,
        **sealed_changes.slot_columns(change.slot),
        "total_before_minor": change.total_before_minor,
        "total_after_minor": change.total_after_minor,
    }


async def _hold(conn: AsyncConnection, plan: ChangePlan, actor: str, number: int) -> None:
    """Sorted by SKU, as in every transaction."""
    order_no, warehouse = plan.context.order_no, plan.context.warehouse
    for sku, units in stock_deltas(plan.lines).items():
        if units < 0:
            continue
        row = {"order_no": order_no, "sku": sku, "warehouse": warehouse, "units": units}
        key = f"{order_no}/supplement/{number}/reserve/{sku}"
        try:
            await conn.execute(_HOLD, {**row, "actor": actor, "key": key})
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == "OM001":
                raise changes.short(sku) from None
            raise


@asynccontextmanager
async def applied(conn: AsyncConnection, order_no: str, change_payment_no: int | None) -> AsyncIterator[None]:
    """Write the outcome of a payment in this block: a change that is paid by it is applied at the end.

    For processes of the previous version a trigger of the database applies it. The order is
    locked. Without a number the payment is for no change.
    """
    if change_payment_no is None:
        yield
        return
    await conn.execute(_APPLIED_BY, {"applied_by": "application"})
    yield
    await conn.execute(_APPLIED_BY, {"applied_by": ""})
    about = {"order_no": order_no, "payment_no": change_payment_no}
    row = (await conn.execute(_TO_APPLY, about)).mappings().one_or_none()
    if row is not None:
        await _apply(conn, change_payment_no, row)


async def _apply(conn: AsyncConnection, payment_no: int, row: RowMapping) -> None:
    change = _sealed(row)
    data = {"amount_minor": row["amount_minor"], "change_no": change.change_no}
    await timeline.append(conn, change.order_no, "supplement_captured", data=data)
    await sealed_changes.write(conn, change, {"waiting": timeline.waiting("carrier", "the carrier is booked")})
    at = HeldAt(change.order_no, row["warehouse"])
    for sku, units in stock_deltas(change.lines).items():
        if units < 0:
            key = f"{change.order_no}/supplement/{payment_no}/release/{sku}"
            await sealed_changes.move_units(conn, at, sku, units, key, "system")


def _sealed(row: RowMapping) -> SealedChange:
    known = {field.name for field in fields(LineChange)}
    lines = sorted(row["lines"], key=lambda line: line["line_no"])
    begin, end = row["slot_from"], row["slot_to"]
    return SealedChange(
        order_no=row["order_no"],
        change_no=row["change_no"],
        actor=row["actor"],
        what=tuple(row["what"]),
        lines=[LineChange(**{name: value for name, value in line.items() if name in known}) for line in lines],
        total_before_minor=row["total_before_minor"],
        total_after_minor=row["total_after_minor"],
        before=row["before_enc"],
        after=row["after_enc"],
        ship_to=row["ship_to_enc"],
        place=row["place"],
        note=row["note_enc"],
        slot=TimeSlot(begin, end) if begin else None,
    )


async def expire(conn: AsyncConnection, order_no: str) -> None:
    """Undo a change whose payment did not come in time. The order is locked."""
    await conn.execute(_EXPIRE, {"order_no": order_no})


async def give_up(conn: AsyncConnection, order_no: str, code: str) -> None:
    """Undo the change that waits. The order is locked."""
    await conn.execute(_GIVE_UP, {"order_no": order_no, "code": code})


async def find(conn: AsyncConnection, order_no: str, payment_no: int) -> ChangePayment:
    """One of the order's."""
    row = (await conn.execute(_FIND, {"order_no": order_no, "payment_no": payment_no})).one()
    values = {**row._mapping, "status": ChangePaymentStatus(row.status)}
    return ChangePayment(order_no, payment_no, **values)


async def open_call(
    conn: AsyncConnection, change_payment: ChangePayment, providers: Collection[str], default_provider: str
) -> StoredIntent:
    """The intent of what is due: first the authorisation, then its capture. A refusal ends the change, so each has one
    key."""
    known = await _payments(conn, change_payment)
    authorised = (PaymentKind.AUTHORISE, PaymentStatus.SUCCEEDED)
    parent = next((one for one in known if (one.kind, one.status) == authorised), None)
    kind = PaymentKind.CAPTURE if parent else PaymentKind.AUTHORISE
    provider = (
        parent.provider if parent else change_payment.method if change_payment.method in providers else default_provider
    )
    key = idempotency_key(change_payment.order_no, f"supplement/{change_payment.payment_no}/{kind}", 1)
    new = PaymentIntent(
        change_payment.order_no,
        change_payment.amount_minor,
        change_payment.currency,
        key,
        "" if parent else change_payment.token,
        kind=kind,
        provider=provider,
        purpose=PaymentPurpose.CHANGE_PAYMENT,
        change_payment_no=change_payment.payment_no,
    )
    if parent:
        new = replace(new, parent_id=parent.payment_id, parent_ref=parent.provider_ref or "")
    return await transactions.begin(conn, new)


async def unsettled(conn: AsyncConnection, change_payment: ChangePayment) -> list[Transaction]:
    """Transactions whose outcome is not known yet."""
    known = await _payments(conn, change_payment)
    return [one for one in known if one.status in (PaymentStatus.INTENT, PaymentStatus.PENDING)]


async def _payments(conn: AsyncConnection, change_payment: ChangePayment) -> list[Transaction]:
    """The authorisation and the capture of the difference."""
    known = await transactions.transactions_of(conn, change_payment.order_no)
    return [one for one in known if one.change_payment_no == change_payment.payment_no]


async def of_order(conn: AsyncConnection, order_no: str) -> list[ListedChangePayment]:
    """The order's changes that waited, or wait, for a payment, newest first."""
    rows = (await conn.execute(_LIST, {"order_no": order_no})).mappings()
    return [ListedChangePayment(**{**row, "status": ChangePaymentStatus(row["status"])}) for row in rows]
