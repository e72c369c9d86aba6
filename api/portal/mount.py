"""Puts the portal into the application: its pages, its static files, its errors as pages."""

import re

from fastapi import APIRouter, Depends, FastAPI, Request, Response

from api.errors import Problem
from api.http.routing import by_prefix
from api.pages.error_pages import as_pages, reader_of
from api.pages.forms import require_own_origin
from api.portal import documents, feedback, looks, messages, payments, shops, sign_in
from api.portal.after_sales import delivery_exception, parcel_photographs, return_detail, return_request
from api.portal.orders import backorder, cancellation, changes, detail, listing
from api.portal.rendering import HOME, SITE, page
from api.portal.session import CustomerSignInNeeded, session, to_sign_in
from api.presenters.channel_looks import PresentedLook

ROUTERS: tuple[APIRouter, ...] = (
    looks.router,
    sign_in.router,
    listing.router,
    detail.router,
    cancellation.router,
    changes.router,
    payments.router,
    return_request.router,
    return_detail.router,
    delivery_exception.router,
    backorder.router,
    parcel_photographs.router,
    documents.router,
    messages.router,
    feedback.router,
)
_ORDER = re.compile(rf"^{HOME}/orders/([0-9A-Z-]{{20}})/")


def install(app: FastAPI) -> None:
    """Mount the portal; to be called when every other error handler is in place."""
    for router in ROUTERS:
        app.include_router(by_prefix(router), include_in_schema=False, dependencies=[Depends(require_own_origin)])
    SITE.serve_static(app)
    as_pages(app, HOME, _refusal)
    app.add_exception_handler(CustomerSignInNeeded, to_sign_in)


async def _refusal(request: Request, problem: Problem) -> Response:
    """Why not, and what else is possible; the way back is the order that it was about."""
    await reader_of(request, problem, "session", session)
    order = _ORDER.match(request.url.path)
    back = f"{HOME}/orders/{order[1]}" if order and problem.status_code != 404 else HOME
    reader = getattr(request.state, "session", None)
    look = reader.look if reader and reader.look.channel else await _look(request, problem)
    return page(request, "problem.html", status=problem.status_code, look=look, problem=problem, back=back)


async def _look(request: Request, problem: Problem) -> PresentedLook:
    """The look of the shop, without a question to a database that does not answer."""
    return shops.last_look(request) if problem.status_code >= 500 else await shops.look_for(request)
