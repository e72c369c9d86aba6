"""The console's words: `words/*.json`."""

from pathlib import Path

from api.pages.i18n import COOKIE, LANGUAGES, Words, language

__all__ = ["COOKIE", "FOLDER", "LANGUAGES", "WORDS", "catalogue", "language"]

FOLDER = Path(__file__).with_name("words")
WORDS = Words([FOLDER])
catalogue = WORDS.catalogue
