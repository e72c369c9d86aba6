"""Signing in with a code or a link that a contact of the customer was sent, signing out, choosing a language."""

import asyncio
import unicodedata
from time import monotonic
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.dependencies import services_of
from api.pages import navigation
from api.pages.forms import secure
from api.pages.i18n import language
from api.portal.rendering import HOME, page
from api.portal.session import COOKIE, SIGN_IN, CurrentCustomer, posted
from api.portal.shops import look_for
from api.services.portal import code_requests, portal_sessions
from api.services.portal.portal_sessions import CODE_DIGITS, CODE_LIFETIME_S, CodeRefusal

router = APIRouter(prefix=HOME)

REQUEST_COOKIE = "oms_portal_ask"
# Every asking is answered after this time, whoever is known: longer than the longer of the two ways takes.
ANSWER_S = 0.4
Next = Annotated[str, Query(max_length=200)]


@router.get("/sign-in")
async def form(request: Request, next: Next = HOME) -> Response:
    """The form that asks for a code."""
    target = navigation.local(next, HOME)
    return await _page(request, "sign_in.html", next=target, refused=None, wait_min=0, contact="")


@router.post("/sign-in")
async def request_code(
    request: Request,
    contact: Annotated[str, Form(max_length=1000)] = "",
    next: Annotated[str, Form(max_length=200)] = HOME,
) -> Response:
    """Send a code, if anybody is known; the answer and its time are the same if nobody is."""
    until_s, target = monotonic() + ANSWER_S, navigation.local(next, HOME)
    services = services_of(request)
    typed = code_requests.understood(services.keys.vault, contact)
    if typed is None:
        kept = {"next": target, "wait_min": 0, "contact": contact}
        return await _page(request, "sign_in.html", status=422, refused="sign_in.what", **kept)
    address = request.client.host if request.client else "unknown"
    requested = await code_requests.request_code(services, typed, address, language(request))
    await asyncio.sleep(max(0.0, until_s - monotonic()))
    if isinstance(requested, int):
        return await _too_often(request, target, requested, contact)
    response = RedirectResponse(_with_next(f"{HOME}/code", target), 303)
    _set_cookie(request, response, REQUEST_COOKIE, requested, CODE_LIFETIME_S)
    return response


async def _too_often(request: Request, target: str, wait_s: int, contact: str) -> Response:
    context = {"next": target, "refused": "sign_in.too_often", "wait_min": -(-wait_s // 60), "contact": contact}
    response = await _page(request, "sign_in.html", status=429, **context)
    response.headers["Retry-After"] = str(wait_s)
    return response


@router.get("/code")
async def code_form(request: Request, next: Next = HOME) -> Response:
    """The form that takes the code."""
    if not request.cookies.get(REQUEST_COOKIE):
        return RedirectResponse(SIGN_IN, 303)
    return await _page(request, "code.html", next=navigation.local(next, HOME), refused=None)


@router.post("/code")
async def enter_code(
    request: Request,
    code: Annotated[str, Form(max_length=100)] = "",
    next: Annotated[str, Form(max_length=200)] = HOME,
) -> Response:
    """Open a session with the right code."""
    target, typed = navigation.local(next, HOME), _digits(code)
    if typed is None:
        return await _page(request, "code.html", status=422, next=target, refused=CodeRefusal("wrong", -1))
    request_cookie = request.cookies.get(REQUEST_COOKIE, "")
    opened = await portal_sessions.enter_with_code(services_of(request), request_cookie, typed)
    if isinstance(opened, CodeRefusal):
        return await _page(request, "code.html", status=401, next=target, refused=opened)
    return _signed_in(request, opened, target)


def _digits(typed: str) -> str | None:
    """Six digits however they were written: full width, in two groups."""
    plain = "".join(symbol for symbol in unicodedata.normalize("NFKC", typed) if symbol not in " -\u00a0")
    return plain if len(plain) == CODE_DIGITS and plain.isascii() and plain.isdigit() else None


@router.get("/enter")
async def link(request: Request, token: Annotated[str, Query(max_length=200)] = "") -> Response:
    """What a link opens: one button. Programs that look at links in messages use nothing up."""
    return await _page(request, "enter.html", token=token, refused=None)


@router.post("/enter")
async def enter(request: Request, token: Annotated[str, Form(max_length=200)] = "") -> Response:
    """Open a session with the link's token."""
    opened = await portal_sessions.enter_with_link(services_of(request), token)
    if isinstance(opened, CodeRefusal):
        return await _page(request, "enter.html", status=401, token="", refused=opened)
    return _signed_in(request, opened, HOME)


async def _page(request: Request, template: str, *, status: int = 200, **context: Any) -> Response:
    """A page of nobody yet: it looks as the shop does that it leads to."""
    look = await look_for(request, str(context.get("next", "")))
    return page(request, template, status=status, look=look, **context)


def _signed_in(request: Request, cookie: str, target: str) -> Response:
    response = RedirectResponse(target, 303)
    _set_cookie(request, response, COOKIE, cookie, None)
    response.delete_cookie(REQUEST_COOKIE, path=HOME)
    return response


def _set_cookie(request: Request, response: Response, name: str, value: str, max_age: int | None) -> None:
    # Lax: a link in a message leads to the order at once. Every form proves itself besides.
    https = secure(request, HOME)
    response.set_cookie(name, value, max_age, path=HOME, httponly=True, samesite="lax", secure=https)


def _with_next(path: str, target: str) -> str:
    return f"{path}?{urlencode({'next': target})}" if target != HOME else path


@router.post("/sign-out")
async def sign_out(request: Request, session: CurrentCustomer) -> Response:
    """End this session."""
    await posted(request, session)
    await portal_sessions.sign_out(services_of(request), request.cookies[COOKIE])
    response = RedirectResponse(SIGN_IN, 303)
    response.delete_cookie(COOKIE, path=HOME)
    return response


@router.get("/language/{lang}")
async def choose_language(request: Request, lang: str) -> Response:
    """Remember the language, go back to where the reader was."""
    return navigation.in_language(request, lang, HOME)
