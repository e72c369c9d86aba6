"""The portal's words: its own, and the console's for codes that it has none for."""

from api.pages.i18n import Words, read, words_of

FOLDER = words_of("portal")
WORDS = Words([words_of("pages"), words_of("console"), FOLDER])


def own(key: str) -> bool:
    """Whether the portal has words of its own for this key."""
    return key in read(FOLDER)
