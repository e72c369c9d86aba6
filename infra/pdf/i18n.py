"""The words of documents in English and Chinese: `words.json`, each `{"key": ["English", "中文"]}`."""

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

LANGUAGES = ("en", "zh")


@lru_cache(maxsize=1)
def catalogue() -> dict[str, tuple[str, str]]:
    """Every key with its two texts."""
    read = json.loads(Path(__file__).with_name("words.json").read_text(encoding="utf-8"))
    return {key: (english, chinese) for key, (english, chinese) in read.items()}


def speaker(lang: str) -> Callable[[str], str]:
    """`t(key)` for a language. Raises ValueError on one that documents do not speak."""
    place = LANGUAGES.index(lang)
    return lambda key: catalogue()[key][place]
