"""Pages: Jinja templates that escape everything, with the reader's words, and times and money as people read them."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from api.pages import assets, notices
from api.pages.assets import STATIC
from api.pages.forms import page_key
from api.pages.i18n import Words, language
from api.pages.time_words import ahead, distance
from api.presenters.markup import Filled
from domain.money import shown, written
from domain.situations.situation import Moment

__all__ = ["HEADERS", "STATIC", "Site", "instant", "money", "sentence_time", "when"]

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_MONEY = Filled('<span class="money">{}</span>')
_TIME = Filled('<time datetime="{}" title="{}">{}</time>')
_TAGS = re.compile(r"<[^<>]*>")
_TODAY = "%H:%M UTC"
_SENTENCE_TIMES = {"en": "%-d %b %H:%M UTC", "zh": "%-m月%-d日 %H:%M UTC"}


class Site:
    """The pages under one address (`home`): a folder of templates, the words they speak, what they call a reader."""

    def __init__(self, home: str, templates: Path, words: Words) -> None:
        self.home, self.words, self._templates = home, words, templates

    @cached_property
    def environment(self) -> Environment:
        """Where the templates are made; filters of one site alone are added to it."""
        found = Environment(
            loader=_loader(self._templates),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,  # the files of a running process do not change
        )
        found.globals["asset"] = self.asset
        found.globals["home"] = self.home
        found.filters["money"] = money
        found.filters["written"] = written
        found.filters["when"] = when
        found.filters["untagged"] = untagged
        return found

    def asset(self, name: str) -> str:
        """The address of a static file, new when its content is."""
        return f"{self.home}/static/{name}?v={assets.asset(name).version}"

    def serve_static(self, app: FastAPI) -> None:
        """Mount the static files, which all sites share, under this one's address."""
        app.mount(f"{self.home}/static", assets.serve, name=f"{self.home[1:]}-static")

    def page(self, request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
        """A page, or a fragment. It also gets `t`, `code`, `explained`, `failure`, `lang`, `path`, `member`."""
        lang = language(request)
        t = self.words.speaker(lang)

        def code(group: str, value: str) -> str:
            return self.words.code_words(lang, group, value)

        def explained(problem: Mapping[str, object] | None) -> str | None:
            return self.words.explanation(lang, str(problem["code"]), problem) if problem else None

        def failure(error: str) -> Markup:
            words = self.words.error_words(lang, error)
            shown = Filled("<code>{}</code>").format(error)
            return Filled("{} {}").format(words, shown) if words else shown

        known: dict[str, Any] = {
            "explained": explained,
            "t": t,
            "code": code,
            "failure": failure,
            "lang": lang,
            "path": request.url.path,
            "member": None,
            "session": None,
            "notice": notices.taken(request, t),
            **context,
        }
        if status >= 400 and "key" in context:
            known["key"] = page_key(request) or context["key"]
        response = HTMLResponse(self.environment.get_template(template).render(known), status, HEADERS)
        notices.shown(request, response, self.home)
        return response


def _loader(templates: Path) -> ChoiceLoader:
    """The site's own templates, then those of all sites, which `pages/` names where a site has one of that name."""
    shared = FileSystemLoader(Path(__file__).with_name("templates"))
    return ChoiceLoader([FileSystemLoader(templates), shared, PrefixLoader({"pages": shared})])


@pass_context
def money(context: Context, amount_minor: int, currency: str) -> Markup:
    """An amount as the reader writes it, its digits aligned by the stylesheet."""
    return _MONEY.format(shown(amount_minor, currency, context["lang"]))


def untagged(text: str) -> Markup:
    """A sentence of ours without its tags, for an attribute; what fills it is escaped and stays so."""
    return Markup(_TAGS.sub("", escape(text)))  # noqa: S704 - it is escaped


@pass_context
def when(context: Context, moment: datetime | str) -> Markup:
    """How long ago, or how far ahead; the exact time is its title, which a script shows on a tap."""
    at = instant(moment)
    exact = f"{at.isoformat(' ', 'seconds')[:19]} UTC"
    words = distance(at, datetime.now(UTC), context["lang"])
    return _TIME.format(at.isoformat(), exact, words)


def sentence_time(lang: str) -> Callable[[Moment], Markup]:
    """How a page of staff writes the times of a sentence: the minute in UTC, with the day where that is another one, or
    how far ahead it is."""

    def shown(moment: Moment) -> Markup:
        at, now = instant(moment.at), datetime.now(UTC)
        exact = f"{at.isoformat(' ', 'seconds')[:19]} UTC"
        written_out = _TODAY if at.date() == now.date() else _SENTENCE_TIMES[lang]
        words = ahead(at, now, lang) if moment.near else at.strftime(written_out)
        return _TIME.format(at.isoformat(), exact, words)

    return shown


def instant(moment: datetime | str) -> datetime:
    """A time of the database, or of JSON, in UTC."""
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
