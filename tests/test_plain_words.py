"""The documentation, comments and docstrings use the words of the trade: no private vocabulary, and no gender."""

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# (pattern, what to write instead).
WORDS = {
    r"the books": "the database, the ledger",
    r"tend(s|ed|ing)?": "process",
    r"told": "reported, notified",
    r"by (it|him|her)self": "automatically, separately",
    r"by hand": "manually",
    r"wish(es|ed)?": "request",
    r"stray": "unapplied, surplus",
    r"errands?": "pending operation",
    r"dearer": "more expensive",
    r"brake": "backpressure, limit",
    r"second person": "approver, approval",
    r"somebody else's yes": "approval",
    r"whatever the code believes": "independently of the application code",
    r"he|his|him|himself|she|hers?|herself": "they, the customer",
}
# Of pages only, so far: comments still have them.
IN_PAGES = WORDS | {
    r"anew": "again",
    r"whoever": "a person who",
    r"the front door": "the API, POST /v1/orders",
    r"shel(f|ves)": "stock",
    r"sealed": "encrypted",
    r"stands? still": "is suspended",
    r"worst day": "worst case",
    r"goes on": "continues",
}


def any_of(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(rf"\b(?:{word})\b" for word in words), re.IGNORECASE)


PATTERN, PAGE_PATTERN = any_of(WORDS), any_of(IN_PAGES)
PAGES = [ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "bench" / "README.md"]
PAGES += [*sorted(ROOT.glob("README*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
# Names of code are as they are: code blocks, and what is between backquotes.
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_SQL = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|WHERE|VALUES|FROM|AND|OR)\b|::")
_LAYERS = ("activities", "api", "bench", "domain", "infra", "tests", "workers", "workflows")
# A revision is never edited once it is released, so its comments stay as they are.
RELEASED = {"infra/db/versions"}


def found(text: str, pattern: re.Pattern[str] = PATTERN) -> list[str]:
    return sorted({match[0].lower() for match in pattern.finditer(_CODE.sub("", text))})


@cache
def sources() -> tuple[Path, ...]:
    files = [path for layer in _LAYERS for path in sorted((ROOT / layer).rglob("*.py"))]
    return tuple(path for path in files if path != Path(__file__).resolve())


def prose(source: str) -> Iterator[str]:
    """Comments and docstrings of a Python file."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def messages(source: str) -> Iterator[str]:
    """Texts of a Python file that people may read: constants of several words that are no docstring and no SQL."""
    tree = ast.parse(source)
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            text = node.value
            if " " in text and not _SQL.search(text):
                yield text


def in_python(path: Path) -> list[str]:
    source = path.read_text(encoding="utf-8")
    # Most files have none of the words at all, so only few are parsed.
    return found("\n".join(prose(source))) if PATTERN.search(source) else []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_has_no_private_words(page: Path) -> None:
    assert found(page.read_text(encoding="utf-8"), PAGE_PATTERN) == []


def test_comments_and_docstrings_have_no_private_words() -> None:
    assert len(sources()) > 700
    clean = [path for path in sources() if str(path.parent.relative_to(ROOT)) not in RELEASED]
    judged = {str(path.relative_to(ROOT)): in_python(path) for path in clean}
    assert {name: words for name, words in judged.items() if words} == {}


def test_messages_have_no_private_words() -> None:
    """Errors, log lines and what a command prints: each is read by a customer, by staff or by an operator."""
    clean = [path for path in sources() if str(path.parent.relative_to(ROOT)) not in RELEASED]
    texts = {path: path.read_text(encoding="utf-8") for path in clean if "tests" not in path.relative_to(ROOT).parts}
    judged = {
        str(path.relative_to(ROOT)): found("\n".join(messages(text)))
        for path, text in texts.items()
        if PATTERN.search(text)
    }
    assert {name: words for name, words in judged.items() if words} == {}


@pytest.mark.parametrize("text", ["The books say so.", "It comes by itself.", "what the customer owes him"])
def test_a_private_word_is_found(text: str) -> None:
    assert found(text)


@pytest.mark.parametrize("text", ["the `errand` of a view", "this book, and the histories", "```\nhe\n```"])
def test_names_of_code_and_other_words_are_not(text: str) -> None:
    assert found(text) == []
