"""What the link of an invitation opens. It needs no session: the link is the proof."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from api.console.rendering import page
from api.console.session import COOKIE
from api.console.staff.enrolment import address_of, qr_code
from api.dependencies import services_of
from api.pages.forms import secure
from api.services.staff import invitation_acceptance
from api.services.staff.invitation_acceptance import Joining
from domain.errors import NotFound
from infra.security import passwords

router = APIRouter(prefix="/console/join")

HOME = "/console"
Token = Annotated[str, Query(max_length=200)]


@router.get("")
async def form(request: Request, token: Token = "") -> Response:
    """The form of the link. Programs that open links in messages do not use it up."""
    return await _form(request, token)


@router.post("")
async def join(
    request: Request,
    token: Annotated[str, Form(max_length=200)] = "",
    name: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=passwords.MAX_PASSWORD_CHARS)] = "",
    again: Annotated[str, Form(max_length=passwords.MAX_PASSWORD_CHARS)] = "",
    sealed: Annotated[str, Form(max_length=1000)] = "",
    code: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Join, or set up the new second factor; the recovery codes are shown once."""
    typed = Joining(name.strip().lower(), password, again, sealed, code)
    try:
        done = await invitation_acceptance.accept(services_of(request), token, typed, address_of(request))
    except NotFound:
        return _over(request)
    if isinstance(done, dict):
        return await _form(request, token, typed=typed, errors=done)
    response = page(request, "join_done.html", codes=done.recovery_codes, name=done.name)
    https = secure(request, HOME)
    response.set_cookie(COOKIE, done.cookie, path=HOME, httponly=True, samesite="strict", secure=https)
    return response


async def _form(
    request: Request, token: str, typed: Joining | None = None, errors: dict[str, str] | None = None
) -> Response:
    sealed = typed.sealed if typed else ""
    try:
        link = await invitation_acceptance.look(services_of(request), token, sealed)
    except NotFound:
        return _over(request)
    wait = (errors or {}).get("wait_s")
    context: dict[str, Any] = {
        "link": link,
        "token": token,
        "qr": qr_code(link.enrolment.address),
        "name": typed.name if typed else link.name or "",
        "errors": errors or {},
        "wait_s": wait or 0,
    }
    response = page(request, "join.html", status=429 if wait else 422 if errors else 200, **context)
    if wait:
        response.headers["Retry-After"] = wait
    return response


def _over(request: Request) -> Response:
    return page(request, "join_over.html", status=404)
