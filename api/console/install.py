"""Puts the console into the application: its pages, its static files, its errors as pages."""

from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response

from api.console import (
    approvals,
    asking_back,
    at_providers,
    audit_pages,
    board,
    bugs,
    changing,
    contact,
    documents,
    feedback,
    holds,
    jobs,
    lost_parcel,
    notices,
    order_page,
    refunds,
    retrying,
    returns,
    running,
    sign_in,
    store_credit,
    stuck,
    webhooks,
)
from api.console.member import SignInNeeded, to_sign_in
from api.console.rendering import SITE, page
from api.pages.forms import from_here
from api.pages.refusals import as_pages

ROUTERS: tuple[APIRouter, ...] = (
    sign_in.router,
    board.router,
    order_page.router,
    refunds.router,
    changing.router,
    contact.router,
    lost_parcel.router,
    running.router,
    holds.router,
    documents.router,
    feedback.router,
    returns.router,
    asking_back.router,
    store_credit.router,
    approvals.router,
    stuck.router,
    at_providers.router,
    jobs.router,
    bugs.router,
    notices.router,
    webhooks.router,
    audit_pages.router,
    retrying.router,
)


def install(app: FastAPI) -> None:
    """Mount the console; to be called when every other error handler is in place."""
    for router in ROUTERS:
        app.include_router(router, include_in_schema=False, dependencies=[Depends(from_here)])
    SITE.serve_static(app)
    as_pages(app, SITE.home, _refusal)
    app.add_exception_handler(SignInNeeded, to_sign_in)


def _refusal(request: Request, status: int, problem: dict[str, Any]) -> Response:
    person = getattr(request.state, "member", None)
    return page(request, "problem.html", status=status, member=person, problem=problem)
