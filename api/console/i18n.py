"""The console's words: `words/*.json`."""

from api.pages.i18n import COOKIE, LANGUAGES, Words, language, words_of

__all__ = ["COOKIE", "FOLDER", "LANGUAGES", "WORDS", "catalogue", "language"]

FOLDER = words_of("console")
WORDS = Words([words_of("pages"), FOLDER])
catalogue = WORDS.catalogue
