"""The documentation, comments and docstrings use the words of the trade: no private vocabulary, and no gender."""

import ast
import io
import json
import re
import tokenize
from collections import Counter
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

# Of names of the product's own code, besides.
IN_NAMES = WORDS | {
    r"acts?": "action",
    r"asks?": "request, query",
    r"dear": "above the limit",
    r"fell back": "fallback",
    r"(gave|give|gives) way": "yield, replace",
    r"glances?": "overview",
    r"hears?|heard|heeds?": "apply, check",
    r"how": "ending, resolution",
    r"letters?": "email, message",
    r"let go": "release",
    r"messenger": "sender",
    r"outlook": "quote, preview",
    r"put off": "postpone",
    r"shel(f|ves)": "disposition, stock",
    r"stands?|stood": "state, is suspended",
    r"stuck": "parked",
    r"supplements?": "change payment",
    r"tally": "counts",
    r"undo": "void, refund, compensate",
    r"visitors?": "customer session",
    r"wak(e|es|ing)": "signal",
}
# (name, why it stays). `Class.field` is a field of that class; another name is any definition.
STAY = {
    "OrderView.errand": "a field of a workflow's payload",
    "OrderView.stray": "a field of a workflow's payload",
    "Hold.act": "a field of a workflow's payload",
    "HoldDue.act": "a field of a workflow's payload",
    "ReturnActionDue.act": "a field of a workflow's payload",
    "ReturnView.act": "a field of a workflow's payload",
    "UnparkRequest.how": "a field of a workflow's payload",
    "ChangePaymentRef.supplement_no": "a field of a workflow's payload",
    "AdjustRequest.act_id": "a field of a workflow's payload",
    "act_id": "a column, and a field of a workflow's payload",
    "StaffAction.act_id": "a column",
    "Step.SUPPLEMENT": "named as its value, a step in the API, the database and Temporal",
    "Kind.STUCK": "named as its value, a kind of alert in the API and the database",
    "ExchangeStatus.FELL_BACK": "named as its value, a status in the API and the database",
    "OMS_STUCK_ERROR": "a search attribute",
    "OMS_STUCK_STEP": "a search attribute",
    "IssuedDocument.supplement_to": "a field of the API",
    "Document.supplement_to": "a field of the API",
    "Access.acts": "a field of the API",
    "Access.last_act_at": "a field of the API",
    "ActivityAct": "a schema of the API",
    "AskReturn": "a schema of the API",
    "StaffAct": "a schema of the API",
    "StuckFilter": "a schema of the API",
    "stuck": "a command, `oms stuck`, and what it calls",
    "PortalSettings.portal_ask_window_s": "the name of a setting",
    "PortalSettings.portal_asks_per_address": "the name of a setting",
    "PortalSettings.portal_asks_per_address_day": "the name of a setting",
    "PortalSettings.portal_asks_per_contact": "the name of a setting",
    "PortalSettings.portal_asks_per_contact_day": "the name of a setting",
    "may_act_as": "a verb that says what it means",
    "wake": "what ends a pause of a loop",
    "made_dearer": "a recorded history has this name",
    "stray_payment_after_cancel": "a recorded history has this name",
}


def any_of(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(rf"\b(?:{word})\b" for word in words), re.IGNORECASE)


PATTERN, PAGE_PATTERN, NAME_PATTERN = any_of(WORDS), any_of(IN_PAGES), any_of(IN_NAMES)
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


def names(source: str) -> Iterator[str]:
    """Names that a Python file defines: classes and their fields, functions, arguments, variables."""
    tree = ast.parse(source)
    fields: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield node.name
            for target in targets(node):
                fields.add(target)
                yield f"{node.name}.{target.id}"
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node not in fields:
            yield node.id


def targets(defined: ast.ClassDef) -> Iterator[ast.Name]:
    for node in defined.body:
        for target in [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", ()):
            if isinstance(target, ast.Name):
                yield target


def spaced(name: str) -> str:
    """The words of a name: `WaitForPayment` and `wait_for_payment` are "wait for payment"."""
    return " ".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]*|[a-z]+|\d+", name.rpartition(".")[2])).lower()


def private(defined: Iterable[str], pattern: re.Pattern[str]) -> list[str]:
    return sorted({name for name in defined if name not in STAY and pattern.search(spaced(name))})


def test_names_have_no_private_words() -> None:
    """Modules, classes, functions, arguments, fields and variables: the words of prose in tests and benchmarks, and
    those of `IN_NAMES` in the product."""
    judged: dict[str, list[str]] = {}
    for path in sources():
        where = path.relative_to(ROOT)
        if str(where.parent) not in RELEASED and "api_client" not in where.parts:
            pattern = PATTERN if where.parts[0] in ("tests", "bench") else NAME_PATTERN
            judged[str(where)] = private([path.stem, *names(path.read_text(encoding="utf-8"))], pattern)
    assert {name: found for name, found in judged.items() if found} == {}


def test_what_stays_is_still_there() -> None:
    """An exception goes with its name."""
    defined = {name for path in sources() for name in names(path.read_text(encoding="utf-8"))}
    assert sorted(set(STAY) - defined) == []


@pytest.mark.parametrize("source", ["class ToldOnce: pass", "def tend_hold(): pass", "class A:\n  by_hand: int = 0"])
def test_a_private_name_is_found(source: str) -> None:
    assert private(names(source), NAME_PATTERN)


@pytest.mark.parametrize("source", ["wake = 1", "def is_held(action): pass", "class OrderView:\n  errand: str = ''"])
def test_names_that_stay_and_other_names_are_not(source: str) -> None:
    assert private(names(source), NAME_PATTERN) == []


@pytest.mark.parametrize("text", ["The books say so.", "It comes by itself.", "what the customer owes him"])
def test_a_private_word_is_found(text: str) -> None:
    assert found(text)


@pytest.mark.parametrize("text", ["the `errand` of a view", "this book, and the histories", "```\nhe\n```"])
def test_names_of_code_and_other_words_are_not(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize("site", ["pages", "console", "portal"])
def test_each_key_of_words_is_there_once(site: str) -> None:
    """Two changes that add one key on their own merge without a conflict, and then no page opens."""
    pairs = [
        pair
        for file in sorted((ROOT / "api" / site / "words").glob("*.json"))
        for pair in json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=list)
    ]
    assert sorted(key for key, number in Counter(key for key, _ in pairs).items() if number > 1) == []
