"""The tables in docs/concepts.md that follow a value through the code: what they name is there, and is counted."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8")
_PATH = re.compile(r"^### (.+?): (\d+) files, (\d+) forms.*?\n\n((?:\|.*\n)+)", re.MULTILINE)
_ROW = re.compile(r"^\| [^|]+ \| `([\w/]+\.py)`: ((?:`\w+`(?:, )?)+) \| ([^|]*?) ?\|$", re.MULTILINE)
_NAME = re.compile(r"`(\w+)`")
PATHS = {name: (int(files), int(forms), table) for name, files, forms, table in _PATH.findall(PAGE)}


def rows(name: str) -> list[tuple[str, list[str], str]]:
    """(file, functions, form) of each row."""
    return [(file, _NAME.findall(functions), form) for file, functions, form in _ROW.findall(PATHS[name][2])]


def functions_of(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_the_page_follows_four_values() -> None:
    assert len(PATHS) == 4


@pytest.mark.parametrize("name", PATHS)
def test_what_a_path_names_is_there(name: str) -> None:
    found = rows(name)
    assert len(found) == PATHS[name][2].count("\n") - 2, "each row of the table is read"
    missing = {file: set(functions) - functions_of(file) for file, functions, _ in found}
    assert {file: names for file, names in missing.items() if names} == {}
    forms = [(file, form) for file, _, cell in found for form in _NAME.findall(cell)]
    assert [(file, form) for file, form in forms if form not in (ROOT / file).read_text(encoding="utf-8")] == []


@pytest.mark.parametrize("name", PATHS)
def test_a_path_counts_its_files_and_forms(name: str) -> None:
    files, forms, _ = PATHS[name]
    with_value = [row for row in rows(name) if row[2] != "the id"]
    assert len({file for file, _, _ in with_value}) == files
    assert len({form for _, _, reported in with_value for form in _NAME.findall(reported)}) == forms
