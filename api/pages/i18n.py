"""Words in English and Chinese: files of `{"key": ["English", "中文"]}`."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from string import Formatter
from typing import Any

from fastapi import Request

from domain.errors import formatted
from domain.situations import wording

LANGUAGES = ("en", "zh")
COOKIE = "oms_lang"
Catalogue = dict[str, tuple[str, str]]


def words_of(site: str) -> Path:
    """The folder of a site's words, `api/{site}/words`."""
    return Path(__file__).parents[1] / site / "words"


@lru_cache(maxsize=8)
def read(folder: Path) -> Catalogue:
    """Every key of a folder with its two texts. Raises ValueError when two files hold one key."""
    words: Catalogue = {}
    for file in sorted(folder.glob("*.json")):
        for key, (english, chinese) in json.loads(file.read_text(encoding="utf-8")).items():
            if key in words:
                raise ValueError(f"{file.name} repeats {key}")
            words[key] = (english, chinese)
    return words


def language(request: Request) -> str:
    """The cookie's language, else the browser's first, else English."""
    chosen = request.cookies.get(COOKIE)
    if chosen in LANGUAGES:
        return chosen
    return "zh" if request.headers.get("accept-language", "").lower().startswith("zh") else "en"


def singular(known: Catalogue, key: str, values: Mapping[str, Any]) -> str | None:
    """`{key}.one` where the value that it leaves out is 1, as "1 order" leaves out the count of "{count} orders"."""
    one = known.get(f"{key}.one")
    left_out = names_in(known[key][0]) - names_in(one[0]) if one else frozenset()
    return f"{key}.one" if any(str(values.get(name)) == "1" for name in left_out) else None


@lru_cache(maxsize=4096)
def names_in(text: str) -> frozenset[str]:
    """The names of the values that fill a text."""
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name)


class Words:
    """The words of some pages: those of several folders, a later one's in front of an earlier one's."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)

    def catalogue(self) -> Catalogue:
        """Every key with its two texts."""
        return self._all

    @cached_property
    def _all(self) -> Catalogue:
        return {key: texts for folder in self._folders for key, texts in read(folder).items()}

    def speaker(self, lang: str) -> Callable[..., str]:
        """`t(key, **values)` for a language; values fill `{name}`. A count of one takes the words of `{key}.one`."""
        place, known = LANGUAGES.index(lang), self.catalogue()

        def t(key: str, **values: Any) -> str:
            return known[singular(known, key, values) or key][place].format(**values)

        return t

    def explanation(self, lang: str, code: str, facts: Mapping[str, object]) -> str | None:
        """What the facts of a refusal say: the words `told.{code}` (or `told.{code}.…`) that they fill."""
        for key, texts in self.catalogue().items():
            if key == f"told.{code}" or key.startswith(f"told.{code}."):
                try:
                    return texts[LANGUAGES.index(lang)].format(**formatted(facts, lang))
                except KeyError:
                    continue
        return None

    def error_words(self, lang: str, code: str) -> str | None:
        """The words for an error: those of a situation, its own, those of its kind (error.bug for bug_23514), or
        those of a refusal."""
        if words := wording.error_words(code, LANGUAGES.index(lang)):
            return words
        kind = re.match(r"(bug|database|ups)_", code)
        keys = (f"error.{code}", f"error.{kind[1]}" if kind else "", f"problem.{code}")
        known = self.catalogue()
        return next((known[key][LANGUAGES.index(lang)] for key in keys if key in known), None)

    def code_words(self, lang: str, group: str, code: str) -> str:
        """The words for a code (a status, a step, an event): `{group}.{code}` where it is known, else the code."""
        found = self.catalogue().get(f"{group}.{code}")
        return found[LANGUAGES.index(lang)] if found else code.replace("_", " ")
