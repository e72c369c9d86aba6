"""Authorisations that end at their provider before they are captured, claimed or given back: found, and renewed.

`renew_at` is when an order is signalled about one of its own, repeatedly until it is done; `renewal_due` records the
signal. A renewal names the authorisation that it renews; the database replaces it.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.after_sales.guarantees import GuaranteeStatus
from domain.orders.status import Status
from domain.orders.waiting import Waiting
from domain.payments import renewals as rules
from domain.payments.renewals import AuthorisationFacts, Follower, Renewal
from domain.payments.transactions import PaymentKind, PaymentPurpose, PaymentStatus, undoing_key
from domain.times import rfc3339
from infra.db.after_sales import guarantees
from infra.db.orders.state import timeline
from infra.db.payments import transactions
from infra.db.payments.transactions import PaymentIntent, StoredIntent

# The rule is_due of domain.payments.renewals, for a batch of candidates; a test compares the two.
DUE = """(authorisation_is_wanted(p.payment_id)
    OR (p.purpose = 'stray' AND (p.status IN ('intent', 'pending')
        OR (p.status = 'succeeded' AND coalesce(p.expires_at > now(), false) AND NOT EXISTS (
              SELECT FROM payments e WHERE e.order_no = p.order_no AND e.parent_id = p.payment_id
                 AND (e.status = 'succeeded' OR (e.kind = 'void' AND e.status = 'pending'))))))
    OR EXISTS (SELECT FROM payments n WHERE n.order_no = p.order_no AND n.renews = p.payment_id
                  AND n.status IN ('intent', 'pending')))"""
# The rule next_signal.
AGAIN = """now() + CASE WHEN p.expires_at > now()
       THEN least(interval '10 minutes', greatest((p.expires_at - now()) / 4, interval '1 second'))
       ELSE interval '10 minutes' END"""
_SIGNAL = text(
    f"""
    WITH candidates AS (
      SELECT p.payment_id, {DUE} AS due FROM payments p
       WHERE p.renew_at <= now() ORDER BY p.renew_at LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED),
    moved AS (
      UPDATE payments p SET renewal_due = c.due, renew_at = CASE WHEN c.due THEN {AGAIN} END
        FROM candidates c WHERE p.payment_id = c.payment_id
      RETURNING p.payment_id, p.order_no, c.due),
    signalled AS (
      INSERT INTO workflow_requests (kind, subject, name, payload)
      SELECT 'signal_order', order_no, 'after_sales', jsonb_build_object('renewal', payment_id)
        FROM moved WHERE due)
    SELECT count(*) FROM moved
    """  # noqa: S608
)
FACTS = """
    SELECT p.payment_id, p.order_no, p.kind, p.purpose, p.provider, p.provider_ref, p.amount_minor, p.currency,
           p.status, p.expires_at, p.created_at, now() AS now, p.renew_at, p.renewal_due,
           CASE WHEN p.attempt > 0 THEN p.attempt END AS attempt,
           CASE p.purpose WHEN 'guarantee' THEN p.guarantee_return_id END AS guarantee_return_id,
           coalesce(g.token, r.token, '') AS token, coalesce(g.status = 'authorised', false) AS guarantee_is_authorised,
           o.status AS order_status, o.cancelling IS NOT NULL AS cancelling, o.total_minor,
           (SELECT max(q.attempt) FROM payment_requests q WHERE q.order_no = p.order_no) AS newest_attempt,
           (SELECT json_agg(json_build_object('kind', e.kind, 'status', e.status)) FROM payments e
             WHERE e.order_no = p.order_no AND e.parent_id = p.payment_id) AS followers,
           (SELECT json_agg(json_build_object('status', n.status, 'error_code', n.error_code)) FROM payments n
             WHERE n.order_no = p.order_no AND n.renews = p.payment_id) AS renewals
      FROM payments p JOIN orders o USING (order_no)
      LEFT JOIN guarantees g ON p.purpose = 'guarantee' AND g.return_id = p.guarantee_return_id
      LEFT JOIN payment_requests r ON p.purpose = 'order' AND r.order_no = p.order_no AND r.attempt = p.attempt
"""
_FIND = text(f"{FACTS} WHERE p.payment_id = :payment_id")
_POSTPONE = text(
    "UPDATE payments SET renewal_due = false, renew_at = :renew_at WHERE payment_id = :payment_id AND renewal_due"
)
_UNTIL_ITS_END = text("UPDATE payments SET renewal_due = false, renew_at = expires_at WHERE payment_id = :payment_id")
_GIVE_UP = text(
    """UPDATE payments SET purpose = 'stray', renew_at = NULL, renewal_due = false, updated_at = now()
        WHERE payment_id = :payment_id AND status = 'succeeded' AND purpose = 'order'"""
)
_GIVE_UP_RENEWAL = text(
    """UPDATE payments SET purpose = 'stray', renew_at = now(), updated_at = now()
        WHERE renews = :payment_id AND status IN ('intent', 'pending')"""
)
_CHECK_IN_A_MINUTE = text(
    """UPDATE payments SET renew_at = now() + interval '1 minute'
        WHERE (payment_id = :payment_id OR renews = :payment_id) AND purpose = 'stray' AND status = 'succeeded'"""
)
_MARK_DUE = text("UPDATE payments SET renewal_due = true, renew_at = now() WHERE payment_id = :payment_id")
_DEADLINE_IS_OVER = text(
    """SELECT coalesce((waiting ->> 'until')::timestamptz <= now() + interval '1 minute', false) FROM orders
        WHERE order_no = :order_no AND status = 'pending_payment' AND cancelling IS NULL"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An authorisation about which its order was signalled. `refused`: its provider has refused to authorise it again;
    `ends_soon`: what is to be done without a renewal is done now; `ended`: it holds nothing any more."""

    payment_id: int
    order_no: str
    purpose: PaymentPurpose
    provider: str
    provider_ref: str | None
    amount_minor: int
    currency: str
    expires_at: datetime | None
    needed: bool
    status: PaymentStatus
    guarantee_return_id: str | None
    token: str
    ended: bool
    ends_soon: bool
    failed: int
    refused: bool


async def signal(conn: AsyncConnection, limit: int) -> int:
    """Signal the orders of up to `limit` authorisations that are due, and forget those that have ended; how many."""
    return int((await conn.execute(_SIGNAL, {"limit": limit})).scalar_one())


async def due(conn: AsyncConnection, order_no: str, payment_id: int) -> Due | None:
    """What is due, or None: it is done. The caller has locked the order."""
    row = await _find(conn, payment_id)
    if row is None or not row["renewal_due"] or row["order_no"] != order_no:
        return None
    facts, own = facts_of(row), ("payment_id", "order_no", "provider", "provider_ref", "currency", "token")
    return Due(
        **{name: row[name] for name in own},
        purpose=facts.purpose,
        amount_minor=facts.amount_minor,
        expires_at=facts.expires_at,
        needed=rules.is_needed(facts),
        status=facts.status,
        guarantee_return_id=row["guarantee_return_id"],
        ended=rules.has_ended(facts.expires_at, row["now"]),
        ends_soon=rules.ends_soon(facts.created_at, facts.expires_at, row["now"]),
        failed=len(rules.failed(facts)),
        refused=rules.is_refused(facts),
    )


async def _find(conn: AsyncConnection, payment_id: int) -> RowMapping | None:
    return (await conn.execute(_FIND, {"payment_id": payment_id})).mappings().one_or_none()


def facts_of(row: RowMapping) -> AuthorisationFacts:
    """What the rules read of an authorisation."""
    return AuthorisationFacts(
        kind=PaymentKind(row["kind"]),
        purpose=PaymentPurpose(row["purpose"]),
        status=PaymentStatus(row["status"]),
        amount_minor=row["amount_minor"],
        attempt=row["attempt"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        order_status=Status(row["order_status"]),
        cancelling=row["cancelling"],
        total_minor=row["total_minor"],
        newest_attempt=row["newest_attempt"],
        guarantee_is_authorised=row["guarantee_is_authorised"],
        followers=[Follower(PaymentKind(one["kind"]), PaymentStatus(one["status"])) for one in row["followers"] or ()],
        renewals=[Renewal(PaymentStatus(one["status"]), one["error_code"]) for one in row["renewals"] or ()],
    )


async def open_renewal(conn: AsyncConnection, renewal: Due) -> StoredIntent:
    """The intent to authorise the same amount anew."""
    step = f"guarantee/{renewal.guarantee_return_id}/authorise" if renewal.guarantee_return_id else "renewal"
    key = undoing_key(renewal.order_no, step, renewal.provider, renewal.provider_ref or "", renewal.failed + 1)
    new = PaymentIntent(
        renewal.order_no, renewal.amount_minor, renewal.currency, key, renewal.token, kind=PaymentKind.AUTHORISE,
        provider=renewal.provider, purpose=renewal.purpose, renews=renewal.payment_id,
        guarantee_return_id=renewal.guarantee_return_id,
    )  # fmt: skip
    return await transactions.begin(conn, new)


async def give_up_renewal(conn: AsyncConnection, payment_id: int) -> None:
    """It was captured, claimed or given back meanwhile: what its provider was asked for instead of it is surplus."""
    await conn.execute(_GIVE_UP_RENEWAL, {"payment_id": payment_id})


async def check_in_a_minute(conn: AsyncConnection, payment_id: int) -> None:
    """One of the two is surplus: its order is signalled repeatedly until it is voided, whatever else it waits for."""
    await conn.execute(_CHECK_IN_A_MINUTE, {"payment_id": payment_id})


async def settled(conn: AsyncConnection, payment_id: int) -> None:
    """Nothing is due on it now; what its provider has yet to say is asked for again."""
    if (row := await _find(conn, payment_id)) is not None:
        again = rules.next_signal(row["expires_at"], row["now"]) if rules.is_due(facts_of(row), row["now"]) else None
        await conn.execute(_POSTPONE, {"payment_id": payment_id, "renew_at": again})


async def postpone(conn: AsyncConnection, payment_id: int) -> None:
    """It is tried again later."""
    if (row := await _find(conn, payment_id)) is not None:
        again = row["renew_at"] or rules.next_signal(row["expires_at"], row["now"])
        await conn.execute(_POSTPONE, {"payment_id": payment_id, "renew_at": again})


async def mark_due(conn: AsyncConnection, payment_id: int) -> None:
    """Something has come that its order must see to."""
    await conn.execute(_MARK_DUE, {"payment_id": payment_id})


async def go_without(conn: AsyncConnection, renewal: Due, again_s: int) -> None:
    """It will not be renewed: a guarantee is claimed while that can be done; an order may be captured to the last
    moment, then it waits for another payment."""
    if renewal.purpose is PaymentPurpose.GUARANTEE:
        await _claim(conn, renewal)
    elif renewal.ended:
        await _end(conn, renewal, again_s)
    else:
        await conn.execute(_UNTIL_ITS_END, {"payment_id": renewal.payment_id})


async def _claim(conn: AsyncConnection, renewal: Due) -> None:
    guarantee = await guarantees.find(conn, renewal.guarantee_return_id) if renewal.guarantee_return_id else None
    if guarantee is not None and guarantee.status is GuaranteeStatus.AUTHORISED:
        await guarantees.move(conn, guarantee, GuaranteeStatus.CLAIM_DUE, guarantee.amount_minor)
    await conn.execute(_GIVE_UP_RENEWAL, {"payment_id": renewal.payment_id})
    await settled(conn, renewal.payment_id)


async def _end(conn: AsyncConnection, renewal: Due, again_s: int) -> None:
    """The provider confirms it when it is given up."""
    await conn.execute(_GIVE_UP_RENEWAL, {"payment_id": renewal.payment_id})
    await conn.execute(_GIVE_UP, {"payment_id": renewal.payment_id})
    again = await time_to_pay_again(conn, renewal.order_no, again_s)
    data = {"code": "authorisation_expired", "amount_minor": renewal.amount_minor, **again}
    await timeline.append(conn, renewal.order_no, "payment_declined", data=data)


async def time_to_pay_again(conn: AsyncConnection, order_no: str, again_s: int) -> dict[str, Waiting]:
    """A deadline for another payment, as an event's data has it, where that of the first is over."""
    over = (await conn.execute(_DEADLINE_IS_OVER, {"order_no": order_no})).scalar_one_or_none()
    return (
        {"waiting": timeline.waiting("payment", "the order is cancelled and its stock freed", again_s)} if over else {}
    )


async def not_renewed(conn: AsyncConnection, renewal: Due, code: str) -> None:
    """Say once that it ends without another one."""
    key = f"not_renewed:{renewal.payment_id}"
    if not await timeline.is_done(conn, renewal.order_no, key):
        until = rfc3339(renewal.expires_at) if renewal.expires_at else None
        data = {
            "code": code,
            "amount_minor": renewal.amount_minor,
            "until": until,
            "return_id": renewal.guarantee_return_id,
        }
        await timeline.append(conn, renewal.order_no, "authorisation_not_renewed", key=key, data=data)
