"""One order as a page of staff shows it: as the API does, with its situation and the actions for the reader."""

from dataclasses import dataclass
from typing import Any

from fastapi import Request

from api.console.i18n import language
from api.console.orders import situation_links
from api.console.orders.situation_links import OfferedAction
from api.console.session import StaffMember
from api.dependencies import services_of
from api.pages.rendering import sentence_time
from api.presenters import situations
from api.presenters.orders import presented
from api.services.orders import order_queries
from api.services.orders.order_types import OrderFields


@dataclass(frozen=True, slots=True)
class ShownOrder:
    """`order` as the database has it, `view` as the API shows it."""

    order: OrderFields
    view: dict[str, Any]
    situation: dict[str, Any]
    actions: list[OfferedAction]

    def action(self, code: str) -> dict[str, Any] | None:
        """The suggested action of this name."""
        return next((one for one in self.situation["actions"] if one["code"] == code), None)


async def read(request: Request, member: StaffMember, number: str) -> ShownOrder:
    """An order that the person may see. Raises NotFound `order_not_found`."""
    return shown(request, member, await order_queries.known(services_of(request), number))


def shown(request: Request, member: StaffMember, order: OrderFields) -> ShownOrder:
    """The same of an order that was read."""
    lang = language(request)
    view = presented(order, member.principal, services_of(request).settings)
    situation = situations.for_order(order, view, member.principal, lang, sentence_time(lang))
    return ShownOrder(order, view, situation, situation_links.offered(situation, order, member))
