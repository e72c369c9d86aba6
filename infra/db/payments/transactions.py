"""Transactions with payment providers: intent before the call, outcome after it, the ledger by trigger."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace

from sqlalchemy import RowMapping, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.gateways import GatewayResult, LostCall, PaymentRequest
from domain.orders.status import Status
from domain.payments.transactions import (
    PaymentKind,
    PaymentPurpose,
    PaymentStatus,
    TransactionFacts,
    idempotency_key,
)

# Repeating an intent counts a try: the second one knows that the first may have acted, and an outcome written under
# an older try is fenced off.
_BEGIN = text(
    """
    INSERT INTO payments (order_no, kind, purpose, attempt, provider, amount_minor, currency, status,
                          idempotency_key, parent_id, refund_id, renews, change_payment_no, guarantee_return_id,
                          fulfilment_no, tries)
    VALUES (:order_no, :kind, :purpose, :attempt, :provider, :amount_minor, :currency, 'intent', :key, :parent_id,
            :refund_id, :renews, :change_payment_no, :guarantee_return_id, :fulfilment_no, 1)
    ON CONFLICT (idempotency_key) DO UPDATE SET tries = payments.tries + 1, updated_at = now()
    RETURNING payment_id, status, provider_ref, error_code, tries, amount_minor
    """
)
# What is already stored is fenced without a new intent: a hold keeps those from being written, and keeps nobody
# from finding out what became of an earlier call.
_FENCE = text(
    """
    UPDATE payments SET tries = tries + 1, updated_at = now() WHERE payment_id = :payment_id
    RETURNING payment_id, status, provider_ref, error_code, tries, amount_minor
    """
)
_FINISH = text(
    """
    UPDATE payments SET status = :status, provider_ref = coalesce(:provider_ref, provider_ref), risk = :risk,
                        error_code = :error_code, expires_at = CAST(:expires_at AS timestamptz), updated_at = now()
     WHERE payment_id = :payment_id AND tries = :tries AND status IN ('intent', 'pending')
    """
)
# The order's row is locked, so that a total that is being changed is waited for and read anew.
# One statement each: the request (or the authorisation), the order's own state and the intent. Nothing is opened for an
# order that is being undone, or that another payment has paid.
_OPEN_AUTHORISATION = text(
    """
    INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key, tries)
    SELECT o.order_no, 'authorise', r.attempt,
           CASE WHEN r.method = ANY(CAST(:providers AS text[])) THEN r.method ELSE :default_provider END,
           o.total_minor, o.currency, 'intent', :key, 1
      FROM orders o JOIN payment_requests r USING (order_no)
     WHERE o.order_no = :order_no AND r.attempt = :attempt AND o.status = 'pending_payment' AND o.cancelling IS NULL
       FOR KEY SHARE OF o
    ON CONFLICT (idempotency_key) DO UPDATE SET tries = payments.tries + 1, updated_at = now()
    RETURNING payment_id, provider, status, provider_ref, error_code, tries, amount_minor, currency, parent_id,
              NULL AS parent_ref, (SELECT r.token FROM payment_requests r
                                    WHERE r.order_no = payments.order_no AND r.attempt = payments.attempt) AS token
    """
)
_OPEN_CAPTURE = text(
    """
    INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key, parent_id,
                          tries)
    SELECT a.order_no, 'capture', a.attempt, a.provider, a.amount_minor, a.currency, 'intent', :key, a.payment_id, 1
      FROM payments a JOIN orders o USING (order_no)
     WHERE a.order_no = :order_no AND a.kind = 'authorise' AND a.attempt = :attempt AND a.status = 'succeeded'
       AND o.status = 'pending_payment' AND o.cancelling IS NULL
       AND NOT EXISTS (SELECT FROM payments c WHERE c.order_no = a.order_no AND c.kind = 'capture'
                          AND c.purpose = 'order' AND c.status <> 'failed' AND c.idempotency_key <> :key)
       AND NOT EXISTS (SELECT FROM payments e WHERE e.order_no = a.order_no AND e.parent_id = a.payment_id
                          AND e.status = 'succeeded' AND e.idempotency_key <> :key)
    ON CONFLICT (idempotency_key) DO UPDATE SET tries = payments.tries + 1, updated_at = now()
    RETURNING payment_id, provider, status, provider_ref, error_code, tries, amount_minor, currency, parent_id,
              (SELECT p.provider_ref FROM payments p WHERE p.payment_id = payments.parent_id) AS parent_ref,
              NULL AS token
    """
)
# Row, ledger (by trigger), event and status in one statement; no row when this try is fenced off.
_SUCCEED = text(
    """
    WITH done AS (
      UPDATE payments SET status = 'succeeded', provider_ref = :provider_ref, risk = :risk,
                          expires_at = CAST(:expires_at AS timestamptz), updated_at = now()
       WHERE payment_id = :payment_id AND tries = :tries AND status IN ('intent', 'pending')
      RETURNING order_no
    )
    INSERT INTO order_events (order_no, type, from_status, to_status, data, actor)
    SELECT order_no, :type, CAST(:from_status AS text), CAST(:to_status AS text), CAST(:data AS jsonb), 'system'
      FROM done
    """
)
_FIND = text(
    """SELECT payment_id, kind, CASE WHEN attempt > 0 THEN attempt END AS attempt, purpose, provider, provider_ref,
              amount_minor, currency, status, tries, risk, error_code, parent_id, idempotency_key, refund_id, renews,
              renewal_due, change_payment_no, guarantee_return_id, fulfilment_no, created_at, updated_at
         FROM payments WHERE order_no = :order_no ORDER BY payment_id"""
)
# The token is the attempt's (of a renewal, the renewed one's), the change's or the guarantee's.
_READ_CALL = text(
    """
    SELECT p.order_no, p.kind, p.provider, p.amount_minor, p.currency, p.idempotency_key,
           coalesce(CASE WHEN p.kind = 'authorise' THEN coalesce(
             (SELECT r.token FROM payment_requests r WHERE r.order_no = p.order_no AND r.attempt = coalesce(
                 (SELECT o.attempt FROM payments o WHERE o.payment_id = p.renews), p.attempt)),
             (SELECT u.token FROM change_payments u
               WHERE u.order_no = p.order_no AND u.payment_no = p.change_payment_no),
             (SELECT g.token FROM guarantees g
               WHERE g.order_no = p.order_no AND g.return_id = p.guarantee_return_id)) END, '') AS token,
           coalesce(a.provider_ref, '') AS of, coalesce(p.provider_ref, '') AS ref,
           extract(epoch FROM now() - p.created_at)::float8 AS age_s
      FROM payments p LEFT JOIN payments a ON a.payment_id = p.parent_id WHERE p.payment_id = :payment_id
    """
)
_NOTE_RISK = text(
    """UPDATE payments SET risk = :risk, updated_at = now()
        WHERE payment_id = :payment_id AND status = 'succeeded' AND risk IS NULL"""
)
_NOTE_EXPIRY = text(
    """UPDATE payments SET expires_at = CAST(:expires_at AS timestamptz), updated_at = now()
        WHERE payment_id = :payment_id AND kind = 'authorise' AND status = 'succeeded'"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentIntent(PaymentRequest):
    """What a provider is to be asked for, stored before it is called.

    `parent_id` is the transaction that it captures, voids or refunds, which the provider knows as `parent_ref`;
    `refund_id` names the refund that it pays a part of, `renews` the authorisation that it takes the place of,
    `fulfilment_no` the fulfilment whose share it captures.
    """

    kind: PaymentKind
    provider: str
    purpose: PaymentPurpose = PaymentPurpose.ORDER
    attempt: int | None = None
    parent_id: int | None = None
    parent_ref: str = ""
    refund_id: str | None = None
    renews: int | None = None
    change_payment_no: int | None = None
    guarantee_return_id: str | None = None
    fulfilment_no: int | None = None


@dataclass(frozen=True, slots=True)
class StoredIntent:
    """An intent with its amount as stored, and what is known of it; `tries` is the fence for its outcome."""

    intent: PaymentIntent
    payment_id: int
    status: PaymentStatus
    provider_ref: str | None
    error_code: str | None
    tries: int

    @property
    def decided(self) -> bool:
        """True if the provider's answer is already stored."""
        return self.status in (PaymentStatus.SUCCEEDED, PaymentStatus.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction(TransactionFacts):
    """A row of `payments`. `attempt` is the number of the order's payment request, None for any other payment."""

    provider: str
    provider_ref: str | None
    currency: str
    tries: int
    error_code: str | None
    idempotency_key: str
    renews: int | None = None


@dataclass(frozen=True, slots=True)
class SuccessEvent:
    """What the timeline says of a success; `data` is JSON as text. Both statuses are None where the order's stays."""

    type: str
    from_status: Status | None
    to_status: Status | None
    data: str


async def begin(conn: AsyncConnection, intent: PaymentIntent) -> StoredIntent:
    """Store the intent, or find it: a repeat answers with what is known and counts one more try."""
    values = {
        "order_no": intent.order_no,
        "kind": intent.kind,
        "purpose": intent.purpose,
        "attempt": intent.attempt,
        "provider": intent.provider,
        "amount_minor": intent.amount_minor,
        "currency": intent.currency,
        "key": intent.idempotency_key,
        "parent_id": intent.parent_id,
        "refund_id": intent.refund_id,
        "renews": intent.renews,
        "change_payment_no": intent.change_payment_no,
        "guarantee_return_id": intent.guarantee_return_id,
        "fulfilment_no": intent.fulfilment_no,
    }
    return _stored(intent, (await conn.execute(_BEGIN, values)).mappings().one())


async def record(conn: AsyncConnection, intent: PaymentIntent, reference: str) -> None:
    """Something of our own books, for which no provider is asked. Repeatable."""
    stored = await begin(conn, intent)
    await finish(conn, stored, GatewayResult(PaymentStatus.SUCCEEDED, reference, intent.amount_minor))


async def fence(conn: AsyncConnection, known: Transaction, order_no: str) -> StoredIntent:
    """Take over from whoever asked before, without asking for anything: what they still write is fenced off."""
    row = (await conn.execute(_FENCE, {"payment_id": known.payment_id})).mappings().one()
    return _stored(intent_of(known, order_no), row)


async def finish(conn: AsyncConnection, stored: StoredIntent, result: GatewayResult) -> bool:
    """Write what the provider answered.

    False when a later try has taken over, or the outcome is known (this write is fenced off).
    """
    values = {
        "payment_id": stored.payment_id,
        "tries": stored.tries,
        "status": result.status,
        "provider_ref": result.provider_ref,
        "error_code": result.error_code,
        "risk": result.risk,
        "expires_at": result.expires_at,
    }
    return (await conn.execute(_FINISH, values)).rowcount == 1


async def open_authorisation(
    conn: AsyncConnection, order_no: str, attempt: int, providers: Collection[str], default_provider: str
) -> StoredIntent | None:
    """The intent to authorise the order's total; None when the order does not wait for this attempt."""
    named = {"providers": list(providers), "default_provider": default_provider}
    return await _open(conn, _OPEN_AUTHORISATION, PaymentKind.AUTHORISE, order_no, attempt, named)


async def open_capture(conn: AsyncConnection, order_no: str, attempt: int) -> StoredIntent | None:
    """The intent to capture what the attempt authorised; None when there is nothing to capture any more."""
    return await _open(conn, _OPEN_CAPTURE, PaymentKind.CAPTURE, order_no, attempt, {})


async def _open(
    conn: AsyncConnection,
    statement: TextClause,
    kind: PaymentKind,
    order_no: str,
    attempt: int,
    more: Mapping[str, object],
) -> StoredIntent | None:
    key = idempotency_key(order_no, kind, attempt)
    values = {"order_no": order_no, "attempt": attempt, "key": key, **more}
    row = (await conn.execute(statement, values)).mappings().one_or_none()
    if row is None:
        return None
    intent = PaymentIntent(
        order_no, row["amount_minor"], row["currency"], key, row["token"] or "", kind=kind, provider=row["provider"],
        attempt=attempt, parent_id=row["parent_id"], parent_ref=row["parent_ref"] or "",
    )  # fmt: skip
    return _stored(intent, row)


def _stored(intent: PaymentIntent, row: RowMapping) -> StoredIntent:
    stored, status = replace(intent, amount_minor=row["amount_minor"]), PaymentStatus(row["status"])
    return StoredIntent(stored, row["payment_id"], status, row["provider_ref"], row["error_code"], row["tries"])


async def succeed(conn: AsyncConnection, stored: StoredIntent, result: GatewayResult, event: SuccessEvent) -> bool:
    """Write a success with its event; False when fenced off."""
    values = {
        "payment_id": stored.payment_id,
        "tries": stored.tries,
        "provider_ref": result.provider_ref,
        "risk": result.risk,
        "expires_at": result.expires_at,
    }
    return (await conn.execute(_SUCCEED, values | asdict(event))).rowcount == 1


async def sent_call(conn: AsyncConnection, payment_id: int) -> tuple[str, LostCall]:
    """The provider that was asked, or was to be, and what for."""
    row = (await conn.execute(_READ_CALL, {"payment_id": payment_id})).one()
    request = PaymentRequest(row.order_no, row.amount_minor, row.currency, row.idempotency_key, row.token)
    return row.provider, LostCall(PaymentKind(row.kind), request, row.of, row.ref, row.age_s)


async def note_risk(conn: AsyncConnection, payment_id: int, risk: str) -> None:
    """The provider's risk assessment of a payment whose success its notification reported before, without it."""
    await conn.execute(_NOTE_RISK, {"payment_id": payment_id, "risk": risk})


async def note_details(conn: AsyncConnection, payment_id: int, result: GatewayResult) -> None:
    """The provider's answer about a success that its notification reported before, with less data."""
    if result.risk:
        await note_risk(conn, payment_id, result.risk)
    if result.expires_at:
        await conn.execute(_NOTE_EXPIRY, {"payment_id": payment_id, "expires_at": result.expires_at})


async def transactions_of(conn: AsyncConnection, order_no: str) -> list[Transaction]:
    """Every transaction of an order, oldest first."""
    rows = (await conn.execute(_FIND, {"order_no": order_no})).mappings().all()
    return [_transaction(row) for row in rows]


def intent_of(known: Transaction, order_no: str) -> PaymentIntent:
    """What its provider was asked for; the means of payment is not part of the row."""
    return PaymentIntent(
        order_no, known.amount_minor, known.currency, known.idempotency_key, kind=known.kind, provider=known.provider,
        purpose=known.purpose, attempt=known.attempt, parent_id=known.parent_id, refund_id=known.refund_id,
        renews=known.renews, change_payment_no=known.change_payment_no,
        guarantee_return_id=known.guarantee_return_id, fulfilment_no=known.fulfilment_no,
    )  # fmt: skip


def stored_of(known: Transaction, order_no: str) -> StoredIntent:
    """A transaction as the intent that it is."""
    return StoredIntent(
        intent_of(known, order_no), known.payment_id, known.status, known.provider_ref, known.error_code, known.tries
    )


def _transaction(row: RowMapping) -> Transaction:
    typed = {
        "kind": PaymentKind(row["kind"]),
        "purpose": PaymentPurpose(row["purpose"]),
        "status": PaymentStatus(row["status"]),
    }
    return Transaction(**{**row, **typed})
