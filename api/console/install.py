"""Puts the console into the application: its pages, its static files, its errors as pages."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles

from api.console import (
    approvals,
    audit_pages,
    board,
    bugs,
    holds,
    jobs,
    notices,
    order_page,
    refunds,
    retrying,
    returns,
    running,
    sign_in,
    stuck,
)
from api.console.member import SignInNeeded, to_sign_in
from api.console.rendering import STATIC, page
from api.errors import MEDIA_TYPE

Handler = Callable[[Request, Any], Awaitable[Response]]
ROUTERS: tuple[APIRouter, ...] = (
    sign_in.router,
    board.router,
    order_page.router,
    refunds.router,
    running.router,
    holds.router,
    returns.router,
    approvals.router,
    stuck.router,
    jobs.router,
    bugs.router,
    notices.router,
    audit_pages.router,
    retrying.router,
)


def install(app: FastAPI) -> None:
    """Mount the console; to be called when every other error handler is in place."""
    for router in ROUTERS:
        app.include_router(router, include_in_schema=False)
    app.mount("/console/static", StaticFiles(directory=STATIC), name="console-static")
    for kind, handler in list(app.exception_handlers.items()):
        app.add_exception_handler(kind, _as_page(handler))
    app.add_exception_handler(SignInNeeded, to_sign_in)


def _as_page(handler: Any) -> Handler:
    """The same refusal: problem+json to programs, a page to people."""

    async def handle(request: Request, error: Exception) -> Response:
        response: Response = await handler(request, error)
        if not request.url.path.startswith("/console") or response.media_type != MEDIA_TYPE:
            return response
        problem = orjson.loads(response.body)
        person = getattr(request.state, "member", None)
        return page(request, "problem.html", status=response.status_code, member=person, problem=problem)

    return handle
