"""The console's words in English and Chinese: `words/*.json`, each `{"key": ["English", "中文"]}`."""

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import Request

LANGUAGES = ("en", "zh")
COOKIE = "oms_lang"
_FOLDER = Path(__file__).with_name("words")


@lru_cache(maxsize=1)
def catalogue() -> dict[str, tuple[str, str]]:
    """Every key with its two texts. Raises ValueError when two files hold one key."""
    words: dict[str, tuple[str, str]] = {}
    for file in sorted(_FOLDER.glob("*.json")):
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


def speaker(lang: str) -> Callable[..., str]:
    """`t(key, **values)` for a language; values fill `{name}`."""
    place = LANGUAGES.index(lang)

    def t(key: str, **values: Any) -> str:
        return catalogue()[key][place].format(**values)

    return t


def code_words(lang: str, group: str, code: str) -> str:
    """The words for a code (a status, a step, an event): `{group}.{code}` where it is known, else the code itself."""
    found = catalogue().get(f"{group}.{code}")
    return found[LANGUAGES.index(lang)] if found else code.replace("_", " ")
