"""Signing in with password and one-time code, signing out, choosing a language."""

import asyncio
import math
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from api.console import known_browsers
from api.console.rendering import page
from api.console.session import COOKIE, CurrentStaff, posted
from api.dependencies import Services, actor, services_of
from api.pages import navigation
from api.pages.forms import secure
from infra.db.audit import actor_context
from infra.db.staff import members, sign_in_attempts, staff_sessions
from infra.db.staff.sign_in_attempts import Attempt
from infra.security import passwords

router = APIRouter(prefix="/console")

HOME = "/console"


@dataclass(frozen=True, slots=True)
class _Refused:
    """Why nobody was signed in: a key of the console's words, and for how long the name is locked."""

    words: str
    wait_s: int = 0


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
    outcome = await _session(services, _Claim(name, password, code, address, device))
    if isinstance(outcome, _Refused):
        status = 429 if outcome.wait_s else 401
        response: Response = page(request, "sign_in.html", status=status, next=local(next), refused=outcome)
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


@dataclass(frozen=True, slots=True)
class _Claim:
    """The entered credentials; `device` is the cookie of a browser in which this name signed in before."""

    name: str
    password: str
    code: str
    address: str
    device: str | None

    def attempt(self, name: str) -> Attempt:
        return Attempt(name, self.address or "unknown", self.device)


async def _session(services: Services, claim: _Claim) -> str | _Refused:
    """The cookie of a new session."""
    if "\0" in claim.name + claim.password + claim.code:
        return _Refused("sign_in.wrong")
    where = f"console {claim.address or 'unknown'}"
    async with services.database.begin() as conn:
        await actor_context.set_actor(conn, "", where)
        known = await members.find(conn, claim.name)
        # What is nobody's name may be a password in the wrong field: it is counted, but not kept.
        name = known.name if known else f"?{services.keys.vault.peppered(claim.name).hex()[:48]}"
        wait_s = await sign_in_attempts.count(conn, claim.attempt(name))
    if wait_s:
        return _Refused("sign_in.locked", math.ceil(wait_s))
    # Beside the event loop, and for names that nobody has as well: neither time nor words tell who works here.
    right = await asyncio.to_thread(passwords.matches, known.password_hash if known else None, claim.password)
    step = _step(services, known, claim.code) if known and right else None
    if known is None or step is None:
        return _Refused("sign_in.wrong")
    async with services.database.begin() as conn:
        if not await members.use_code(conn, known.name, step):
            return _Refused("sign_in.replayed")
        await actor_context.set_actor(conn, "", where)
        await sign_in_attempts.forget(conn, claim.attempt(known.name))
        return await staff_sessions.open_session(conn, known.name, services.settings.staff_session_s, claim.address)


def _step(services: Services, known: members.Known, code: str) -> int | None:
    vault = services.keys.vault
    secret = vault.open(vault.unwrap(known.data_key), known.totp_enc, members.totp_context(known.name)).decode()
    return passwords.step_of(secret, code)


@router.post("/sign-out")
async def sign_out(request: Request, person: CurrentStaff) -> Response:
    """End this session."""
    await posted(request, person)
    async with services_of(request).database.begin() as conn:
        await actor_context.set_actor(conn, actor(person.principal), person.origin)
        await staff_sessions.close_session(conn, request.cookies[COOKIE])
    response = RedirectResponse(f"{HOME}/sign-in", 303)
    response.delete_cookie(COOKIE, path=HOME)
    return response


@router.get("/language/{lang}")
async def language(request: Request, lang: str) -> Response:
    """Remember the language, go back to where the reader was."""
    return navigation.in_language(request, lang, HOME)
