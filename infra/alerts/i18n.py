"""The words of notices in English and Chinese: `words.json`, each `{"key": ["English", "中文"]}`."""

import json
from functools import lru_cache
from pathlib import Path

LANGUAGES = ("en", "zh")
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


@lru_cache(maxsize=1)
def catalogue() -> dict[str, tuple[str, str]]:
    """Every key with its two texts."""
    read = json.loads(Path(__file__).with_name("words.json").read_text(encoding="utf-8"))
    return {key: (english, chinese) for key, (english, chinese) in read.items()}


def word(lang: str, key: str) -> str:
    """The words for `key`; for a key without words the code at its end."""
    found = catalogue().get(key)
    return found[LANGUAGES.index(lang)] if found else key.rpartition(".")[2].replace("_", " ")


def duration(lang: str, seconds: float) -> str:
    """A duration in its largest unit."""
    whole = max(0, int(seconds))
    size, unit = next(((size, unit) for size, unit in _UNITS if whole >= size), (1, "s"))
    return word(lang, unit).format(n=whole // size)
