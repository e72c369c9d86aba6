"""English words around a count agree with it: "1 order", "2 orders"."""

import ast
import re
from pathlib import Path

import pytest

from api.console.i18n import WORDS as CONSOLE
from api.pages.i18n import names_in
from api.portal.i18n import WORDS as PORTAL
from domain.text import counted

ROOT = Path(__file__).parents[1]

# A value, at most two words, and a plural: "{count} open returns".
COUNTED = re.compile(r"\{(\w+)\}\+? (?:[a-z]+ ){0,2}?([a-z]+s)\b")
# Verbs and other words that end like a plural.
NO_NOUN = {"was", "is", "has", "this", "as", "goes"}
# Values in front of a plural that are no count, and counts that are a limit or a period, never 1.
NO_COUNT = {"amount", "owner", "name"}
NEVER_ONE = {"audit.access_means", "feedback.summary", "told.amount_invalid.decimals", "search.more"}
NEVER_ONE |= {"orders.bulk.too_many", "import.file_hint", "carrier_bill.file_hint", "problem.carrier_bill_too_long"}


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


# Names of values that are no count, or a count that is never 1 (a limit, bytes of a key).
NO_COUNT_IN_CODE = {
    "provider",
    "currency",
    "what",
    "name",
    "status",
    "owner",
    "due",
    "mine",
    "made_at",
    "entry_id",
    "size",
}
NO_COUNT_IN_CODE |= {"minor", "digits", "max_length", "seconds", "me"}
VERBS = NO_NOUN | {"answers", "asks", "costs", "does", "ends", "exists", "holds", "lacks", "lies", "makes", "needs"}
VERBS |= {"refuses", "repeats", "sends", "takes", "tells", "waits"}
TOPS = ("activities", "api", "domain", "infra", "workers", "workflows")


def plurals_behind_a_value(code: str) -> list[str]:
    """Texts of the code where a value is followed by a plural that does not follow the value."""
    found = []
    for text in (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.JoinedStr)):
        for value, after in zip(text.values, text.values[1:], strict=False):
            if not isinstance(value, ast.FormattedValue) or not isinstance(after, ast.Constant):
                continue
            noun = re.match(r"\+? (?:[a-z]+ ){0,2}?([a-z]+s)\b", str(after.value))
            last = ast.unparse(value.value).rpartition(".")[2]
            if noun and noun[1] not in VERBS and last not in NO_COUNT_IN_CODE and not last.isupper():
                found.append(f"{{{ast.unparse(value.value)}}}{noun[0]}")
    return found


# Limits that the product sets, far above 1, and rates.
LARGE = {"{body.action} needs", "{self.bounds.max_header_bytes} bytes", "{self.bounds.per_address} connections"}
LARGE |= {"{allowance.limit} calls", "{allowance.window_s} seconds", "{job.rate_per_s} orders"}


def test_texts_of_the_code_agree_with_their_count() -> None:
    assert plurals_behind_a_value('f"{found.waiting} orders wait"') == ["{found.waiting} orders"]
    assert plurals_behind_a_value("f\"{counted(n, 'order')} waiting\"") == []
    files = [file for top in TOPS for file in (ROOT / top).rglob("*.py")]
    found = {text for file in files for text in plurals_behind_a_value(file.read_text(encoding="utf-8"))}
    assert sorted(found - LARGE) == []


def test_a_number_has_its_noun() -> None:
    assert [counted(n, "order") for n in (0, 1, 2000)] == ["0 orders", "1 order", "2,000 orders"]
    assert (counted(1, "entry", "entries"), counted(2, "entry", "entries")) == ("1 entry", "2 entries")
