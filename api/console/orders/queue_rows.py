"""Rows of the list of orders that need attention: the sentence of each, and what to do about it first."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import Request

from api.console.i18n import language
from api.console.orders import situation_links
from api.console.orders.situation_links import OfferedAction
from api.console.session import StaffMember
from api.pages.rendering import sentence_time
from api.presenters import situations
from api.presenters.markup import Filled
from api.services.support.parked_queue import QueuedOrder
from domain.situations.actions import AtStake


@dataclass(frozen=True, slots=True)
class QueueRow:
    """`action` is the best one for the case; None for who may only look, and where it needs an amount to be known."""

    order_no: str
    situation: dict[str, Any]
    since: datetime
    amount_minor: int | None
    currency: str
    action: OfferedAction | None


def rows(request: Request, member: StaffMember, found: Iterable[QueuedOrder]) -> list[QueueRow]:
    """Those of a page."""
    return [_row(request, member, order) for order in found]


def _row(request: Request, member: StaffMember, order: QueuedOrder) -> QueueRow:
    lang = language(request)
    situation = situations.localized(
        order.facts, member.principal, (), order.options, AtStake(currency=order.currency), lang, sentence_time(lang),
        Filled, in_short=True,
    )  # fmt: skip
    known = {"order_no": order.order_no, "situation_facts": order.facts}
    offered = situation_links.offered(situation, known, member)
    best = offered[0] if offered and not offered[0].danger else None
    return QueueRow(order.order_no, situation, order.since, order.amount_minor, order.currency, best)
