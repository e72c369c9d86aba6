"""The console's words: `words/*.json`."""

from pathlib import Path

from api.pages.words import COOKIE, LANGUAGES, Words, language

__all__ = ["COOKIE", "LANGUAGES", "WORDS", "catalogue", "language"]

WORDS = Words([Path(__file__).with_name("words")])
catalogue = WORDS.catalogue
