"""Writes a situation as one sentence, or in short."""

from collections.abc import Callable

from domain.situations.sentences import (
    ENDINGS,
    ERRORS,
    HOLDS,
    LANGUAGES,
    OWNERS,
    PARTS,
    SENTENCES,
    SINCE,
    STEPS,
    SUMMARIES,
    THEN,
    Words,
)
from domain.situations.situation import Code, Moment, Situation, Value

_GROUPS: dict[str, Words] = {"step": STEPS, "hold": HOLDS, "owner": OWNERS}
_HTTP = "http_"
ShowTime = Callable[[Moment], str]


def sentence(situation: Situation, lang: str, show_time: ShowTime, template: type[str] = str) -> str:
    """The whole sentence in `lang` (one of LANGUAGES), times as `show_time` writes them.

    `template` is the type of the text: pages give one that escapes what fills it.
    """
    place = LANGUAGES.index(lang)
    values, text = _values(situation, place, show_time), SENTENCES[situation.code][place]
    said = _of_parts(situation, place, template) + _filled(situation, template, text, values)
    if situation.since:
        said += template(SINCE[place]).format(since=show_time(Moment(situation.since)))
    return said + _ending(situation, place, show_time, template, values)


def summary(situation: Situation, lang: str) -> str:
    """The state and its cause in a few words, for a row of a list; the sentence says the rest."""
    place, kind = LANGUAGES.index(lang), situation.code.partition(".")[0]
    known = SUMMARIES.get(situation.code) or SUMMARIES.get(kind) or SENTENCES[kind]
    values = _values(situation, place, utc)
    return _of_parts(situation, place, str) + _filled(situation, str, known[place], values)


def utc(moment: Moment) -> str:
    """A time as the API and Temporal's current details write it, with seconds where they count."""
    return f"{moment.at[:10]} {moment.at[11 : 19 if moment.near else 16]} UTC"


def then_words(situation: Situation, lang: str) -> str:
    """What happens at `until`, or next; empty where nothing does."""
    return THEN[situation.then][LANGUAGES.index(lang)] if situation.then else ""


def error_words(code: str, place: int) -> str | None:
    """A failure's code in words; None for one that is not met often."""
    if code.startswith(_HTTP):
        return ERRORS["http"][place].format(status=code.removeprefix(_HTTP))
    known = ERRORS.get(code)
    return known[place] if known else None


def _values(situation: Situation, place: int, show_time: ShowTime) -> dict[str, str]:
    """What fills the sentence."""
    return {name: _written(value, place, show_time) for name, value in situation.values.items()}


def _of_parts(situation: Situation, place: int, template: type[str]) -> str:
    """What comes before the sentence of a split order; empty where its parts say nothing."""
    parts = situation.parts
    if parts is None:
        return template()
    kind = ("", "one")[len(parts.about)] if len(parts.about) < 2 else "some"
    about = ("、" if place else ", ").join(map(str, parts.about))
    return template(PARTS[kind][place]).format(shipped=parts.shipped, total=parts.total, about=about)


def _filled(situation: Situation, template: type[str], text: str, values: dict[str, str]) -> str:
    """Behind what is said of the parts, it does not begin with a capital."""
    if situation.parts is not None:
        text = text.replace("{Step}", "{step}") if text.startswith("{Step}") else text[:1].lower() + text[1:]
    return template(text).format(**values, **_capitals(values, text))


def _capitals(values: dict[str, str], text: str) -> dict[str, str]:
    """The values that begin the text: their names have a capital there."""
    return {
        name.capitalize(): value[:1].upper() + value[1:]
        for name, value in values.items()
        if f"{{{name.capitalize()}}}" in text
    }


def _ending(situation: Situation, place: int, show_time: ShowTime, template: type[str], values: dict[str, str]) -> str:
    if not situation.until:
        return template()
    kind = situation.then if situation.then in ENDINGS else "then"  # the ending without words is for no `then`
    if "owner" in values and situation.then:
        kind = "decides"
    until = show_time(Moment(situation.until, near=situation.then == "next_attempt"))
    then = THEN[situation.then][place] if situation.then else ""
    text = ENDINGS[kind][place]
    return template(text).format(until=until, then=then, **values, **_capitals(values, text))


def _written(value: Value, place: int, show_time: ShowTime) -> str:
    if isinstance(value, Moment):
        return show_time(value)
    if isinstance(value, Code):
        if value.group == "error":
            return error_words(value.code, place) or value.code.replace("_", " ")
        known = _GROUPS[value.group].get(value.code)
        return known[place] if known else value.code.replace("_", " ")
    return str(value)
