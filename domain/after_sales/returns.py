"""Returns: their states, what a piece's condition means for stock and money, and whose fault it was.

`RETURN_TRANSITIONS` is the single source: the database's `return_transitions` and the tests are read from it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.errors import Conflict
from domain.line_references import Named, by_number_first, meant, take


def rma_no(order_no: str, return_no: int) -> str:
    """The number that names a return among all, as customers and staff read it."""
    return f"{order_no}-R{return_no}"


class ReturnStatus(StrEnum):
    """State of a return. `inspected`: it is settled, and completed once the money is out."""

    REQUESTED = "requested"
    APPROVED = "approved"
    IN_TRANSIT = "in_transit"
    RECEIVED = "received"
    INSPECTED = "inspected"
    COMPLETED = "completed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class ReturnEvent(StrEnum):
    """What moves a return; each is an event on its order's timeline."""

    APPROVED = "return_approved"
    REJECTED = "return_rejected"
    IN_TRANSIT = "return_in_transit"
    RECEIVED = "return_received"
    INSPECTED = "return_inspected"
    COMPLETED = "return_completed"
    EXPIRED = "return_expired"
    CANCELLED = "return_cancelled"


S, E = ReturnStatus, ReturnEvent
RETURN_TRANSITIONS: dict[tuple[ReturnStatus, ReturnEvent], ReturnStatus] = {
    (S.REQUESTED, E.APPROVED): S.APPROVED,
    (S.REQUESTED, E.REJECTED): S.REJECTED,
    (S.REQUESTED, E.CANCELLED): S.CANCELLED,
    (S.APPROVED, E.IN_TRANSIT): S.IN_TRANSIT,
    (S.APPROVED, E.RECEIVED): S.RECEIVED,
    (S.APPROVED, E.EXPIRED): S.EXPIRED,
    (S.APPROVED, E.CANCELLED): S.CANCELLED,
    (S.IN_TRANSIT, E.RECEIVED): S.RECEIVED,
    (S.IN_TRANSIT, E.EXPIRED): S.EXPIRED,
    (S.IN_TRANSIT, E.CANCELLED): S.CANCELLED,
    # What reaches the warehouse all the same is taken in: the goods are there.
    (S.EXPIRED, E.RECEIVED): S.RECEIVED,
    (S.CANCELLED, E.RECEIVED): S.RECEIVED,
    (S.RECEIVED, E.INSPECTED): S.INSPECTED,
    (S.INSPECTED, E.COMPLETED): S.COMPLETED,
}
# Pieces on a return in one of these states may be asked back again.
NOT_COUNTED = frozenset({S.REJECTED, S.EXPIRED, S.CANCELLED})
CLOSED = frozenset({S.COMPLETED, *NOT_COUNTED})
OPEN = frozenset(S) - CLOSED
# It is not settled yet.
UNSETTLED = OPEN - {S.INSPECTED}
# The goods are to be sent, or are on their way.
COMING = frozenset({S.APPROVED, S.IN_TRANSIT})
ARRIVED = frozenset({S.RECEIVED, S.INSPECTED, S.COMPLETED})
del S, E


class Resolution(StrEnum):
    """What the customer gets for the returned items."""

    REFUND = "refund"
    EXCHANGE = "exchange"
    STORE_CREDIT = "store_credit"


class Condition(StrEnum):
    """What was found of a piece. `lost` is the carrier's: no person reports it."""

    AS_NEW = "as_new"
    DAMAGED = "damaged"
    MISSING = "missing"
    WRONG_ITEM = "wrong_item"
    LOST = "lost"


class Disposition(StrEnum):
    """Where a piece goes."""

    ON_HAND = "on_hand"
    QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True)
class ConditionRule:
    """`shelf` None: no piece of ours came. `percent_applies`: the setting for damaged pieces may reduce the refund."""

    disposition: Disposition | None
    refunded: bool
    percent_applies: bool = False


CONDITIONS: dict[Condition, ConditionRule] = {
    Condition.AS_NEW: ConditionRule(Disposition.ON_HAND, refunded=True),
    Condition.DAMAGED: ConditionRule(Disposition.QUARANTINE, refunded=True, percent_applies=True),
    Condition.MISSING: ConditionRule(None, refunded=False),
    Condition.WRONG_ITEM: ConditionRule(None, refunded=False),
    Condition.LOST: ConditionRule(None, refunded=True),
}
REFUNDED = tuple(condition for condition, rule in CONDITIONS.items() if rule.refunded)


class Reason(StrEnum):
    """Why a customer sends something back."""

    CHANGED_MIND = "changed_mind"
    DOES_NOT_FIT = "does_not_fit"
    DAMAGED_ON_ARRIVAL = "damaged_on_arrival"
    WRONG_ITEM_SENT = "wrong_item_sent"
    NOT_AS_DESCRIBED = "not_as_described"
    OTHER = "other"


# Then its share of the shipping charge comes back too, and a damaged piece is refunded in full.
SHOPS_FAULT = frozenset({Reason.DAMAGED_ON_ARRIVAL, Reason.WRONG_ITEM_SENT, Reason.NOT_AS_DESCRIBED})


class ReturnDue(StrEnum):
    """What happens to a return automatically: a reminder, or the default outcome of a wait."""

    REMIND = "remind"
    APPROVE = "approve"
    EXPIRE = "expire"
    TAKE_AS_LOST = "take_as_lost"
    INSPECT = "inspect"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class ReturnWaits:
    """How long each wait may last, in seconds."""

    answer_s: int
    send_s: int
    transit_s: int
    inspect_s: int

    @property
    def until_claimed_s(self) -> int:
        """From the approval, when a guarantee is authorised, to the last moment at which it may be claimed."""
        return self.send_s + self.transit_s + self.inspect_s


@dataclass(frozen=True, slots=True)
class ReturnWait:
    """A wait from now on: reminded after `remind_s` (None: never), over after `deadline_s` (None: never)."""

    deadline_s: int | None
    remind_s: int | None
    outcome: ReturnDue | None


def wait_of(status: ReturnStatus, waits: ReturnWaits, *, our_parcel: bool = False) -> ReturnWait:
    """The wait that begins with `status`. A parcel that our own carrier has and loses is not the customer's loss."""
    match status:
        case ReturnStatus.REQUESTED:
            return ReturnWait(waits.answer_s, None, ReturnDue.APPROVE)
        case ReturnStatus.APPROVED:
            return ReturnWait(waits.send_s, waits.send_s // 2, ReturnDue.EXPIRE)
        case ReturnStatus.IN_TRANSIT:
            outcome = ReturnDue.TAKE_AS_LOST if our_parcel else ReturnDue.EXPIRE
            return ReturnWait(2 * waits.transit_s, waits.transit_s, outcome)
        case ReturnStatus.RECEIVED:
            return ReturnWait(waits.inspect_s, waits.inspect_s // 2, ReturnDue.INSPECT)
        case ReturnStatus.INSPECTED:
            return ReturnWait(None, None, ReturnDue.COMPLETE)
    return ReturnWait(None, None, None)


@dataclass(frozen=True, slots=True)
class Found:
    """Pieces of a SKU, or of a line, that were found in a condition, as a person says it."""

    sku: str | None
    quantity: int
    condition: Condition
    line_no: int | None = None


@dataclass(frozen=True, slots=True)
class _OfSku:
    """Pieces of a SKU, whichever its lines."""

    quantity: int
    sku: str
    line_no: None = None


@dataclass(frozen=True, slots=True)
class LinePieces:
    """Pieces of an order's line: that were returned, or may be."""

    line_no: int
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class LineFinding:
    """Pieces of a return's line in a condition."""

    line_no: int
    sku: str
    condition: Condition
    quantity: int


def pieces_of(lines: Sequence[LinePieces], wanted: Mapping[str, int], named: Sequence[Named] = ()) -> list[LinePieces]:
    """Which lines the wanted pieces are: `named` ones, then those of each SKU as far as pieces are there.

    Raises RuleBroken `unknown_line`, `line_sku_mismatch`; Conflict `return_exceeds_delivered`.
    """
    left = {line.line_no: line.quantity for line in lines}
    taken: dict[int, int] = {}
    requested: list[Named | _OfSku] = [*named, *(_OfSku(quantity, sku) for sku, quantity in wanted.items())]
    for one in requested:
        mine = meant(lines, one)
        units, rest = take(mine, left, one.quantity)
        if rest:
            what = one.sku if one.line_no is None else f"line {one.line_no} ({mine[0].sku})"
            raise Conflict(
                "return_exceeds_delivered",
                "{left} of {what} were delivered and are not yet on a return: ask for no more than that",
                left=one.quantity - rest,
                what=what or "",
                sku=mine[0].sku,
            )
        for line_no, count in units.items():
            taken[line_no] = taken.get(line_no, 0) + count
            left[line_no] -= count
    return [LinePieces(line.line_no, line.sku, taken[line.line_no]) for line in lines if line.line_no in taken]


def findings(lines: Sequence[LinePieces], inspected: Sequence[Found]) -> list[LineFinding]:
    """What was found, line by line; pieces that nobody named are missing.

    Raises RuleBroken `unknown_line`, `line_sku_mismatch`; Conflict `more_than_returned`.
    """
    left = {line.line_no: line.quantity for line in lines}
    found: list[LineFinding] = []
    for one in by_number_first(inspected):
        mine = meant(lines, one, "the return")
        units, rest = take(mine, left, one.quantity)
        if rest:
            expected = sum(line.quantity for line in mine)
            what = one.sku if one.line_no is None else f"line {one.line_no} ({mine[0].sku})"
            detail = "at most {left} of {what} are on this return"
            raise Conflict("more_than_returned", detail, left=expected, what=what or "", sku=mine[0].sku)
        for line_no, count in units.items():
            found.append(LineFinding(line_no, mine[0].sku, one.condition, count))
            left[line_no] -= count
    found += [LineFinding(n.line_no, n.sku, Condition.MISSING, left[n.line_no]) for n in lines if left[n.line_no]]
    return merged(found)


def lines_named(lines: Sequence[LinePieces], inspected: Sequence[Found]) -> set[int]:
    """The lines of which something was said: by number that one, by SKU all of them."""
    return {line.line_no for one in inspected for line in meant(lines, one, "the return")}


def merged(found: Sequence[LineFinding]) -> list[LineFinding]:
    """The same with one entry for each line and condition."""
    sums: dict[tuple[int, str, Condition], int] = {}
    for one in found:
        key = (one.line_no, one.sku, one.condition)
        sums[key] = sums.get(key, 0) + one.quantity
    return [LineFinding(line_no, sku, condition, quantity) for (line_no, sku, condition), quantity in sums.items()]


def allowed_actions(status: ReturnStatus) -> list[str]:
    """What people may do with a return now, in the words of the API."""
    actions = {
        ReturnEvent.APPROVED: "approve",
        ReturnEvent.REJECTED: "reject",
        ReturnEvent.CANCELLED: "cancel",
        ReturnEvent.RECEIVED: "receive",
        ReturnEvent.INSPECTED: "inspect",
    }
    return [word for event, word in actions.items() if (status, event) in RETURN_TRANSITIONS]
