"""Every refusal has a stable code, a sentence that helps its reader in two languages, and a line in docs/errors.md."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from api.console.i18n import catalogue
from api.errors import _SQLSTATES as SQLSTATES
from api.errors import CONSTRAINTS, STATUSES, Problem, from_rule
from api.http.validation_messages import words
from api.pages.forms import fitting
from api.portal.i18n import WORDS as PORTAL
from api.schemas.documents import BilledTo
from domain.errors import Conflict, NotFound, RuleBroken
from domain.pricing import allocation
from domain.problems import SENTENCES
from tests.api.conftest import ApiClient, an_order, unique
from tests.factories.sales import paid

ROOT = Path(__file__).parents[2]
LAYERS = ("domain", "infra", "activities", "workflows", "api", "workers")
RAISES = {"Problem", "RuleBroken", "Conflict", "NotFound", "unavailable", "_unauthorised", "PydanticCustomError"}
CLASSES = {"NotFound": 404, "Conflict": 409, "unavailable": 503, "_unauthorised": 401}
_CODE = re.compile(r"^[a-z][a-z_]+$")
# A representation, a placeholder that nobody filled, a class or a module of ours.
_LEAK = re.compile(r"\{|\}|\[\'|<[a-z_]+\.|None\b|True\b|False\b|\bdict\b|Decimal\(")


@cache
def raised() -> tuple[tuple[str, str, ast.Call, str], ...]:
    """(code, class, call, place) of every refusal in the code."""
    found = []
    for layer in LAYERS:
        for path in sorted((ROOT / layer).rglob("*.py")):
            if "sandbox" in path.parts or path.name == "settings_check.py":
                continue
            for call in (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)):
                name = getattr(call.func, "id", getattr(call.func, "attr", ""))
                if name in RAISES and call.args:
                    place = f"{path.relative_to(ROOT)}:{call.lineno}"
                    found += [(code, name, call, place) for code in _codes(call.args[0])]
    return tuple(found)


def _codes(argument: ast.expr) -> Iterator[str]:
    for node in ast.walk(argument):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _CODE.match(node.value):
            yield node.value


def all_codes() -> set[str]:
    named = {code for code, *_ in raised()}
    return named | set(STATUSES) | set(CONSTRAINTS.values()) | set(SQLSTATES.values()) | {"http_error"}


def status_of(code: str) -> int:
    by_class = {CLASSES[name] for known, name, *_ in raised() if known == code and name in CLASSES}
    return STATUSES.get(code) or (min(by_class) if by_class else 422)


def test_every_code_has_a_sentence_in_english_and_on_the_pages_in_both_languages() -> None:
    codes, known = all_codes(), catalogue()
    assert len(codes) > 150
    assert not codes - set(SENTENCES), "domain/problems.py says what these mean"
    assert not set(SENTENCES) - codes - {"note_too_long", "unknown_field", "validation_failed"}, "unused"
    assert not {code for code in SENTENCES if f"problem.{code}" not in known}, "api/console/words/problems.json"
    assert not {code for code in SENTENCES if f"problem.{code}" not in PORTAL.catalogue()}


def test_every_code_is_documented_with_its_status() -> None:
    lines = (ROOT / "docs" / "errors.md").read_text("utf-8").splitlines()
    rows = [f"| {status_of(code)} | `{code}` | {sentence} |" for code, sentence in sorted(SENTENCES.items())]
    missing = [row for row in rows if row not in lines]
    assert not missing, "\n".join(["docs/errors.md lacks", *missing])
    assert not {line for line in lines if line.startswith("| 4") or line.startswith("| 5")} - set(rows)


def _unfilled(text: str, names: set[str]) -> str:
    """`text` without the placeholders that `names` fill."""
    return re.sub(r"\{(\w+)\}", lambda found: "" if found[1] in names else found[0], text)


def _sentences() -> Iterator[tuple[str, str]]:
    """(where, text) of every sentence as it is written, with what is filled in left out."""
    for code, text in SENTENCES.items():
        yield code, text.replace("{most}", "")
    for code, _, call, place in raised():
        if len(call.args) < 2:
            continue
        facts = {keyword.arg or "" for keyword in call.keywords}
        names = facts | {name.removesuffix("_minor") for name in facts}
        for node in ast.walk(call.args[1]):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield f"{place} {code}", _unfilled(node.value, names)


def test_no_sentence_holds_a_placeholder_or_a_word_of_python() -> None:
    wrong = [(place, text) for place, text in _sentences() if _LEAK.search(text) and '"all": true' not in text]
    assert not wrong
    assert not [
        (place, text) for place, text in _sentences() if "minor units are" in text or "minor units more" in text
    ]


def test_facts_fill_a_sentence_that_is_written_out() -> None:
    """A sentence with values in it already must not be filled a second time: a value may hold a brace."""
    for code, name, call, place in raised():
        facts = [keyword for keyword in call.keywords if keyword.arg not in ("status", "errors", "headers", "more")]
        if name in ("RuleBroken", "Conflict", "NotFound") and facts and len(call.args) > 1:
            assert not any(isinstance(node, ast.JoinedStr) for node in ast.walk(call.args[1])), (place, code)


def _facts(keyword: ast.keyword) -> list[str]:
    """The facts of a keyword: itself, or the keys of a dictionary that is written out (`more`)."""
    if isinstance(keyword.value, ast.Dict):
        return [str(key.value) for key in keyword.value.keys if isinstance(key, ast.Constant)]
    return [keyword.arg or ""]


def test_what_pages_tell_of_facts_fits_what_is_raised() -> None:
    facts = {
        (code, name)
        for code, _, call, _ in raised()
        for keyword in call.keywords
        for fact in _facts(keyword)
        for name in (fact, fact.removesuffix("_minor"))
    }
    for key, texts in catalogue().items():
        if not key.startswith("told."):
            continue
        code = key.split(".")[1]
        names = [set(re.findall(r"\{(\w+)\}", text)) for text in texts]
        assert names[0] == names[1], key
        assert {name for name in names[0] if (code, name) not in facts} <= (
            {"found"} if code == "expected_differs" else set()
        )


def test_an_amount_is_said_in_its_currency() -> None:
    for minor, currency, reported in ((5654, "USD", "$56.54"), (58, "XOF", "58 XOF"), (1500, "KWD", "1.500 KWD")):
        error = allocation.exceeds(minor)
        error.in_currency(currency)
        assert reported in error.detail and "minor" not in error.detail
        problem = from_rule(error)
        assert problem.more == {"left_minor": minor, "currency": currency} and reported in problem.detail
    assert "{" not in Conflict("x", "of {sku} none", sku="{sku!r}").detail.replace("{sku!r}", "")


@pytest.mark.parametrize("error", [RuleBroken("unknown_sku"), Conflict("already_paid"), NotFound("order_not_found")])
def test_a_code_alone_has_its_sentence(error: RuleBroken) -> None:
    assert error.detail == SENTENCES[error.code] == from_rule(error).detail == Problem(error.code).detail


async def test_a_refusal_says_what_is_left_in_the_orders_currency(shop: ApiClient) -> None:
    order_no = await paid(shop)
    path = f"/v1/orders/{order_no}/refunds"
    expensive = (await shop.post(path, {"amount_minor": 8_501, "reason": "x"})).json()
    assert (expensive["code"], expensive["left_minor"], expensive["currency"]) == (
        "refund_exceeds_captured",
        8_500,
        "CNY",
    )
    assert "at most ¥85.00" in expensive["detail"]
    many = (await shop.post(path, {"lines": [{"sku": "TEA-1", "quantity": 3}], "reason": "x"})).json()
    assert "at most 2 of 2" in many["detail"] and many["units_left"] == 2


async def test_stock_that_is_not_there_is_counted(shop: ApiClient) -> None:
    warehouse = shop.as_("warehouse")
    receipt = {"sku": "TEA-1", "quantity": 5, "reference": unique("r")}
    where = (await warehouse.post("/v1/stock/receipts", receipt)).json()["warehouse"]
    taken = {"sku": "TEA-1", "quantity": -6, "reason": "count"}
    body = (await warehouse.post("/v1/stock/adjustments", taken)).json()
    assert (body["code"], body["status"], body["left"]) == ("stock_not_available", 409, 5)
    assert f"of TEA-1 at {where} 5 are" in body["detail"]


async def test_a_field_that_does_not_fit_is_named_with_what_is_allowed(shop: ApiClient) -> None:
    for change, field, allowed in (
        ({"currency": "yuan"}, "currency", "like USD"),
        ({"channel": ""}, "channel", "must not be empty"),
        ({"channel": "x" * 40}, "channel", "at most 32 characters"),
        ({"backorder": "yes"}, "backorder", "true or false"),
        ({"priority": "now"}, "priority", "'standard'"),
        ({"lines": [{"sku": "TEA-1", "quantity": 0}]}, "lines.0.quantity", "at least 1"),
        ({"customer": {"id": "c-17"}}, "customer.name", "is needed"),
    ):
        problem = (await shop.post("/v1/orders", an_order(**change))).json()
        assert problem["detail"].startswith(f"{field} ") and allowed in problem["detail"], problem
        assert problem["errors"][0]["field"] == field and allowed in problem["errors"][0]["message"]


def test_no_kind_of_finding_is_left_in_pydantics_words() -> None:
    for kind, context in (("int_type", {}), ("missing", {}), ("string_too_long", {"max_length": 3})):
        text = words({"type": kind, "loc": ("x",), "msg": "Input should be", "input": None, "ctx": context})
        assert "Input" not in text and "{" not in text


def test_a_body_whose_parts_do_not_fit_together_says_so_as_a_sentence() -> None:
    with pytest.raises(Problem) as caught:
        fitting(BilledTo, {"tax_number": "91310000MA1K35X12A"})
    assert caught.value.detail == "a tax number needs the title that it belongs to"
