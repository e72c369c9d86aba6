"""What customers owe for orders on payment terms: charged, paid later, overdue. Triggers move what is owed."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict, RuleBroken
from domain.orders.status import OrderEvent, Status
from domain.payments.attempts import AttemptState
from domain.payments.receivables import PROVIDER, Receivable, Terms
from domain.payments.transactions import PaymentKind, PaymentPurpose, PaymentStatus, idempotency_key
from infra.db.orders.state import timeline
from infra.db.orders.state.state_facts import load_facts
from infra.db.payments import transactions
from infra.db.payments.transactions import PaymentIntent, StoredIntent, Transaction

# So many are counted at most.
COUNTED = 1000
_CHARGE = text(
    """
    INSERT INTO payments (order_no, kind, purpose, attempt, provider, amount_minor, currency, status, idempotency_key,
                          provider_ref)
    SELECT o.order_no, 'capture', 'order', NULL, :provider, o.total_minor, o.currency, 'succeeded', :key, :key
      FROM orders o WHERE o.order_no = :order_no
    """
)
_DUE = text(
    "SELECT owed_minor, now() + make_interval(days => terms_days) AS due_at FROM receivables WHERE order_no = :order_no"
)
_DUE_AT = text("SELECT due_at, owed_minor FROM receivables WHERE order_no = :order_no")
_REQUEST = text(
    """SELECT r.method, r.token, o.currency FROM payment_requests r JOIN orders o USING (order_no)
        WHERE r.order_no = :order_no AND r.attempt = :attempt"""
)
# What is neither paid, nor about to be, nor refunded or promised as a refund.
_ROOM = text(
    """
    SELECT t.captured_minor - t.refunded_minor - t.promised_minor - t.disputed_minor - t.settled_minor
      FROM payments p JOIN payment_totals t USING (payment_id)
     WHERE p.order_no = :order_no AND p.kind = 'capture' AND p.provider = :provider
    """
)
_TRANSFER = text(
    """
    INSERT INTO payments (order_no, kind, purpose, attempt, provider, amount_minor, currency, status, idempotency_key,
                          provider_ref)
    SELECT o.order_no, 'capture', 'terms', NULL, 'manual', :amount_minor, o.currency, 'succeeded', :key, :reference
      FROM orders o WHERE o.order_no = :order_no
    ON CONFLICT (idempotency_key) DO NOTHING
    """
)
_COLUMNS = """
    SELECT r.order_no, r.customer_id, trim(r.currency) AS currency, r.purchase_order, r.terms_days, r.charged_minor,
           r.owed_minor, r.due_at, r.reminded_at, r.escalated_at, r.released_at IS NOT NULL AS released, o.status,
           r.created_at
      FROM receivables r JOIN orders o USING (order_no)
"""
_OF_ORDER = text(f"{_COLUMNS} WHERE r.order_no = :order_no")
_PAGE = text(
    f"""
    {_COLUMNS}
     WHERE r.owed_minor > 0 AND r.due_at IS NOT NULL
       AND (CAST(:customer AS text) IS NULL OR r.customer_id = :customer)
       AND (NOT :overdue OR r.due_at <= now())
       AND (CAST(:due_at AS timestamptz) IS NULL OR (r.due_at, r.order_no) > (CAST(:due_at AS timestamptz), :order_no))
     ORDER BY r.due_at, r.order_no LIMIT :limit + 1
    """
)
_TO_REMIND = text(
    """SELECT order_no FROM receivables WHERE owed_minor > 0 AND due_at <= now() AND reminded_at IS NULL
        ORDER BY due_at, order_no LIMIT :limit"""
)
_REMINDED = text(
    """UPDATE receivables SET reminded_at = now() WHERE order_no = :order_no AND reminded_at IS NULL AND owed_minor > 0
       RETURNING owed_minor, trim(currency) AS currency, due_at"""
)

_ESCALATE = text(
    """
    UPDATE receivables SET escalated_at = now()
     WHERE order_no = ANY(ARRAY(
             SELECT order_no FROM receivables
              WHERE owed_minor > 0 AND due_at <= now() AND escalated_at IS NULL
                AND reminded_at <= now() - make_interval(secs => :after_s)
              ORDER BY due_at, order_no LIMIT :limit))
    """
)
_ESCALATED = text(
    f"""SELECT count(*) FROM (SELECT FROM receivables
         WHERE owed_minor > 0 AND due_at <= now() AND escalated_at IS NOT NULL LIMIT {COUNTED}) v"""  # noqa: S608
)


@dataclass(frozen=True, slots=True)
class ListedReceivable:
    """What is owed for an order. Amounts in minor units; `due_at` is None until its stock is reserved; `released`: the
    order was cancelled, and nothing is owed any more."""

    order_no: str
    customer_id: str
    currency: str
    purchase_order: str
    terms_days: int
    charged_minor: int
    owed_minor: int
    due_at: datetime | None
    reminded_at: datetime | None
    escalated_at: datetime | None
    released: bool
    status: Status
    created_at: datetime


async def begin(conn: AsyncConnection, order_no: str) -> None:
    """The order's stock is reserved: its customer owes it from here on, and its terms run. The caller has locked the
    order."""
    key = idempotency_key(order_no, "terms", 1)
    await conn.execute(_CHARGE, {"order_no": order_no, "key": key, "provider": PROVIDER})
    due = (await conn.execute(_DUE, {"order_no": order_no})).one()
    data = {
        "amount_minor": due.owed_minor,
        "until": due.due_at.isoformat(),
        "waiting": timeline.waiting("carrier", "the carrier is booked"),
    }
    await timeline.transition(conn, order_no, Status.PENDING_PAYMENT, OrderEvent.PAYMENT_ON_TERMS, data=data)


async def open_call(
    conn: AsyncConnection, order_no: str, attempt: int, providers: Collection[str], default_provider: str
) -> StoredIntent | None:
    """The next call of an attempt to pay what is owed: its authorisation, then its capture; one that has begun is found
    again. None when nothing is to be asked. The caller has locked the order."""
    facts = await load_facts(conn, order_no)
    if facts.attempt != attempt or facts.terms is Terms.NONE or facts.subjects.cancelling:
        return None
    known = [t for t in await transactions.transactions_of(conn, order_no) if t.attempt == attempt]
    begun = [t for t in known if t.status in (PaymentStatus.INTENT, PaymentStatus.PENDING)]
    if begun:
        return await transactions.begin(conn, await _with_token(conn, begun[-1], order_no, attempt))
    room_minor: int = (await conn.execute(_ROOM, {"order_no": order_no, "provider": PROVIDER})).scalar_one()
    if room_minor <= 0:
        return None
    new = await _next(conn, order_no, attempt, facts.attempt_state, known, room_minor, providers, default_provider)
    return await transactions.begin(conn, new) if new else None


async def _next(
    conn: AsyncConnection,
    order_no: str,
    attempt: int,
    state: AttemptState,
    known: list[Transaction],
    room_minor: int,
    providers: Collection[str],
    default_provider: str,
) -> PaymentIntent | None:
    asked = (await conn.execute(_REQUEST, {"order_no": order_no, "attempt": attempt})).one()
    new = PaymentIntent(
        order_no, room_minor, asked.currency, idempotency_key(order_no, "terms/authorise", attempt), asked.token,
        kind=PaymentKind.AUTHORISE, provider=asked.method if asked.method in providers else default_provider,
        purpose=PaymentPurpose.TERMS, attempt=attempt,
    )  # fmt: skip
    if state is AttemptState.OPEN:
        return new
    if state is not AttemptState.AUTHORISED:
        return None
    parent = next(t for t in known if t.kind is PaymentKind.AUTHORISE)
    # What was refunded since it was authorised is not taken.
    return replace(
        new, kind=PaymentKind.CAPTURE, amount_minor=min(parent.amount_minor, room_minor), token="",
        idempotency_key=idempotency_key(order_no, "terms/capture", attempt), provider=parent.provider,
        parent_id=parent.payment_id, parent_ref=parent.provider_ref or "",
    )  # fmt: skip


async def _with_token(conn: AsyncConnection, begun: Transaction, order_no: str, attempt: int) -> PaymentIntent:
    intent = transactions.intent_of(begun, order_no)
    if begun.kind is PaymentKind.AUTHORISE:
        asked = (await conn.execute(_REQUEST, {"order_no": order_no, "attempt": attempt})).one()
        return replace(intent, token=asked.token)
    parents = await transactions.transactions_of(conn, order_no)
    parent = next(t for t in parents if t.payment_id == begun.parent_id)
    return replace(intent, parent_ref=parent.provider_ref or "")


async def unsettled(conn: AsyncConnection, order_no: str, attempt: int) -> list[Transaction]:
    """Calls of earlier attempts whose outcome is not known: only one may hold money."""
    known = await transactions.transactions_of(conn, order_no)
    undecided = (PaymentStatus.INTENT, PaymentStatus.PENDING)
    return [
        t for t in known
        if t.purpose is PaymentPurpose.TERMS and t.status in undecided and t.attempt is not None and t.attempt < attempt
    ]  # fmt: skip


async def record_transfer(
    conn: AsyncConnection, order_no: str, amount_minor: int | None, reference: str, key: str, actor: str
) -> Receivable:
    """A bank transfer paid what is owed, or so much of it; what is owed then. Once for each key.

    Raises Conflict `not_on_terms`, `already_paid`, `payment_in_progress`, `more_than_owed`; RuleBroken
    `amount_invalid`.
    """
    await timeline.lock_order(conn, order_no)
    facts = await load_facts(conn, order_no)
    if facts.receivable is None or facts.terms is Terms.NONE:
        raise Conflict("not_on_terms")
    values = {"order_no": order_no, "provider": PROVIDER}
    room_minor: int = (await conn.execute(_ROOM, values)).scalar_one()
    if not facts.receivable.owed_minor:
        raise Conflict("already_paid")
    if room_minor <= 0:
        raise Conflict("payment_in_progress", "a payment or a refund of all that is owed is under way")
    paid = room_minor if amount_minor is None else amount_minor
    if paid > room_minor:
        currency = await _currency(conn, order_no)
        raise Conflict("more_than_owed", "{owed} is owed", owed_minor=room_minor, currency=currency)
    if paid <= 0:
        raise RuleBroken("amount_invalid")
    row = {"order_no": order_no, "amount_minor": paid, "key": f"{order_no}/transfer/{key}", "reference": reference}
    await conn.execute(_TRANSFER, row)
    await timeline.append(conn, order_no, "terms_paid", actor, data={"amount_minor": paid, "manual": True})
    row_now = (await conn.execute(_DUE_AT, {"order_no": order_no})).one()
    return Receivable(row_now.owed_minor, row_now.due_at)


async def _currency(conn: AsyncConnection, order_no: str) -> str:
    found = await of_order(conn, order_no)
    assert found is not None, "it is on terms"
    return found.currency


async def of_order(conn: AsyncConnection, order_no: str) -> ListedReceivable | None:
    """What is owed for the order; None where it is not on terms."""
    row = (await conn.execute(_OF_ORDER, {"order_no": order_no})).mappings().one_or_none()
    return ListedReceivable(**{**row, "status": Status(row["status"])}) if row else None


async def page(
    conn: AsyncConnection, customer: str | None, after: tuple[datetime, str] | None, limit: int, *, overdue: bool
) -> list[ListedReceivable]:
    """At most `limit` + 1 of those that are owed, the earliest due first."""
    due_at, order_no = after or (None, "")
    values = {"customer": customer, "overdue": overdue, "due_at": due_at, "order_no": order_no, "limit": limit}
    rows = (await conn.execute(_PAGE, values)).mappings()
    return [ListedReceivable(**{**row, "status": Status(row["status"])}) for row in rows]


async def to_remind(conn: AsyncConnection, limit: int) -> list[str]:
    """Orders that are overdue and whose customers were not reminded."""
    return list((await conn.execute(_TO_REMIND, {"limit": limit})).scalars())


async def remind(conn: AsyncConnection, order_no: str) -> None:
    """Tell the customer, once. The caller has locked the order."""
    row = (await conn.execute(_REMINDED, {"order_no": order_no})).one_or_none()
    if row is not None:
        data = {"amount_minor": row.owed_minor, "until": row.due_at.isoformat()}
        await timeline.append(conn, order_no, "payment_overdue", key="payment_overdue", data=data)


async def escalate(conn: AsyncConnection, after_s: int, limit: int) -> int:
    """Those that are owed so long after the reminder become finance's; how many."""
    return (await conn.execute(_ESCALATE, {"after_s": after_s, "limit": limit})).rowcount


async def escalated(conn: AsyncConnection) -> int:
    """Orders that are finance's, counted up to COUNTED."""
    return int((await conn.execute(_ESCALATED)).scalar_one())
