"""English words around a count agree with it: "1 order", "2 orders"."""

import re

import pytest

from api.console.i18n import WORDS as CONSOLE
from api.pages.i18n import names_in
from api.portal.i18n import WORDS as PORTAL

# A value, at most two words, and a plural: "{count} open returns".
COUNTED = re.compile(r"\{(\w+)\}\+? (?:[a-z]+ ){0,2}?([a-z]+s)\b")
# Verbs and other words that end like a plural.
NO_NOUN = {"was", "is", "has", "this", "as", "goes"}
# Values in front of a plural that are no count, and counts that are a limit or a period, never 1.
NO_COUNT = {"amount", "owner"}
NEVER_ONE = {"audit.access_means", "feedback.summary", "told.amount_invalid.decimals", "search.more"}
NEVER_ONE |= {"orders.bulk.too_many"}


@pytest.mark.parametrize("words", [CONSOLE, PORTAL], ids=["console", "portal"])
def test_words_with_a_count_have_words_for_one(words: object) -> None:
    known = words.catalogue()  # type: ignore[attr-defined]
    counted = {
        key
        for key, (english, _) in known.items()
        for name, noun in COUNTED.findall(english)
        if noun not in NO_NOUN and name not in NO_COUNT
    }
    assert sorted(key for key in counted - NEVER_ONE if f"{key}.one" not in known) == []
    for key in counted - NEVER_ONE:
        for plural, one in zip(known[key], known[f"{key}.one"], strict=True):
            assert len(names_in(plural) - names_in(one)) == 1 and "1" in one, key


def test_a_count_of_one_takes_the_words_for_one() -> None:
    english, chinese = CONSOLE.speaker("en"), CONSOLE.speaker("zh")
    assert [english("orders.items", count=n) for n in (0, 1, "1", 2, 11)] == [
        "0 items", "1 item", "1 item", "2 items", "11 items",
    ]  # fmt: skip
    assert english("search.found", count=1, q="ann") == "1 order for “ann”"
    assert english("search.found", count=2, q="1") == "2 orders for “1”"
    assert (chinese("orders.items", count=1), chinese("orders.items", count=2)) == ("1 件", "2 件")
