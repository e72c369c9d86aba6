"""Who is signed in to the portal: a contact proved by a code, and the customers whose orders it opens."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse, Response

from api.authorization import OrderOverview, visible_order
from api.dependencies import Services, limits, order_number, services_of
from api.pages import forms
from api.pages.forms import csrf_of, masked
from api.portal.rendering import HOME
from api.presenters.channel_looks import DEFAULT_LOOK, PresentedLook, shown
from api.services.channels import channel_settings
from api.services.portal import portal_sessions
from api.services.portal.portal_sessions import PortalContact
from domain.access import Principal

COOKIE = "oms_portal"
SIGN_IN = f"{HOME}/sign-in"


class CustomerSignInNeeded(Exception):
    """Nobody is signed in, or the session has ended."""


@dataclass(slots=True)
class CustomerSession:
    """A signed-in contact. `csrf` goes into every form as the field `csrf`. `look` is that of the shop whose order the
    page is about, `place` where the order goes: the times of the page are of that place."""

    contact: PortalContact
    csrf: str
    look: PresentedLook = DEFAULT_LOOK
    place: Mapping[str, str] | None = None


async def session(request: Request) -> Any:
    """The CustomerSession, also in `request.state.session` for every page. Raises CustomerSignInNeeded."""
    services, cookie = services_of(request), request.cookies.get(COOKIE, "")
    if not cookie:
        raise CustomerSignInNeeded
    found = await portal_sessions.find(services, cookie)
    if found is None:
        raise CustomerSignInNeeded
    limits(request).customer(found.indexes[0].hex())
    request.state.session = CustomerSession(found, masked(csrf_of(cookie)))
    return request.state.session


CurrentCustomer = Annotated[CustomerSession, Depends(session)]


async def owned(services: Services, session: CustomerSession, typed: str) -> tuple[Principal, OrderOverview]:
    """The order and the customer as whom the session acts on it, under the same rules as customers in the API.

    Raises NotFound `order_not_found`, also for orders of others.
    """
    number = order_number(typed)
    customer = await portal_sessions.customer_of(services, session.contact, number)
    found = await visible_order(services, customer, number)
    await show_order(services, session, number)
    return customer, found


async def show_order(services: Services, session: CustomerSession, order_no: str) -> None:
    """Have the page look as the order's shop does, with times of the place that the order goes to."""
    found = await channel_settings.of_order(services, order_no)
    session.look, session.place = shown(found.channel, found.look, HOME), found.place


async def show_channel(services: Services, session: CustomerSession, channel: str) -> None:
    """Have the page look as the channel's shop does."""
    session.look = shown(channel, await channel_settings.look_of(services, channel), HOME)


async def posted(request: Request, session: CustomerSession) -> dict[str, str]:
    """The fields of a form of this session. Raises Problem `form_expired`."""
    return await forms.posted(request, session.csrf)


async def to_sign_in(request: Request, _: Exception) -> Response:
    """Send whoever is not signed in to the sign-in page, and back afterwards; a live fragment just says so."""
    if request.headers.get("x-live"):
        return Response(status_code=401)
    back = request.url.path if request.method == "GET" and request.url.path != HOME else ""
    named = {name: value for name, value in (("next", back), ("shop", request.query_params.get("shop", ""))) if value}
    return RedirectResponse(f"{SIGN_IN}?{urlencode(named)}" if named else SIGN_IN, 303)
