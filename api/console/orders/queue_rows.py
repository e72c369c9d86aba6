"""Rows of the list of orders that need attention: the sentence of each, and what to do about it first."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache

from fastapi import Request
from markupsafe import Markup

from api.console.i18n import language
from api.console.orders import situation_links
from api.console.rendering import fragment
from api.console.session import StaffMember
from api.pages.rendering import sentence_time
from api.presenters import situations
from api.presenters.markup import Filled
from api.services.support.parked_queue import QueuedOrder
from domain.access import Role
from domain.situations.actions import AtStake


@dataclass(frozen=True, slots=True)
class QueueRow:
    """`cells` are those that say the same until something happens to the order."""

    order_no: str
    since: datetime
    cells: Markup


def rows(request: Request, member: StaffMember, found: Iterable[QueuedOrder]) -> list[QueueRow]:
    """Those of a page."""
    lang, today = language(request), datetime.now(UTC).date()
    return [QueueRow(order.order_no, order.since, _cells(order, member.role, lang, today)) for order in found]


# An open page asks every few seconds, and its orders wait for hours: a row is written again only when it differs. Its
# sentence has times without a day for `today`.
@lru_cache(maxsize=256)
def _cells(order: QueuedOrder, role: Role, lang: str, today: date) -> Markup:
    reader = StaffMember("", role, "")
    situation = situations.localized(
        order.facts, reader.principal, (), order.options, AtStake(currency=order.currency), lang, sentence_time(lang),
        Filled, in_short=True,
    )  # fmt: skip
    known = {"order_no": order.order_no, "situation_facts": order.facts}
    offered = situation_links.offered(situation, known, reader)
    # The best one for the case; none for who may only look, and where it needs an amount to be known.
    best = offered[0] if offered and not offered[0].danger else None
    return fragment("queue_cells.html", lang, order=order, situation=situation, action=best)
