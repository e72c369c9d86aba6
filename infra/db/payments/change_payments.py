"""Changes that wait for a difference to be paid, in the books: triggers apply them, or undo them and free stock."""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.orders.changes import stock_deltas
from domain.payments.change_payments import ChangePaymentStatus
from domain.payments.transactions import PaymentKind, PaymentStatus, idempotency_key
from infra.db.customers.profiles import KeyRing
from infra.db.orders import changes, timeline
from infra.db.orders.changes import ChangeContext, NewChange
from infra.db.payments import transactions
from infra.db.payments.transactions import PaymentIntent, PreparedCall, Transaction

# No carrier that was asked before is believed: the order may come out of its change larger.
_FENCE = text(
    """UPDATE shipments SET tries = tries + 1, updated_at = now() WHERE order_no = :order_no AND status = 'booking'"""
)
_OPEN = text(
    """
    INSERT INTO order_supplements (order_no, supplement_no, change_no, actor, what, lines, held, warehouse, before_enc,
                                   after_enc, ship_to_enc, place, note_enc, slot_from, slot_to,
                                   total_before_minor, total_after_minor, amount_minor, currency, method, token, until)
    SELECT :order_no, (SELECT count(*) + 1 FROM order_supplements s WHERE s.order_no = :order_no), :change_no, :actor,
           :what, CAST(:lines AS jsonb), CAST(:held AS jsonb), :warehouse, CAST(:before AS bytea),
           CAST(:after AS bytea), CAST(:ship_to AS bytea), CAST(:place AS jsonb), CAST(:note AS bytea),
           CAST(:slot_from AS timestamptz), CAST(:slot_to AS timestamptz),
           :total_before_minor, :total_after_minor, :amount_minor, :currency, :method, :token, :until
    RETURNING supplement_no
    """
)
_HOLD = text(
    """
    WITH held AS (
      INSERT INTO allocations (order_no, sku, warehouse, quantity, state)
      VALUES (:order_no, :sku, :warehouse, :units, 'reserved')
      ON CONFLICT (order_no, sku, warehouse) DO UPDATE SET state = 'reserved', quantity = CASE allocations.state
        WHEN 'reserved' THEN allocations.quantity + excluded.quantity ELSE excluded.quantity END
    )
    INSERT INTO stock_movements
      (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta, order_no, actor)
    VALUES (:key, 'reserve', :sku, :warehouse, :units, 0, :units, :order_no, :actor)
    """
)
_WAKE = text(
    """
    INSERT INTO workflow_requests (kind, subject, name, payload, rank)
    SELECT 'signal_order', o.order_no, 'order_changed',
           jsonb_build_object('supplement_no', CAST(:supplement_no AS integer), 'what', jsonb_build_array('lines')),
           extract(epoch FROM clock_timestamp()) - head_start_s(o.priority)
      FROM orders o WHERE o.order_no = :order_no
    """
)
_AWAITED = text("SELECT is_awaiting_supplement(:order_no)")
_EXPIRE = text(
    """UPDATE order_supplements SET status = 'undone', code = 'payment_expired', updated_at = now()
        WHERE order_no = :order_no AND status = 'awaiting_payment'
          AND difference_until(order_no, supplement_no) <= now()"""
)
_GIVE_UP = text(
    """UPDATE order_supplements SET status = 'undone', code = :code, updated_at = now()
        WHERE order_no = :order_no AND status = 'awaiting_payment'"""
)
_FIND = text(
    """SELECT amount_minor, currency, method, token, status, takes_no_money(order_no) AS held
         FROM order_supplements WHERE order_no = :order_no AND supplement_no = :supplement_no"""
)
_SHOWN = text(
    """SELECT supplement_no, actor, what, held, total_before_minor, total_after_minor, amount_minor, status, code,
              coalesce(nullif(difference_until(order_no, supplement_no), 'infinity'), until) AS until,
              created_at FROM order_supplements WHERE order_no = :order_no ORDER BY supplement_no DESC"""
)


@dataclass(frozen=True, slots=True)
class PaidBy:
    """What the customer pays the difference with, and until when it may take."""

    method: str
    token: str
    timeout_s: float


@dataclass(frozen=True, slots=True)
class ChangePayment:
    """The difference of a change, as far as a provider is asked for it."""

    order_no: str
    supplement_no: int
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
    def stands_still(self) -> bool:
        """While a hold keeps money from being taken nobody is asked for it."""
        return self.awaited and self.held


async def is_awaited(conn: AsyncConnection, order_no: str) -> bool:
    """True while a change of the order waits for its payment."""
    return bool((await conn.execute(_AWAITED, {"order_no": order_no})).scalar_one())


async def open_one(conn: AsyncConnection, keys: KeyRing, found: ChangeContext, change: NewChange, by: PaidBy) -> int:
    """Keep the change until its difference is paid and hold what it needs more; answers with its number.

    The order is locked. Raises Conflict `stock_short`: then the transaction is over.
    """
    order_no, amount = found.order_no, change.total_after_minor - found.total_minor
    wait = timeline.waiting("payment", "the change is undone", by.timeout_s)
    await conn.execute(_FENCE, {"order_no": order_no})
    values = _row(keys, found, change) | {"amount_minor": amount, "currency": found.currency}
    values |= {"method": by.method, "token": by.token, "until": datetime.fromisoformat(wait["until"])}
    number = int((await conn.execute(_OPEN, values)).scalar_one())
    await _hold(conn, found, change, number)
    data = {"amount_minor": amount, "total_after_minor": change.total_after_minor, "waiting": wait}
    await timeline.append(conn, order_no, "change_awaits_payment", change.actor, data=data)
    await conn.execute(_WAKE, {"order_no": order_no, "supplement_no": number})
    return number


def _row(keys: KeyRing, found: ChangeContext, change: NewChange) -> dict[str, Any]:
    before, after = changes.sealed_texts(keys, found, change, found.changes + 1)
    lines = [asdict(line) | {"items_minor": line.items_minor} for line in change.lines]
    held = [{"sku": sku, "quantity": units} for sku, units in stock_deltas(change.lines).items()]
    ship_to = change.ship_to if "address" in change.what else None
    place = {name: ship_to[name] for name in ("country", "province", "city")} if ship_to else None
    key, order_no = found.data_key, found.order_no
    return {
        "order_no": order_no,
        "change_no": found.changes + 1,
        "actor": change.actor,
        "what": list(change.what),
        "lines": json.dumps(lines),
        "held": json.dumps(held),
        "warehouse": found.warehouse,
        "before": before,
        "after": after,
        "ship_to": keys.seal_json(key, dict(ship_to), f"{order_no}:ship_to") if ship_to and key else None,
        "place": json.dumps(place) if place else None,
        "note": keys.seal_json(key, change.note, f"{order_no}:note") if change.note and key else None,
        **changes.ends(change.slot),
        "total_before_minor": found.total_minor,
        "total_after_minor": change.total_after_minor,
    }


async def _hold(conn: AsyncConnection, found: ChangeContext, change: NewChange, number: int) -> None:
    """In order of SKU, as everywhere."""
    for sku, units in stock_deltas(change.lines).items():
        if units < 0:
            continue
        row: dict[str, Any] = {"order_no": found.order_no, "sku": sku, "warehouse": found.warehouse, "units": units}
        key = f"{found.order_no}/supplement/{number}/reserve/{sku}"
        try:
            await conn.execute(_HOLD, {**row, "actor": change.actor, "key": key})
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == "OM001":
                raise changes.short(sku) from None
            raise


async def expire(conn: AsyncConnection, order_no: str) -> None:
    """Undo a change whose payment did not come in time. The order is locked."""
    await conn.execute(_EXPIRE, {"order_no": order_no})


async def give_up(conn: AsyncConnection, order_no: str, code: str) -> None:
    """Undo the change that waits. The order is locked."""
    await conn.execute(_GIVE_UP, {"order_no": order_no, "code": code})


async def find(conn: AsyncConnection, order_no: str, supplement_no: int) -> ChangePayment:
    """One of the order's."""
    row = (await conn.execute(_FIND, {"order_no": order_no, "supplement_no": supplement_no})).one()
    values = {**row._mapping, "status": ChangePaymentStatus(row.status)}
    return ChangePayment(order_no, supplement_no, **values)


async def open_call(
    conn: AsyncConnection, here: ChangePayment, providers: Collection[str], default_provider: str
) -> PreparedCall:
    """The intent of what is due, with what its call needs: first the authorisation, then its capture. A refusal ends
    the change, so each has one key."""
    known = await _payments(conn, here)
    authorised = (PaymentKind.AUTHORISE, PaymentStatus.SUCCEEDED)
    parent = next((one for one in known if (one.kind, one.status) == authorised), None)
    kind = PaymentKind.CAPTURE if parent else PaymentKind.AUTHORISE
    provider = parent.provider if parent else here.method if here.method in providers else default_provider
    key = idempotency_key(here.order_no, f"supplement/{here.supplement_no}/{kind}", 1)
    new = PaymentIntent(
        here.order_no, kind, None, provider, here.amount_minor, here.currency, key,
        parent.payment_id if parent else None, "supplement", change_payment_no=here.supplement_no,
    )  # fmt: skip
    needs = (parent.provider_ref or "") if parent else here.token
    return PreparedCall(new, await transactions.begin(conn, new), needs)


async def unsettled(conn: AsyncConnection, here: ChangePayment) -> list[Transaction]:
    """Transactions whose outcome nobody knows yet."""
    known = await _payments(conn, here)
    return [one for one in known if one.status in (PaymentStatus.INTENT, PaymentStatus.PENDING)]


async def _payments(conn: AsyncConnection, here: ChangePayment) -> list[Transaction]:
    """The authorisation and the capture of the difference."""
    known = await transactions.transactions_of(conn, here.order_no)
    return [one for one in known if one.change_payment_no == here.supplement_no]


async def of_order(conn: AsyncConnection, order_no: str) -> list[dict[str, Any]]:
    """The order's changes that waited, or wait, for a payment, newest first."""
    return [dict(row._mapping) for row in await conn.execute(_SHOWN, {"order_no": order_no})]
