"""Names in a query that an operation does not know: a misspelt filter must not find everything."""

from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic_core import ErrorDetails

from api.http.request_body import refused

# Programs ask for pages of every list in one way, and some lists have one page.
_OF_PAGES = frozenset({"limit", "cursor"})


def check(request: Request) -> None:
    """Raises Problem `unknown_field`, naming each."""
    route = request.scope.get("route")
    if not request.scope["query_string"] or not isinstance(route, APIRoute):
        return
    unknown = sorted(set(request.query_params) - _OF_PAGES - set(_asked_by(route.dependant)))
    if unknown:
        raise refused([ErrorDetails(type="extra_forbidden", loc=(name,), msg="", input=None) for name in unknown])


def _asked_by(dependant: Dependant) -> Iterator[str]:
    """The names of the operation's own parameters and of its dependencies'."""
    yield from (field.alias for field in dependant.query_params)
    for other in dependant.dependencies:
        yield from _asked_by(other)
