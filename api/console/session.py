"""Who is signed in: the session's cookie, and the token that a form must carry."""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse, Response

from api.dependencies import limits, origin, services_of
from api.pages import forms
from api.pages.forms import csrf_of, masked
from api.services.staff import console_sessions
from domain.access import Principal, Role

__all__ = [
    "COOKIE", "CurrentStaff", "StaffMember", "StaffSignInNeeded", "WaitingStaff", "csrf_of", "member", "posted",
    "to_sign_in",
]  # fmt: skip

COOKIE = "oms_session"
SIGN_IN = "/console/sign-in"


class StaffSignInNeeded(Exception):
    """Nobody is signed in, or the session has ended."""


@dataclass(frozen=True, slots=True)
class StaffMember:
    """A signed-in member of staff. `csrf` goes into every form as the field `csrf`."""

    name: str
    role: Role
    csrf: str
    origin: str = ""

    @property
    def principal(self) -> Principal:
        """The same person as a caller of the API; the database names them `role:name`."""
        return Principal(self.role, self.name, self.origin)

    def may(self, *roles: Role) -> bool:
        """True when this person holds one of `roles`."""
        return self.principal.may_act_as(*roles)


async def member(request: Request) -> Any:
    """The signed-in Member, also kept in `request.state.member` for pages of refusals. Raises StaffSignInNeeded."""
    return await _member(request, in_use=True)


async def waiting_member(request: Request) -> Any:
    """The same for what every open page polls: an unattended session ends in spite of it."""
    return await _member(request, in_use=False)


async def _member(request: Request, *, in_use: bool) -> Any:
    services, cookie = services_of(request), request.cookies.get(COOKIE, "")
    if not cookie:
        raise StaffSignInNeeded
    found = await console_sessions.find(services, cookie, in_use=in_use)
    if found is None:
        raise StaffSignInNeeded
    where = origin(request, "console")
    limits(request).caller(Principal(found.role, found.name))
    request.state.member = StaffMember(found.name, found.role, masked(csrf_of(cookie)), where)
    return request.state.member


CurrentStaff = Annotated[StaffMember, Depends(member)]
WaitingStaff = Annotated[StaffMember, Depends(waiting_member)]


async def posted(request: Request, member: StaffMember) -> dict[str, str]:
    """The fields of a form of ours, the last of each name. Raises Problem `form_expired`."""
    return await forms.posted(request, member.csrf)


async def to_sign_in(request: Request, _: Exception) -> Response:
    """Send whoever is not signed in to the sign-in page, and back afterwards; a live fragment just says so."""
    if request.headers.get("x-live"):
        return Response(status_code=401)
    back = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
    target = f"{SIGN_IN}?{urlencode({'next': back})}" if request.method == "GET" else SIGN_IN
    return RedirectResponse(target, 303)
