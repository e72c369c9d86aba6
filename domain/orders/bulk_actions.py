"""Actions on many orders at once: which orders each fits, and why others do not.

A new action is one entry of `BULK` here, one of `activities.orders.bulk_actions` that carries it out, and its words.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain.access import STAFF, Role
from domain.orders import cancellation
from domain.orders.holds import PUT_ON_BY, HoldKind, can_be_held, may_release
from domain.orders.priority import Priority
from domain.orders.status import TERMINAL, Status
from domain.orders.tags import MAX_TAGS

MAX_ORDERS = 500
# What each order of a job costs Temporal and the database is small; others wait for neither.
RATE_PER_S = 20.0


class BulkAction(StrEnum):
    """An action on the chosen orders of a list."""

    HOLD = "hold"
    RELEASE = "release"
    CANCEL = "cancel"
    PRIORITISE = "prioritise"
    TAG = "tag"
    UNTAG = "untag"
    ASSIGN = "assign"


@dataclass(frozen=True, slots=True)
class OpenHoldFacts:
    """An open hold of an order: its number, its kind, and the role (or role:name) that may release it."""

    hold_no: int
    kind: HoldKind
    owner: str


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """As much of an order as the rules read; `part_has_left`: it ships in several parts, and one is on its way or has
    arrived; `part_to_book`: one of several is not booked."""

    status: Status
    cancelling: bool = False
    priority: Priority = Priority.STANDARD
    holds: tuple[OpenHoldFacts, ...] = ()
    tags: frozenset[str] = frozenset()
    assignee: str = ""
    part_has_left: bool = False
    part_to_book: bool = False


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """What is to be done, and by whom. `kind` is that of a hold, `priority` the new one, `tag` normalised; an empty
    `assignee` is nobody."""

    action: BulkAction
    role: Role
    kind: HoldKind | None = None
    priority: Priority | None = None
    tag: str = ""
    assignee: str = ""


@dataclass(frozen=True, slots=True)
class BulkRule:
    """Who may do it (admin may, too), the code of why an order does not fit (None: it fits), and which member of the
    request it needs beside the orders (empty: none)."""

    roles: tuple[Role, ...]
    refusal: Callable[[OrderFacts, ActionRequest], str | None]
    needs: str = ""
    with_reason: bool = True


def _hold(order: OrderFacts, requested: ActionRequest) -> str | None:
    if order.cancelling or not can_be_held(order.status, order.part_to_book):
        return "too_late_to_hold"
    return "already_held" if any(hold.kind is requested.kind for hold in order.holds) else None


def _release(order: OrderFacts, requested: ActionRequest) -> str | None:
    if not order.holds:
        return "not_held"
    return None if releasable(order, requested.role) else "hold_of_another_role"


def _cancel(order: OrderFacts, requested: ActionRequest) -> str | None:
    if cancellation.refusal(order.status, order.cancelling):
        return "not_cancellable"
    # Its workflow would recall the other parcels, be refused, and book them again.
    return "parcel_on_its_way" if order.part_has_left else None


def _prioritise(order: OrderFacts, requested: ActionRequest) -> str | None:
    if order.status in TERMINAL:
        return "order_over"
    return "priority_unchanged" if order.priority is requested.priority else None


def _tag(order: OrderFacts, requested: ActionRequest) -> str | None:
    if requested.tag in order.tags:
        return "tag_unchanged"
    return "too_many_tags" if len(order.tags) >= MAX_TAGS else None


def _untag(order: OrderFacts, requested: ActionRequest) -> str | None:
    return None if requested.tag in order.tags else "tag_unchanged"


def _assign(order: OrderFacts, requested: ActionRequest) -> str | None:
    return "assignee_unchanged" if order.assignee == requested.assignee else None


_STAFF = tuple(STAFF)
BULK: Mapping[BulkAction, BulkRule] = {
    BulkAction.HOLD: BulkRule(PUT_ON_BY, _hold, "kind"),
    BulkAction.RELEASE: BulkRule(PUT_ON_BY, _release),
    BulkAction.CANCEL: BulkRule((Role.SUPPORT,), _cancel),
    BulkAction.PRIORITISE: BulkRule((Role.SUPPORT, Role.OPERATIONS), _prioritise, "priority"),
    BulkAction.TAG: BulkRule(_STAFF, _tag, "tag", with_reason=False),
    BulkAction.UNTAG: BulkRule(_STAFF, _untag, "tag", with_reason=False),
    BulkAction.ASSIGN: BulkRule(_STAFF, _assign, "assignee", with_reason=False),
}


def refusal(order: OrderFacts, requested: ActionRequest) -> str | None:
    """Why the order does not fit, as a code; None when it does."""
    return BULK[requested.action].refusal(order, requested)


def releasable(order: OrderFacts, role: Role) -> tuple[OpenHoldFacts, ...]:
    """The open holds that this role may release."""
    return tuple(hold for hold in order.holds if may_release(role, hold.owner))
