"""What crosses a module boundary has a type: functions that others call return no dictionary of anything."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("infra/db", "activities", "api/services")
_LOOSE = re.compile(r"\b(dict|Mapping)\[str, (object|Any)\]|\bJson(Fields|Object)\b|\b(list|Sequence)\[dict\b")
STAY = {
    "infra/db/alerts/findings.py": {"row": "the parameters of a statement"},
    "infra/db/approvals/approval_requests.py": {"value": "JSON whose shape the step decides"},
    "infra/db/catalogue/products.py": {"patterns": "the parameters of a statement"},
    "infra/db/orders/placing/placement_values.py": dict.fromkeys(
        ("question", "order_values", "contact_values", "line_values", "charge_values", "key_values"),
        "the parameters of a statement",
    ),
}


def loose(source: str) -> set[str]:
    """Public functions and methods, without those inside of functions, that return such a dictionary."""
    tree = ast.parse(source)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    functions = [
        node
        for body in (tree.body, *(each.body for each in classes))
        for node in body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_")
    ]
    return {node.name for node in functions if node.returns and _LOOSE.search(ast.unparse(node.returns))}


@pytest.mark.parametrize("returned", ["dict[str, object]", "list[dict[str, str]]", "JsonFields | None"])
def test_a_function_that_returns_a_loose_dictionary_is_found(returned: str) -> None:
    assert loose(f"async def f() -> {returned}: ...") == {"f"}
    assert loose(f"class A:\n    def f(self) -> {returned}: ...") == {"f"}


@pytest.mark.parametrize("returned", ["dict[str, int]", "dict[str, Labels]", "list[CustomerRow]"])
def test_a_dictionary_by_key_is_left_alone(returned: str) -> None:
    assert loose(f"async def f() -> {returned}: ...\ndef _g() -> dict[str, object]: ...") == set()


def test_what_modules_return_has_a_type() -> None:
    found = {
        str(file.relative_to(ROOT)): names
        for layer in LAYERS
        for file in sorted((ROOT / layer).rglob("*.py"))
        if "schema" not in file.parts and (names := loose(file.read_text(encoding="utf-8")))
    }
    assert found == {file: set(names) for file, names in STAY.items()}
