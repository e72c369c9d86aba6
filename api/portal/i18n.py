"""The portal's words: its own, and the console's for codes that it has none for."""

from pathlib import Path

from api.console.i18n import FOLDER as CONSOLE
from api.pages.i18n import Words, read

FOLDER = Path(__file__).with_name("words")
WORDS = Words([CONSOLE, FOLDER])


def own(key: str) -> bool:
    """Whether the portal has words of its own for this key."""
    return key in read(FOLDER)
