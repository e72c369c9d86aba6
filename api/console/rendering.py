"""Pages: Jinja templates that escape everything, with the reader's words, and times and money as people read them."""

import hashlib
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from api.console.words import code_words, language, speaker
from domain.money import Money

_HERE = Path(__file__).parent
STATIC = _HERE / "static"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_STEPS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


@lru_cache(maxsize=1)
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals["asset"] = asset
    found.filters["money"] = money
    found.filters["when"] = when
    return found


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A page, or the fragment of one. Templates also get `t`, `code`, `lang`, `path`, `member`."""
    lang = language(request)

    def code(group: str, value: str) -> str:
        return code_words(lang, group, value)

    known: dict[str, Any] = {
        "t": speaker(lang),
        "code": code,
        "lang": lang,
        "path": request.url.path,
        "member": None,
        **context,
    }
    return HTMLResponse(_environment().get_template(template).render(known), status, HEADERS)


@lru_cache(maxsize=32)
def asset(name: str) -> str:
    """The address of a file in static/, new when its content is."""
    return f"/console/static/{name}?v={hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


def money(amount_minor: int, currency: str) -> Markup:
    """An amount, its digits aligned by the stylesheet."""
    return Markup('<span class="money">{}</span>').format(Money(amount_minor, currency))


def when(moment: datetime | str, now: datetime | None = None) -> Markup:
    """How long ago (or, with a plus, how far ahead); the exact time is its title."""
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    seconds = int(((now or datetime.now(UTC)) - at).total_seconds())
    size, unit = next(((size, unit) for size, unit in _STEPS if abs(seconds) >= size), (1, "s"))
    words = f"{'+' if seconds < 0 else ''}{abs(seconds) // size} {unit}"
    exact = at.strftime("%Y-%m-%d %H:%M:%S UTC")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(at.isoformat(), exact, words)
