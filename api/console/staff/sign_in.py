"""Signing in with password and one-time code, signing out, choosing a language."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import SecretStr

from api.console.rendering import page
from api.console.session import COOKIE, CurrentStaff, posted
from api.console.staff import known_browsers
from api.console.staff.enrolment import address_of, passkey_site
from api.dependencies import services_of
from api.pages import navigation
from api.pages.forms import secure
from api.services.staff import console_sessions
from api.services.staff.console_sessions import PasskeyNeeded, PasskeySession, StaffCredentials, StaffSignInRefusal
from infra.security import passwords
from infra.security.passkeys import MAX_ANSWER

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
    address, name = address_of(request), name.strip().lower()
    device = known_browsers.known(services.settings.token_secret, name, request.cookies.get(known_browsers.COOKIE, ""))
    claim = StaffCredentials(name, password, code, address, device)
    outcome = await console_sessions.sign_in(services, claim, passkey_site(request))
    if isinstance(outcome, PasskeyNeeded):
        return page(request, "sign_in_passkey.html", next=local(next), options=outcome.options)
    if isinstance(outcome, StaffSignInRefusal):
        return _refused(request, outcome, _WORDS[outcome.why], local(next))
    return _signed_in(request, name, outcome, device, local(next))


@router.post("/sign-in/passkey")
async def sign_in_with_passkey(
    request: Request,
    answer: Annotated[str, Form(max_length=MAX_ANSWER)] = "",
    next: Annotated[str, Form(max_length=2000)] = HOME,
) -> Response:
    """Open a session with what a passkey signed; the password was right before."""
    services, site = services_of(request), passkey_site(request)
    secret, kept = services.settings.token_secret, request.cookies.get(known_browsers.COOKIE, "")
    device_of = partial(_known_browser, secret, kept)
    address = address_of(request)
    opened: PasskeySession | StaffSignInRefusal = StaffSignInRefusal("wrong")
    if site is not None:
        opened = await console_sessions.sign_in_with_passkey(services, site, answer, address, device_of)
    if isinstance(opened, StaffSignInRefusal):
        words = "sign_in.locked" if opened.wait_s else "sign_in.passkey_failed"
        return _refused(request, opened, words, local(next))
    return _signed_in(request, opened.name, opened.cookie, opened.device, local(next))


def _refused(request: Request, refusal: StaffSignInRefusal, words: str, target: str) -> Response:
    context = {"next": target, "refused": words, "wait_s": refusal.wait_s}
    response: Response = page(request, "sign_in.html", status=429 if refusal.wait_s else 401, **context)
    if refusal.wait_s:
        response.headers["Retry-After"] = str(refusal.wait_s)
    return response


def _known_browser(secret: SecretStr, cookie: str, name: str) -> str | None:
    return known_browsers.known(secret, name, cookie)


def _signed_in(request: Request, name: str, cookie: str, device: str | None, target: str) -> Response:
    """To where the reader was going, with the session's cookie and that of a browser that is known."""
    services, response = services_of(request), RedirectResponse(target, 303)
    https = secure(request, HOME)
    response.set_cookie(COOKIE, cookie, path=HOME, httponly=True, samesite="strict", secure=https)
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
