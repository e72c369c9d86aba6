"""Signing in with password and one-time code, signing out, choosing a language."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from api.console import known_browsers
from api.console.rendering import page
from api.console.session import COOKIE, CurrentStaff, posted
from api.dependencies import services_of
from api.pages import navigation
from api.pages.forms import secure
from api.services.staff import console_sessions
from api.services.staff.console_sessions import StaffCredentials, StaffSignInRefusal
from infra.security import passwords

router = APIRouter(prefix="/console")

HOME = "/console"


_WORDS = {"wrong": "sign_in.wrong", "locked": "sign_in.locked", "replayed": "sign_in.replayed"}


def local(target: str | None) -> str:
    """`target` when it is an address of the console, else the board."""
    return navigation.local(target, HOME)


@router.get("/sign-in")
async def form(request: Request, next: str = HOME) -> Response:
    """The form."""
    return page(request, "sign_in.html", next=local(next), refused=None)


@router.post("/sign-in")
async def sign_in(
    request: Request,
    name: Annotated[str, Form(max_length=64)] = "",
    password: Annotated[str, Form(max_length=passwords.MAX_PASSWORD_CHARS)] = "",
    code: Annotated[str, Form(max_length=16)] = "",
    next: Annotated[str, Form(max_length=2000)] = HOME,
) -> Response:
    """Open a session. Whatever is wrong, the answer is the same; too many wrong ones in a row have to wait."""
    services = services_of(request)
    address, name = request.client.host if request.client else "", name.strip().lower()
    device = known_browsers.known(services.settings.token_secret, name, request.cookies.get(known_browsers.COOKIE, ""))
    outcome = await console_sessions.sign_in(services, StaffCredentials(name, password, code, address, device))
    if isinstance(outcome, StaffSignInRefusal):
        status, words = 429 if outcome.wait_s else 401, _WORDS[outcome.why]
        context = {"next": local(next), "refused": words, "wait_s": outcome.wait_s}
        response: Response = page(request, "sign_in.html", status=status, **context)
        if outcome.wait_s:
            response.headers["Retry-After"] = str(outcome.wait_s)
        return response
    response = RedirectResponse(local(next), 303)
    https = secure(request, HOME)
    response.set_cookie(COOKIE, outcome, path=HOME, httponly=True, samesite="strict", secure=https)
    remembered = device or known_browsers.new(services.settings.token_secret, name)
    place, age_s = f"{HOME}/sign-in", known_browsers.LIFETIME_S
    response.set_cookie(
        known_browsers.COOKIE, remembered, age_s, path=place, httponly=True, samesite="strict", secure=https
    )
    return response


@router.post("/sign-out")
async def sign_out(request: Request, member: CurrentStaff) -> Response:
    """End this session."""
    await posted(request, member)
    await console_sessions.sign_out(services_of(request), member.principal, request.cookies[COOKIE])
    response = RedirectResponse(f"{HOME}/sign-in", 303)
    response.delete_cookie(COOKIE, path=HOME)
    return response


@router.get("/language/{lang}")
async def language(request: Request, lang: str) -> Response:
    """Remember the language, go back to where the reader was."""
    return navigation.in_language(request, lang, HOME)
