"""The portal's pages: amounts and times as customers read them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from api.dependencies import services_of
from api.pages.forms import secure
from api.pages.i18n import LANGUAGES, language
from api.pages.rendering import Site, instant
from api.pages.slot_fields import is_odd
from api.portal.i18n import WORDS, own
from api.portal.zone_names import zone_name
from api.presenters.channel_looks import DEFAULT_LOOK, PresentedLook
from api.presenters.markup import Filled
from domain.money import shown
from domain.orders.addresses import address_lines
from domain.situations.situation import Moment
from infra.time_zones import zone_at

HOME = "/portal"
SITE = Site(HOME, Path(__file__).with_name("templates"), WORDS)
SHOP_COOKIE = "oms_portal_shop"
_YEAR_S = 365 * 86_400
_DATES = {"en": "%-d %b %Y", "zh": "%Y年%-m月%-d日"}


def page(
    request: Request, template: str, *, status: int = 200, look: PresentedLook | None = None, **context: Any
) -> HTMLResponse:
    """A page. Templates get what every site's do, and `at`, `day`, `slot`, `sentence`, `session`, `zone`. `look` is
    that of its shop where no order of the session says so."""
    lang, session = language(request), getattr(request.state, "session", None)
    shops = services_of(request).settings.portal_time_zone
    zone, sentence = zone_at(session.place if session else None, shops), teller(lang)

    def at(moment: datetime | str) -> Markup:
        return _time(moment, f"{_DATES[lang]} %H:%M", zone)

    def day(moment: datetime | str, place: Mapping[str, str] | None = None) -> Markup:
        return _time(moment, _DATES[lang], zone_at(place, shops) if place else zone)

    def slot(value: dict[str, str], ship_to: dict[str, str] | None) -> Markup:
        return slot_text(request, value, ship_to)

    known: dict[str, Any] = {
        "slot": slot,
        "address": address_of,
        "cash": _cash,
        "at": at,
        "day": day,
        "own": own,
        "sentence": sentence,
    }
    found = look or (session.look if session else DEFAULT_LOOK)
    known |= {"zone": zone_name(zone, lang), "session": session, "look": found}
    known["one_zone"] = session is not None and session.place is not None
    response = SITE.page(request, template, status=status, **known, **context)
    _remember_shop(request, response, found.channel)
    return response


def _remember_shop(request: Request, response: Response, channel: str) -> None:
    """Pages without an order look as the last shop did that this browser saw."""
    if channel and channel != request.cookies.get(SHOP_COOKIE):
        https = secure(request, HOME)
        response.set_cookie(SHOP_COOKIE, channel, _YEAR_S, path=HOME, httponly=True, samesite="lax", secure=https)


def slot_text(request: Request, slot: dict[str, str], ship_to: Mapping[str, str] | None) -> Markup:
    """A delivery slot for its customer, in the local time of the destination: the day once, unless it ends on another;
    the zone if it is not the page's, the offsets if the local time is ambiguous."""
    shops = services_of(request).settings.portal_time_zone
    lang, zone = language(request), zone_at(ship_to, shops)
    begin, end = (instant(slot[name]).astimezone(zone) for name in ("from", "to"))
    same = begin.date() == end.date()
    first = _time(begin, f"{_DATES[lang]} %H:%M", zone)
    text = Filled("{}–{}").format(first, _time(end, "%H:%M" if same else f"{_DATES[lang]} %H:%M", zone))
    where = [zone_name(zone, lang)] if zone.key != shops else []
    if is_odd(begin, end):
        where.append(f"{begin:%z} {end:%z}")
    return Filled("{} ({})").format(text, ", ".join(where)) if where else text


def sentence_time(request: Request, place: Mapping[str, str] | None = None) -> Callable[[Moment], Markup]:
    """How the portal writes the times of a sentence: in the zone of the order's destination, named where it differs."""
    shops, lang = services_of(request).settings.portal_time_zone, language(request)
    zone = zone_at(place, shops)

    def shown(moment: Moment) -> Markup:
        words = _time(moment.at, f"{_DATES[lang]} %H:%M", zone)
        return words if zone.key == shops else Filled("{} ({})").format(words, zone_name(zone, lang))

    return shown


def teller(lang: str) -> Callable[..., Markup]:
    """`sentence(key, **values)`: words around amounts and times, which are markup; anything else is escaped."""

    def sentence(key: str, **values: Any) -> Markup:
        known = {name: cash(*one.money, lang) if isinstance(one, Cash) else one for name, one in values.items()}
        return escape(WORDS.catalogue()[key][LANGUAGES.index(lang)]).format(**known)

    return sentence


class Cash(Markup):
    """An amount on a page; `teller` writes it anew in the language of its sentence."""

    money: tuple[int, str]


def cash(amount_minor: int, currency: str, lang: str = "en") -> Cash:
    """An amount with its currency's sign in front; currencies without one of their own keep their code."""
    text = Cash(Filled('<span class="money">{}</span>').format(shown(amount_minor, currency, lang)))
    text.money = (amount_minor, currency)
    return text


@pass_context
def _cash(context: Context, amount_minor: int, currency: str) -> Cash:
    return cash(amount_minor, currency, context["lang"])


def address_of(ship_to: dict[str, str]) -> str:
    """Where the parcel goes, in one line as it is written in its country."""
    return (" " if ship_to["country"] == "CN" else ", ").join(address_lines(ship_to))


def _time(moment: datetime | str, form: str, zone: ZoneInfo) -> Markup:
    local_time = instant(moment).astimezone(zone)
    return Filled('<time datetime="{}">{}</time>').format(local_time.isoformat(), local_time.strftime(form))


SITE.environment.globals.update(address=address_of, address_lines=address_lines, cash=_cash, own=own)
