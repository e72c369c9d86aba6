"""What a page says about the action before it. It goes over the redirect in a cookie, and is shown once."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from api.pages.forms import secure

COOKIE = "oms_notice"
_PREFIX = "done."
_LASTS_S = 60


@dataclass(frozen=True, slots=True)
class Notice:
    """`tone` is a tone of Tabler's alerts."""

    text: str
    tone: str = "success"


def acknowledged(request: Request, address: str, words: str, **values: str) -> RedirectResponse:
    """Go on to `address`, where the page says that it is done: `words` is a key that begins with `done.`. A redirect
    after a form that is none of these says the words of its address, see api.http.acknowledgements."""
    response = RedirectResponse(address, 303)
    carry(response, request, f"/{address.split('/')[1]}", words, values)
    return response


def carry(response: Response, request: Request, home: str, words: str, values: dict[str, str]) -> None:
    """Give the words to the page that follows."""
    text = base64.urlsafe_b64encode(json.dumps([words, values]).encode()).decode()
    https = secure(request, home)
    response.set_cookie(COOKIE, text, _LASTS_S, path=home, httponly=True, samesite="strict", secure=https)


def taken(request: Request, speaker: Callable[..., str]) -> Notice | None:
    """What the cookie says; a fragment of a page leaves it to the next page."""
    if COOKIE not in request.cookies or request.headers.get("x-live"):
        return None
    try:
        key, values = json.loads(base64.urlsafe_b64decode(request.cookies[COOKIE].encode()))
        return Notice(_said(speaker, key, values))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return None


def shown(request: Request, response: Response, home: str) -> None:
    """Delete what the page has shown."""
    if COOKIE in request.cookies and not request.headers.get("x-live"):
        response.delete_cookie(COOKIE, path=home)


def _said(speaker: Callable[..., str], key: str, values: dict[str, Any]) -> str:
    if not key.startswith(_PREFIX):
        raise ValueError(key)
    try:
        return speaker(key, **{name: str(value) for name, value in values.items()})
    except KeyError:
        return speaker("done")
