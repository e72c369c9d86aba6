"""Store credit: what customers are owed, moved by append-only entries. The database moves the balance."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict
from domain.payments import receivables
from domain.payments.refunds import Origin, RefundStatus
from infra.db.orders.state import timeline
from infra.db.payments import refund_payouts, refunds, transactions
from infra.db.payments.refund_plans import NewRefund
from infra.db.payments.transactions import PaymentIntent

PROVIDER = "store_credit"


class EntryKind(StrEnum):
    """`held` reserves for a payment and ends as `released` or `spent`; `returned` is a refund of what was spent;
    `declined` keeps the answer to a payment that the balance did not cover."""

    GRANTED = "granted"
    HELD = "held"
    DECLINED = "declined"
    RELEASED = "released"
    SPENT = "spent"
    RETURNED = "returned"


# What each kind does to (balance, held), in multiples of its amount.
DELTAS: dict[EntryKind, tuple[int, int]] = {
    EntryKind.GRANTED: (1, 0),
    EntryKind.HELD: (-1, 1),
    EntryKind.DECLINED: (0, 0),
    EntryKind.RELEASED: (1, -1),
    EntryKind.SPENT: (0, -1),
    EntryKind.RETURNED: (1, 0),
}

_WRITE = text(
    """
    INSERT INTO store_credit_entries (idempotency_key, kind, customer_id, currency, amount_minor, balance_delta,
                                      held_delta, order_no, return_id, parent_id)
    VALUES (:key, :kind, :customer_id, :currency, :amount, :balance, :held, :order_no, :return_id, :parent_id)
    ON CONFLICT (idempotency_key) DO NOTHING
    """
)
_FIND = text("SELECT * FROM store_credit_entries WHERE idempotency_key = :key")
_BY_ID = text("SELECT * FROM store_credit_entries WHERE entry_id = :entry_id")
_ENDED = text("SELECT coalesce(sum(amount_minor), 0)::bigint FROM store_credit_entries WHERE parent_id = :entry_id")
# The order's row before the balance's: a grant takes them in this order, too.
_OWNER = text("SELECT customer_id FROM orders WHERE order_no = :order_no FOR KEY SHARE")
# A channel's word alone names the customer of its orders: it opens what was granted on that channel's orders, never
# what another's customer of the same id has. Customers who order themselves, or through staff, have all of their
# credit.
_THROUGH = text(
    """
    SELECT (SELECT coalesce(sum(e.balance_delta), 0)::bigint
              FROM store_credit_entries e JOIN orders g USING (order_no)
             WHERE e.customer_id = o.customer_id AND e.currency = o.currency AND g.channel = o.channel) AS balance_minor
      FROM orders o
     WHERE o.order_no = :order_no AND o.placed_by <> 'customer:' || o.customer_id
       AND EXISTS (SELECT FROM orders x WHERE x.customer_id = o.customer_id AND x.channel = o.channel
                      AND x.placed_by = 'channel:' || x.channel)
    """
)
_OF_ORDER = text(
    """
    SELECT coalesce((SELECT c.balance_minor FROM store_credits c
                      WHERE c.customer_id = o.customer_id AND c.currency = o.currency), 0)::bigint
      FROM orders o WHERE o.order_no = :order_no
    """
)
_LOCK = text("SELECT lock_store_credit(:customer_id, :currency)")
_BALANCES = text(
    """SELECT trim(currency) AS currency, balance_minor, held_minor FROM store_credits
        WHERE customer_id = :customer_id ORDER BY currency"""
)
_PAGE = text(
    """SELECT e.entry_id, e.kind, trim(e.currency) AS currency, e.amount_minor, e.balance_delta, e.held_delta,
              e.order_no, e.return_id, r.return_no, e.created_at
         FROM store_credit_entries e LEFT JOIN returns r USING (return_id)
        WHERE e.customer_id = :customer_id AND e.kind <> 'declined'
          AND e.entry_id < CAST(:before AS bigint) ORDER BY e.entry_id DESC LIMIT :limit"""
)
_KNOWN = text("SELECT EXISTS (SELECT FROM customers WHERE customer_id = :customer_id)")
_TO_PAY = text(
    """SELECT o.customer_id, r.status, r.return_id FROM refunds r JOIN orders o USING (order_no)
        WHERE r.refund_id = :refund_id"""
)
_AS_REFUND = text(
    """
    INSERT INTO payments (order_no, kind, purpose, attempt, provider, amount_minor, currency, status,
                          idempotency_key, provider_ref, parent_id, refund_id)
    VALUES (:order_no, 'refund', :purpose, :attempt, 'store_credit', :amount, :currency, 'succeeded', :key, :ref,
            :parent_id, :refund_id)
    """
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of `store_credit_entries`."""

    entry_id: int
    idempotency_key: str
    kind: EntryKind
    customer_id: str
    currency: str
    amount_minor: int
    order_no: str
    parent_id: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry to write; what it does to the balance follows from its kind."""

    key: str
    kind: EntryKind
    customer_id: str
    currency: str
    amount_minor: int
    order_no: str
    return_id: str | None = None
    parent_id: int | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    """What a customer is owed in a currency; `held_minor` is reserved for payments."""

    currency: str
    balance_minor: int
    held_minor: int


@dataclass(frozen=True, slots=True)
class StatementEntry:
    """An entry as a customer's statement shows it."""

    entry_id: int
    kind: EntryKind
    currency: str
    amount_minor: int
    balance_delta: int
    held_delta: int
    order_no: str
    return_id: str | None
    return_no: int | None
    created_at: datetime


async def write(conn: AsyncConnection, new: NewEntry) -> Entry:
    """Write the entry, or find the one under its key."""
    balance, held = DELTAS[new.kind]
    values = {
        "key": new.key,
        "kind": new.kind,
        "customer_id": new.customer_id,
        "currency": new.currency,
        "amount": new.amount_minor,
        "balance": balance * new.amount_minor,
        "held": held * new.amount_minor,
        "order_no": new.order_no,
        "return_id": new.return_id,
        "parent_id": new.parent_id,
    }
    await conn.execute(_WRITE, values)
    written = await find(conn, new.key)
    assert written is not None, "written, or there before"
    return written


async def find(conn: AsyncConnection, key: str) -> Entry | None:
    """The entry under an idempotency key."""
    return _entry((await conn.execute(_FIND, {"key": key})).mappings().one_or_none())


async def by_id(conn: AsyncConnection, entry_id: int) -> Entry | None:
    """The entry of this number."""
    return _entry((await conn.execute(_BY_ID, {"entry_id": entry_id})).mappings().one_or_none())


async def ended_minor(conn: AsyncConnection, entry: Entry) -> int:
    """How much of a hold has ended, or of a spending has come back."""
    return int((await conn.execute(_ENDED, {"entry_id": entry.entry_id})).scalar_one())


async def owner_of(conn: AsyncConnection, order_no: str) -> str | None:
    """The order's customer, its row kept from changing; None when there is no such order."""
    found: str | None = (await conn.execute(_OWNER, {"order_no": order_no})).scalar_one_or_none()
    return found


async def lock_balance(conn: AsyncConnection, customer_id: str, currency: str) -> int:
    """What can be spent, the row taken for this transaction; 0 where nothing was ever granted."""
    values = {"customer_id": customer_id, "currency": currency}
    return int((await conn.execute(_LOCK, values)).scalar_one())


async def open_to(conn: AsyncConnection, order_no: str, balance_minor: int | None = None) -> int:
    """What of the balance may pay this order; `balance_minor` where the balance is locked already."""
    if balance_minor is None:
        balance_minor = int((await conn.execute(_OF_ORDER, {"order_no": order_no})).scalar_one())
    through = (await conn.execute(_THROUGH, {"order_no": order_no})).scalar_one_or_none()
    return balance_minor if through is None else min(balance_minor, int(through))


async def statement_of(
    conn: AsyncConnection, customer_id: str, before: int, limit: int
) -> tuple[list[Balance], list[StatementEntry]] | None:
    """(balances, entries from the newest down), entries before the number `before`; None: no such customer."""
    if not (await conn.execute(_KNOWN, {"customer_id": customer_id})).scalar_one():
        return None
    balances = (await conn.execute(_BALANCES, {"customer_id": customer_id})).mappings().all()
    page = {"customer_id": customer_id, "before": before, "limit": limit}
    entries = (await conn.execute(_PAGE, page)).mappings().all()
    known = [StatementEntry(**{**row, "kind": EntryKind(row["kind"])}) for row in entries]
    return [Balance(**row) for row in balances], known


async def pay_with_credit(conn: AsyncConnection, order_no: str, refund_id: str, actor: str = "system") -> None:
    """Pay an approved refund with store credit, all of it and at once: the money stays ours and is owed from here on.
    What the customer owes on terms is lowered instead: nothing of it was paid.

    In the transaction that opened the refund, or under the order's lock. What is paid already is not paid again.
    """
    refund = (await conn.execute(_TO_PAY, {"refund_id": refund_id})).one()
    if refund.status != RefundStatus.APPROVED:
        raise Conflict("refund_closed", "only an approved refund can be paid with store credit")
    granted = 0
    for due in await refund_payouts.due_parts(conn, refund_id):
        if due.provider == receivables.PROVIDER:
            await transactions.record(conn, due, due.idempotency_key)
            continue
        entry = await write(
            conn,
            NewEntry(due.idempotency_key, EntryKind.GRANTED, refund.customer_id, due.currency, due.amount_minor,
                     order_no, refund.return_id),
        )  # fmt: skip
        await conn.execute(_AS_REFUND, _payment(due, entry))
        granted, currency = granted + due.amount_minor, due.currency
    await refund_payouts.settle(conn, refund_id)
    if granted:
        data = {"amount_minor": granted, "currency": currency, "return_id": refund.return_id}
        await timeline.append(conn, order_no, "store_credit_granted", actor, key=f"credit:{refund_id}", data=data)


def _payment(due: PaymentIntent, entry: Entry) -> dict[str, str | int | None]:
    return {
        "order_no": due.order_no,
        "purpose": due.purpose,
        "attempt": due.attempt,
        "amount": due.amount_minor,
        "currency": due.currency,
        "key": due.idempotency_key,
        "ref": reference(entry),
        "parent_id": due.parent_id,
        "refund_id": due.refund_id,
    }


async def grant(
    conn: AsyncConnection,
    customer_id: str,
    currency: str,
    amount_minor: int,
    order_no: str,
    return_id: str | None,
    key: str,
    actor: str = "system",
) -> None:
    """Turn `amount_minor` of what the order captured into store credit, once under `key`: a refund paid with credit.

    Raises Conflict as `refunds.open_refund` does, and `currency_mismatch`.
    """
    refund_id = f"rf_{hashlib.sha256(key.encode()).hexdigest()[:32]}"
    await timeline.lock_order(conn, order_no)
    if await timeline.is_done(conn, order_no, f"credit:{refund_id}"):
        return
    origin = Origin.RETURN if return_id else Origin.SUPPORT
    new = NewRefund(
        refund_id, order_no, origin, actor, "", amount_minor=amount_minor, return_id=return_id, as_credit=True
    )
    opened = await refunds.open_refund(conn, None, new)
    if opened.plan.currency != currency or await owner_of(conn, order_no) != customer_id:
        raise Conflict("currency_mismatch", "store credit belongs to the order's customer, in the order's currency")
    await pay_with_credit(conn, order_no, refund_id, actor)


def reference(entry: Entry) -> str:
    """What a payment's `provider_ref` says of an entry."""
    return f"sc_{entry.entry_id}"


def entry_id_of(provider_ref: str) -> int | None:
    """The entry that a `provider_ref` names."""
    digits = provider_ref.removeprefix("sc_")
    return int(digits) if provider_ref.startswith("sc_") and digits.isdecimal() and len(digits) < 19 else None


def _entry(row: RowMapping | None) -> Entry | None:
    if row is None:
        return None
    return Entry(
        row["entry_id"], row["idempotency_key"], EntryKind(row["kind"]), row["customer_id"], row["currency"],
        row["amount_minor"], row["order_no"], row["parent_id"], row["created_at"],
    )  # fmt: skip
