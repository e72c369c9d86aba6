"""A docstring names what is there: a name in backticks is in the function, in its module, or known outside."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from domain.problems import SENTENCES

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("domain", "workflows", "activities", "api", "workers", "infra")
FILES = [
    file
    for layer in LAYERS
    for file in sorted((ROOT / layer).rglob("*.py"))
    if not {"versions", "api_client"} & set(file.parts)
]
_CODE = re.compile(r"[a-z]+(_[a-z]+)+")
_NAMED = re.compile(r"`([a-z][a-z_0-9]*)`")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def known_outside() -> frozenset[str]:
    """Codes, fields of requests and answers, columns and functions of the database."""
    fields = {
        node.target.id
        for file in (ROOT / "api" / "schemas").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    sql = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "infra/db/schema").glob("*.sql"))
    tables = re.findall(r"^CREATE TABLE \w+ \($(.+?)^\);", sql, re.MULTILINE | re.DOTALL)
    columns = {name for table in tables for name in re.findall(r"^  (\w+) ", table, re.MULTILINE)}
    codes = {
        node.value
        for file in FILES
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _CODE.fullmatch(node.value)
    }
    return frozenset(fields | columns | codes | set(SENTENCES) | set(re.findall(r"(?:FUNCTION|TABLE) (\w+)", sql)))


def defined(tree: ast.Module) -> set[str]:
    """What a module defines and imports, with the members of its classes; parameters and variables do not count."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        if isinstance(node, ast.Module | ast.ClassDef):
            targets = [each for line in node.body if isinstance(line, ast.Assign) for each in line.targets]
            targets += [line.target for line in node.body if isinstance(line, ast.AnnAssign)]
            found |= {each.id for each in targets if isinstance(each, ast.Name)}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
            found.add(node.attr)
    return found


def strange_names(source: str) -> list[str]:
    """`function: name` for each name that a docstring has and nothing else."""
    tree = ast.parse(source)
    known = defined(tree) | known_outside()
    return [
        f"{node.name}: {name}"
        for node in ast.walk(tree)
        if isinstance(node, Function) and (text := ast.get_docstring(node, clean=False))
        for name in _NAMED.findall(text)
        if name not in known and name not in words_of(node)
    ]


def words_of(function: Function) -> set[str]:
    """The words of a function without its docstring."""
    return set(re.findall(r"\w+", "\n".join(map(ast.unparse, [function.args, *function.body[1:]]))))


@pytest.mark.parametrize(
    ("text", "found"),
    [("the `order` and its `place`", []), ("what was `told`", ["f: told"]), ("raises `order_not_found`", [])],
)
def test_a_name_that_is_nowhere_is_found(text: str, found: list[str]) -> None:
    assert strange_names(f'def f(order):\n    """{text}"""\n    place = order\n\n\ndef g(told): ...\n') == found


def test_docstrings_name_what_is_there() -> None:
    found = {str(file.relative_to(ROOT)): strange_names(file.read_text(encoding="utf-8")) for file in FILES}
    assert {file: names for file, names in found.items() if names} == {}
