"""Which routers are asked for an address. FastAPI asks one after the other, and each all of its routes."""

from os.path import commonprefix

from fastapi import APIRouter
from starlette._utils import get_route_path
from starlette.routing import Match
from starlette.types import Scope


def by_prefix(router: APIRouter) -> APIRouter:
    """The router, which answers at once that it is not meant where an address does not begin as all of its own do."""
    if "matches" in vars(router):
        return router
    begin = commonprefix([getattr(route, "path", "").partition("{")[0] for route in router.routes])  # noqa: RUF071 - of characters, not of folders
    every = router.matches

    def matches(scope: Scope) -> tuple[Match, Scope]:
        return every(scope) if get_route_path(scope).startswith(begin) else (Match.NONE, {})

    router.matches = matches  # type: ignore[method-assign]
    return router
