"""What crosses between workflows and activities: ids, codes, numbers and deadlines, never a person's data.

Every field is part of recorded histories: add with a default, never rename or remove.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class StartOrder:
    """Input of an order's workflow."""

    order_no: str


@dataclass(frozen=True)
class Policy:
    """Settings of an order's workflow, read when a run begins. Seconds."""

    gateway_attempts: int = 5
    gateway_backoff_s: float = 1.0
    gateway_timeout_s: float = 5.0
    payment_poll_s: int = 60
    escalation_s: int = 14400
    pending_patience_s: int = 1_209_600


@dataclass(frozen=True)
class Parked:
    """An open parked step. `subject` is the refund, return or change that it is about, where it is about one; `over`:
    an event has done meanwhile what it was to do, or it is no longer wanted; `until` (RFC 3339 in UTC): it will be
    over then."""

    park_no: int
    step: str
    error: str
    options: list[str] = field(default_factory=list)
    subject: str = ""
    over: bool = False
    until: str = ""


@dataclass(frozen=True)
class Hold:
    """The open hold on which something is due first: `act` (escalate, expire) at `due`.

    `stops` says that this one or another open hold stops the order now.
    """

    hold_no: int
    kind: str
    stops: bool
    due: str
    act: str


@dataclass(frozen=True)
class PendingOperation:
    """A decided operation that the workflow executes: `kind` (refund, …) and the id of its object.

    `until` (RFC 3339 in UTC): it is undone then. `since`: its provider has taken it then, and decides later.
    """

    kind: str
    id: str
    until: str = ""
    since: str = ""


@dataclass(frozen=True)
class Fulfilment:
    """One of several fulfilments of an order. `status` is a domain.shipping.fulfilments.FulfilmentStatus, `parcel` the
    live shipment's status or empty; `reserved`: its stock is held; `deadline`: its next step is expected by then;
    `arrived`: a parcel of it that was given up has arrived after all; `kind` is a FulfilmentKind."""

    id: str
    number: int
    warehouse: str
    status: str
    parcel: str = ""
    reserved: bool = False
    deadline: str = ""
    arrived: bool = False
    kind: str = "parcel"


@dataclass(frozen=True)
class OrderView:
    """The state of an order in the database. Times are RFC 3339 in UTC, or empty.

    `attempt` is the newest payment attempt (0: none) and `attempt_state` one of `none, open, authorised, pending,
    capturing, failed, captured`; `parcel` is the live shipment's status or empty; `stray` says that money is held which
    is not the order's and must go back; `unheard` that facts from outside wait in the inbox; `seq` is the newest
    event's, so the newer of two views is known; `hold` is the open hold on which something is due first; `errand` is
    the oldest pending operation; `returns` are the ids of the returns that are open; `fulfilments` are there where the
    order has several, or one that is no parcel from stock; `terms` is a domain.payments.receivables.Terms.
    """

    order_no: str
    status: str
    seq: int = 0
    cancelling: str = ""
    attempt: int = 0
    attempt_state: str = "none"
    review: bool = False
    parcel: str = ""
    stray: bool = False
    unheard: bool = False
    deadline: str = ""
    parked: Parked | None = None
    policy: Policy | None = None
    hold: Hold | None = None
    errand: PendingOperation | None = None
    returns: list[str] = field(default_factory=list)
    reship: bool = False
    first_arrived: bool = False
    fulfilments: list[Fulfilment] = field(default_factory=list)
    terms: str = ""


@dataclass(frozen=True)
class OrderRef:
    """An order, for activities that derive everything else from the database."""

    order_no: str


@dataclass(frozen=True)
class FulfilmentRef:
    """One of several fulfilments of an order."""

    order_no: str
    number: int


@dataclass(frozen=True)
class AttemptRef:
    """One payment attempt of an order."""

    order_no: str
    attempt: int


@dataclass(frozen=True)
class CancelRequest:
    """Undo an order: `cause` is a code (`customer_request`, `payment_expired`, …), `actor` an id."""

    order_no: str
    cause: str
    actor: str
    request_id: str = ""


@dataclass(frozen=True)
class PayRequest:
    """Take up the payment request that the database holds under `request_id`."""

    order_no: str
    request_id: str


@dataclass(frozen=True)
class ResolveRequest:
    """Resolve the parked step `park_no` as its resolution says; `action` is repeated for readers of the history.

    `park_no` 0 is in requests from before resolutions named their step: the database knows which one they are for.
    """

    order_no: str
    resolution_id: str
    action: str
    park_no: int = 0


@dataclass(frozen=True)
class ParkRequest:
    """Park a step: codes only. `subject` is the id of what it is about; empty: what the database says is due."""

    order_no: str
    step: str
    error: str
    provider: str
    attempts: int
    subject: str = ""


@dataclass(frozen=True)
class UnparkRequest:
    """Close the parked step `park_no`; `how` is an action, or `overtaken` when the world resolved it."""

    order_no: str
    park_no: int
    how: str
    resolution_id: str = ""


@dataclass(frozen=True)
class ReturnRequest:
    """Give money back: everything (`all`) or only what is not the order's (`stray`)."""

    order_no: str
    scope: str


@dataclass(frozen=True)
class RefundRef:
    """A refund that is to be paid."""

    order_no: str
    refund_id: str


@dataclass(frozen=True)
class FulfilmentCaptureRef:
    """A fulfilment that has shipped and whose share is to be captured."""

    order_no: str
    fulfilment_id: str


@dataclass(frozen=True)
class GuaranteeRef:
    """The guarantee of an advance exchange: what is due on it, the database says."""

    order_no: str
    return_id: str


@dataclass(frozen=True)
class RenewalRef:
    """An authorisation that ends before its time: what is due on it, the database says."""

    order_no: str
    payment_id: int


@dataclass(frozen=True)
class ChangePaymentRef:
    """The difference of a change that waits for its payment: what is due on it, the database says."""

    order_no: str
    supplement_no: int


@dataclass(frozen=True)
class HoldDue:
    """The time of a hold has come: `act` is escalate or expire."""

    order_no: str
    hold_no: int
    act: str


@dataclass(frozen=True)
class AdjustRequest:
    """A manual transition of the order, stored in the database; `event` is repeated for readers of the history.
    `fulfilment_id`: whose parcel it is about, where the order ships in several parts."""

    order_no: str
    act_id: str
    event: str
    fulfilment_id: str = ""


@dataclass(frozen=True)
class ReturnRef:
    """A return of an order; also the input of its workflow."""

    order_no: str
    return_id: str


@dataclass(frozen=True)
class ReturnView:
    """The state of a return in the database. `act` (domain.after_sales.returns.ReturnDue) happens automatically at
    `due` (RFC 3339 in UTC); empty: nothing does. `label` is none, wanted, booked, failed, or unused: booked for a
    return that has ended."""

    order_no: str
    return_id: str
    status: str
    closed: bool = False
    act: str = ""
    due: str = ""
    label: str = "none"
    policy: Policy | None = None


@dataclass(frozen=True)
class ReturnActionDue:
    """A deadline of a return has passed."""

    order_no: str
    return_id: str
    act: str


@dataclass(frozen=True)
class LabelFailed:
    """A return's label cannot be booked: a code."""

    order_no: str
    return_id: str
    error: str


@dataclass(frozen=True)
class UpdateAnswer:
    """What an update tells its caller."""

    order_no: str
    status: str
    outcome: str


@dataclass(frozen=True)
class StartJob:
    """Input of a bulk operation."""

    job_id: str
    rate_per_s: float


@dataclass(frozen=True)
class JobSlice:
    """How far a slice of a bulk operation came: `left` items are still open."""

    done: int
    failed: int
    left: int


@dataclass(frozen=True)
class TransferRef:
    """A transfer between warehouses; also the input of its workflow."""

    transfer_id: str


@dataclass(frozen=True)
class TransferView:
    """The state of a transfer in the database, in units of all its lines. A case is opened at `due` (RFC 3339 in UTC);
    empty: it is open already, or the transfer is closed."""

    transfer_id: str
    status: str
    closed: bool
    source: str
    target: str
    requested: int
    in_transit: int
    due: str = ""
