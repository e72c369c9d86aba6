"""The portal's words: its own, and the console's for codes that it has none for."""

from pathlib import Path

from api.console.words import FOLDER as CONSOLE
from api.pages.words import LANGUAGES, Words, read

FOLDER = Path(__file__).with_name("words")
WORDS = Words([CONSOLE, FOLDER])


def own(key: str) -> bool:
    """Whether the portal has words of its own for this key."""
    return key in read(FOLDER)


def told_in(lang: str, key: str) -> str | None:
    """The portal's words for a key in a language, or None."""
    found = read(FOLDER).get(key)
    return found[LANGUAGES.index(lang)] if found else None
