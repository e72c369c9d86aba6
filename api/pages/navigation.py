"""Addresses inside a site, and the choice of its language."""

from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from api.pages import i18n
from api.pages.forms import secure
from domain.errors import NotFound

_YEAR_S = 365 * 86_400


def local(target: str | None, home: str) -> str:
    """`target` when it is an address under `home`, else `home`: no link of ours leads elsewhere."""
    if not target or "\\" in target or any(ord(symbol) < 33 for symbol in target):
        return home
    parts = urlsplit(target)
    inside = not parts.scheme and not parts.netloc and (parts.path == home or parts.path.startswith(f"{home}/"))
    return target if inside and ".." not in parts.path else home


def in_language(request: Request, lang: str, home: str) -> Response:
    """Remember the language, go back to where the reader was. Raises NotFound."""
    if lang not in i18n.LANGUAGES:
        raise NotFound("not_found")
    referrer = urlsplit(request.headers.get("referer", ""))
    back = f"{referrer.path}?{referrer.query}" if referrer.query else referrer.path
    response = RedirectResponse(local(back, home), 303)
    https = secure(request, home)
    response.set_cookie(i18n.COOKIE, lang, path=home, max_age=_YEAR_S, samesite="lax", httponly=True, secure=https)
    return response
