"""The same refusal: problem+json to programs, a page to people."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response

from api.errors import Problem, ProblemResponse

Show = Callable[[Request, Problem], Awaitable[Response]]
Reader = Callable[[Request], Awaitable[Any]]
Handler = Callable[[Request, Any], Awaitable[Response]]


def as_pages(app: FastAPI, home: str, show: Show) -> None:
    """Under `home`, every refusal that `app` knows so far is the page that `show` makes of the problem."""
    for kind, handler in list(app.exception_handlers.items()):
        app.add_exception_handler(kind, _as_page(handler, home, show))


async def reader_of(request: Request, problem: Problem, kept: str, find: Reader) -> Any:
    """Who reads the page, so that it keeps their navigation: kept in the request's state, else found by the session;
    nobody where none is open, and where the server itself has an error."""
    known = getattr(request.state, kept, None)
    if known is not None or problem.status_code >= 500:
        return known
    try:
        return await find(request)
    except Exception:
        return None


def _as_page(handler: Any, home: str, show: Show) -> Handler:
    async def handle(request: Request, error: Exception) -> Response:
        response: Response = await handler(request, error)
        path = request.url.path
        if not (path == home or path.startswith(f"{home}/")) or not isinstance(response, ProblemResponse):
            return response
        page = await show(request, response.problem)
        if (wait := response.headers.get("retry-after")) is not None:
            page.headers["Retry-After"] = wait
        return page

    return handle
