"""How staff work together on an order: notes that mention people, tags."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta

from domain.errors import RuleBroken
from domain.orders.tags import MAX_TAGS
from domain.text import is_line

MAX_NOTE = 2_000
MAX_TAG = 40
MAX_MENTIONS = 20
# A sign before the @ that belongs to an e-mail address or a path makes no mention; a Chinese character may stand there.
_MENTION = re.compile(r"(?<![A-Za-z0-9._+@/-])@([A-Za-z0-9][A-Za-z0-9._-]{0,31})")


def mentioned(words: str) -> list[str]:
    """The names that a note may mean by `@name`, in the order of the text; who exists decides. A dot or hyphen at the
    end is the sentence's rather than the name's, so both readings are given."""
    found: dict[str, None] = {}
    for typed in _MENTION.findall(words):
        name = typed.lower()
        found.setdefault(name)
        found.setdefault(name.rstrip("._-"))
    return list(found)


def normalised(tag: str) -> str:
    """A tag as it is stored: one form of each character, single spaces, small letters. Raises RuleBroken
    `invalid_tag`."""
    plain = " ".join(unicodedata.normalize("NFKC", tag).split()).lower()
    if not plain or not is_line(plain) or "," in plain or len(plain) > MAX_TAG:
        raise RuleBroken("invalid_tag")
    return plain


def normalised_all(tags: Iterable[str]) -> list[str]:
    """The tags, each once, in their order. Raises RuleBroken `invalid_tag`, `too_many_tags`."""
    found = list(dict.fromkeys(normalised(tag) for tag in tags))
    if len(found) > MAX_TAGS:
        raise RuleBroken("too_many_tags")
    return found


def is_open_to_change(written_at: datetime, now: datetime, window_s: int) -> bool:
    """Whether a note of this time may still be changed by its author."""
    return now - written_at <= timedelta(seconds=window_s)
