"""What a text must be to be read by people, and an identifier to stand in a path."""

import re
import unicodedata

# What has a category of its own and yet shows nothing: fillers, the empty braille cell, joiners, variation selectors.
_BLANK = re.compile(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
# Control characters, and those that turn the direction of what follows or break a line.
_NO_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

ID_RULE = (
    "an identifier has visible characters only (spaces may stand between them), no slash and no backslash,"
    " and is not . or .."
)


def is_visible(text: str) -> bool:
    """False for a text of spaces, zero-width and control characters alone."""
    if text[:1].isalnum() and text[:1].isascii():
        return True  # nearly every text, without looking at each sign
    return any(unicodedata.category(sign)[0] not in "CZ" for sign in _BLANK.sub("", text))


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun, which agrees with it: "1 order", "2,000 orders". `plural` where it is not noun + s."""
    return f"1 {noun}" if number == 1 else f"{number:,} {plural or noun + 's'}"


def trimmed(text: str) -> str:
    """The text without the spaces and other signs that show nothing at its ends."""
    visible = [place for place, sign in enumerate(text) if is_visible(sign)]
    return text[visible[0] : visible[-1] + 1] if visible else ""


def is_line(text: str) -> bool:
    """One visible line of text, without a control character and without one that turns the direction."""
    return is_visible(text) and not _NO_LINE.search(text)


def is_identifier(text: str) -> bool:
    """True when a path can carry `text` as one segment, percent-encoded, through clients and proxies.

    Those join `.` and `..` with what stands before, and decode `%2F` to a segment more; what cannot be seen cannot be
    typed again.
    """
    if text in (".", "..") or text != text.strip(" ") or "/" in text or "\\" in text or _BLANK.search(text):
        return False
    return bool(text) and all(sign == " " or unicodedata.category(sign)[0] not in "CZ" for sign in text)
