"""Reading where an order stands: one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.after_sales import returns
from domain.errors import NotFound
from domain.json_types import JsonFields
from domain.orders.pending_operations import Operation
from domain.orders.status import Status
from domain.payments.attempts import AttemptState, awaits_provider
from domain.payments.payability import PayabilityFacts, facts_by_attempt, facts_on_terms
from domain.payments.receivables import Receivable, Terms
from domain.payments.unapplied import MoneyFacts
from domain.shipping.fulfilments import FulfilmentKind, FulfilmentStatus
from domain.shipping.shipments import ShipmentStatus
from domain.support import parked_steps
from domain.support.steps import Step
from infra.db.literals import literals
from infra.db.orders.divided import DIVIDED
from infra.db.orders.replaced_parcels import ARRIVED
from infra.db.orders.state.state_facts import COLUMNS, NEWEST_ATTEMPT, StateFacts, facts_of

# The fulfilments of an order that has several, or one that is no parcel from stock; NULL for others, which costs one
# look into an index.
_FULFILMENTS = f"""CASE WHEN {DIVIDED.format(order_no="o.order_no")} THEN
           (SELECT json_agg(json_build_object('fulfilment_id', f.fulfilment_id, 'number', f.number,
                     'warehouse', f.warehouse, 'status', f.status, 'parcel', h.status, 'kind', f.kind,
                     'reserved', EXISTS (SELECT FROM reservations a WHERE a.order_no = f.order_no
                                            AND a.fulfilment_no = f.number AND a.state = 'reserved'),
                     'arrived', EXISTS ({ARRIVED} AND x.fulfilment_no = f.number),
                     'due_at', f.due_at AT TIME ZONE 'UTC') ORDER BY f.number)
              FROM fulfilments f
              LEFT JOIN shipments h ON h.order_no = f.order_no AND h.fulfilment_no = f.number
                   AND h.status <> 'cancelled' AND h.replaced_at IS NULL
             WHERE f.order_no = o.order_no) END AS fulfilments"""  # noqa: S608
# The order, its live parcel, the open parked step, the hold that is due first, and the facts for the rules: one round
# trip.
_SELECT = f"""
    SELECT o.order_no, o.status, o.event_seq, o.cancelling, o.waiting, o.total_minor, o.currency, {COLUMNS},
           EXISTS (SELECT FROM order_events e WHERE e.order_no = o.order_no
                    AND e.key = 'review:' || q.attempt) AS reviewed,
           s.status AS parcel,
           o.status = 'shipped' AND EXISTS (SELECT FROM reservations b WHERE b.order_no = o.order_no
                                              AND b.state = 'reserved') AS reship,
           o.status = 'shipped' AND o.cancelling IS NULL AND EXISTS ({ARRIVED}) AS first_arrived,
           d.hold_no, d.kind AS hold_kind, d.stops AS hold_stops, d.due AS hold_due, d.act AS hold_act,
           k.park_no, k.step, k.error, k.options, k.subject, {_FULFILMENTS},
           EXISTS (SELECT FROM inbox i WHERE i.order_no = o.order_no AND i.processed_at IS NULL) AS unheard,
           ARRAY(SELECT t.return_id FROM returns t WHERE t.order_no = o.order_no
                    AND t.status IN ({literals(returns.OPEN)})
                  ORDER BY t.return_no) AS returns
      FROM orders o
      {NEWEST_ATTEMPT}
      LEFT JOIN LATERAL (SELECT h.status FROM shipments h
                          WHERE h.order_no = o.order_no AND h.status <> 'cancelled'
                            AND h.replaced_at IS NULL
                          ORDER BY h.fulfilment_no LIMIT 1) s ON true
      LEFT JOIN LATERAL (SELECT p.* FROM parked_steps p
                          WHERE p.order_no = o.order_no AND p.resolved_at IS NULL) k ON true
      LEFT JOIN LATERAL (SELECT h.hold_no, h.kind, n.due, n.act,
                               bool_or(o.status = ANY (h.stops)
                                       OR o.status = 'preparing' AND 'paid' = ANY (h.stops)) OVER () AS stops
                          FROM holds h, LATERAL (
                            SELECT CASE WHEN h.escalated_at IS NULL THEN h.escalate_at ELSE h.until END AS due,
                                   CASE WHEN h.escalated_at IS NULL AND h.escalate_at < h.until
                                        THEN 'escalate' ELSE 'expire' END AS act) n
                         WHERE o.hold IS NOT NULL AND h.order_no = o.order_no AND h.closed_at IS NULL
                         ORDER BY n.due, h.hold_no LIMIT 1) d ON true"""  # noqa: S608
_STATE = text(f"{_SELECT} WHERE o.order_no = :order_no")
_STATES = text(f"{_SELECT} WHERE o.order_no = ANY(CAST(:order_nos AS text[]))")


@dataclass(frozen=True, slots=True)
class StandingHold:
    """The open hold on which something is due first: `act` (domain.orders.holds.HoldAction) at `due`, RFC 3339 in UTC.

    `stops` says that this one or another open hold stops the order now.
    """

    hold_no: int
    kind: str
    stops: bool
    due: str
    action: str


@dataclass(frozen=True, slots=True)
class StandingPark:
    """The open parked step. `over`: it needs no person any more; `until`: what it is about is undone then."""

    park_no: int
    step: Step
    error: str
    options: tuple[str, ...]
    subject: str
    over: bool
    until: datetime | None


@dataclass(frozen=True, slots=True)
class StandingFulfilment:
    """One of several fulfilments. `parcel` is the live shipment's status or empty; `reserved`: its stock is held;
    `arrived`: a parcel of it that was given up has arrived after all."""

    fulfilment_id: str
    number: int
    warehouse: str
    status: FulfilmentStatus
    parcel: str
    reserved: bool
    due_at: datetime | None
    arrived: bool
    kind: FulfilmentKind = FulfilmentKind.PARCEL

    @property
    def to_be_booked(self) -> bool:
        """True while a parcel of it is to be booked."""
        return self.reserved and self.parcel in ("", ShipmentStatus.BOOKING)


@dataclass(frozen=True, slots=True)
class OrderState:
    """Where an order stands. `operation` is the next pending one; `awaits_provider`: a call that takes the order's
    money is undecided; `money` decides which authorisations are needed; `unapplied`: money is held that is not the
    order's and goes back; `returns` are the ids of those that are open; `fulfilments` are there where the order has
    several, or one that is no parcel from stock, and `parcel` is then that of the first one; `receivable` is there
    of an order on payment terms."""

    order_no: str
    status: Status
    seq: int
    cancelling: str
    total_minor: int
    currency: str
    attempt: int
    attempt_state: AttemptState
    review: bool
    parcel: str
    deadline: datetime | None
    park: StandingPark | None
    unheard: bool
    hold: StandingHold | None
    operation: Operation | None
    awaits_provider: bool
    money: MoneyFacts
    unapplied: bool
    returns: tuple[str, ...]
    reship: bool = False
    first_arrived: bool = False
    fulfilments: tuple[StandingFulfilment, ...] = ()
    receivable: Receivable | None = None

    @property
    def terms(self) -> Terms:
        """How far an order on payment terms is paid."""
        return self.receivable.terms if self.receivable else Terms.NONE

    @property
    def to_pay_minor(self) -> int:
        """What a payment pays now, in minor units."""
        return self.receivable.owed_minor if self.terms and self.receivable else self.total_minor

    @property
    def payability(self) -> PayabilityFacts:
        """What decides whether it can be paid now."""
        if self.terms:
            owed = self.terms is Terms.OWED
            return facts_on_terms(self.status, bool(self.cancelling), self.attempt_state, owed=owed)
        return facts_by_attempt(self.status, bool(self.cancelling), self.attempt_state)


async def load_state(conn: AsyncConnection, order_no: str) -> OrderState:
    """Read it; raises NotFound."""
    row = (await conn.execute(_STATE, {"order_no": order_no})).mappings().one_or_none()
    if row is None:
        raise NotFound("order_not_found")
    return _state(row)


async def load_states(conn: AsyncConnection, order_nos: Sequence[str]) -> list[OrderState]:
    """The same for several orders, in one statement; in no order, without those that do not exist."""
    return [_state(row) for row in (await conn.execute(_STATES, {"order_nos": list(order_nos)})).mappings()]


def _state(row: RowMapping) -> OrderState:
    facts = facts_of(row)
    until = (row["waiting"] or {}).get("until") or ""
    return OrderState(
        order_no=row["order_no"],
        status=facts.status,
        seq=row["event_seq"],
        cancelling=row["cancelling"] or "",
        total_minor=row["total_minor"],
        currency=row["currency"],
        attempt=facts.attempt or 0,
        attempt_state=facts.attempt_state,
        review=facts.risk == "review" and not row["reviewed"],
        parcel=row["parcel"] or "",
        deadline=datetime.fromisoformat(until) if until else None,
        park=_park(row, facts) if row["park_no"] is not None else None,
        unheard=row["unheard"],
        hold=_hold(row) if row["hold_no"] is not None else None,
        operation=facts.operation,
        awaits_provider=awaits_provider(facts.transactions),
        money=facts.money,
        unapplied=facts.unapplied,
        returns=tuple(row["returns"]),
        # Of an order with several fulfilments each says so itself.
        reship=row["reship"] and not row["fulfilments"],
        first_arrived=row["first_arrived"] and not row["fulfilments"],
        fulfilments=tuple(_fulfilment(part) for part in row["fulfilments"] or ()),
        receivable=facts.receivable,
    )


def _fulfilment(part: JsonFields) -> StandingFulfilment:
    due_at = datetime.fromisoformat(part["due_at"]).replace(tzinfo=UTC) if part["due_at"] else None
    return StandingFulfilment(
        part["fulfilment_id"], part["number"], part["warehouse"], FulfilmentStatus(part["status"]),
        part["parcel"] or "", part["reserved"], due_at,
        part["arrived"], FulfilmentKind(part["kind"]),
    )  # fmt: skip


def _park(row: RowMapping, facts: StateFacts) -> StandingPark:
    step, subject = Step(row["step"]), row["subject"]
    change = facts.change_payment(subject) if step is Step.SUPPLEMENT else None
    over = parked_steps.is_over(step, subject, facts.subjects) or _supplier_answered(row)
    until = change.until if change else None
    return StandingPark(row["park_no"], step, row["error"], tuple(row["options"]), subject or "", over, until)


def _supplier_answered(row: RowMapping) -> bool:
    """True where the supplier that the parked step waits for has shipped or given up its parcel."""
    if row["error"] not in ("supplier_silent", "supplier_refused", "supplier_asked"):
        return False
    parcel = row["parcel"]
    for part in row["fulfilments"] or ():
        if part["fulfilment_id"] == row["subject"] or (not row["subject"] and part["number"] == 1):
            parcel = part["parcel"]
    return parcel not in (ShipmentStatus.BOOKING, ShipmentStatus.BOOKED)


def _hold(row: RowMapping) -> StandingHold:
    due = row["hold_due"].astimezone(UTC).isoformat()
    return StandingHold(row["hold_no"], row["hold_kind"], row["hold_stops"], due, row["hold_act"])
