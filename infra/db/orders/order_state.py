"""Reading where an order stands: one statement."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.after_sales import returns
from domain.errors import NotFound
from domain.support.steps import Step
from infra.db.literals import literals
from infra.db.orders.replaced_parcels import ARRIVED
from infra.db.payments.refund_payouts import PENDING

SINCE = "(w.since AT TIME ZONE 'UTC')::text || '+00:00'"

# A refund that was stuck, now or before: it holds up nothing else that is to be carried out. Nor does one that was
# tried in vain while another is stuck.
STUCK = """EXISTS (SELECT FROM parked_steps k
                      WHERE k.order_no = f.order_no AND k.step = 'refund' AND k.subject = f.refund_id)"""
# The change `u` waits for its difference, and no hold stands before it; or it was undone and nobody knows what came of
# a call; until when it waits.
DIFFERENCE_DUE = """((u.status = 'awaiting_payment' AND NOT takes_no_money(u.order_no))
                     OR (u.status = 'undone' AND EXISTS (
                       SELECT FROM payments p WHERE p.order_no = u.order_no AND p.status IN ('intent', 'pending')
                          AND p.change_payment_no = u.supplement_no
                          AND p.kind IN ('authorise', 'capture'))))"""
DIFFERENCE_UNTIL = """CASE u.status WHEN 'awaiting_payment'
                             THEN (difference_until(u.order_no, u.supplement_no) AT TIME ZONE 'UTC')::text || '+00:00'
                             ELSE '' END"""
# The oldest decision that is still to be carried out, of the order `o`; null where there is none.
ERRAND = f"""coalesce((SELECT ARRAY['renewal', p.payment_id::text] FROM payments p
                      WHERE p.order_no = o.order_no AND p.renewal_due ORDER BY p.payment_id LIMIT 1),
             (SELECT ARRAY['refund', f.refund_id] FROM refunds f
                      WHERE f.order_no = o.order_no AND f.status = 'approved' AND NOT {PENDING} AND NOT {STUCK}
                      ORDER BY EXISTS (SELECT FROM payments p WHERE p.order_no = f.order_no
                                          AND p.refund_id = f.refund_id AND p.status = 'failed'), f.refund_no LIMIT 1),
             (SELECT ARRAY[CASE g.status WHEN 'wanted' THEN 'guarantee' WHEN 'claim_due' THEN 'guarantee_claim'
                             ELSE 'guarantee_release' END, g.return_id]
                FROM guarantees g JOIN returns n USING (return_id)
               WHERE g.order_no = o.order_no AND (g.status IN ('release_due', 'claim_due')
                     OR (g.status = 'wanted' AND n.status IN ({literals(returns.COMING)})))
               ORDER BY g.created_at LIMIT 1),
             (SELECT ARRAY['guarantee_release', g.return_id]
                FROM payments p JOIN guarantees g ON g.return_id = p.guarantee_return_id
               WHERE p.order_no = o.order_no AND p.purpose = 'guarantee' AND p.kind = 'authorise'
                 AND p.status <> 'failed' AND g.status IN ('dropped', 'declined') LIMIT 1),
             (SELECT ARRAY[CASE WHEN u.status = 'awaiting_payment' AND EXISTS (SELECT FROM payments p
                               WHERE p.order_no = o.order_no AND p.change_payment_no = u.supplement_no
                                 AND p.status = 'pending') THEN 'supplement_pending' ELSE 'supplement' END,
                           u.supplement_no::text, {DIFFERENCE_UNTIL}]
                FROM order_supplements u WHERE u.order_no = o.order_no AND {DIFFERENCE_DUE}
               ORDER BY u.supplement_no LIMIT 1),
             (SELECT ARRAY['refund', f.refund_id] FROM refunds f
               WHERE f.order_no = o.order_no AND f.status = 'approved' AND NOT {PENDING}
               ORDER BY f.refund_no LIMIT 1),
             (SELECT ARRAY['refund_pending', f.refund_id, '', {SINCE}]
                FROM refunds f CROSS JOIN LATERAL (SELECT min(p.created_at) AS since, max(p.updated_at) AS asked
                       FROM payments p WHERE p.order_no = f.order_no AND p.refund_id = f.refund_id
                        AND p.status = 'pending') w
               WHERE f.order_no = o.order_no AND f.status = 'approved' ORDER BY w.asked LIMIT 1),
             (SELECT ARRAY['stray_pending', 'stray', '', {SINCE}]
                FROM (SELECT min(p.created_at) AS since FROM payments p
                       WHERE p.order_no = o.order_no AND p.status = 'pending' AND p.kind IN ('refund', 'void')
                         AND p.refund_id IS NULL AND p.purpose <> 'guarantee') w
               WHERE w.since IS NOT NULL))"""  # noqa: S608

# The newest payment attempt, the live parcel, what money is held, the open parked step and the oldest errand, in one
# round trip. An errand is looked for in the index of those that are due, which orders without any are not in.
_STAND = text(
    f"""
    SELECT o.status, o.event_seq, o.cancelling, o.waiting, o.total_minor, o.currency,
           q.attempt, a.risk,
           CASE WHEN a.status = 'succeeded' AND (a.purpose = 'stray' OR EXISTS (
                       SELECT FROM payments e WHERE e.order_no = o.order_no AND e.parent_id = a.payment_id
                          AND e.status = 'succeeded' AND (e.kind = 'void' OR e.purpose = 'stray')))
                THEN 'failed' ELSE a.status END AS authorise_status, c.status AS capture_status,
           EXISTS (SELECT FROM order_events e WHERE e.order_no = o.order_no
                    AND e.key = 'review:' || q.attempt) AS reviewed,
           s.status AS parcel,
           o.status = 'shipped' AND EXISTS (SELECT FROM allocations b WHERE b.order_no = o.order_no
                                              AND b.state = 'reserved') AS reship,
           o.status = 'shipped' AND o.cancelling IS NULL AND EXISTS ({ARRIVED}) AS first_arrived,
           d.hold_no, d.kind AS hold_kind, d.stops AS hold_stops, d.due AS hold_due, d.act AS hold_act,
           k.park_no, k.step, k.error, k.options, k.subject, CASE WHEN k.park_no IS NOT NULL
             THEN parked_is_over(k.step, k.subject) END AS park_over,
           CASE WHEN k.step = 'supplement' THEN (
             SELECT {DIFFERENCE_UNTIL} FROM order_supplements u
              WHERE u.order_no = o.order_no AND u.supplement_no::text = k.subject AND {DIFFERENCE_DUE})
           END AS park_until,
           EXISTS (SELECT FROM inbox i WHERE i.order_no = o.order_no AND i.processed_at IS NULL) AS unheard,
           {ERRAND} AS errand,
           ARRAY(SELECT t.return_id FROM returns t WHERE t.order_no = o.order_no
                    AND t.status IN ({literals(returns.OPEN)})
                  ORDER BY t.return_no) AS returns
      FROM orders o
      LEFT JOIN LATERAL (SELECT r.attempt FROM payment_requests r
                          WHERE r.order_no = o.order_no AND r.attempt IS NOT NULL
                          ORDER BY r.attempt DESC LIMIT 1) q ON true
      LEFT JOIN payments a ON a.order_no = o.order_no AND a.kind = 'authorise' AND a.attempt = q.attempt
      LEFT JOIN LATERAL (SELECT p.status FROM payments p
                          WHERE p.order_no = o.order_no AND p.kind = 'capture' AND p.purpose = 'order'
                            AND (p.attempt = q.attempt OR p.status = 'succeeded')
                          ORDER BY p.status = 'failed', p.payment_id DESC LIMIT 1) c ON true
      LEFT JOIN LATERAL (SELECT h.status FROM shipments h
                          WHERE h.order_no = o.order_no AND h.status <> 'cancelled'
                            AND h.replaced_at IS NULL) s ON true
      LEFT JOIN LATERAL (SELECT p.* FROM parked_steps p
                          WHERE p.order_no = o.order_no AND p.resolved_at IS NULL) k ON true
      LEFT JOIN LATERAL (SELECT h.hold_no, h.kind, bool_or(o.status = ANY (h.stops)) OVER () AS stops, n.due, n.act
                          FROM holds h, LATERAL (
                            SELECT CASE WHEN h.escalated_at IS NULL THEN h.escalate_at ELSE h.until END AS due,
                                   CASE WHEN h.escalated_at IS NULL AND h.escalate_at < h.until
                                        THEN 'escalate' ELSE 'expire' END AS act) n
                         WHERE o.hold IS NOT NULL AND h.order_no = o.order_no AND h.closed_at IS NULL
                         ORDER BY n.due, h.hold_no LIMIT 1) d ON true
     WHERE o.order_no = :order_no
    """  # noqa: S608
)


# Money that is not the order's: a stray capture not yet refunded in full, or an authorisation that leads nowhere. What
# its provider is still to decide is on its way.
def unapplied_money(of: str) -> str:
    """The rows that say so, of the order that the expression `of` names."""
    return f"""
      SELECT FROM payments p JOIN payment_totals t USING (payment_id)
       WHERE p.order_no = {of} AND p.kind = 'capture' AND p.purpose = 'stray' AND p.status = 'succeeded'
         AND t.captured_minor > given_back_minor(p.order_no, p.payment_id)
             + coalesce((SELECT sum(q.amount_minor) FROM payments q WHERE q.order_no = p.order_no
                            AND q.parent_id = p.payment_id AND q.kind = 'refund' AND q.status = 'pending'), 0)
      UNION ALL
      SELECT FROM payments a
       WHERE a.order_no = {of} AND a.kind = 'authorise' AND a.status = 'succeeded' AND a.purpose <> 'guarantee'
         AND NOT EXISTS (SELECT FROM payments v WHERE v.order_no = a.order_no AND v.parent_id = a.payment_id
                            AND ((v.kind IN ('void', 'capture') AND v.status = 'succeeded')
                              OR (v.kind = 'void' AND v.status = 'pending')))
         AND NOT (a.purpose = 'supplement' AND is_awaiting_supplement(a.order_no))
         AND (a.purpose = 'stray'
              OR (a.attempt < coalesce((SELECT max(r.attempt) FROM payment_requests r WHERE r.order_no = {of}), 0))
                 IS NOT FALSE
              OR EXISTS (SELECT FROM payments c WHERE c.parent_id = a.payment_id AND c.kind = 'capture'
                           AND c.status = 'failed')
              OR EXISTS (SELECT FROM orders o WHERE o.order_no = a.order_no AND o.status NOT IN
                           ('received', 'pending_payment')))
    """  # noqa: S608


_STRAY = text(f"SELECT EXISTS ({unapplied_money(':order_no')})")


@dataclass(frozen=True, slots=True)
class StandingHold:
    """The open hold on which something is due first: `act` (domain.orders.holds.HoldAct) at `due`, RFC 3339 in UTC.

    `stops` says that this one or another open hold stops the order now.
    """

    hold_no: int
    kind: str
    stops: bool
    due: str
    act: str


@dataclass(frozen=True, slots=True)
class OrderState:
    """Where an order stands. `attempt_state` as in workflows.payloads.OrderView; `errand` is (kind, id) and, where
    there are, its deadline and since when its provider decides; `returns` are the ids of those that are open."""

    order_no: str
    status: str
    seq: int
    cancelling: str
    total_minor: int
    currency: str
    attempt: int
    attempt_state: str
    review: bool
    parcel: str
    deadline: str
    park: tuple[int, str, str, list[str], str, bool, str] | None
    unheard: bool
    hold: StandingHold | None
    errand: tuple[str, ...] | None
    returns: tuple[str, ...]
    reship: bool = False
    first_arrived: bool = False


def _attempt_state(row: Any) -> str:
    """Derive the newest attempt's state from its transactions."""
    if row.capture_status == "succeeded":
        return "captured"
    if row.attempt is None:
        return "none"
    match row.authorise_status:
        case None | "intent":
            return "open"
        case "pending":
            return "pending"
        case "failed":
            return "failed"
    match row.capture_status:
        case "failed":
            return "failed"
        case "pending":
            return "capturing"
    return "authorised"


async def load_state(conn: AsyncConnection, order_no: str) -> OrderState:
    """Read it; raises NotFound."""
    row = (await conn.execute(_STAND, {"order_no": order_no})).one_or_none()
    if row is None:
        raise NotFound("order_not_found")
    until = (row.waiting or {}).get("until") or ""
    return OrderState(
        order_no=order_no,
        status=row.status,
        seq=row.event_seq,
        cancelling=row.cancelling or "",
        total_minor=row.total_minor,
        currency=row.currency,
        attempt=row.attempt or 0,
        attempt_state=_attempt_state(row),
        review=row.risk == "review" and not row.reviewed,
        parcel=row.parcel or "",
        deadline=datetime.fromisoformat(until).isoformat() if until else "",
        park=_park(row) if row.park_no is not None else None,
        unheard=row.unheard,
        hold=_hold(row) if row.hold_no is not None else None,
        errand=_errand(row.errand) if row.errand else None,
        returns=tuple(row.returns),
        reship=row.reship,
        first_arrived=row.first_arrived,
    )


def _park(row: Any) -> tuple[int, str, str, list[str], str, bool, str]:
    over = row.park_over or (row.step == Step.SUPPLEMENT and row.subject is not None and row.park_until is None)
    until = datetime.fromisoformat(row.park_until).isoformat() if row.park_until else ""
    return row.park_no, row.step, row.error, list(row.options), row.subject or "", over, until


def _errand(found: list[str]) -> tuple[str, ...]:
    kind, of, *moments = found
    return kind, of, *(datetime.fromisoformat(moment).isoformat() if moment else "" for moment in moments)


def _hold(row: Any) -> StandingHold:
    due = row.hold_due.astimezone(UTC).isoformat()
    return StandingHold(row.hold_no, row.hold_kind, row.hold_stops, due, row.hold_act)


async def holds_unapplied_money(conn: AsyncConnection, order_no: str) -> bool:
    """True when money is held that is not the order's and must go back."""
    return bool((await conn.execute(_STRAY, {"order_no": order_no})).scalar_one())
