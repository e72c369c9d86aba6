"""Where the console carries out the actions that a situation suggests, and for whom."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.console.session import StaffMember
from domain.access import Role
from domain.orders.holds import may_release

_RESOLVING = ("retry", "amend", "skip", "give_up", "compensate")
_ACTIVITY = ("retry_now", "pause", "unpause")
_PARCEL = {"reship": "reship", "refund_lost": "refund"}
# Buttons that end something or give money back.
_DANGER = frozenset({"cancel", "compensate", "give_up", "refund_lost"})


@dataclass(frozen=True, slots=True)
class OfferedAction:
    """An action of a situation for one member of staff: `href` is the form that does it."""

    code: str
    label: str
    consequence: str
    href: str
    danger: bool


def offered(situation: Mapping[str, Any], order: Mapping[str, Any], member: StaffMember) -> list[OfferedAction]:
    """The situation's actions that this person may carry out, in its order; `order` as the database has it."""
    return [
        OfferedAction(one["code"], one["label"], one["consequence"] or "", href, one["action"] in _DANGER)
        for one in situation["actions"]
        if (href := _place(one["action"], order, member))
    ]


def _place(action: str, order: Mapping[str, Any], member: StaffMember) -> str:
    """The address of the form; empty where this person may not."""
    order_no = order["order_no"]
    if action == "release_hold":
        held = order["situation_facts"].hold
        mine = held is not None and may_release(member.role, held.owner)
        return f"/console/orders/{order_no}/release" if mine else ""
    if not member.may(Role.SUPPORT):
        return ""
    if action in _RESOLVING:
        return f"/console/stuck/{order_no}/{action}"
    if action in _ACTIVITY:
        return f"/console/orders/{order_no}/activity/{action}"
    if action in _PARCEL:
        return f"/console/orders/{order_no}/parcel/{_PARCEL[action]}"
    return f"/console/orders/{order_no}/{action}" if action in ("reset", "cancel") else ""
