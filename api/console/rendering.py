"""The console's pages."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from api.console.field_errors import said
from api.console.i18n import LANGUAGES, WORDS, language
from api.console.navigation import every_entry, links, nearest
from api.console.session import StaffMember
from api.dependencies import services_of
from api.errors import Problem
from api.pages.rendering import Site
from api.pages.slot_fields import written
from domain.access import Role
from domain.after_sales.returns import rma_no
from domain.orders.addresses import address_lines
from domain.situations.actions import LABELS, case_of
from domain.support.steps import Action, Step
from infra.time_zones import zone_at

SITE = Site("/console", Path(__file__).with_name("templates"), WORDS)


def _side(role: Role, path: str, lang: str) -> Markup:
    """The navigation beside a page."""
    here = nearest(path)
    return _rendered_side(role, here.href if here else "", lang)


@lru_cache(maxsize=512)
def _rendered_side(role: Role, here: str, lang: str) -> Markup:
    reader = StaffMember("", role, "")
    return fragment("navigation.html", lang, links=links(reader, here), entries=every_entry(reader))


def fragment(template: str, lang: str, **context: Any) -> Markup:
    """A part of pages that is the same for several requests. It also gets `t`, `code`, `lang`."""

    def code(group: str, value: str) -> str:
        return WORDS.code_words(lang, group, value)

    known = {"t": WORDS.speaker(lang), "code": code, "lang": lang, **context}
    return Markup(SITE.environment.get_template(template).render(known))  # noqa: S704 - rendered by Jinja


SITE.environment.globals["side"] = _side
SITE.environment.globals["address_lines"] = address_lines


@pass_context
def _person(context: Context, actor: str) -> str:
    """Who acted, in words: the name with the role, or what acts automatically. What has no words stays."""
    role, _, name = actor.partition(":")
    key = f"role.{role}" if name else f"actor.{actor}"
    if key not in WORDS.catalogue():
        return actor
    words = WORDS.catalogue()[key][LANGUAGES.index(context["lang"])]
    return f"{name} ({words})" if name else words


SITE.environment.filters["person"] = _person

SITE.environment.globals["role_options"] = lambda code, roles: [(role, code("role", role)) for role in roles]


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A page. Templates get what every site's do, and `slot`, `case_of`, `label_of`, `has`, `rma_no`,
    `refusal_words`."""
    shops, place = services_of(request).settings.portal_time_zone, LANGUAGES.index(language(request))

    def label_of(case: str) -> str:
        return LABELS[case][place]

    def slot(value: dict[str, str], ship_to: dict[str, str] | None) -> str:
        return written(value, zone_at(ship_to, shops))

    def refusal_words(problem: Problem) -> str:
        return said(problem, LANGUAGES[place])

    helpers = {
        "refusal_words": refusal_words,
        "slot": slot,
        "case_of": _case_of,
        "label_of": label_of,
        "has": _has,
        "rma_no": rma_no,
    }
    return SITE.page(request, template, status=status, **helpers, **context)


def _has(key: str) -> bool:
    return key in WORDS.catalogue()


def _case_of(step: str, action: str) -> str:
    """The code of what the action means at the step; `label_of` writes it."""
    return case_of(Step(step), Action(action))
