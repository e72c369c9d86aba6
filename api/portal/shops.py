"""Which shop a page belongs to where no order is open: sign-in, expired links, errors, maintenance.

The page's address names it (`shop`, or the order that it leads to), else it is the shop whose page this browser saw
last. A shop's look is public, so whoever writes another one's name there sees that shop's name and nothing else.
"""

import re

from fastapi import Request

from api.dependencies import services_of
from api.portal.rendering import HOME, SHOP_COOKIE
from api.presenters.channel_looks import DEFAULT_LOOK, PresentedLook, shown
from api.services.channels import channel_settings
from domain.orders.order_no import normalise

SHOP = "shop"
_ORDER = re.compile(rf"^{HOME}/orders/([0-9A-Za-z-]{{17,40}})(?:/|$)")


async def look_for(request: Request, leads_to: str = "") -> PresentedLook:
    """The look of the page's shop; the default where it is not known. `leads_to` is where a sign-in leads."""
    services, named = services_of(request), request.query_params.get(SHOP, "")
    order = _ORDER.match(leads_to)
    if not named and order and (number := normalise(order[1])):
        named = await channel_settings.channel_of(services, number)
    channel = named or request.cookies.get(SHOP_COOKIE, "")
    if not channel_settings.is_channel(channel):
        return DEFAULT_LOOK
    return shown(channel, await channel_settings.look_of(services, channel), HOME)


def last_look(request: Request) -> PresentedLook:
    """The same without the database, for the pages that say that it does not answer."""
    channel = request.cookies.get(SHOP_COOKIE, "")
    return shown(channel, services_of(request).looks.of(channel), HOME) if channel else DEFAULT_LOOK
